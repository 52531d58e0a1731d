/**
 * Commits a release.
 *
 * The commit is made with plumbing on an index of its own: whatever is staged, whatever filters, attributes or hooks
 * there are, it contains exactly the bytes that were signed.
 *
 * @module
 */
import { join, relative } from "@std/path";
import type { Git, Repository } from "../../ports.ts";
import { moveHead } from "./branch.ts";
import type { GitContext } from "./context.ts";
import { addToIndex, type GitIndex, readTree, refreshIndex, writeTree } from "./git_index.ts";
import { makeCommit, storeFiles, treeOf } from "./objects.ts";

/** What is committed, and as whom. */
export type CommitOptions = Parameters<Git["commit"]>[1] & {
  /** A directory of this run alone, for the index that the commit is made with. */
  readonly tempDir: string;
  /** Whether git signs it. */
  readonly signed: boolean;
};

/**
 * Commits exactly these files, as they are on disk, on top of the repository's `head`.
 *
 * @returns the commit, or null when it would change nothing
 * @throws {ReleaseError} of kind `git` when a file is not what was signed, the branch has moved meanwhile, or git fails
 */
export async function commitRelease(
  git: GitContext,
  { root, head }: Repository,
  { releaseDir, files, message, identity, onWarning, tempDir, signed }: CommitOptions,
): Promise<string | null> {
  const prefix = relative(root, await Deno.realPath(releaseDir));
  const entries = await storeFiles(git, { root, prefix }, files);
  const index: GitIndex = { root, file: join(tempDir, "index") };
  await readTree(git, index, head);
  await addToIndex(git, index, entries);
  const tree = await writeTree(git, index);
  if (head !== null && tree === await treeOf(git, root, head)) return null;
  const commit = await makeCommit(git, root, { tree, parent: head, message, identity, signed });
  await moveHead(git, root, { commit, from: head, reason: `fleet-release: ${message.split("\n")[0]}` });
  const warning = await refreshIndex(git, root, entries);
  if (warning !== null) onWarning(warning);
  return commit;
}
