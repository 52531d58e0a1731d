/**
 * Files that the user names.
 *
 * @module
 */
import type { Inputs } from "../ports.ts";
import { absolutePath, readError } from "./paths.ts";

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
        throw readError(path, cwd, error);
      }
    },

    async mode(path) {
      try {
        return (await Deno.stat(absolutePath(path, cwd))).mode;
      } catch (error) {
        throw readError(path, cwd, error);
      }
    },
  };
}
