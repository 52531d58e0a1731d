/**
 * The one error type that the program decides by, and the one table from its kind to an exit code.
 *
 * @module
 */
import { quoted } from "./text.ts";

/** What went wrong, by who has to act on it. The kind alone decides the exit code, never the text. */
export type ErrorKind =
  | "usage"
  | "evaluation"
  | "contract"
  | "build"
  | "git"
  | "io"
  | "push-hook"
  | "sign-hook"
  | "signer"
  | "smoke-verify"
  | "superseded"
  | "declined"
  | "locked"
  | "interrupted";

/** What the program can end with when it fails. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 75 | 129 | 130 | 143;

/** The exit code of each kind. A signal has its own, whatever the kind. */
export const EXIT_CODES: Readonly<Record<ErrorKind, ExitCode>> = {
  "usage": 1,
  "evaluation": 1,
  "contract": 1,
  "build": 1,
  "git": 1,
  "io": 1,
  "push-hook": 2,
  "sign-hook": 2,
  "signer": 2,
  "smoke-verify": 3,
  "superseded": 4,
  "declined": 5,
  // EX_TEMPFAIL of sysexits.h: it is worth trying again.
  "locked": 75,
  "interrupted": 130,
};

/** The signals that end a run, and the exit code of a program that one of them has ended. */
export const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that has come, as the reason for a run to end. */
export class Interrupt extends Error {
  /** The name of the class. */
  override readonly name: string = "Interrupt";
  /** The signal. */
  readonly signal: keyof typeof SIGNALS;

  /** Makes the reason. */
  constructor(signal: keyof typeof SIGNALS) {
    super(`Interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Where an error happened and how to mend it. */
export interface ErrorDetails {
  /** A stable word for programs, which tells it from others of its kind. docs/json.md lists them. */
  code?: string | undefined;
  /** Path into the document that is wrong, such as `channels.stable.freshnessWindow`. */
  path?: string | undefined;
  /** How to mend it, when that is known. */
  hint?: string | undefined;
  /** Lines that belong to the error: the last lines of a log, or one line for each host. */
  lines?: readonly string[];
  /** The hosts that it is about, where it says nothing of the others. */
  hosts?: readonly string[] | undefined;
  /** The error that this one stems from. */
  cause?: unknown;
}

/**
 * A failure that the program foresees and explains.
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * const error = new ReleaseError("push-hook", 'Push hook failed for host "web1"', { hint: "try again" });
 * assertEquals(error.exitCode, 2);
 * ```
 */
export class ReleaseError extends Error {
  /** The name of the class. */
  override readonly name: string = "ReleaseError";
  /** What went wrong, by who has to act on it. */
  readonly kind: ErrorKind;
  /** A stable word for programs; undefined when the kind says enough. */
  readonly code: string | undefined;
  /** Path into the document that is wrong. */
  readonly path: string | undefined;
  /** How to mend it. */
  readonly hint: string | undefined;
  /** Lines that belong to the error. */
  readonly lines: readonly string[];
  /** The hosts that it is about; undefined when it is about all, or about none. */
  readonly hosts: readonly string[] | undefined;

  /**
   * Makes the error.
   *
   * @param kind What went wrong, by who has to act on it
   * @param message One sentence, without a final period
   * @param details Where it happened and how to mend it
   */
  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = details.code;
    this.path = details.path;
    this.hint = details.hint;
    this.lines = details.lines ?? [];
    this.hosts = details.hosts;
  }

  /** The same error with what only its catcher knows. */
  with(details: Omit<ErrorDetails, "cause">): ReleaseError {
    const { kind, message, code, path, hint, lines, hosts } = this;
    return new ReleaseError(kind, message, { code, path, hint, lines, hosts, ...details, cause: this });
  }

  /** The exit code of the program when this error ends it. */
  get exitCode(): ExitCode {
    return this.cause instanceof Interrupt ? SIGNALS[this.cause.signal] : EXIT_CODES[this.kind];
  }
}

/**
 * Wraps an error of the file system, so that the user reads which file and what was tried.
 *
 * @param action What was tried, as in `Cannot write "x"`
 * @param cause The error of the file system
 * @param code A stable word for programs
 * @returns the error to throw
 */
export function ioError(action: string, cause: unknown, code?: string): ReleaseError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ReleaseError("io", `${action}: ${reason}`, { code, cause });
}

/** What was thrown, as what the program tells of: by itself, a permission that is missing, or a mistake of this program. */
export function explained(error: unknown): ReleaseError {
  if (error instanceof ReleaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotCapable) {
    return new ReleaseError("io", `A permission is missing: ${message}`, {
      code: "permission",
      cause: error,
    });
  }
  // The message stands before it, and may have lines of its own.
  const stack = error instanceof Error
    ? error.stack?.split("\n").filter((line) => /^ {4}at /.test(line))
    : undefined;
  return new ReleaseError("io", `Unforeseen: ${message}`, {
    code: "unforeseen",
    cause: error,
    lines: stack?.map(quoted) ?? [],
  });
}

/**
 * Waits for what is independent and has been begun at once.
 *
 * @returns what each has come to, in their order
 * @throws the error of the first of them that fails, once all have ended: it is the same one in every run
 */
export async function atOnce<const Work extends readonly unknown[]>(
  ...work: Work
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
