/**
 * Commits a release.
 *
 * The commit is made with plumbing on an index of its own: whatever is staged, whatever filters, attributes or hooks
 * there are, it contains exactly the bytes that were signed.
 *
 * @module
 */
import { dirname, join, relative } from "@std/path";
import { sha256Hex } from "../../contract/canonical.ts";
import { isManifestPath, SIDECAR_FILES, signedPath, temporaryName } from "../../contract/layout.ts";
import { atOnce } from "../../errors.ts";
import type { Git, ReleaseFile, Repository } from "../../ports.ts";
import { createFile, identityOf, syncDirectory } from "../disk.ts";
import { moveHead } from "./branch.ts";
import { expectGit, type GitContext } from "./context.ts";
import { findGitFiles, locksOfHead, syncHead, syncObjects } from "./git_files.ts";
import { addToIndex, type GitIndex, type IndexEntry, readTree, writeTree } from "./git_index.ts";
import { makeCommit, storeFiles } from "./objects.ts";
import { holdIndex } from "./user_index.ts";

/** What is committed, and as whom. */
export type CommitOptions = Parameters<Git["commit"]>[1] & {
  /** A directory of this run alone, for the index that the commit is made with. */
  readonly tempDir: string;
  /** Whether git signs it. */
  readonly signed: boolean;
};

/**
 * Commits exactly these files, as they are on disk, and that the removed ones are gone. What HEAD is moved to is on the
 * disk.
 *
 * @returns the commit, or null when it would change nothing
 * @throws {ReleaseError} of kind `git` when a file is not what was signed, the branch has moved meanwhile, the index is
 * held by another git, or git fails; then neither the index nor the branch is another
 */
export async function commitRelease(
  git: GitContext,
  { root, head }: Repository,
  { releaseDir, files, beside, removed, message, identity, on, tempDir, signed }: CommitOptions,
): Promise<string | null> {
  const prefix = relative(root, await Deno.realPath(releaseDir));
  for (const file of beside) putInPlace(join(root, prefix), file);
  const own: GitIndex = { root, file: join(tempDir, "index") };
  // A release that takes the place of one that is not upstream keeps its manifests: all that is in HEAD stays tracked.
  const before = on.moves ? head : on.parent;
  const [stored, missing] = await atOnce(
    storeFiles(git, { root, prefix }, [...files, ...beside]),
    missingEntries(git, root, { prefix, removed }),
    readTree(git, own, before),
  );
  const entries = [...stored, ...missing];
  await addToIndex(git, own, entries);
  const tree = await writeTree(git, own);
  const trees = treesAbove(stored.map(({ path }) => path)).map((path) => `${tree}:${path}`);
  const objects = [...trees, ...before === null ? [] : [`${before}^{tree}`]];
  const { files: where, ids } = await findGitFiles(git, root, { head, objects });
  const commit = before !== null && ids.at(-1) === tree
    ? null
    : await makeCommit(git, root, { tree, parent: on.parent, message, identity, signed });
  if (!on.stages) return commit;
  using index = await holdIndex(git, root, where);
  await index.stage(entries);
  if (!on.moves || commit === null) return commit;
  try {
    syncObjects(where, [...stored.map(({ id }) => id), tree, ...ids, commit]);
    const reason = `fleet-release: ${message.split("\n")[0]}`;
    await moveHead(git, root, { commit, from: head, reason, locks: locksOfHead(where) });
  } catch (error) {
    index.restore();
    throw error;
  }
  syncHead(where);
  return commit;
}

/** Writes a file that is the same for every release, unless it is there. */
function putInPlace(dir: string, { path, bytes }: ReleaseFile): void {
  const final = join(dir, path);
  if (identityOf(final) === sha256Hex(bytes)) return;
  const next = join(dir, temporaryName());
  createFile(next, bytes);
  Deno.renameSync(next, final);
  syncDirectory(dir);
}

/** The directories above relative paths, each once. */
function treesAbove(paths: readonly string[]): string[] {
  const dirs = new Set<string>();
  for (const path of paths) {
    for (let dir = dirname(path); dir !== "."; dir = dirname(dir)) dirs.add(dir);
  }
  return [...dirs];
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
