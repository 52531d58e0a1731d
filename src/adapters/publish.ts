/**
 * Writes a whole release.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { dirname, join, resolve } from "@std/path";
import { equalBytes, writeAll } from "../bytes.ts";
import { isTemporaryName, ROLLOUTS_DIR, temporaryName } from "../contract/layout.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ReleaseFile } from "../ports.ts";
import { kindOf, readRegularFile } from "./files.ts";
import { followLinks } from "./lookup.ts";

/** A release directory. */
export interface ReleaseLocation {
  /** Its absolute path, without symbolic links, as it was when the run began. */
  readonly root: string;
  /** The path that the user gave. */
  readonly dir: string;
  /** What that is relative to, absolute. */
  readonly cwd: string;
}

/**
 * Makes sure that a release goes where it was said to go: that the path still leads there, and that `rollouts` is no
 * link.
 *
 * @throws {ReleaseError} of kind `io` when it is not so
 */
export function checkLocation({ root, dir, cwd }: ReleaseLocation): void {
  const { path } = followLinks(resolve(cwd, dir), dir);
  if (path !== root) {
    throw new ReleaseError(
      "io",
      `Cannot use "${dir}" as the release directory: it led to "${root}" when the run began, and now to "${path}"`,
      { hint: "something else changed it during the run; run again" },
    );
  }
  const rollouts = lstatOf(join(root, ROLLOUTS_DIR));
  if (rollouts === undefined || rollouts.isDirectory) return;
  throw new ReleaseError(
    "io",
    `Cannot use "${dir}" as the release directory: "${join(dir, ROLLOUTS_DIR)}" is ${kindOf(rollouts)}`,
    { hint: "a release keeps its manifests in a directory of its own: take away what is in its place" },
  );
}

/** Where a release's files are, relative to the release directory. */
export const DIRECTORIES: readonly string[] = ["", ROLLOUTS_DIR];

/** Consumers run as other users than the one that releases. */
const FILE_MODE = 0o644;
const DIR_MODE = 0o755;

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
        if (isTemporaryName(name)) found.push(join(root, sub, name));
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
    checkLocation(location);
    refuseDirectories(files.map(({ path }) => join(root, path)));
    for (const path of new Set(files.map((file) => dirname(join(root, file.path))))) {
      await createDirectory(path);
    }
    checkLocation(location);
    for (const path of await leftovers(location)) await Deno.remove(path);
    const changed = files.filter((file) => !isThere(join(root, file.path), file.bytes));
    publishSync(location, changed);
    return changed.map(({ path }) => path);
  } catch (error) {
    if (error instanceof ReleaseError) throw error;
    throw ioError(`Cannot write the release to "${dir}"`, error);
  }
}

/** A file cannot take the place of a directory. Found out before the first file is written, and not at the last. */
function refuseDirectories(paths: readonly string[]): void {
  const directory = paths.find((path) => lstatOf(path)?.isDirectory);
  if (directory !== undefined) throw new Error(`"${directory}" is a directory`);
}

/** Whether the file has these bytes and the right mode already. */
function isThere(path: string, bytes: Uint8Array): boolean {
  const stat = lstatOf(path);
  return stat !== undefined && stat.isFile && stat.size === bytes.length &&
    ((stat.mode ?? FILE_MODE) & 0o777) === FILE_MODE &&
    equalBytes(readRegularFile(path, bytes.length), bytes);
}

/** Creates a directory that others can read, and makes its name durable. */
async function createDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let parent = path; mayRead(parent) && lstatOf(parent) === undefined; parent = dirname(parent)) {
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
function publishSync(location: ReleaseLocation, files: readonly ReleaseFile[]): void {
  const written: { temporary: string; final: string }[] = [];
  try {
    for (const { path, bytes } of files) {
      const final = join(location.root, path);
      const temporary = join(dirname(final), temporaryName());
      written.push({ temporary, final });
      using file = Deno.openSync(temporary, { write: true, createNew: true, mode: FILE_MODE });
      writeAll(file, bytes);
      // The mode that a file is created with is cut by the umask; this one is not.
      Deno.chmodSync(temporary, FILE_MODE);
      file.syncSync();
    }
    // The bytes took their time.
    checkLocation(location);
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

/** What is at a path, without following a link; undefined: nothing. */
function lstatOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
