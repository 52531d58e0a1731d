/**
 * The journal of a publication: which files are about to take their places, and what was there before. While it lies in
 * a release directory, whoever finds it can finish the publication or take it back, and readers are told of it.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import {
  fleetNameProblem,
  isManifestPath,
  isTemporaryName,
  JOURNAL_FILE,
  MAX_FILE_BYTES,
  SIDECAR_FILES,
  signedPath,
  temporaryName,
} from "../contract/layout.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { ioError } from "../errors.ts";
import { hasGitName } from "../plan/git_names.ts";
import type { Recovery } from "../ports.ts";
import { createFile, identityOf, lstatOf, syncDirectory } from "./disk.ts";
import { readRegularFile } from "./files.ts";
import { checkLocation, DIRECTORIES, type ReleaseLocation } from "./location.ts";

/** How one file takes its place, or goes. */
export interface Step {
  /** Its path relative to the release directory. */
  readonly path: string;
  /** SHA-256 of its bytes, in lower-case hex; null: it goes. */
  readonly sha256: string | null;
  /** The name that it has until then, in the same directory. */
  readonly next: string;
  /** What it takes the place of, as `identityOf` tells it; null: nothing. */
  readonly replaces: string | null;
  /** The name under which that is kept, in the same directory. */
  readonly kept: string;
}

/**
 * The publications that have begun in a directory and not ended, each by its steps: the last one, and those before it
 * that had to be left as they were. What they name stays until one is done. Of a journal that cannot be read nobody knows
 * any steps.
 */
export type Journal = readonly [last: readonly Step[], ...left: (readonly Step[])[]];

/** Where a step's files are. */
interface Places {
  readonly final: string;
  readonly next: string;
  readonly kept: string;
}

/** Where the files of a step are, absolute. */
export function placesOf(root: string, { path, next, kept }: Step): Places {
  const final = join(root, path);
  const beside = dirname(final);
  return { final, next: join(beside, next), kept: join(beside, kept) };
}

/**
 * Has an error name the file that it is about, which those of write and fsync do not.
 *
 * @param path Relative to the release directory
 */
export function naming<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`"${path}": ${reason}`, { cause: error });
  }
}

/** Begins the switch: once this has returned it is finished or taken back, whatever happens. */
export function beginSwitch(root: string, journal: Journal): void {
  // What is beside the journal is on the disk with it.
  syncDirectories(root, journal[0].filter(({ path }) => dirname(path) !== "."));
  writeJournal(root, journal);
}

function writeJournal(root: string, journal: readonly (readonly Step[])[]): void {
  naming(JOURNAL_FILE, () => {
    const temporary = join(root, temporaryName());
    createFile(temporary, new TextEncoder().encode(JSON.stringify(journal)));
    Deno.renameSync(temporary, join(root, JOURNAL_FILE));
  });
}

/**
 * Puts each file that has not its place yet there, in their order, takes away those that go, and ends the switch, with
 * all that was left before it.
 *
 * @returns why files that were to go are still there, by path: nobody is led to them any more
 * @throws when a new file is neither there nor in its place: another run may have removed it
 */
export function finishSwitch(root: string, steps: readonly Step[]): Map<string, unknown> {
  naming(JOURNAL_FILE, () => syncDirectory(root));
  const come = steps.filter(({ sha256 }) => sha256 !== null);
  for (const [index, step] of come.entries()) {
    const { final, next } = placesOf(root, step);
    naming(step.path, () => {
      if (identityOf(next) === step.sha256) Deno.renameSync(next, final);
      else if (identityOf(final) !== step.sha256) throw new Error("its new bytes are not there any more");
    });
    const following = come[index + 1];
    // A reader who finds what is above finds what it leads to, also after a power cut.
    if (following === undefined || dirname(following.path) !== dirname(step.path)) {
      syncDirectories(root, [step]);
    }
  }
  const go = steps.filter(({ sha256 }) => sha256 === null);
  const stuck = takeAway(root, go);
  syncDirectories(root, go);
  endSwitch(root);
  return stuck;
}

