/**
 * One release at a time on a release directory.
 *
 * @module
 */
import { dirname } from "@std/path";
import { ReleaseError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { lockFileOf } from "./lookup.ts";
import { fileError } from "./paths.ts";

/** Milliseconds between two attempts. */
const INTERVAL = 100;

/** Attempts to read who holds a lock: who has just got it has yet to write that. */
const ATTEMPTS = 5;

/** Who holds a lock, as its file says. */
interface Holder {
  readonly pid: number;
  /** Since when, RFC 3339. */
  readonly since: string;
}

/** How a lock is taken. */
export interface LockOptions {
  /** Seconds to wait for it. */
  readonly wait: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Locks a release directory for this process. The system frees the lock when the process ends, however it does, and
 * hands it on to no other.
 *
 * @param releaseDir The directory, absolute. It need not be there
 * @param shown The path as the user gave it, for messages
 * @returns what frees it, and removes its file
 * @throws {ReleaseError} of kind `locked` when another run holds it, and `io` when it cannot be taken
 */
export async function lockReleaseDir(
  releaseDir: string,
  shown: string,
  { wait = 0, clock, signal }: LockOptions,
): Promise<Disposable> {
  const path = lockFileOf(releaseDir, shown);
  const until = clock.monotonic() + wait * 1000;
  for (;;) {
    signal?.throwIfAborted();
    const lock = await tryLock(path, clock).catch((cause: unknown) => {
      throw fileError("write", path, { cwd: "/", cause });
    });
    if (lock !== undefined) return lock;
    if (clock.monotonic() >= until) throw lockedError(shown, await holderOf(path));
    await pause();
  }
}

/** Takes a lock, and says who holds it now; undefined: another does. */
async function tryLock(path: string, clock: Clock): Promise<Disposable | undefined> {
  const file = await openLock(path);
  try {
    // Who has held it may have removed the file meanwhile, and the next will lock another of its name.
    if (await file.tryLock(true) && await isAt(file, path)) {
      const holder: Holder = { pid: Deno.pid, since: clock.now().round("second").toString() };
      await file.truncate();
      await file.write(new TextEncoder().encode(`${JSON.stringify(holder)}\n`));
      return {
        [Symbol.dispose]() {
          Deno.removeSync(path);
          file.close();
        },
      };
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/** Whether an open file is the one that is at a path. */
async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [open, there] = [await file.stat(), await Deno.stat(path)];
    return open.ino === there.ino && open.dev === there.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function openLock(path: string): Promise<Deno.FsFile> {
  const open = () => Deno.open(path, { read: true, write: true, create: true });
  return await open().catch(async (error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // Whoever comes next has to find the same place, and not one above what is still missing.
    await Deno.mkdir(dirname(path), { recursive: true });
    return await open();
  });
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

function lockedError(shown: string, holder: Holder | undefined): ReleaseError {
  const who = holder === undefined ? "" : `: process ${holder.pid}, since ${holder.since}`;
  return new ReleaseError("locked", `Another run is at work on "${shown}"${who}`, {
    hint: "wait for it to end, as with --wait-lock 600",
  });
}
