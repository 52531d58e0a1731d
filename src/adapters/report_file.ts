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

/** What a page must not be in: the release directory, as the user gave it, relative to `cwd`. */
interface Surroundings {
  readonly cwd: string;
  readonly releaseDir: string;
}

/**
 * Finds out whether a page can be written, before hours of work: it is tried.
 *
 * @param file As the user gave it, relative to `cwd`
 * @throws {ReleaseError} of kind `usage` when it is in the release directory, `io` when it cannot be written
 */
export function openReportFile(file: string, { cwd, releaseDir }: Surroundings): ReportFile {
  const { path, next, release } = placeOf(file, { cwd, releaseDir });
  checkPermitted({ read: [path, next], write: [path, next] }, "leave out --report");
  const trying = <T>(body: () => T): T => asFileError(file, cwd, body);
  if (isWithin(trying(() => tryPlace(path, next)), release)) throw withinRelease(file, releaseDir);
  return { write: (page) => trying(() => replaceFile(path, next, page)) };
}

/**
 * Finds out the same as far as it shows without a trial: what is in the way of a page.
 *
 * @throws {ReleaseError} as {@linkcode openReportFile}
 */
export function checkReportFile(file: string, { cwd, releaseDir }: Surroundings): void {
  const { path, next } = placeOf(file, { cwd, releaseDir });
  asFileError(file, cwd, () => refuseOthers(path, next));
}

/** Absolute paths: of a page, of what takes its place, and of the release directory, wherever links lead to it. */
function placeOf(file: string, { cwd, releaseDir }: Surroundings) {
  const path = resolve(cwd, file);
  const named = resolve(cwd, releaseDir);
  const release = followLinks(named, releaseDir).path;
  if (isWithin(path, named) || isWithin(path, release)) throw withinRelease(file, releaseDir);
  return { path, next: nextFile(path), release };
}

function asFileError<T>(file: string, cwd: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw fileError("write", file, { cwd, cause: error });
  }
}

/** So often is tried what another run keeps from being done that writes the same page. */
const TRIES = 10;

/** Does what another run may keep from being done that writes the same page: it, too, makes a file and takes it away. */
function besideOthers<T>(body: () => T): T {
  for (let tries = 1;; tries++) {
    try {
      return body();
    } catch (error) {
      const isOthers = error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound;
      if (!isOthers || tries === TRIES) throw error;
    }
  }
}

/**
 * Makes a file beside another one and takes it away again, unless one is there: it may be another run's.
 *
 * @returns where that really is
 * @throws an error of the file system, or one that says what is in the way
 */
function tryPlace(path: string, next: string): string {
  refuseOthers(path, next);
  return besideOthers(() => {
    const isNew = lstatOf(next) === undefined;
    if (isNew) Deno.openSync(next, { write: true, createNew: true }).close();
    const real = Deno.realPathSync(next);
    if (isNew) Deno.removeSync(next);
    return real;
  });
}

/**
 * Writes a page beside a file, and puts it in its place; when that fails, it goes. Of two runs that do so at once, the page
 * of one is there in the end.
 *
 * @throws an error of the file system, or one that says what is in the way
 */
function replaceFile(path: string, next: string, page: string): void {
  refuseOthers(path, next);
  const mode = lstatOf(path)?.mode ?? 0o666;
  const bytes = new TextEncoder().encode(page);
  besideOthers(() => {
    // Left by a run that was killed, or by one that then writes its own once more.
    if (lstatOf(next) !== undefined) Deno.removeSync(next);
    // The end of a log may be in it: who may read it, the earlier page and the umask say.
    using file = Deno.openSync(next, { write: true, createNew: true, mode: mode & 0o666 });
    try {
      writeAll(file, bytes);
      file.syncSync();
      Deno.renameSync(next, path);
    } catch (error) {
      // Where it has gone already, another run has its own there.
      if (!(error instanceof Deno.errors.NotFound)) Deno.removeSync(next);
      throw error;
    }
  });
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