/** Takes each document and its signature away, or neither: one without the other would be refused. */
function takeAway(root: string, steps: readonly Step[]): Map<string, unknown> {
  const stuck = new Map<string, unknown>();
  for (const both of Map.groupBy(steps, ({ path }) => signedPath(path) ?? path).values()) {
    const moved: Step[] = [];
    try {
      for (const step of both) if (moveAside(root, step)) moved.push(step);
    } catch (error) {
      for (const { path } of both) stuck.set(path, error);
      for (const step of moved) {
        const { final, kept } = placesOf(root, step);
        naming(step.path, () => Deno.renameSync(kept, final));
      }
    }
  }
  return stuck;
}

/** What goes is kept until the switch has ended, as what is replaced is. */
function moveAside(root: string, step: Step): boolean {
  const { final, kept } = placesOf(root, step);
  const stat = lstatOf(final);
  if (stat === undefined) return false;
  if (stat.isDirectory) throw new Error("it is a directory");
  if (identityOf(final) !== step.replaces) throw new Error("it was changed meanwhile");
  Deno.renameSync(final, kept);
  return true;
}

/**
 * Puts back what was there before the last publication, the last file first, and ends its switch.
 *
 * @throws when that cannot be done; without a journal nothing is, since the next run would not know of what is half done
 */
export function takeBack(root: string, [steps, ...left]: Journal): void {
  if (lstatOf(join(root, JOURNAL_FILE)) === undefined) {
    throw new Error(`"${JOURNAL_FILE}" is not there any more`);
  }
  for (const step of steps.toReversed()) {
    const { final, next, kept } = placesOf(root, step);
    naming(step.path, () => {
      // It has not got its place.
      if (lstatOf(next) !== undefined) return;
      const at = identityOf(final);
      if (step.replaces === null) {
        if (at === step.sha256) Deno.removeSync(final);
      } else if (identityOf(kept) === step.replaces) Deno.renameSync(kept, final);
      else if (at !== step.replaces) throw new Error("what was there before is not there any more");
    });
  }
  syncDirectories(root, steps);
  if (left.length === 0) endSwitch(root);
  else {
    writeJournal(root, left);
    naming(JOURNAL_FILE, () => syncDirectory(root));
  }
}

/** Ends all publications. The journal goes by a rename: when that cannot be put on the disk, they have not ended. */
export function endSwitch(root: string): void {
  naming(JOURNAL_FILE, () => {
    const journal = join(root, JOURNAL_FILE);
    const aside = join(root, temporaryName());
    Deno.renameSync(journal, aside);
    try {
      syncDirectory(root);
    } catch (error) {
      Deno.renameSync(aside, journal);
      throw error;
    }
  });
}

/** The new file of a step, whether it has its place yet or not; null: it is not there. */
export function newFileOf(root: string, step: Step): Uint8Array<ArrayBuffer> | null {
  const { final, next } = placesOf(root, step);
  for (const path of [next, final]) {
    const bytes = unlessGone(() =>
      identityOf(path) === step.sha256 ? readRegularFile(path, MAX_FILE_BYTES) : null
    );
    if (bytes !== null) return bytes;
  }
  return null;
}

/** What is read while a run may be renaming it; null: it is gone. */
function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Puts the names of these files on the disk, and those beside them. */
function syncDirectories(root: string, steps: readonly Step[]): void {
  for (const sub of new Set(steps.map(({ path }) => dirname(path)))) {
    const path = join(root, sub);
    if (lstatOf(path) !== undefined) naming(path, () => syncDirectory(path));
  }
}

/**
 * What the journal says; null: there is none, and no publication has begun that has not ended.
 *
 * @param root The release directory, absolute
 * @throws an error of the file system
 */
export function readJournal(root: string): Journal | null {
  const path = join(root, JOURNAL_FILE);
  const stat = lstatOf(path);
  if (stat === undefined) return null;
  if (!stat.isFile || stat.size > MAX_FILE_BYTES) return [[]];
  const bytes = unlessGone(() => readRegularFile(path, MAX_FILE_BYTES));
  if (bytes === null) return null;
  try {
    const journal = parseJson(decodeUtf8(bytes));
    return isJournal(journal) ? journal : [[]];
  } catch {
    return [[]];
  }
}

function isJournal(value: unknown): value is Journal {
  return Array.isArray(value) && value.length > 0 &&
    value.every((steps) => Array.isArray(steps) && steps.every(isStep) && areOneEach(steps));
}

/** Whether no file is named twice: each is read for each time, and may be large. */
function areOneEach(steps: readonly Step[]): boolean {
  return new Set(steps.map(({ path }) => path)).size === steps.length;
}

