/**
 * The file that a run's page is written to: one that the user names, outside of the release.
 *
 * @module
 */
import { basename, resolve } from "@std/path";
import { writeAll } from "../bytes.ts";
import { ReleaseError } from "../errors.ts";
import { isWithin, nextFile } from "../plan/paths.ts";
import { lstatOf } from "./disk.ts";
import { kindOf } from "./files.ts";
import { followLinks } from "./lookup.ts";
import { checkPermitted } from "./permitted.ts";
import { fileError, WrongFile } from "./paths.ts";

/** Where a page goes. */
export interface ReportFile {
  /**
   * Puts a page in the place of the one that was there, as one step.
   *
   * @throws {ReleaseError} of kind `io`; what was there is there still
   */
  write(page: string): void;
}

/**
 * Finds out whether a page can be written, before hours of work: it is tried.
 *
 * @param file As the user gave it, as is `releaseDir`; relative to `cwd`
 * @throws {ReleaseError} of kind `usage` when it is in the release directory, `io` when it cannot be written
 */
export function openReportFile(
  file: string,
  { cwd, releaseDir }: { readonly cwd: string; readonly releaseDir: string },
): ReportFile {
  const path = resolve(cwd, file);
  const next = nextFile(path);
  const named = resolve(cwd, releaseDir);
  const release = followLinks(named, releaseDir).path;
  if (isWithin(path, named) || isWithin(path, release)) throw withinRelease(file, releaseDir);
  checkPermitted({ read: [path, next], write: [path, next] }, "leave out --report");
  const trying = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw fileError("write", file, { cwd, cause: error });
    }
  };
  if (isWithin(trying(() => tryPlace(path, next)), release)) throw withinRelease(file, releaseDir);
  return { write: (page) => trying(() => replaceFile(path, next, page)) };
}

/** So often a place is tried that another run is trying, too. */
const TRIES = 5;

/**
 * Makes a file beside another one and takes it away again, unless one is there: it may be another run's.
 *
 * @returns where that really is
 * @throws an error of the file system, or one that says what is in the way
 */
function tryPlace(path: string, next: string): string {
  refuseOthers(path, next);
  for (let tries = 1;; tries++) {
    try {
      const isNew = lstatOf(next) === undefined;
      if (isNew) Deno.openSync(next, { write: true, createNew: true }).close();
      const real = Deno.realPathSync(next);
      if (isNew) Deno.removeSync(next);
      return real;
    } catch (error) {
      const isOthers = error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound;
      if (!isOthers || tries === TRIES) throw error;
    }
  }
}

/**
 * Writes a page beside a file, and puts it in its place; when that fails, it goes.
 *
 * @throws an error of the file system, or one that says what is in the way
 */
function replaceFile(path: string, next: string, page: string): void {
  refuseOthers(path, next);
  const there = lstatOf(path);
  // Left by a run that was killed.
  if (lstatOf(next) !== undefined) Deno.removeSync(next);
  try {
    createPage(next, new TextEncoder().encode(page), there?.mode ?? 0o666);
    Deno.renameSync(next, path);
  } catch (error) {
    if (lstatOf(next)?.isFile) Deno.removeSync(next);
    throw error;
  }
}

/** The end of a log may be in it: who may read it, the earlier page and the umask say. */
function createPage(path: string, bytes: Uint8Array, mode: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: mode & 0o666 });
  writeAll(file, bytes);
  file.syncSync();
}

/** What is no file, such as a device, would be gone for everybody, and what is no page, such as a key, for good. */
function refuseOthers(path: string, next: string): void {
  for (const one of [path, next]) {
    const there = lstatOf(one);
    if (there === undefined || there.isFile) continue;
    const subject = one === path ? "it" : `"${basename(next)}" beside it`;
    throw new WrongFile(`${subject} is ${kindOf(there)}, expected a file or nothing`, "give another name");
  }
  if (lstatOf(path) === undefined || startsAsPage(path)) return;
  throw new WrongFile("it is a file, and no page", "give another name, or take it away");
}

/** What every page begins with. */
const PAGE_START = "<!doctype html>";

/** Whether a file begins as every page does. An empty one does, as `mktemp` makes it. */
function startsAsPage(path: string): boolean {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(PAGE_START.length);
  const read = file.readSync(bytes) ?? 0;
  return read === 0 || new TextDecoder().decode(bytes) === PAGE_START;
}

function withinRelease(file: string, releaseDir: string): ReleaseError {
  return new ReleaseError("usage", `Cannot write the report to "${file}": it is in the release directory`, {
    hint: `what is in "${releaseDir}" is the release, and is published: give a file elsewhere`,
  });
}
