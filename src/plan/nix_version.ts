/**
 * Versions of nix.
 *
 * @module
 */

/** Whether a version, as in `2.26.3` or `2.9.0pre20220512`, is older than another, as far as that has numbers. Pure. */
export function isOlder(version: string, than: string): boolean {
  const numbers = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, wanted] of than.split(".").map(Number).entries()) {
    const number = numbers[index] ?? 0;
    if (number !== wanted) return number < wanted;
  }
  return false;
}
