/**
 * Indexes that are written by us: one of our own, which a commit is made with, and the one that the user's becomes.
 *
 * @module
 */
import type { CommandResult } from "../process.ts";
import { DURABLE, expectGit, type GitContext, gitError, runGit } from "./context.ts";

/** An index of a repository. */
export interface GitIndex {
  /** The root of the work tree. */
  readonly root: string;
  /** The path of its file. */
  readonly file: string;
}

/** A file that an index is to have. */
export interface IndexEntry {
  /** Its object; null: it is to be gone. */
  readonly id: string | null;
  /** Its path, relative to the root of the work tree. */
  readonly path: string;
}

/**
 * Fills an index with the tree of a commit.
 *
 * @param commit Null leaves it empty
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function readTree(git: GitContext, index: GitIndex, commit: string | null): Promise<void> {
  const args = commit === null ? ["read-tree", "--empty"] : ["read-tree", commit];
  await expectGit(git, "read the current commit", args, optionsOf(index));
}

/**
 * Puts files into an index, whatever else is in it.
 *
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function addToIndex(
  git: GitContext,
  index: GitIndex,
  entries: readonly IndexEntry[],
): Promise<void> {
  const result = await updateIndex(git, index, entries);
  if (result.code !== 0) throw gitError("add the release files", result);
}

/**
 * Makes a tree of what is in an index.
 *
 * @returns the tree
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function writeTree(git: GitContext, index: GitIndex): Promise<string> {
  // What a partial clone lacks of the current commit is not fetched to see whether it is there.
  return await expectGit(git, "write the tree", [...DURABLE, "write-tree", "--missing-ok"], optionsOf(index));
}

/**
 * The first of these paths that git never tracks, on any system: what is in `.git`, or in what some file system takes for
 * that. Told to put such a path into an index, git leaves it out without failing.
 *
 * @param index One of our own, without a file yet
 * @param paths Relative to the root
 * @returns null when it tracks all
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function firstUntrackable(
  git: GitContext,
  index: GitIndex,
  paths: readonly string[],
): Promise<string | null> {
  const asked = "ask which files can be tracked";
  const id = await expectGit(git, asked, ["hash-object", "--stdin"], { ...optionsOf(index), stdin: "" });
  const result = await updateIndex(git, index, paths.map((path) => ({ id, path })), EVERYWHERE);
  if (result.code !== 0) throw gitError(asked, result);
  const taken = new Set(
    (await expectGit(git, asked, ["ls-files", "-z"], optionsOf(index))).split("\0"),
  );
  return paths.find((path) => !taken.has(path)) ?? null;
}

/** Names that macOS or Windows takes for another are refused everywhere. */
const EVERYWHERE: readonly string[] = ["-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"];

/** Puts files into an index, or out of it, and says how that went. */
export function updateIndex(
  git: GitContext,
  index: GitIndex,
  entries: readonly IndexEntry[],
  settings: readonly string[] = [],
): Promise<CommandResult> {
  const length = entries.find(({ id }) => id !== null)?.id?.length ?? 40;
  const stdin = entries.map(({ id, path }) =>
    id === null ? `0 ${"0".repeat(length)}\t${path}\0` : `100644 ${id}\t${path}\0`
  ).join("");
  return runGit(git, [...settings, "update-index", "--add", "-z", "--index-info"], {
    ...optionsOf(index),
    stdin,
  });
}

function optionsOf({ root, file }: GitIndex) {
  return { cwd: root, env: { GIT_INDEX_FILE: file } };
}
