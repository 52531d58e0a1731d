/**
 * The release directory: what is there, and what is written there.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { isReleasePath } from "../contract/layout.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ReleaseDir } from "../ports.ts";
import { LARGEST_DOCUMENT, readRegularFile } from "./files.ts";
import { followLinks } from "./lookup.ts";
import { absolutePath, fileError } from "./paths.ts";
import { checkLocation, DIRECTORIES, leftovers, publishFiles, type ReleaseLocation } from "./publish.ts";

/**
 * The release directory at a path, absolute or relative to `cwd`. It need not exist. Where it is, is found out once,
 * and looked at again before anything is written.
 *
 * @param dir The path; messages show it as it is
 * @param cwd What it is relative to, absolute
 * @throws {ReleaseError} of kind `io` when there is no permission to write it, a file in its place, or a link that leads
 * out of its repository
 */
export function createReleaseDir(dir: string, cwd: string): ReleaseDir {
  const problem = nameProblem(dir, resolve(cwd, dir));
  if (problem !== undefined) {
    throw new ReleaseError("io", `Cannot use "${dir}" as the release directory: ${problem}`);
  }
  const { path: root, existing } = followLinks(resolve(cwd, dir), dir);
  // Found out before anything is built and not when it is written.
  if (Deno.permissions.querySync({ name: "write", path: root }).state !== "granted") {
    throw new ReleaseError("io", `No permission to write "${root}"`, {
      hint: `give it with --allow-write=${root}, beside what is there`,
    });
  }
  const location: ReleaseLocation = { root, dir, cwd };
  checkLocation(location);
  return {
    path: root,
    realPath: () => Promise.resolve({ path: root, existing }),
    read: (path) => Promise.try(() => readReleaseFile(location, path)),
    has: (path) => isThere(location, path),
    interrupted: async () => (await leftovers(location)).length > 0,
    publish: (files) => publishFiles(location, files),
  };
}

function readReleaseFile(location: ReleaseLocation, path: string): Uint8Array<ArrayBuffer> | null {
  checkLocation(location);
  try {
    return readRegularFile(join(location.root, path), LARGEST_DOCUMENT);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw fileError("read", join(location.dir, path), { cwd: location.cwd, cause: error });
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

/**
 * Reads the files of a release directory and of its `rollouts/`. Names with a dot in front are no part of a release.
 *
 * @param dir The path, absolute or relative to `cwd`; messages show it as it is
 * @param cwd What it is relative to, absolute
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `io` when there is no such directory, or something in it cannot be read
 */
export async function readReleaseFiles(
  dir: string,
  cwd: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const paths: string[] = [];
  for (const sub of DIRECTORIES) paths.push(...await pathsIn(dir, sub, cwd));
  for (const path of paths) {
    const file = join(dir, path);
    try {
      const absolute = absolutePath(file, cwd);
      if ((await Deno.stat(absolute)).isFile) files.set(path, await Deno.readFile(absolute));
    } catch (error) {
      throw fileError("read", file, { cwd, cause: error });
    }
  }
  return files;
}

/**
 * What can be a release's files in a directory, sorted, by their path from above; none when it is a sub-directory that
 * is not there.
 */
async function pathsIn(dir: string, sub: string, cwd: string): Promise<string[]> {
  const paths: string[] = [];
  const shown = join(dir, sub);
  try {
    for await (const { name } of Deno.readDir(absolutePath(shown, cwd))) {
      const path = join(sub, name);
      if (isReleasePath(path)) paths.push(path);
    }
  } catch (error) {
    if (sub === "" || !(error instanceof Deno.errors.NotFound)) {
      throw fileError("read", shown, { cwd, cause: error });
    }
  }
  return paths.sort();
}

/** How many bytes a file system takes for one name. */
const LONGEST_NAME = 255;
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
