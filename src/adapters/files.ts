/**
 * Files that the user names.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import type { Inputs } from "../ports.ts";
import { absolutePath, fileError } from "./paths.ts";

/**
 * Files, read from disk.
 *
 * @param cwd What their paths are relative to, absolute; messages show the paths as they were given
 */
export function createInputs(cwd: string): Inputs {
  return {
    async read(path) {
      try {
        return await Deno.readFile(absolutePath(path, cwd));
      } catch (error) {
        throw fileError("read", path, { cwd, cause: error });
      }
    },

    async mode(path) {
      try {
        return (await Deno.stat(absolutePath(path, cwd))).mode;
      } catch (error) {
        throw fileError("read", path, { cwd, cause: error });
      }
    },
  };
}

/**
 * Writes a secret to a new file that only its owner can read.
 *
 * @param path Absolute, or relative to `cwd`
 * @throws {ReleaseError} of kind `io` when the file is there already or cannot be written
 */
export async function createSecretFile(path: string, cwd: string, text: string): Promise<void> {
  try {
    // Never over a file that is there: it may be the only copy of a key that machines trust.
    await Deno.writeTextFile(absolutePath(path, cwd), text, { createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ReleaseError("io", `Cannot write "${path}": it is there already`, {
        hint: "give another name, or move it away: a key that is gone cannot sign again",
        cause: error,
      });
    }
    throw fileError("write", path, { cwd, cause: error });
  }
}
