/**
 * What a release needs of the file system so that it outlasts a power cut. Synchronous calls, all on one thread: the
 * order of the system calls is the order of the lines.
 *
 * @module
 */
import { writeAll } from "../bytes.ts";
import { sha256Hex } from "../contract/canonical.ts";
import { MAX_FILE_BYTES } from "../contract/layout.ts";
import { kindOf, readRegularFile } from "./files.ts";

/** Consumers run as other users than the one that releases. */
export const FILE_MODE = 0o644;

/** What is at a path, without following a link; undefined: nothing. */
export function lstatOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What tells a file from another one at the same path: its SHA-256 in lower-case hex, else its kind; null: nothing. */
export function identityOf(path: string): string | null {
  const stat = lstatOf(path);
  if (stat === undefined) return null;
  if (!stat.isFile || stat.size > MAX_FILE_BYTES) return kindOf(stat);
  return sha256Hex(readRegularFile(path, MAX_FILE_BYTES));
}

/** Makes a new file that all can read, with its bytes on the disk. Its name is there once its directory is synced. */
export function createFile(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: FILE_MODE });
  writeAll(file, bytes);
  // The mode that a file is created with is cut by the umask; this one is not.
  Deno.chmodSync(path, FILE_MODE);
  file.syncSync();
}

/**
 * Keeps what is at a path under a second name: by a link, or, where the file system has none or the file is another
 * user's, by a copy.
 */
export function keepFile(path: string, kept: string): void {
  try {
    Deno.linkSync(path, kept);
  } catch (error) {
    if (!Deno.lstatSync(path).isFile) throw error;
    Deno.copyFileSync(path, kept);
    using copy = Deno.openSync(kept, { read: true });
    copy.syncSync();
  }
}

/** Puts the names in a directory on the disk; of a file, its bytes. */
export function syncDirectory(path: string): void {
  using directory = Deno.openSync(path, { read: true });
  directory.syncSync();
}
