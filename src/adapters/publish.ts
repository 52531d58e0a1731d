/**
 * Writes a whole release.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { equalBytes, writeAll } from "../bytes.ts";
import { ROLLOUTS_DIR } from "../contract/layout.ts";
import { ioError } from "../errors.ts";
import type { ReleaseFile } from "../ports.ts";

/** A release directory: its absolute path, and the path that the user gave. */
export interface ReleaseLocation {
  readonly root: string;
  readonly dir: string;
}

/** Where a release's files are, relative to the release directory. */
export const DIRECTORIES: readonly string[] = ["", ROLLOUTS_DIR];

/** Consumers run as other users than the one that releases. */
const FILE_MODE = 0o644;
const DIR_MODE = 0o755;

/** What the name of a file looks like before it has its final one. */
const TEMPORARY = /^\.fleet-release\..*\.tmp$/;

/**
 * The files that a run left behind which ended while it was writing.
 *
 * @returns their absolute paths
 * @throws {ReleaseError} of kind `io` when a directory cannot be read
 */
export async function leftovers({ root, dir }: ReleaseLocation): Promise<string[]> {
  const found: string[] = [];
  for (const sub of DIRECTORIES) {
    try {
      for await (const { name } of Deno.readDir(join(root, sub))) {
        if (TEMPORARY.test(name)) found.push(join(root, sub, name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw ioError(`Cannot read "${join(dir, sub)}"`, error);
    }
  }
  return found;
}

/**
 * Writes a set of files, in this order, so that a reader who finds the last one finds all of them.
 *
 * @returns the paths of those that were not there already with these bytes and the right mode
 * @throws {ReleaseError} of kind `io` when one of them cannot be written
 */
export async function publishFiles(
  location: ReleaseLocation,
  files: readonly ReleaseFile[],
): Promise<string[]> {
  const { root, dir } = location;
  try {
    refuseDirectories(files.map(({ path }) => join(root, path)));
    for (const path of new Set(files.map((file) => dirname(join(root, file.path))))) {
      await createDirectory(path);
    }
    for (const path of await leftovers(location)) await Deno.remove(path);
    const changed = files.filter((file) => !isThere(join(root, file.path), file.bytes));
    publishSync(root, changed);
    return changed.map(({ path }) => path);
  } catch (error) {
    throw ioError(`Cannot write the release to "${dir}"`, error);
  }
}

/** A file cannot take the place of a directory. Found out before the first file is written, and not at the last. */
function refuseDirectories(paths: readonly string[]): void {
  const directory = paths.find((path) => existsSync(path) && Deno.lstatSync(path).isDirectory);
  if (directory !== undefined) throw new Error(`"${directory}" is a directory`);
}

/** Whether the file has these bytes and the right mode already. */
function isThere(path: string, bytes: Uint8Array): boolean {
  try {
    const stat = Deno.lstatSync(path);
    return stat.isFile && stat.size === bytes.length && ((stat.mode ?? FILE_MODE) & 0o777) === FILE_MODE &&
      equalBytes(Deno.readFileSync(path), bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Creates a directory that others can read, and makes its name durable. */
async function createDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let parent = path; mayRead(parent) && !existsSync(parent); parent = dirname(parent)) {
    missing.unshift(parent);
  }
  await ensureDir(path);
  for (const created of missing) {
    Deno.chmodSync(created, DIR_MODE);
    // What the program may not look into, outside of the release's repository, is the user's to keep.
    if (mayRead(dirname(created))) syncDirectory(dirname(created));
  }
}

/**
 * The one function that changes a release. All bytes reach the disk under temporary names first; then each file gets
 * its final name in one step, in the order given, and each name is on the disk before the next file's.
 *
 * Synchronous calls, all on one thread: the order of the system calls is the order of the lines.
 */
function publishSync(root: string, files: readonly ReleaseFile[]): void {
  const written: { temporary: string; final: string }[] = [];
  try {
    for (const { path, bytes } of files) {
      const final = join(root, path);
      const temporary = join(dirname(final), `.fleet-release.${crypto.randomUUID()}.tmp`);
      written.push({ temporary, final });
      using file = Deno.openSync(temporary, { write: true, createNew: true, mode: FILE_MODE });
      writeAll(file, bytes);
      // The mode that a file is created with is cut by the umask; this one is not.
      Deno.chmodSync(temporary, FILE_MODE);
      file.syncSync();
    }
    for (const [index, { temporary, final }] of written.entries()) {
      Deno.renameSync(temporary, final);
      const next = written[index + 1];
      if (next === undefined || dirname(next.final) !== dirname(final)) syncDirectory(dirname(final));
    }
  } catch (error) {
    for (const { temporary } of written) {
      try {
        Deno.removeSync(temporary);
      } catch {
        // It has its final name, or was never made. The first error is the one to report.
      }
    }
    throw error;
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

function syncDirectory(path: string): void {
  using directory = Deno.openSync(path, { read: true });
  directory.syncSync();
}

function existsSync(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
