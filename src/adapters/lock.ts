/**
 * One run at a time on a release directory.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ReleaseError } from "../errors.ts";
import type { Warn, Warning } from "../model.ts";
import type { Clock } from "../ports.ts";
import { lstatOf } from "./disk.ts";
import { kindOf } from "./files.ts";
import { lockFilesOf } from "./lookup.ts";
import { fileError } from "./paths.ts";
import { hasCode } from "./process.ts";
import { createDirectory, may } from "./publish.ts";

/** Milliseconds between two attempts. */
const INTERVAL = 100;

/** Attempts to read who holds a lock: who has just got it has yet to write that. */
const ATTEMPTS = 5;

/** Who holds a lock, as its file says. */
export interface Holder {
  readonly pid: number;
  /** Since when, RFC 3339. */
  readonly since: string;
}

/** How a lock is taken. */
export interface LockOptions {
  /** Whether the run commits: then it is the only one of those in the work tree, too. */
  readonly commits?: boolean;
  /** Seconds to wait for it. */
  readonly wait: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Told where there can be no lock. */
  readonly warn: Warn;
}

/**
 * Locks a release directory for this process. The system frees the lock when the process ends, however it does, and
 * hands it on to no other.
 *
 * @param releaseDir The directory, absolute. It need not be there
 * @param shown The path as the user gave it, for messages
 * @returns what frees it, and removes its files
 * @throws {ReleaseError} of kind `locked` when another run holds it, and `io` when it cannot be taken
 */
export async function lockReleaseDir(
  releaseDir: string,
  shown: string,
  { commits = false, wait = 0, clock, signal, warn }: LockOptions,
): Promise<Disposable> {
  const files = lockFilesOf(releaseDir, shown);
  const until = clock.monotonic() + wait * 1000;
  using held = new DisposableStack();
  const take = async (paths: readonly string[], refusal: string) => {
    for (;;) {
      signal?.throwIfAborted();
      const lock = await tryFirst(paths, clock);
      if (lock instanceof Error) return warn(notLocked(shown, lock));
      if ("release" in lock) return held.defer(lock.release);
      if (clock.monotonic() >= until) throw lockedError(refusal, await holderOf(lock.heldAt));
      await pause();
    }
  };
  await take(files.directory, `Another run is at work on "${shown}"`);
  if (commits && files.commits !== undefined) {
    await take([files.commits], `Another run is about to commit to the repository of "${shown}"`);
  }
  return held.move();
}

/**
 * Looks whether another process has a release directory, or the work tree that it is in, for itself.
 *
 * @param releaseDir The directory, absolute. It need not be there
 * @param shown The path as the user gave it, for messages
 * @returns which process that is, as far as its lock says so; undefined: none has
 * @throws {ReleaseError} of kind `io` when a link leads elsewhere
 */
export async function whoHolds(
  releaseDir: string,
  shown: string,
  { commits }: { readonly commits: boolean },
): Promise<Partial<Holder> | undefined> {
  const files = lockFilesOf(releaseDir, shown);
  const places = [...files.directory, ...commits && files.commits !== undefined ? [files.commits] : []];
  const held = places.find(isHeld);
  return held === undefined ? undefined : await holderOf(held) ?? {};
}

/** A lock that this process has, or the file of one that another has. */
type Attempt = { readonly release: () => void } | { readonly heldAt: string };

/** Takes a lock by the first of these files that can be written and locked; when none can, gives the first one's error. */
async function tryFirst(paths: readonly string[], clock: Clock): Promise<Attempt | Error> {
  let problem: Error | undefined;
  for (const path of paths) {
    try {
      // Another place than the first may be the release directory, which comes with the release.
      if (path === paths[0]) await makeDirectoryOf(path);
      return unlessHeld(paths.filter((other) => other !== path), tryLock(path, clock));
    } catch (error) {
      if (error instanceof ReleaseError) throw error;
      if (!isUnusable(error)) throw fileError("write", path, { cwd: "/", cause: error });
      problem ??= error;
    }
  }
  return problem!;
}

