/**
 * Paths that the user gave, which may be relative to the directory that a run is in.
 *
 * @module
 */
import { resolve } from "@std/path";
import { ReleaseError } from "../errors.ts";

/** What is at a path is not what is read there. */
export class WrongFile extends Error {
  /** How to mend it. */
  readonly hint: string;

  /**
   * Says what is wrong.
   *
   * @param message What is there, and what was expected
   * @param hint How to mend it
   */
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What is read has become another meanwhile: it can be read again. */
export class Changed extends Error {}

/** The absolute path of one that may be relative to `cwd`. The empty path stays empty: it names nothing. */
export function absolutePath(path: string, cwd: string): string {
  return path === "" ? "" : resolve(cwd, path);
}

/**
 * Wraps an error of the file system, in which the runtime names the absolute path. People read the one that they gave.
 *
 * @param action What was tried
 * @param path The path as the user gave it
 * @param failed What it is relative to, the error of the file system, and how to mend it, where that is known
 * @returns the error to throw, of kind `io`
 */
export function fileError(
  action: "read" | "write",
  path: string,
  { cwd, cause, hint }: { cwd: string; cause: unknown; hint?: string | undefined },
): ReleaseError {
  const absolute = absolutePath(path, cwd);
  const reason = (cause instanceof Error ? cause.message : String(cause))
    .replaceAll(`'${absolute}'`, `'${path}'`).replaceAll(`"${absolute}"`, `"${path}"`);
  return new ReleaseError("io", `Cannot ${action} "${path}": ${reason}`, {
    cause,
    hint: cause instanceof WrongFile ? cause.hint : hint,
  });
}
