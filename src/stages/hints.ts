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
 * Evaluates, and adds to an error what the user may have forgotten: nix sees no file that git does not track, and by
 * itself none of a submodule.
 *
 * @throws {ReleaseError} as `evaluate` does
 */
export async function withHints<T>(run: Look, source: SeenSource, evaluate: () => Promise<T>): Promise<T> {
  try {
    return await evaluate();
  } catch (error) {
    if (!(error instanceof ReleaseError && error.kind === "evaluation")) throw error;
    const unseen = await unseenIn(run, source, error.lines ?? []);
    if (unseen.length === 0) throw error;
    throw error.with({ hint: joined(...unseen, error.hint) });
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

/** What git has, nix does not see, and nix's words name. */
async function unseenIn(
  { ports: { git } }: Look,
  { flake, repository }: SeenSource,
  lines: readonly string[],
): Promise<string[]> {
  if (repository === null || flake.localDir === null || flake.repositoryUrl === null) return [];
  if (!isWithin(flake.localDir, repository.root)) return [];
  const dir = relative(repository.root, flake.localDir) || ".";
  const seesModules = /[?&]submodules=1/.test(flake.repositoryUrl);
  const [files, modules] = await Promise.all([
    git.untracked(repository, dir),
    seesModules ? [] : git.submodules(repository, dir),
  ]);
  const says = (...texts: string[]) => lines.some((line) => texts.some((text) => line.includes(text)));
  // As in `'…-source/hosts' does not exist`, and in `reading directory hosts: No such file or directory`.
  const isNamed = (path: string) => says(`/${path}'`, `'${path}'`, `/${path}: `, ` ${path}: `);
  const untracked = [...new Set(files.flatMap((file) => withParents(file).filter(isNamed).slice(0, 1)))];
  const named = modules.filter((path) => isNamed(path) || says(`/${path}/`, `'${path}/`, ` ${path}/`));
  return [
    ...untracked.length === 0 ? [] : [notTracked(untracked.slice(0, 10))],
    ...named.length === 0 ? [] : [notFetched(named.slice(0, 10))],
  ];
}

function notTracked(paths: readonly string[]): string {
  return `git does not track ${quoteList(paths)}, so nix does not see it: ` +
    quoteCommand(["git", "add", ...paths]);
}

function notFetched(paths: readonly string[]): string {
  return `nix leaves out the ${paths.length === 1 ? "submodule" : "submodules"} ${
    quoteList(paths)
  } unless the ` +
    "reference says otherwise, as in --build-flake '.?submodules=1'";
}

/** A path, and the directories that it is in. */
function withParents(path: string): string[] {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? [path] : [path, ...withParents(path.slice(0, slash))];
}
