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

  /** Whether something has asked the run to end, which may wait for what is whole. */
  get isAsked(): boolean {
    return this.#waiting !== undefined || this.signal.aborted;
  }

  /** Whether something is done whole. */
  get isWhole(): boolean {
    return this.#held;
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

/** How far a run has come. */
export interface Progress {
  /** The stages that are running; when none is, the last that has begun; empty: none has. */
  readonly at: readonly { readonly name: string; readonly title: string }[];
  /** The names of the stages that have ended well. */
  readonly done: readonly string[];
}

/**
 * The error of a run that a signal has ended; of any other, the error itself.
 *
 * @param reason Why the run was to end, as far as that was so
 */
export function interruptedError(error: unknown, reason: unknown, { at, done }: Progress): unknown {
  if (!(reason instanceof Interrupt)) return error;
  const doing = at.map(({ title }) => `${title.charAt(0).toLowerCase()}${title.slice(1)}`);
  const what = doing.length === 0 ? "before it began" : `while ${doing.join(" and ")}`;
  const message = `${reason.message} ${what}`;
  if (error === reason) {
    return new ReleaseError("interrupted", `${message}: ${published(at, done)}`, { cause: reason });
  }
  // What was to be whole has failed, whether the signal had to do with that or not: it says itself what there is.
  if (!(error instanceof ReleaseError)) return error;
  const { code, lines, hint, path, hosts } = error;
  return new ReleaseError("interrupted", `${message}, which failed: ${error.message}`, {
    ...{ code, lines, hint, path, hosts },
    cause: reason,
  });
}

function published(at: Progress["at"], done: readonly string[]): string {
  if (at.some(({ name }) => name === "git-push")) {
    return "the release is written and committed, and may have been pushed";
  }
  if (done.includes("commit")) return "the release is written and committed, and not pushed";
  return done.includes("write") ? "the release is written, and not committed" : "nothing was published";
}