/** Anybody may have put the journal there, also in a commit: it leads to nothing but the files of a release. */
function isStep(value: unknown): value is Step {
  if (typeof value !== "object" || value === null) return false;
  const { path, sha256, next, replaces, kept } = value as Record<keyof Step, unknown>;
  const isBeside = (name: unknown) => isName(name) && isTemporaryName(name);
  return typeof path === "string" && isReleaseFile(path) &&
    (typeof sha256 === "string" ? /^[0-9a-f]{64}$/.test(sha256) : sha256 === null && canGo(path)) &&
    (typeof replaces === "string" || replaces === null && sha256 !== null) &&
    isBeside(next) && isBeside(kept);
}

/** Whether a path can be that of a file of a release, whatever its fleet is called: several may share a directory. */
function isReleaseFile(path: string): boolean {
  const document = signedPath(path) ?? path;
  return canGo(path) || fleetNameProblem(document) === undefined && !hasGitName(document);
}

/** Whether a path is one of what lies beside a fleet. */
function canGo(path: string): boolean {
  return isManifestPath(path) || SIDECAR_FILES.includes(signedPath(path) ?? path);
}

function isName(name: unknown): name is string {
  return typeof name === "string" && /^[^/\0]+$/.test(name) && name !== "." && name !== "..";
}

/**
 * Finishes or takes back the publication of a run that ended in it, and removes what else such runs left.
 *
 * @returns what was done; null: there was no such publication
 * @throws {ReleaseError} of kind `io` when it cannot be done
 */
export function recover(location: ReleaseLocation): Recovery | null {
  checkLocation(location);
  const { root, dir } = location;
  try {
    const journal = readJournal(root);
    const recovery = journal === null ? null : endInterrupted(root, journal);
    removeTemporary(root);
    return recovery;
  } catch (error) {
    throw ioError(`Cannot clean up what a run that ended while it was writing left in "${dir}"`, error);
  }
}

/** Ends the last publication, if there is a way. What is left keeps its journal: it may be all there is of a release. */
function endInterrupted(root: string, journal: Journal): Recovery {
  if (lstatOf(join(root, JOURNAL_FILE))?.isDirectory) {
    throw new Error(`"${JOURNAL_FILE}" is a directory, which no run has made: take it away`);
  }
  const recovery = wayOut(root, journal[0]);
  // What it cannot take away the run that follows finds again.
  if (recovery === "finished") finishSwitch(root, journal[0]);
  if (recovery !== "taken-back") return recovery;
  takeBack(root, journal);
  return journal.length === 1 ? "taken-back" : "left";
}

/** How a switch that has begun can end: forwards as long as every new file is there, unless others have been at work. */
function wayOut(root: string, steps: readonly Step[]): Recovery {
  const found = steps.map((step) => {
    const { final, next, kept } = placesOf(root, step);
    const at = identityOf(final);
    const isNew = at === step.sha256;
    const isOld = at === step.replaces;
    return {
      // No release has a directory there, whatever a journal says.
      isOurs: (isNew || isOld) && lstatOf(final)?.isDirectory !== true,
      hasNew: isNew || identityOf(next) === step.sha256,
      hasOld: isOld || step.replaces === null || identityOf(kept) === step.replaces,
    };
  });
  if (steps.length === 0 || found.some(({ isOurs }) => !isOurs)) return "left";
  if (found.every(({ hasNew }) => hasNew)) return "finished";
  return found.every(({ hasOld }) => hasOld) ? "taken-back" : "left";
}

/** Removes the temporary files of runs that have ended, but for those that are needed to end what the journal says. */
export function removeTemporary(root: string): void {
  const journal = readJournal(root) ?? [];
  // Of what cannot be read nobody knows which are.
  if (journal.some((steps) => steps.length === 0)) return;
  const needed = new Set(journal.flat().flatMap(({ next, kept }) => [next, kept]));
  for (const sub of DIRECTORIES) {
    if (lstatOf(join(root, sub)) === undefined) continue;
    for (const { name, isDirectory } of Deno.readDirSync(join(root, sub))) {
      const path = join(sub, name);
      if (!isTemporaryName(name) || isDirectory || needed.has(name)) continue;
      naming(path, () => Deno.removeSync(join(root, path)));
    }
  }
}
