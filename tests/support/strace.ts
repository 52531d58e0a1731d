/**
 * A look at system calls, where that can be had.
 *
 * @module
 */
import { find } from "./command.ts";

/** The absolute path of strace; undefined where there is none. */
export const STRACE: string | undefined = find("strace");
