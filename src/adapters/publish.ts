/**
 * Writes a whole release.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { equalBytes } from "../bytes.ts";
import { sha256Hex } from "../contract/canonical.ts";
import { temporaryName } from "../contract/layout.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { Published, ReleaseFile } from "../ports.ts";
import { createFile, FILE_MODE, identityOf, keepFile, lstatOf, syncDirectory } from "./disk.ts";
import { readRegularFile } from "./files.ts";
import {
  beginSwitch,
  endSwitch,
  finishSwitch,
  type Journal,
  naming,
  placesOf,
  readJournal,
  removeTemporary,
  type Step,
  takeBack,
} from "./journal.ts";
import { checkLocation, type ReleaseLocation } from "./location.ts";

/** Consumers run as other users than the one that releases. */
const DIR_MODE = 0o755;

/**
 * Puts a set of files in their places and takes others away, in this order and as one step: when one of them cannot be
 * written, all is taken back, and when the process or the machine ends meanwhile, the next `recover` finishes it or takes
 * it back. What a journal has left until now goes once all of them are in their places.
 *
 * @param outdated The paths of manifests and sidecars that are of no use beside the files
 * @throws {ReleaseError} of kind `io` when one of the files cannot be written
 */
export async function publishFiles(
  location: ReleaseLocation,
  files: readonly ReleaseFile[],
  outdated: readonly string[] = [],
): Promise<Published> {
  const { root, dir } = location;
  const created: string[] = [];
  try {
    checkLocation(location);
    refuseDirectories(files.map(({ path }) => join(root, path)));
    for (const path of new Set(files.map((file) => dirname(join(root, file.path))))) {
      await createDirectory(path, created);
    }
    checkLocation(location);
    const journal = readJournal(root);
    if (files.length === 0 && journal !== null) {
      throw new Error("what a run has left there may be all that there is of a release: make one first");
    }
    const changed = files.filter((file) => !isThere(join(root, file.path), file.bytes));
    const present = outdated.filter((path) => lstatOf(join(root, path)) !== undefined);
    const changes = [...changed, ...present.map((path) => ({ path, bytes: null }))];
    const stuck = changes.length > 0 ? publishChanged(location, changes, journal ?? []) : new Map();
    if (changes.length === 0 && journal !== null) endSwitch(root);
    cleanUp(() => removeTemporary(root));
    return {
      written: changed.map(({ path }) => path),
      removed: outdated.filter((path) => !stuck.has(path)),
      stuck: new Map(
        [...stuck].map(([path, error]) => [path, ioError(`Cannot remove "${join(dir, path)}"`, error)]),
      ),
    };
  } catch (error) {
    for (const path of created.toReversed()) {
      // One that is not empty stays, as it has to.
      if (may("write", path)) cleanUp(() => Deno.removeSync(path));
    }
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

/**
 * Creates a directory that others can read, and makes its name durable.
 *
 * @param created Is given the directories that were not there
 */
export async function createDirectory(path: string, created: string[] = []): Promise<void> {
  const missing: string[] = [];
  for (let parent = path; may("read", parent) && lstatOf(parent) === undefined; parent = dirname(parent)) {
    missing.unshift(parent);
  }
  created.push(...missing);
  await ensureDir(path);
  for (const directory of missing) {
    Deno.chmodSync(directory, DIR_MODE);
    // What the program may not look into, outside of the release's repository, is the user's to keep.
    if (may("read", dirname(directory))) syncDirectory(dirname(directory));
  }
}

/**
 * Changes a release: all bytes reach the disk under temporary names first, beside those that they replace.
 *
 * @param changes Files, and what goes, without bytes
 * @param left What the journal says until then
 * @returns what {@linkcode finishSwitch} does
 */
function publishChanged(
  location: ReleaseLocation,
  changes: readonly { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> | null }[],
  left: readonly (readonly Step[])[],
): Map<string, unknown> {
  const { root } = location;
  const steps: Step[] = [];
  const journal: Journal = [steps, ...left];
  let begun = false;
  try {
    for (const { path, bytes } of changes) {
      naming(path, () => {
        const step: Step = {
          path,
          sha256: bytes === null ? null : sha256Hex(bytes),
          next: temporaryName(),
          replaces: identityOf(join(root, path)),
          kept: temporaryName(),
        };
        steps.push(step);
        const { final, next, kept } = placesOf(root, step);
        if (bytes === null) return;
        createFile(next, bytes);
        if (step.replaces !== null) keepFile(final, kept);
      });
    }
    // The bytes took their time.
    checkLocation(location);
    beginSwitch(root, journal);
    begun = true;
    return finishSwitch(root, steps);
  } catch (error) {
    if (begun) undo(location, journal, error);
    cleanUp(() => removeTemporary(root));
    throw error;
  }
}

/** Whether the files were published or taken back, what is left of them is nothing to fail for. */
function cleanUp(remove: () => void): void {
  try {
    remove();
  } catch {
    // The next run removes it, or fails.
  }
}

/**
 * Takes back what has been done before an error.
 *
 * @throws {ReleaseError} of kind `io` when that cannot be done: the next run needs all that is there
 */
function undo({ root, dir }: ReleaseLocation, journal: Journal, cause: unknown): void {
  try {
    takeBack(root, journal);
  } catch (error) {
    const { kind, message } = ioError(`Cannot write the release to "${dir}"`, cause);
    throw new ReleaseError(kind, message, {
      lines: [`nor can it be taken back: ${error instanceof Error ? error.message : error}`],
      hint: "mend what is wrong with the disk: the next run finishes this publication or takes it back",
      cause,
    });
  }
}

/** Whether the program has a permission on a path. */
export function may(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}
