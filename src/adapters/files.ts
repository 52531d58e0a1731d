/**
 * Files that the user names.
 *
 * @module
 */
import { ioError } from "../errors.ts";
import type { Inputs } from "../ports.ts";

/** Files, read from disk. */
export const INPUTS: Inputs = {
  async read(path) {
    try {
      return await Deno.readFile(path);
    } catch (error) {
      throw ioError(`Cannot read "${path}"`, error);
    }
  },

  async mode(path) {
    try {
      return (await Deno.stat(path)).mode;
    } catch (error) {
      throw ioError(`Cannot read "${path}"`, error);
    }
  },
};
