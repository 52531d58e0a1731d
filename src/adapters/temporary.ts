/**
 * Temporary directories that go with the run, or with the next one: a run that is killed leaves its own behind, whose
 * roots keep closures from garbage collection.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ioError, ReleaseError } from "../errors.ts";
import type { Warn } from "../model.ts";
import { lstatOf } from "./disk.ts";

const PREFIX = "fleet-release-run-";
/** A file in the directory, locked as long as its owner lives: the system unlocks it however that one ends. */
const OWNER = "owner";

/** A new directory of the caller alone, which goes when it is disposed of. */
export interface TemporaryDirectory extends AsyncDisposable {
  /** Its absolute path. */
  readonly path: string;
}

/**
 * Makes a directory.
 *
 * @param dir What it is made in, absolute
 * @param warn Told of what cannot be removed
 * @throws {ReleaseError} of kind `io` when it cannot be made
 */
export async function makeTemporaryDirectory(dir: string, warn: Warn): Promise<TemporaryDirectory> {
  const { path, owner } = await claimDirectory(dir);
  return {
    path,
    // What is left of it must not hide how the run ended.
    async [Symbol.asyncDispose]() {
      await removeOwned(path, owner, warn);
    },
  };
}

/** Makes a directory and locks it: one that another run takes for dead in between is left to it. */
async function claimDirectory(dir: string): Promise<{ path: string; owner: Deno.FsFile }> {
  while (true) {
    const path = await makeDirectory(dir);
    const owner = createOwner(path);
    if (owner === undefined) continue;
    if (lock(owner) !== "held" && lstatOf(join(path, OWNER)) !== undefined) return { path, owner };
    owner.close();
  }
}

async function makeDirectory(dir: string): Promise<string> {
  const refuse = (problem: string, cause?: unknown) =>
    new ReleaseError("io", `Cannot make a temporary directory in "${dir}": ${problem}`, {
      hint: "set TMPDIR to a directory that can be written, or unset it",
      cause,
    });
  // It would be another one for each process that is started elsewhere.
  if (!dir.startsWith("/")) throw refuse("it is relative, expected an absolute path");
  try {
    return await Deno.makeTempDir({ dir, prefix: PREFIX });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw refuse("it is not there", error);
    if (error instanceof Deno.errors.NotADirectory) throw refuse("it is no directory", error);
    if (error instanceof Deno.errors.FilesystemLoop) {
      throw refuse("it is a link that leads in a circle", error);
    }
    if (error instanceof Deno.errors.PermissionDenied) throw refuse("it cannot be written", error);
    throw ioError(`Cannot make a temporary directory in "${dir}"`, error);
  }
}

/** The file by which a directory is owned; undefined: there is none. */
function openOwner(path: string, options: Deno.OpenOptions): Deno.FsFile | undefined {
  try {
    return Deno.openSync(join(path, OWNER), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function createOwner(path: string): Deno.FsFile | undefined {
  try {
    return openOwner(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    throw ioError(`Cannot write "${join(path, OWNER)}"`, error);
  }
}

/** Locks a file, unless another process has; where the file system has no locks, nobody is ever taken for dead. */
function lock(file: Deno.FsFile): "locked" | "held" | "unknown" {
  try {
    return file.tryLockSync(true) ? "locked" : "held";
  } catch {
    return "unknown";
  }
}

/**
 * Removes the directories beside this one that the same user's dead runs have left.
 *
 * @param own A directory of the caller, which tells whose others may be removed
 * @param warn Told of what cannot be removed
 */
export async function removeDeadDirectories(own: string, warn: Warn): Promise<void> {
  const dir = dirname(own);
  const { uid } = await Deno.lstat(own);
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    const path = join(dir, name);
    if (!name.startsWith(PREFIX) || !isDirectory || path === own || lstatOf(path)?.uid !== uid) continue;
    try {
      const owner = openOwner(path, { write: true });
      if (owner === undefined) await removeOwnerless(path, warn);
      else if (lock(owner) === "locked") await removeOwned(path, owner, warn);
      else owner.close();
    } catch (error) {
      warnOf(path, error, warn);
    }
  }
}

/** Removes a directory without the file: its owner was killed when it had just made it, or was just removing it. */
async function removeOwnerless(path: string, warn: Warn): Promise<void> {
  try {
    // An owner that is alive finds that it is gone, and makes another one.
    await Deno.remove(path);
  } catch {
    if (lstatOf(join(path, OWNER)) === undefined) await remove(path, warn);
  }
}

async function removeOwned(path: string, owner: Deno.FsFile, warn: Warn): Promise<void> {
  try {
    await remove(path, warn);
  } finally {
    owner.close();
  }
}

async function remove(path: string, warn: Warn): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    // Another run removes it, too.
    if (error instanceof Deno.errors.NotFound) return;
    warnOf(path, error, warn);
  }
}

function warnOf(path: string, error: unknown, warn: Warn): void {
  const reason = error instanceof Error ? error.message : String(error);
  warn({ code: "temporary-files", message: `Cannot remove "${path}": ${reason}` });
}