/** Another user's run may have had to take another place: then this one gives back what it has got. */
function unlessHeld(places: readonly string[], attempt: Attempt): Attempt {
  const heldAt = "release" in attempt ? places.find(isHeld) : undefined;
  if (!("release" in attempt) || heldAt === undefined) return attempt;
  attempt.release();
  return { heldAt };
}

/** Whether another process has a lock on a file, as far as that may be seen. */
function isHeld(path: string): boolean {
  try {
    if (lstatOf(path)?.isFile !== true) return false;
    using file = Deno.openSync(path);
    return !file.tryLockSync(false);
  } catch {
    return false;
  }
}

/** Whoever comes next has to find the same place, and not one above what is still missing. */
async function makeDirectoryOf(path: string): Promise<void> {
  const dir = dirname(path);
  // One that may not be looked at is there: the permissions name all that was missing.
  if (may("read", dir) && lstatOf(dir) === undefined) await createDirectory(dir);
}

/** Whether a place is no good for a lock, whatever it is good for otherwise. */
function isUnusable(error: unknown): error is Error {
  return error instanceof NoLocks || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotFound || hasCode(error, "EROFS");
}

/** A file system without locks, as NFS can be. */
class NoLocks extends Error {}

/** Takes a lock, and says in its file who holds it now. */
function tryLock(path: string, clock: Clock): Attempt {
  for (;;) {
    const file = openLock(path);
    if (file === undefined) continue;
    try {
      const isFree = flock(file);
      // Who has held it may have removed the file meanwhile, and the next would lock another of its name.
      if (!isFree || !isAt(file, path)) {
        file.close();
        if (isFree) continue;
        return { heldAt: path };
      }
      const holder: Holder = { pid: Deno.pid, since: clock.now().round("second").toString() };
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(`${JSON.stringify(holder)}\n`));
      return { release: () => release(file, path) };
    } catch (error) {
      release(file, path);
      throw error;
    }
  }
}

/**
 * Opens a lock's file, and not what a link in its place leads to; undefined: another run has just made or removed it.
 *
 * @throws {ReleaseError} of kind `io` when it is no file
 */
function openLock(path: string): Deno.FsFile | undefined {
  const there = lstatOf(path);
  if (there !== undefined && !there.isFile) {
    throw new ReleaseError("io", `Cannot lock "${path}": it is ${kindOf(there)}, expected a file`, {
      hint: "take it away: only runs of this program put a file there",
    });
  }
  try {
    return Deno.openSync(path, { read: true, write: true, createNew: there === undefined });
  } catch (error) {
    const isGone = there !== undefined && error instanceof Deno.errors.NotFound;
    if (isGone || error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** @throws {NoLocks} */
function flock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch (cause) {
    throw new NoLocks(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Whether an open file is the one that is at a path, itself and not by a link. */
function isAt(file: Deno.FsFile, path: string): boolean {
  const [open, there] = [file.statSync(), lstatOf(path)];
  return open.ino === there?.ino && open.dev === there.dev;
}

/** Frees a lock. Its file goes first, unless it is another's by now. */
function release(file: Deno.FsFile, path: string): void {
  try {
    if (isAt(file, path)) Deno.removeSync(path);
  } catch {
    // What is left of it locks nothing, and must not hide how the run ended.
  } finally {
    file.close();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, INTERVAL));
}

/** Who holds a lock, or undefined when its file does not say so. */
async function holderOf(path: string): Promise<Holder | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // It is not there any more when it has just been freed.
    const text = await Deno.readTextFile(path).catch(() => "");
    const found = /^\{"pid":(\d+),"since":"([^"]+)"\}\n$/.exec(text);
    if (found !== null) return { pid: Number(found[1]), since: found[2]! };
    await pause();
  }
  return undefined;
}

function lockedError(refusal: string, holder: Holder | undefined): ReleaseError {
  const who = holder === undefined ? "" : `: process ${holder.pid}, since ${holder.since}`;
  return new ReleaseError("locked", `${refusal}${who}`, {
    hint: "wait for it to end, as with --wait-lock 600",
  });
}

function notLocked(shown: string, { message }: Error): Warning {
  return {
    code: "not-locked",
    message:
      `Nothing keeps another run away from "${shown}" meanwhile, since it cannot be locked: ${message}`,
  };
}
