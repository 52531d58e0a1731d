/**
 * The files of a release as a commit has them, without a checkout.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import {
  isDocumentPath,
  isManifestPath,
  isReleasePath,
  MAX_FILE_BYTES,
  ROLLOUTS_DIR,
} from "../../contract/layout.ts";
import { ReleaseError } from "../../errors.ts";
import { ReadBudget } from "../bounded.ts";
import { quoteList } from "../../text.ts";
import { lastLines, type Shell, text } from "../process.ts";
import { expectGit, type GitContext, gitContext, gitError, runGit } from "./context.ts";
import type { TreeEntry } from "./objects.ts";
import { findCommit } from "./revision.ts";

/** Where to read. */
export interface TreeLocation {
  /** The directory that the repository is looked for from, absolute. */
  readonly cwd: string;
  /** A commit, tag or branch. */
  readonly revision: string;
  /** The release directory, relative to `cwd`. */
  readonly dir: string;
}

/** What a commit has in a directory. */
export interface ReleaseTree {
  /** The full commit. */
  readonly commit: string;
  /** The bytes of the files by their path relative to the directory. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Reads the documents and signatures in a directory and in its `rollouts/` from a commit, and gives the names of what
 * lies beside them, with no bytes.
 *
 * @param artifactName File name of the fleet artifact
 * @throws {ReleaseError} of kind `git` when there is no such commit or the revision may mean several, there is no such
 * directory in it, or something in it is no regular file or cannot be read, and of kind `io` when it is too large
 */
export async function readReleaseTree(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  location: TreeLocation,
  artifactName: string,
): Promise<ReleaseTree> {
  const git = gitContext(shell, env);
  const commit = await findCommit(git, location);
  const path = await pathInRepository(git, location);
  const entries = await listReleaseTree(git, location, `${commit}:${path}`, artifactName);
  const files = await readObjects(
    git,
    location,
    entries.filter(({ path }) => isDocumentPath(path, artifactName)),
  );
  for (const { path } of entries) if (!files.has(path)) files.set(path, NOT_READ);
  return { commit, files };
}

/** What is under a name that no document of a release has is never looked into. */
const NOT_READ = new Uint8Array();

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
    throw new ReleaseError("git", `Cannot read "${dir}" from git: it is outside the repository`, {
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
 * @throws {ReleaseError} of kind `git` when there is no such tree, or one of them is no regular file, and of kind `io`
 * when the tree is too large
 */
export async function listReleaseTree(
  git: GitContext,
  location: TreeLocation,
  tree: string,
  artifactName: string,
): Promise<TreeEntry[]> {
  const top = await listTree(git, location, tree);
  // Never all that is below: a few kilobytes of trees within trees can name more files than there is memory for.
  const below = top.filter(({ type, path }) => type === "tree" && path === ROLLOUTS_DIR);
  const entries = new Map<string, TreeEntry>();
  const unusable = (path: string, problem: string) =>
    new ReleaseError("git", `Cannot read ${JSON.stringify(path)} of ${location.revision}: it ${problem}`);
  if (below.length > 1) throw unusable(ROLLOUTS_DIR, "is there twice");
  const rollouts = below.length === 0 ? [] : await listTree(git, location, below[0]!.id);
  const listed = [...top, ...rollouts.map((entry) => ({ ...entry, path: join(ROLLOUTS_DIR, entry.path) }))];
  for (const { type, mode, id, path } of listed) {
    if (type === "tree" || !isReleasePath(path, artifactName)) continue;
    const isSaying = /\.(json|sig)$/.test(path) || path === ROLLOUTS_DIR;
    // A link or a submodule: what a checkout has there is not in this commit.
    if (!mode.startsWith("100") && isSaying) throw unusable(path, "is no regular file");
    if (entries.has(path)) throw unusable(path, "is there twice");
    entries.set(path, { id, path });
  }
  return [...entries.values()];
}

/** What a tree has in it. */
interface ListedEntry extends TreeEntry {
  readonly type: string;
  readonly mode: string;
}

/** Lists a tree, but not what is below it. */
async function listTree(
  git: GitContext,
  { cwd, revision, dir }: TreeLocation,
  tree: string,
): Promise<ListedEntry[]> {
  const [size] = await sizesOf(git, cwd, [tree]);
  const budget = new ReadBudget(dir);
  if (size !== undefined && size > MAX_FILE_BYTES) throw budget.tooManyFiles();
  const listing = await runGit(git, ["ls-tree", "--full-tree", "-z", tree], { cwd });
  if (listing.code !== 0) {
    throw new ReleaseError("git", `Cannot find the directory "${dir}" in ${revision}`, {
      lines: lastLines(listing.stderr, 5),
      hint: "it is relative to the current directory in a commit, too",
    });
  }
  return new TextDecoder().decode(listing.stdout).split("\0").flatMap((line) => {
    const [, mode, type, id, path] = /^(\d+) (\w+) ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
    if (mode === undefined || type === undefined || id === undefined || path === undefined) return [];
    budget.takeName();
    return [{ mode, type, id, path }];
  });
}

/** The sizes of objects, in their order; undefined for one that is not there. */
export async function sizesOf(
  git: GitContext,
  cwd: string,
  names: readonly string[],
): Promise<(number | undefined)[]> {
  const stdin = names.map((name) => `${name}\n`).join("");
  const answer = await runGit(git, ["cat-file", "--batch-check=%(objectsize)"], { cwd, stdin });
  const lines = answer.code === 0 ? text(answer).split("\n") : [];
  return names.map((_, index) => /^\d+$/.test(lines[index] ?? "") ? Number(lines[index]) : undefined);
}

/** As much is read by one process: its output is kept whole. */
const BATCH_BYTES = 16 * 2 ** 20;

/**
 * The bytes of files in a commit.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @param paths Relative to the root
 * @returns those of the regular files that it has at these paths
 * @throws {ReleaseError} of kind `git` when they cannot be read, and of kind `io` when they are too large
 */
export async function readCommitted(
  git: GitContext,
  root: string,
  commit: string,
  paths: readonly string[],
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const options = { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } };
  const asked = new Set(paths);
  const entries: TreeEntry[] = [];
  // The directories are listed: the paths may be more than a command takes, and `ls-tree` reads none from its input.
  for (const dir of new Set(paths.map((path) => dirname(path)))) {
    const args = ["ls-tree", "-z", "--full-tree", commit, ...dir === "." ? [] : ["--", `${dir}/`]];
    const listing = await runGit(git, args, options);
    if (listing.code !== 0) throw gitError(`look for ${quoteList(paths)} in ${commit}`, listing);
    for (const line of text(listing).split("\0")) {
      const [, id, path] = /^100\d+ blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      if (id !== undefined && path !== undefined && asked.has(path)) entries.push({ id, path });
    }
  }
  if (entries.length === 0) return new Map();
  return await readObjects(git, { cwd: root, revision: commit, dir: dirname(paths[0]!) }, entries);
}

/**
 * The manifests, and their signatures, of a release directory in a commit.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @param dir The directory, relative to the root
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `git` when they cannot be read, and of kind `io` when they are too large
 */
export async function committedManifests(
  git: GitContext,
  root: string,
  commit: string,
  dir: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const options = { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } };
  const args = ["ls-tree", "-z", "--full-tree", commit, "--", `${join(dir, ROLLOUTS_DIR)}/`];
  const listing = await expectGit(git, `list the manifests in ${commit}`, args, options);
  const entries = listing.split("\0").flatMap((line) => {
    const [, id, path] = /^100\d+ blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
    const inside = path === undefined ? "" : relative(dir, path);
    return id !== undefined && isManifestPath(inside) ? [{ id, path: inside }] : [];
  });
  if (entries.length === 0) return new Map();
  return await readObjects(git, { cwd: root, revision: commit, dir }, entries);
}

/**
 * The documents and signatures of a release directory in a commit.
 *
 * @param root The root of the work tree
 * @param release A full commit, and the directory relative to the root
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} as {@linkcode readReleaseTree}
 */
export async function committedRelease(
  git: GitContext,
  root: string,
  { commit, dir, artifactName }: {
    readonly commit: string;
    readonly dir: string;
    readonly artifactName: string;
  },
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const location = { cwd: root, revision: commit, dir };
  const entries = await listReleaseTree(git, location, `${commit}:${dir}`, artifactName);
  return await readObjects(git, location, entries.filter(({ path }) => isDocumentPath(path, artifactName)));
}

/**
 * The names of what a commit has in a directory, but not below it.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @param dir Relative to the root
 * @returns none when there is no such directory
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function namesIn(
  git: GitContext,
  root: string,
  commit: string,
  dir: string,
): Promise<string[]> {
  const options = { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } };
  const args = [
    "ls-tree",
    "-z",
    "--name-only",
    "--full-tree",
    commit,
    ...dir === "" ? [] : ["--", `${dir}/`],
  ];
  const listing = await expectGit(git, `list "${dir}" in ${commit}`, args, options);
  return listing.split("\0").filter((path) => path !== "").map((path) => relative(dir, path));
}

/**
 * The parent of a commit that changes nothing but what is in a directory.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @param dir Relative to the root; what is in the root itself is never all that changes
 * @returns null when it changes more, has no parent or several, or the clone lacks the parent
 * @throws {ReleaseError} of kind `git` when that cannot be told, as where a partial clone lacks a tree
 */
export async function onlyChange(
  git: GitContext,
  root: string,
  commit: string,
  dir: string,
): Promise<string | null> {
  const what = `read the parents of ${commit}`;
  const [, parent, ...others] =
    (await expectGit(git, what, ["rev-list", "--parents", "--max-count=1", commit], { cwd: root })).split(
      " ",
    );
  if (parent === undefined || others.length > 0 || dir === "") return null;
  const outside = ["--", `:(exclude,literal)${dir}`];
  const args = ["diff-tree", "-r", "--quiet", "--ignore-submodules=none", parent, commit, ...outside];
  const result = await runGit(git, args, { cwd: root });
  if (result.code > 1) throw gitError(`compare ${commit} with its parent`, result);
  return result.code === 0 ? parent : null;
}

/**
 * Whether two commits have the same in a directory.
 *
 * @param root The root of the work tree
 * @param dir Relative to the root; empty for all of it
 * @throws {ReleaseError} of kind `git` when that cannot be told
 */
export async function sameIn(
  git: GitContext,
  root: string,
  dir: string,
  [one, other]: readonly [string, string],
): Promise<boolean> {
  const env = { GIT_LITERAL_PATHSPECS: "1" };
  const args = ["diff-tree", "-r", "--quiet", "--ignore-submodules=none", one, other, "--", dir || "."];
  const result = await runGit(git, args, { cwd: root, env });
  if (result.code > 1) throw gitError(`compare ${one} with ${other}`, result);
  return result.code === 0;
}

/**
 * The bytes of objects. Their sizes are asked for first.
 *
 * @param location For messages, and where git is run
 * @returns the bytes by the entries' paths
 * @throws {ReleaseError} of kind `git` when one cannot be read, and of kind `io` when they are too large
 */
export async function readObjects(
  git: GitContext,
  { cwd, revision, dir }: TreeLocation,
  entries: readonly TreeEntry[],
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const budget = new ReadBudget(dir);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const sizes = await sizesOf(git, cwd, entries.map(({ id }) => id));
  const batches: TreeEntry[][] = [];
  let batchBytes = Infinity;
  for (const [index, entry] of entries.entries()) {
    const bytes = sizes[index];
    if (bytes === undefined) throw missingObject(entry);
    budget.takeBytes(entry.path, bytes);
    if (batchBytes + bytes > BATCH_BYTES) {
      batches.push([]);
      batchBytes = 0;
    }
    batches.at(-1)!.push(entry);
    batchBytes += bytes;
  }
  for (const batch of batches) {
    const stdin = batch.map(({ id }) => `${id}\n`).join("");
    const contents = await runGit(git, ["cat-file", "--batch"], { cwd, stdin });
    if (contents.code !== 0) {
      throw new ReleaseError("git", `Cannot read the files of "${dir}" in ${revision}`, {
        lines: lastLines(contents.stderr, 5),
      });
    }
    for (const [path, bytes] of readBatch(contents.stdout, batch)) files.set(path, bytes);
  }
  return files;
}

/** The answers of `git cat-file --batch`: a line with id, type and size, the content, and a newline. */
function* readBatch(
  output: Uint8Array,
  entries: readonly TreeEntry[],
): Generator<[string, Uint8Array<ArrayBuffer>]> {
  let offset = 0;
  for (const entry of entries) {
    const end = output.indexOf(0x0a, offset);
    const header = new TextDecoder().decode(output.subarray(offset, end));
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(header)?.[1];
    if (end === -1 || size === undefined) throw missingObject(entry);
    const start = end + 1;
    offset = start + Number(size) + 1;
    yield [entry.path, output.slice(start, start + Number(size))];
  }
}

/** How a clone gets what it lacks. */
export const LACKING = "the clone may be partial: `git fetch --refetch --no-filter` brings what it lacks";

function missingObject({ id, path }: TreeEntry): ReleaseError {
  return new ReleaseError("git", `Cannot read "${path}" from git: object ${id} is missing`, {
    hint: LACKING,
  });
}
