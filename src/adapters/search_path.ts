/**
 * Where programs are.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import type { Warning } from "../model.ts";
import { quoteList } from "../text.ts";

/** Deno puts a directory of its own, in which is its stand-in for node, before all others on PATH. */
const DENO_BIN = /\/node_compat_bin$/;

/**
 * The directories of a search path that programs are taken from.
 *
 * @param path A search path, as in `$PATH`
 * @returns the absolute ones, without Deno's own, and those that mean something else in every directory
 */
function searchPath(path: string): { dirs: string[]; relative: string[] } {
  const dirs = path.split(":").filter((dir) => !DENO_BIN.test(dir));
  return {
    dirs: dirs.filter((dir) => dir.startsWith("/")),
    relative: path === "" ? [] : dirs.filter((dir) => !dir.startsWith("/")),
  };
}

/**
 * The environment that processes are started with. A process looks for programs as this one does: with `.` on PATH,
 * nix would run the `git` of the repository that it is started in.
 *
 * @returns the environment with the search path that {@linkcode findProgram} goes by, and what the user should know
 */
export function withSafePath(
  env: Readonly<Record<string, string>>,
): { env: Record<string, string>; warnings: Warning[] } {
  const { PATH: path = "", ...rest } = env;
  const { dirs, relative } = searchPath(path);
  return {
    // An empty PATH would mean the current directory; without one the system's own default holds.
    env: dirs.length === 0 ? rest : { ...rest, PATH: dirs.join(":") },
    warnings: relative.length === 0 ? [] : [{
      code: "relative-path",
      message:
        `PATH has ${quoteList(relative)} in it, which is another directory wherever a program is started: ` +
        "it is passed over, and handed to no program",
    }],
  };
}

/**
 * Looks for a program.
 *
 * @param path A search path, as in `$PATH`; what is not absolute in it is passed over
 * @param beside A program found before, whose directory is looked into first
 * @returns its absolute path, if it is there, and the directories that there is no permission to look into
 */
export function findProgram(
  program: string,
  path: string,
  beside?: string,
): { path: string | undefined; refused: string[] } {
  const refused: string[] = [];
  const { dirs } = searchPath(path);
  for (const dir of beside === undefined ? dirs : [dirname(beside), ...dirs]) {
    const candidate = join(dir, program);
    try {
      const stat = Deno.statSync(candidate);
      if (stat.isFile && (stat.mode === null || (stat.mode & 0o111) !== 0)) {
        return { path: candidate, refused };
      }
    } catch (error) {
      // A directory that the permissions leave out is one that nothing may be run from.
      if (error instanceof Deno.errors.NotCapable) refused.push(dir);
      else if (
        !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
          error instanceof Deno.errors.NotADirectory)
      ) throw error;
    }
  }
  return { path: undefined, refused };
}
