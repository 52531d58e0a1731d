/**
 * The end of a run before its end: by a signal, by whoever uses the library, or by a limit of time.
 *
 * @module
 */
import { Interrupt, ReleaseError } from "../errors.ts";

/** What can end a run. While it is held off, what comes waits. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #forward = () => this.now(this.#outer?.reason);
  #held = false;
  #waiting: { readonly reason: unknown } | undefined;

  /** Follows a signal from outside, until it is disposed of. */
  constructor(outer?: AbortSignal) {
    this.#outer = outer;
    if (outer?.aborted) this.now(outer.reason);
    outer?.addEventListener("abort", this.#forward);
  }

  [Symbol.dispose](): void {
    this.#outer?.removeEventListener("abort", this.#forward);
  }

  /** Aborted when the run is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the run, for this reason. */
  now(reason: unknown): void {
    if (this.#held) this.#waiting ??= { reason };
    else this.#controller.abort(reason);
  }

  /** Does something whole: what would end the run waits for it. */
  async whole<T>(body: () => T | Promise<T>): Promise<T> {
    this.#held = true;
    try {
      return await body();
    } finally {
      this.#held = false;
      if (this.#waiting !== undefined) this.now(this.#waiting.reason);
    }
  }

  /** Waits for something, unless the run is to end. */
  async unlessEnded<T>(body: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = () => reject(this.signal.reason);
    this.signal.addEventListener("abort", end, { once: true });
    try {
      return await Promise.race([body(), ended]);
    } finally {
      this.signal.removeEventListener("abort", end);
    }
  }
}

/**
 * The error of a run that a signal has ended; of any other, the error itself.
 *
 * @param at What it was doing, as the title of its stage says; undefined: it had not begun
 * @param done The stages that it has been through
 */
export function interruptedError(error: unknown, at: string | undefined, done: readonly string[]): unknown {
  if (!(error instanceof Interrupt)) return error;
  const what = at === undefined ? "before it began" : `while ${at.charAt(0).toLowerCase()}${at.slice(1)}`;
  const state = done.includes("commit")
    ? "the release is written and committed, and not pushed"
    : done.includes("write")
    ? "the release is written, and not committed"
    : "nothing was published";
  return new ReleaseError("interrupted", `${error.message} ${what}: ${state}`, { cause: error });
}
