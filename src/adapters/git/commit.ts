/**
 * Commits a release.
 *
 * The commit is made with plumbing on an index of its own: whatever is staged, whatever filters, attributes or hooks
 * there are, it contains exactly the bytes that were signed.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { isManifestPath, SIDECAR_FILES, signedPath } from "../../contract/layout.ts";
import type { Git, Repository } from "../../ports.ts";
import { moveHead } from "./branch.ts";
import { expectGit, type GitContext } from "./context.ts";
import {
  addToIndex,
  type GitIndex,
  type IndexEntry,
  readTree,
  refreshIndex,
  writeTree,
} from "./git_index.ts";
import { makeCommit, storeFiles, treeOf } from "./objects.ts";

/** What is committed, and as whom. */
export type CommitOptions = Parameters<Git["commit"]>[1] & {
  /** A directory of this run alone, for the index that the commit is made with. */
  readonly tempDir: string;
  /** Whether git signs it. */
  readonly signed: boolean;
};

/**
 * Commits exactly these files, as they are on disk, on top of the repository's `head`, and that the removed ones are
 * gone.
 *
 * @returns the commit, or null when it would change nothing
 * @throws {ReleaseError} of kind `git` when a file is not what was signed, the branch has moved meanwhile, or git fails
 */
export async function commitRelease(
  git: GitContext,
  { root, head }: Repository,
  { releaseDir, files, removed, message, identity, onWarning, tempDir, signed }: CommitOptions,
): Promise<string | null> {
  const prefix = relative(root, await Deno.realPath(releaseDir));
  const stored = await storeFiles(git, { root, prefix }, files);
  const entries = [...stored, ...await missingEntries(git, root, { prefix, removed })];
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

/**
 * What is to be gone from a release directory: what the release is said to lack, whether the work tree and the index
 * have it or not; and of what a release may have beside the fleet, all that the index has and the work tree lacks,
 * since whatever removed it may have ended before it had committed that, or commits nothing. A sparse checkout does not
 * lack what it leaves out.
 */
async function missingEntries(
  git: GitContext,
  root: string,
  { prefix, removed }: { readonly prefix: string; readonly removed: readonly string[] },
): Promise<IndexEntry[]> {
  const args = ["ls-files", "-z", "--deleted", "--", prefix === "" ? "." : prefix];
  const listing = await expectGit(git, "ask which release files are gone", args, {
    cwd: root,
    env: { GIT_LITERAL_PATHSPECS: "1" },
  });
  const gone = listing.split("\0")
    .filter((path) => path !== "")
    .map((path) => relative(prefix, path))
    .filter((path) => isManifestPath(path) || SIDECAR_FILES.includes(signedPath(path) ?? path));
  return [...new Set([...removed, ...gone])].map((path) => ({ id: null, path: join(prefix, path) }));
}
