/**
 * The release directory: what is there, and what is written there.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { sha256Hex } from "../contract/canonical.ts";
import {
  isDocumentPath,
  isManifestPath,
  isReleasePath,
  JOURNAL_FILE,
  LONGEST_NAME,
  MAX_FILE_BYTES,
  MAX_RELEASE_BYTES,
  ROLLOUTS_DIR,
  signaturePath,
  signedPath,
} from "../contract/layout.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ReadableReleaseDir, ReleaseDir } from "../ports.ts";
import { checkLink, checkRegularFile, type FilePlace, readBounded, ReadBudget, realPath } from "./bounded.ts";
import { readRegularFile } from "./files.ts";
import { followLinks } from "./lookup.ts";
import { absolutePath, Changed, fileError, WrongFile } from "./paths.ts";
import { newFileOf, readJournal, recover, type Step } from "./journal.ts";
import { checkLocation, DIRECTORIES, type ReleaseLocation } from "./location.ts";
import { publishFiles } from "./publish.ts";

/**
 * The release directory at a path, absolute or relative to `cwd`. It need not exist. Where it is, is found out once,
 * and looked at again before anything is written.
 *
 * @param dir The path; messages show it as it is
 * @param cwd What it is relative to, absolute
 * @param isWritten Whether something is going to be written there, for which there has to be permission
 * @throws {ReleaseError} of kind `io` when there is no permission to write it, a file in its place, or a link that leads
 * out of its repository
 */
export function createReleaseDir(dir: string, cwd: string, isWritten = true): ReleaseDir {
  const location = locate(dir, cwd);
  const { root } = location;
  // Found out before anything is built and not when it is written.
  if (isWritten && Deno.permissions.querySync({ name: "write", path: root }).state !== "granted") {
    throw new ReleaseError("io", `No permission to write "${root}"`, {
      hint: `give it with --allow-write=${root}, beside what is there`,
    });
  }
  return {
    ...readableAt(location),
    manifests: () => Promise.try(() => readManifests(location)),
    signedStrangers: (artifactName) => Promise.try(() => readSignedStrangers(location, artifactName)),
    strangers: (artifactName) => Promise.try(() => strangersIn(location, artifactName)),
    recover: () => Promise.try(() => recover(location)),
    publish: (files, outdated) => publishFiles(location, files, outdated),
  };
}

/**
 * The same directory, in which nothing is going to be written.
 *
 * @throws {ReleaseError} as {@linkcode createReleaseDir}, but for the permission
 */
export function openReleaseDir(dir: string, cwd: string): ReadableReleaseDir {
  return readableAt(locate(dir, cwd));
}

function locate(dir: string, cwd: string): ReleaseLocation & { readonly existing: string } {
  const problem = nameProblem(dir, resolve(cwd, dir));
  if (problem !== undefined) {
    throw new ReleaseError("io", `Cannot use "${dir}" as the release directory: ${problem}`);
  }
  const { path: root, existing } = followLinks(resolve(cwd, dir), dir);
  const location = { root, dir, cwd, existing };
  checkLocation(location);
  return location;
}

function readableAt(location: ReturnType<typeof locate>): ReadableReleaseDir {
  const { root: path, existing } = location;
  return {
    path,
    realPath: () => Promise.resolve({ path, existing }),
    read: (path) => Promise.try(() => readReleaseFile(location, path)),
    has: (path) => isThere(location, path),
  };
}

