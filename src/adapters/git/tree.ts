/**
 * The files of a release as a commit has them, without a checkout.
 *
 * @module
 */
import { join, relative, resolve } from "@std/path";
import { isReleasePath } from "../../contract/layout.ts";
import { ReleaseError } from "../../errors.ts";
import { lastLines, type Shell, text } from "../process.ts";
import { type GitContext, gitContext, runGit } from "./context.ts";
import type { TreeEntry } from "./objects.ts";

/** Where to read. */
export interface TreeLocation {
  /** The directory that the repository is looked for from, absolute. */
  readonly cwd: string;
  /** A commit, tag or branch. */
  readonly revision: string;
  /** The release directory, relative to `cwd`. */
  readonly dir: string;
}

/**
 * Reads the regular files of a directory and of its `rollouts/` from a commit.
 *
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `git` when there is no such commit, or no such directory in it
 */
export async function readReleaseTree(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  location: TreeLocation,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const git = gitContext(shell, env);
  const commit = await findCommit(git, location);
  const path = await pathInRepository(git, location);
  const entries = await listReleaseTree(git, location, `${commit}:${path}`);
  return await readObjects(git, location, entries);
}

/**
 * The full commit that a revision names.
 *
 * @throws {ReleaseError} of kind `git` when there is no such commit
 */
export async function findCommit(git: GitContext, { cwd, revision }: TreeLocation): Promise<string> {
  const args = ["rev-parse", "--quiet", "--verify", "--end-of-options", `${revision}^{commit}`];
  const commit = await runGit(git, args, { cwd });
  if (commit.code === 0) return text(commit);
  throw new ReleaseError("git", `Cannot find the commit "${revision}"`, {
    lines: lastLines(commit.stderr, 5),
    hint: "run it within the repository; a shallow checkout may lack the commit",
  });
}

/**
 * The path of the directory within the repository; empty for its root.
 *
 * @throws {ReleaseError} of kind `git` when it is outside
 */
export async function pathInRepository(git: GitContext, { cwd, dir }: TreeLocation): Promise<string> {
  const prefix = await runGit(git, ["rev-parse", "--show-prefix"], { cwd });
  // A bare repository has no work tree to be relative to.
  const path = join(prefix.code === 0 ? text(prefix) : "", relative(cwd, resolve(cwd, dir)) || ".");
  if (path === ".." || path.startsWith("../")) {
    throw new ReleaseError("git", `Cannot verify "${dir}": it is outside the repository`, {
      hint: "run it within the repository that the directory is in",
    });
  }
  return path === "." ? "" : path;
}

/**
 * What can be a release's files in a tree.
 *
 * @param location For messages, and where git is run
 * @param tree The tree, as in `COMMIT:PATH`
 * @returns their objects, and their paths relative to the tree
 * @throws {ReleaseError} of kind `git` when there is no such tree, or one of them is no regular file
 */
export async function listReleaseTree(
  git: GitContext,
  { cwd, revision, dir }: TreeLocation,
  tree: string,
): Promise<TreeEntry[]> {
  const listing = await runGit(git, ["ls-tree", "--full-tree", "-z", "-r", tree], { cwd });
  if (listing.code !== 0) {
    throw new ReleaseError("git", `Cannot find the directory "${dir}" in ${revision}`, {
      lines: lastLines(listing.stderr, 5),
    });
  }
  const unusable = (path: string, problem: string) =>
    new ReleaseError("git", `Cannot verify ${JSON.stringify(path)} of ${revision}: it ${problem}`);
  const entries = new Map<string, TreeEntry>();
  let twice: string | undefined;
  for (const line of new TextDecoder().decode(listing.stdout).split("\0")) {
    const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
    if (mode === undefined || id === undefined || path === undefined || !isReleasePath(path)) continue;
    // A link or a submodule: what a checkout has there is not in this commit.
    if (!mode.startsWith("100")) throw unusable(path, "is no regular file");
    if (entries.has(path)) twice ??= path;
    entries.set(path, { id, path });
  }
  if (twice !== undefined) throw unusable(twice, "is there twice");
  return [...entries.values()];
}

/**
 * The bytes of objects, read by one process.
 *
 * @param location For messages, and where git is run
 * @returns the bytes by the entries' paths
 * @throws {ReleaseError} of kind `git` when one cannot be read
 */
export async function readObjects(
  git: GitContext,
  { cwd, revision, dir }: TreeLocation,
  entries: readonly TreeEntry[],
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const stdin = entries.map(({ id }) => `${id}\n`).join("");
  const contents = await runGit(git, ["cat-file", "--batch"], { cwd, stdin });
  if (contents.code !== 0) {
    throw new ReleaseError("git", `Cannot read the files of "${dir}" in ${revision}`, {
      lines: lastLines(contents.stderr, 5),
    });
  }
  return new Map(readBatch(contents.stdout, entries));
}

/** The answers of `git cat-file --batch`: a line with id, type and size, the content, and a newline. */
function* readBatch(
  output: Uint8Array,
  entries: readonly TreeEntry[],
): Generator<[string, Uint8Array<ArrayBuffer>]> {
  let offset = 0;
  for (const { id, path } of entries) {
    const end = output.indexOf(0x0a, offset);
    const header = new TextDecoder().decode(output.subarray(offset, end));
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(header)?.[1];
    if (end === -1 || size === undefined) {
      throw new ReleaseError("git", `Cannot read "${path}" from git: object ${id} is missing`, {
        hint: "the checkout may be partial: fetch the whole commit",
      });
    }
    const start = end + 1;
    offset = start + Number(size) + 1;
    yield [path, output.slice(start, start + Number(size))];
  }
}
