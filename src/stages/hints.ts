/**
 * Says what may be behind an evaluation or a build that failed, and what can be done meanwhile.
 *
 * @module
 */
import { relative } from "@std/path";
import type { HostsSpec } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import type { HostRef } from "../model.ts";
import { hasMark, termsOf } from "../plan/host_terms.ts";
import { isWithin } from "../plan/paths.ts";
import { quoteCommand, quoteList } from "../text.ts";
import type { Look } from "./run.ts";
import type { SeenSource } from "./source.ts";

/**
 * Evaluates, and adds to an error what the user may have forgotten: nix sees no file that git does not track.
 *
 * @throws {ReleaseError} as `evaluate` does
 */
export async function withHints<T>(run: Look, source: SeenSource, evaluate: () => Promise<T>): Promise<T> {
  try {
    return await evaluate();
  } catch (error) {
    if (!(error instanceof ReleaseError && error.kind === "evaluation")) throw error;
    const untracked = await untrackedIn(run, source, error.lines ?? []);
    if (untracked.length === 0) throw error;
    const add = `git does not track ${quoteList(untracked)}, so nix does not see it: ` +
      quoteCommand(["git", "add", ...untracked]);
    throw error.with({ hint: joined(add, error.hint) });
  }
}

/** Excluding more hosts than these by hand is no way round. */
const MOST_EXCLUDED = 10;

/**
 * Evaluates or builds hosts, and adds to an error that is about a few of them how the others are released meanwhile.
 *
 * @throws {ReleaseError} as `work` does
 */
export async function withWayRound<T>(
  { config: { hosts: asked } }: Look,
  hosts: readonly HostRef[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.hosts === undefined) throw error;
    // What was at work when the time was up need not be what took it.
    if (error.kind !== "evaluation" && error.kind !== "build" || error.code === "timeout") throw error;
    const failed = new Set(error.hosts);
    const areOthersLeft = hosts.some(({ name }) => !failed.has(name));
    const spec = without([...failed], asked);
    if (!areOthersLeft || failed.size > MOST_EXCLUDED || spec === undefined) throw error;
    throw error.with({
      hint: joined(error.hint, `to release the others: ${quoteCommand(["--hosts", spec])}`),
    });
  }
}

/** What `--hosts` is given to leave out more hosts; undefined: it is a list of names, or theirs cannot be written. */
function without(failed: readonly string[], asked: HostsSpec): string | undefined {
  // What the list would take for something else cannot be written into it.
  if (failed.some((name) => name !== name.trim() || name.includes(","))) return undefined;
  if (asked.kind === "auto") return `auto:exclude=${[...asked.exclude, ...failed].join(",")}`;
  if (!termsOf(asked).some(hasMark)) return undefined;
  return [...asked.hosts, ...failed.map((name) => `!${name}`)].join(",");
}

function joined(...hints: (string | undefined)[]): string {
  return hints.filter((hint) => hint !== undefined).join("; ");
}

/** The files and directories that git does not track and nix's words name. */
async function untrackedIn(
  { ports: { git } }: Look,
  { flake, repository }: SeenSource,
  lines: readonly string[],
): Promise<string[]> {
  if (repository === null || flake.localDir === null || flake.repositoryUrl === null) return [];
  if (!isWithin(flake.localDir, repository.root)) return [];
  const dir = relative(repository.root, flake.localDir);
  const files = await git.untracked(repository, dir === "" ? "." : dir);
  // As in `'…-source/hosts' does not exist`, and in `reading directory hosts: No such file or directory`.
  const named = (path: string) =>
    lines.some((line) =>
      [`/${path}'`, `'${path}'`, `/${path}: `, ` ${path}: `].some((s) => line.includes(s))
    );
  return [...new Set(files.flatMap((file) => withParents(file).filter(named).slice(0, 1)))].slice(0, 10);
}

/** A path, and the directories that it is in. */
function withParents(path: string): string[] {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? [path] : [path, ...withParents(path.slice(0, slash))];
}