function readReleaseFile(location: ReleaseLocation, path: string): Uint8Array<ArrayBuffer> | null {
  checkLocation(location);
  try {
    return readRegularFile(join(location.root, path), MAX_FILE_BYTES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    const { message, hint } = fileError("read", join(location.dir, path), {
      cwd: location.cwd,
      cause: error,
    });
    // A directory is the one thing that a release does not replace.
    const isReplaced = error instanceof WrongFile && !Deno.lstatSync(join(location.root, path)).isDirectory;
    throw new ReleaseError(isReplaced ? "contract" : "io", message, { hint, cause: error });
  }
}

/**
 * What is under the names of manifests and of their signatures; null for what is no file that a release could have.
 *
 * @param most How many bytes are read, by default as many as `verify` reads; a manifest beyond that, and its signature,
 * is not among them, since nothing is known of it
 */
export function readManifests(
  location: ReleaseLocation,
  most: number = MAX_RELEASE_BYTES,
): Map<string, Uint8Array<ArrayBuffer> | null> {
  checkLocation(location);
  const found = new Map<string, Uint8Array<ArrayBuffer> | null>();
  let bytes = 0;
  for (const paths of Map.groupBy(manifestPaths(location), (path) => signedPath(path) ?? path).values()) {
    const files = paths.map((path) => [path, readIfFile(location, path)] as const);
    bytes += files.reduce((sum, [, file]) => sum + (file?.length ?? 0), 0);
    if (bytes > most) break;
    for (const [path, file] of files) found.set(path, file);
  }
  return found;
}

function manifestPaths({ root, dir, cwd }: ReleaseLocation): string[] {
  try {
    return [...Deno.readDirSync(join(root, ROLLOUTS_DIR))]
      .filter(({ isDirectory }) => !isDirectory)
      .map(({ name }) => `${ROLLOUTS_DIR}/${name}`)
      .filter(isManifestPath);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("read", join(dir, ROLLOUTS_DIR), { cwd, cause: error });
  }
}

/** What has the name of another fleet than this one, with its signature. */
function readSignedStrangers(
  location: ReleaseLocation,
  artifactName: string,
): Map<string, Uint8Array<ArrayBuffer> | null> {
  const paths = new Set(strangersIn(location, artifactName));
  const signed = [...paths].filter((path) => /^[^/]+\.json$/.test(path) && paths.has(signaturePath(path)));
  return new Map(
    signed.flatMap((path) => [path, signaturePath(path)]).map((path) => [path, readIfFile(location, path)]),
  );
}

/** The paths of files under names that no document of a release has. */
function strangersIn({ root, dir, cwd }: ReleaseLocation, artifactName: string): string[] {
  const found: string[] = [];
  for (const sub of DIRECTORIES) {
    try {
      for (const { name, isDirectory } of Deno.readDirSync(join(root, sub))) {
        const path = join(sub, name);
        if (isDirectory || isDocumentPath(path, artifactName)) continue;
        if (isReleasePath(path, artifactName)) found.push(path);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw fileError("read", join(dir, sub), { cwd, cause: error });
    }
  }
  return found.sort();
}

function readIfFile(location: ReleaseLocation, path: string): Uint8Array<ArrayBuffer> | null {
  try {
    return readReleaseFile(location, path);
  } catch (error) {
    if (error instanceof ReleaseError && error.kind === "contract") return null;
    throw error;
  }
}

/** Whether something is there, whatever it is: it is not opened. */
async function isThere({ root, dir }: ReleaseLocation, path: string): Promise<boolean> {
  try {
    await Deno.lstat(join(root, path));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw ioError(`Cannot look at "${join(dir, path)}"`, error);
  }
}

/** A release directory as the user names it. */
interface NamedDirectory {
  /** The path, absolute or relative to `cwd`; messages show it as it is. */
  readonly dir: string;
  readonly cwd: string;
}

/** A fleet that is about to take its place. */
export interface ComingFleet {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its signature; null: it is not there. */
  readonly signature: Uint8Array<ArrayBuffer> | null;
  /** The paths in `rollouts/` where nothing was before it: nobody has signed that they are its manifests. */
  readonly early: readonly string[];
}

/** A release directory that a run may be changing, or have left half changed. */
export interface FoundRelease {
  /** What {@linkcode readReleaseFiles} reads. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** Whether a publication has begun in the directory and not ended. */
  readonly interrupted: boolean;
  /** The fleet of that publication, as its journal says; null: there is none, or it has its place. */
  readonly coming: ComingFleet | null;
}

/** Reads of a directory in which something goes or is replaced each time. */
const MOST_READS = 10;

/**
 * Reads a release directory and what is about to come there, anew when something in it goes or is replaced meanwhile.
 *
 * @throws {ReleaseError} as {@linkcode readReleaseFiles} does
 */
export async function readRelease(place: NamedDirectory, artifactName: string): Promise<FoundRelease> {
  for (let reads = 1;; reads++) {
    try {
      return await readReleaseOnce(place, artifactName);
    } catch (error) {
      const { cause } = error as ReleaseError;
      const isGone = cause instanceof Deno.errors.NotFound || cause instanceof Changed;
      if (!isGone || reads === MOST_READS) throw error;
    }
  }
}

async function readReleaseOnce(place: NamedDirectory, artifactName: string): Promise<FoundRelease> {
  const files = await readReleaseFiles(place, artifactName);
  const { dir, cwd } = place;
  try {
    const root = absolutePath(dir, cwd);
    const journal = readJournal(root);
    if (journal === null) return { files, interrupted: false, coming: null };
    return { files, interrupted: true, coming: comingFleet(root, journal[0], files, artifactName) };
  } catch (error) {
    throw fileError("read", join(dir, JOURNAL_FILE), { cwd, cause: error });
  }
}

function comingFleet(
  root: string,
  steps: readonly Step[],
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  artifactName: string,
): ComingFleet | null {
  const isThere = ({ path, sha256 }: Step) => {
    const bytes = files.get(path);
    return bytes !== undefined && sha256Hex(bytes) === sha256;
  };
  const find = (name: string) => steps.find(({ path }) => path === name);
  const fleet = find(artifactName);
  if (fleet === undefined || isThere(fleet)) return null;
  const bytes = newFileOf(root, fleet);
  if (bytes === null) return null;
  const signature = find(signaturePath(artifactName));
  const early = steps.filter((step) =>
    step.path.startsWith(`${ROLLOUTS_DIR}/`) && step.replaces === null && isThere(step)
  );
  return {
    bytes,
    signature: signature === undefined ? null : newFileOf(root, signature),
    early: early.map(({ path }) => path),
  };
}

/** What is under a name that no document of a release has is never looked into. */
const NOT_READ = new Uint8Array();

/**
 * Reads the documents and signatures in a release directory and in its `rollouts/`, and gives the names of what lies
 * beside them, with no bytes. Names with a dot in front are no part of a release, but for the fleet.
 *
 * @param place The directory
 * @param artifactName File name of the fleet artifact
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `io` when there is no such directory, or something in it is no regular file, is a link
 * that leads out of it, is too large or cannot be read
 */
export async function readReleaseFiles(
  place: NamedDirectory,
  artifactName: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { dir, cwd } = place;
  const budget = new ReadBudget(dir);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  let paths: string[] = [];
  // More than a call takes as its arguments.
  for (const sub of DIRECTORIES) paths = paths.concat(await pathsIn(place, sub, budget, artifactName));
  const within = realPath(dir, cwd);
  const places = new Map(
    paths.map((path): [string, FilePlace] => [path, { path: join(dir, path), cwd, within }]),
  );
  // All of them are looked at before the first is read.
  for (const [path, place] of places) {
    if (isDocumentPath(path, artifactName)) budget.takeBytes(place.path, checkRegularFile(place));
    // Of these the name alone says that there is no signature, or nothing that it signs.
    else if (/\.(json|sig)$/.test(path)) checkRegularFile(place);
  }
  for (const [path, place] of places) {
    files.set(path, isDocumentPath(path, artifactName) ? readBounded(place) : NOT_READ);
  }
  return files;
}

/**
 * What can be a release's files in a directory, sorted, by their path from above; none when it is a sub-directory that
 * is not there.
 */
async function pathsIn(
  { dir, cwd }: NamedDirectory,
  sub: string,
  budget: ReadBudget,
  artifactName: string,
): Promise<string[]> {
  const paths: string[] = [];
  const shown = join(dir, sub);
  try {
    for await (const { name, isDirectory } of Deno.readDir(absolutePath(shown, cwd))) {
      const path = join(sub, name);
      if (isDirectory || path === ROLLOUTS_DIR || !isReleasePath(path, artifactName)) continue;
      budget.takeName();
      paths.push(path);
    }
    if (sub !== "") checkLink({ path: shown, cwd, within: realPath(dir, cwd) });
  } catch (error) {
    if (error instanceof ReleaseError) throw error;
    const isGone = error instanceof Deno.errors.NotFound;
    if (sub === "" || !isGone) {
      throw fileError("read", shown, { cwd, cause: error, hint: isGone ? NO_RELEASE : undefined });
    }
  }
  return paths.sort();
}

const NO_RELEASE =
  "the first release makes it: give the directory that has one, relative to the current directory";

/** How many Linux takes for a path, less the longest name in it. */
const LONGEST_DIR = 4095 - 1 - LONGEST_NAME;

/** Why no file can be written below a path of this name; undefined: it can, as far as the name tells. */
function nameProblem(dir: string, path: string): string | undefined {
  // Git is given the paths of files on lines.
  if (/[\n\r]/.test(dir)) return "it has a line break in it";
  const lengthOf = (text: string) => new TextEncoder().encode(text).length;
  const longest = Math.max(...path.split("/").map(lengthOf));
  if (longest > LONGEST_NAME) return `a name in it has ${longest} bytes, expected at most ${LONGEST_NAME}`;
  const length = lengthOf(path);
  if (length <= LONGEST_DIR) return undefined;
  return `its path has ${length} bytes, expected at most ${LONGEST_DIR}, so that names have room behind it`;
}
