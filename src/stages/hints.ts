/**
 * Says what may be behind an evaluation that failed.
 *
 * @module
 */
import { relative } from "@std/path";
import { ReleaseError } from "../errors.ts";
import { isWithin } from "../plan/paths.ts";
import { quoteCommand, quoteList } from "../text.ts";
import type { Run } from "./run.ts";
import type { Source } from "./source.ts";

/**
 * Evaluates, and adds to an error what the user may have forgotten: nix sees no file that git does not track.
 *
 * @throws {ReleaseError} as `evaluate` does
 */
export async function withHints<T>(run: Run, source: Source, evaluate: () => Promise<T>): Promise<T> {
  try {
    return await evaluate();
  } catch (error) {
    if (!(error instanceof ReleaseError && error.kind === "evaluation")) throw error;
    const untracked = await untrackedIn(run, source, error.lines ?? []);
    if (untracked.length === 0) throw error;
    const { kind, message, path, lines, hint } = error;
    const add = `git does not track ${quoteList(untracked)}, so nix does not see it: ` +
      quoteCommand(["git", "add", ...untracked]);
    throw new ReleaseError(kind, message, {
      path,
      lines,
      hint: hint === undefined ? add : `${add}; ${hint}`,
      cause: error,
    });
  }
}

/** The files and directories that git does not track and nix's words name. */
async function untrackedIn(
  { ports: { git } }: Run,
  { flake, repository }: Source,
  lines: readonly string[],
): Promise<string[]> {
  if (repository === null || flake.localDir === null || flake.repositoryUrl === null) return [];
  if (!isWithin(flake.localDir, repository.root)) return [];
  const dir = relative(repository.root, flake.localDir);
  const files = await git.untracked(repository, dir === "" ? "." : dir);
  const named = (path: string) =>
    lines.some((line) => line.includes(`/${path}'`) || line.includes(`'${path}'`));
  return [...new Set(files.flatMap((file) => withParents(file).filter(named).slice(0, 1)))].slice(0, 10);
}

/** A path, and the directories that it is in. */
function withParents(path: string): string[] {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? [path] : [path, ...withParents(path.slice(0, slash))];
}
