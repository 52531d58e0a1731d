/**
 * The user's index, which changes together with the branch or not at all.
 *
 * It is held as git holds it, by its lock, from before it is changed until the branch has moved: nobody else writes it or
 * commits what is in it meanwhile. It gets the release before the branch does. Whenever that ends half done, the release
 * is staged, and not, as the other way round, its deletion, which the user's next commit would make.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { writeAll } from "../../bytes.ts";
import { ReleaseError } from "../../errors.ts";
import { lstatOf, syncDirectory } from "../disk.ts";
import { NEXT_INDEX } from "../lookup.ts";
import { DURABLE, type GitContext, gitError, runGit } from "./context.ts";
import { type GitSettings, withSettings } from "./doors.ts";
import { type IndexEntry, updateIndex } from "./git_index.ts";
import { type GitFiles, locksOfHead } from "./git_files.ts";

/** The user's index, as long as nobody else can write it. */
export interface HeldIndex extends Disposable {
  /**
   * Puts files into it.
   *
   * @throws {ReleaseError} of kind `git` when git fails; then it is as it was
   */
  stage(entries: readonly IndexEntry[]): Promise<void>;
  /** Puts back what was in it. */
  restore(): void;
}

/** Milliseconds that another git which holds the index is waited for, and between two looks. */
const PATIENCE = 2000;
const INTERVAL = 50;

/** What our lock has in it, by which the next run knows what a killed one left. Git leaves its own empty, or an index. */
const MARK = "held by fleet-release\n";

/**
 * Holds the user's index.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when another git holds it for longer than a moment, and `io` when it cannot be
 * held
 */
export async function holdIndex(git: GitContext, root: string, files: GitFiles): Promise<HeldIndex> {
  const lock = await takeLock(root, files);
  const { index } = files;
  const next = join(dirname(index), NEXT_INDEX);
  let before: Contents | null = null;
  return {
    async stage(entries) {
      before = readContents(index);
      // A git of ours that was killed may have left both.
      for (const path of [next, `${next}.lock`]) removeIfThere(path);
      if (before !== null) writeContents(next, before);
      // Git looks anew at files that changed when the index did, through the filters that the repository names: without
      // them such a file is looked at once more by the next git that has them.
      const env = withSettings(git.env, await noFilters(git, root));
      const result = await updateIndex({ ...git, env }, { root, file: next }, entries, DURABLE);
      if (result.code !== 0) throw gitError("add the release files to the index", result);
      replace(index, next);
    },
    restore() {
      if (before === null) return removeIfThere(index);
      writeContents(next, before);
      replace(index, next);
    },
    [Symbol.dispose]() {
      for (const path of [next, lock.path]) removeIfThere(path);
      lock.file.close();
    },
  };
}

/** A file, and when it was written. */
interface Contents {
  readonly bytes: Uint8Array;
  readonly stat: Deno.FileInfo;
}

function readContents(path: string): Contents | null {
  const stat = lstatOf(path);
  return stat === undefined ? null : { bytes: Deno.readFileSync(path), stat };
}

/** Git takes a file for unchanged which is older than the index: the copy must not be younger than what it is of. */
function writeContents(path: string, { bytes, stat }: Contents): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true, mode: stat.mode ?? 0o644 });
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  const seconds = Math.floor((stat.mtime ?? new Date(0)).getTime() / 1000);
  file.utimeSync(seconds, seconds);
  file.syncSync();
}

function replace(path: string, next: string): void {
  // Git before 2.36 has not.
  syncDirectory(next);
  Deno.renameSync(next, path);
  syncDirectory(dirname(path));
}

interface Lock {
  readonly path: string;
  readonly file: Deno.FsFile;
}

/** Takes the lock as git does, by being the one who makes its file. */
async function takeLock(root: string, files: GitFiles): Promise<Lock> {
  const path = `${files.index}.lock`;
  const beside = join(dirname(path), `${NEXT_INDEX}.lock`);
  for (const until = performance.now() + PATIENCE;;) {
    const file = makeLock(path, beside);
    if (file !== undefined) return { path, file };
    if (await removeLeft(path, files)) continue;
    if (performance.now() >= until) throw heldError(root, path);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

/**
 * Makes the lock as a whole, by a link to a file beside it: an empty one, as a run that is killed in between would leave,
 * is any git's.
 *
 * @returns the new file; undefined: there is one
 */
function makeLock(path: string, beside: string): Deno.FsFile | undefined {
  try {
    removeIfThere(beside);
    const file = makeMarked(beside);
    try {
      Deno.linkSync(beside, path);
      return file;
    } catch (error) {
      file.close();
      // Where the file system has no links, it is made in its place.
      return error instanceof Deno.errors.AlreadyExists ? undefined : makeMarked(path);
    } finally {
      removeIfThere(beside);
    }
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    const problem = error instanceof Error ? error.message : error;
    throw new ReleaseError("io", `Cannot lock git's index: ${problem}`, { cause: error });
  }
}

/** A new file with our mark, locked where the file system has locks; when it cannot be written, there is none. */
function makeMarked(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { read: true, write: true, createNew: true });
  try {
    tryLock(file);
    writeAll(file, new TextEncoder().encode(MARK));
    return file;
  } catch (error) {
    file.close();
    removeIfThere(path);
    throw error;
  }
}

/** Whether a file could be locked; where the file system has no locks, nobody is ever taken for dead. */
function tryLock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return false;
  }
}

/**
 * Removes what a run of ours left that was killed while it held the index: its lock, and those of the git that moved the
 * branch for it. That of any other git is never removed.
 *
 * @returns whether there was such a lock
 */
async function removeLeft(path: string, files: GitFiles): Promise<boolean> {
  try {
    using left = await Deno.open(path, { read: true });
    const mark = new Uint8Array(MARK.length + 1);
    const length = await left.read(mark);
    if (new TextDecoder().decode(mark.subarray(0, length ?? 0)) !== MARK) return false;
    // Who is alive holds it; and who was faster has removed it, and may have made another.
    if (!tryLock(left)) return false;
    const [own, there] = [await left.stat(), Deno.lstatSync(path)];
    if (own.ino !== there.ino || own.dev !== there.dev) return false;
    for (const lock of locksOfHead(files)) {
      const stat = lstatOf(lock);
      if (stat !== undefined && (stat.mtime ?? 0) >= (own.mtime ?? 0)) removeIfThere(lock);
    }
    removeIfThere(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeIfThere(path: string): void {
  if (lstatOf(path) !== undefined) Deno.removeSync(path);
}

function heldError(root: string, path: string): ReleaseError {
  return new ReleaseError("git", `Cannot commit the release: another git holds the index of "${root}"`, {
    hint:
      `run again when it has ended. When none is at work, one that was killed has left its lock: remove "${path}"`,
  });
}

/** The settings that take away the filters which are configured for files of the work tree. */
async function noFilters(git: GitContext, root: string): Promise<GitSettings> {
  const args = ["config", "--null", "--name-only", "--get-regexp", "^filter\\..+\\.(clean|process)$"];
  const { stdout } = await runGit(git, args, { cwd: root });
  const names = new TextDecoder().decode(stdout).split("\0").filter((name) => name !== "");
  const drivers = new Set(names.map((name) => name.slice(0, name.lastIndexOf("."))));
  return [...drivers].flatMap((driver) => [
    [`${driver}.clean`, ""],
    [`${driver}.process`, ""],
    [`${driver}.required`, "false"],
  ]);
}
