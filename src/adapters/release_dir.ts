/**
 * The release directory: reads what is there, and writes a whole release.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import { ensureDir } from "@std/fs";
import { equalBytes } from "../bytes.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ReleaseDir, ReleaseFile } from "../ports.ts";

/** Consumers run as other users than the one that releases. */
const FILE_MODE = 0o644;
const DIR_MODE = 0o755;

/** What the name of a file looks like before it has its final one. */
const TEMPORARY = /^\.fleet-release\..*\.tmp$/;

/** The release directory at a path, absolute or relative to the current directory. It need not exist. */
export function createReleaseDir(dir: string): ReleaseDir {
  const root = resolve(dir);
  // Found out before anything is built and not when it is written.
  if (Deno.permissions.querySync({ name: "write", path: root }).state !== "granted") {
    throw new ReleaseError("io", `No permission to write "${root}"`, {
      hint: `give it with --allow-write=${root}, beside what is there`,
    });
  }
  if (isNoDirectory(root)) {
    throw new ReleaseError("io", `Cannot use "${dir}" as the release directory: it is a file`);
  }

  async function leftovers(): Promise<string[]> {
    const found: string[] = [];
    for (const sub of ["", "rollouts"]) {
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

  return {
    path: root,

    async realPath() {
      const real = await realPathOfMissing(root);
      if ((await Deno.stat(real.existing)).isDirectory) return real;
      throw new ReleaseError(
        "io",
        `Cannot use "${dir}" as the release directory: "${real.existing}" is a file`,
      );
    },

    async read(path): Promise<Uint8Array<ArrayBuffer> | null> {
      try {
        return await Deno.readFile(join(root, path));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw ioError(`Cannot read "${join(dir, path)}"`, error);
      }
    },

    async interrupted(): Promise<boolean> {
      return (await leftovers()).length > 0;
    },

    async publish(files): Promise<string[]> {
      try {
        refuseDirectories(files.map(({ path }) => join(root, path)));
        for (const path of new Set(files.map((file) => dirname(join(root, file.path))))) {
          await createDirectory(path);
        }
        for (const path of await leftovers()) await Deno.remove(path);
        const changed = files.filter((file) => !isThere(join(root, file.path), file.bytes));
        publishSync(root, changed);
        return changed.map(({ path }) => path);
      } catch (error) {
        throw ioError(`Cannot write the release to "${dir}"`, error);
      }
    },
  };
}

/**
 * Reads the files of a release directory and of its `rollouts/`. Names with a dot in front are no part of a release.
 *
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `io` when there is no such directory, or something in it cannot be read
 */
export async function readReleaseFiles(dir: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of [...await namesIn(dir), ...(await namesIn(dir, "rollouts"))]) {
    try {
      const file = join(dir, path);
      if ((await Deno.stat(file)).isFile) files.set(path, await Deno.readFile(file));
    } catch (error) {
      throw ioError(`Cannot read "${join(dir, path)}"`, error);
    }
  }
  return files;
}

/** The names in a directory, sorted, by their path from above; none when it is a sub-directory that is not there. */
async function namesIn(dir: string, sub = ""): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(join(dir, sub))) {
      if (!name.startsWith(".")) names.push(join(sub, name));
    }
  } catch (error) {
    if (sub === "" || !(error instanceof Deno.errors.NotFound)) {
      throw ioError(`Cannot read "${join(dir, sub)}"`, error);
    }
  }
  return names.sort();
}

async function realPathOfMissing(path: string): Promise<{ path: string; existing: string }> {
  try {
    const real = await Deno.realPath(path);
    return { path: real, existing: real };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const parent = await realPathOfMissing(dirname(path));
    return { path: join(parent.path, relative(dirname(path), path)), existing: parent.existing };
  }
}

/** Whether something else than a directory is there. */
function isNoDirectory(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
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
      writeAllSync(file, bytes);
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

function writeAllSync(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
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
