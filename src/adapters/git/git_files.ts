/**
 * The files of a repository that a commit changes beside its objects: the index and the reference of a branch.
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import { lstatOf, syncDirectory } from "../disk.ts";
import { type GitPlaces, TABLES_LOCK } from "../lookup.ts";
import { checkPermitted } from "../permitted.ts";
import { text } from "../process.ts";
import { expectGit, type GitContext, gitError, runGit } from "./context.ts";

/** Where they are, absolute. */
export interface GitFiles {
  /** The directory that all work trees of the repository share. */
  readonly commonDir: string;
  /** The index, in the directory of this work tree alone. */
  readonly index: string;
  /** The full name of the branch that HEAD names; null: it names a commit. */
  readonly ref: string | null;
}

/**
 * Makes sure, before anything is built, that a release can be committed as far as the permissions go.
 *
 * @throws {ReleaseError} of kind `io` that names what is missing
 */
export function checkGitPermitted({ dirs, written }: GitPlaces): void {
  checkPermitted({ read: dirs, write: written }, "leave out --git-commit and --git-push");
}

/** What is asked along. */
export interface Asked {
  /** The commit that HEAD names; null: it has none yet. */
  readonly head: string | null;
  /** Names of objects, of which the ids come in their order. */
  readonly objects: readonly string[];
}

/**
 * Finds the files, and the ids of objects.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function findGitFiles(
  git: GitContext,
  root: string,
  { head, objects }: Asked,
): Promise<{ files: GitFiles; ids: string[] }> {
  const what = "find the files of the repository";
  // Without a commit nothing tells both.
  const named = head === null ? [] : ["--symbolic-full-name", "HEAD"];
  const args = ["rev-parse", "--git-common-dir", "--git-path", "index", ...objects, ...named];
  const [common = "", index = "", ...rest] = (await expectGit(git, what, args, { cwd: root })).split("\n");
  const name = head === null ? await nameOfUnborn(git, root) : rest[objects.length]!;
  return {
    files: {
      commonDir: resolve(root, common),
      index: resolve(root, index),
      ref: name === "HEAD" ? null : name,
    },
    ids: rest.slice(0, objects.length),
  };
}

async function nameOfUnborn(git: GitContext, root: string): Promise<string> {
  const result = await runGit(git, ["symbolic-ref", "HEAD"], { cwd: root });
  if (result.code !== 0) throw gitError("read HEAD", result);
  return text(result);
}

/** The files that git holds while it moves what HEAD names. */
export function locksOfHead({ commonDir, index, ref }: GitFiles): string[] {
  // Where references are in tables, this is a file, to keep an older git away.
  if (lstatOf(join(commonDir, "refs/heads"))?.isFile) {
    return [...new Set([commonDir, dirname(index)])].map((dir) => join(dir, TABLES_LOCK));
  }
  const head = join(dirname(index), "HEAD.lock");
  return ref === null ? [head] : [head, join(commonDir, `${ref}.lock`)];
}

/**
 * Brings to the disk that objects are there: the directories that they are in, without which a file that was renamed into
 * place is not there after a power cut, and their bytes, which only git from 2.36 on has synced.
 */
export function syncObjects({ commonDir }: GitFiles, ids: readonly string[]): void {
  const dirs = ids.map((id) => join("objects", id.slice(0, 2)));
  const files = ids.map((id, index) => join(dirs[index]!, id.slice(2)));
  for (const path of new Set([...files, ...dirs, "objects"])) syncIfThere(join(commonDir, path));
}

/** The same for where HEAD leads. */
export function syncHead({ commonDir, index, ref }: GitFiles): void {
  const own = dirname(index);
  syncIfThere(ref === null ? join(own, "HEAD") : join(commonDir, ref));
  const dirs: string[] = [];
  for (let dir = dirname(ref ?? "HEAD"); dir !== "."; dir = dirname(dir)) dirs.push(dir);
  for (const dir of [...dirs, "reftable", ""]) syncIfThere(join(commonDir, dir));
  for (const dir of ["reftable", ""]) syncIfThere(join(own, dir));
}

/** A repository may keep these things elsewhere: in packs, or in tables of references, which git syncs itself. */
function syncIfThere(path: string): void {
  try {
    syncDirectory(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
}
