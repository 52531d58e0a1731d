/**
 * How long to wait before something is tried again.
 *
 * @module
 */

/**
 * Twice as long each time, up to thirty times the first, and never the same for two that were refused together.
 *
 * @param retry How often it has been tried again before
 * @param first About how long the first wait is, in milliseconds
 * @returns milliseconds
 */
export function backoff(retry: number, first: number): number {
  return Math.min(first * 2 ** retry, first * 30) * (0.5 + Math.random());
}
