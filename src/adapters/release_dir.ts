/**
 * The release directory: what is there, and what is written there.
 *
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import { isReleasePath } from "../contract/layout.ts";
import { ioError, ReleaseError } from "../errors.ts";
import type { ReleaseDir } from "../ports.ts";
import { absolutePath, fileError } from "./paths.ts";
import { DIRECTORIES, leftovers, publishFiles, type ReleaseLocation } from "./publish.ts";

/**
 * The release directory at a path, absolute or relative to `cwd`. It need not exist.
 *
 * @param dir The path; messages show it as it is
 * @param cwd What it is relative to, absolute
 * @throws {ReleaseError} of kind `io` when there is no permission to write it, or a file in its place
 */
export function createReleaseDir(dir: string, cwd: string): ReleaseDir {
  const root = resolve(cwd, dir);
  // Found out before anything is built and not when it is written.
  if (Deno.permissions.querySync({ name: "write", path: root }).state !== "granted") {
    throw new ReleaseError("io", `No permission to write "${root}"`, {
      hint: `give it with --allow-write=${root}, beside what is there`,
    });
  }
  if (isNoDirectory(root)) {
    throw new ReleaseError("io", `Cannot use "${dir}" as the release directory: it is a file`);
  }
  const location: ReleaseLocation = { root, dir };
  return {
    path: root,
    realPath: () => realReleaseDir(location),
    read: (path) => readReleaseFile(location, path),
    interrupted: async () => (await leftovers(location)).length > 0,
    publish: (files) => publishFiles(location, files),
  };
}

async function realReleaseDir({ root, dir }: ReleaseLocation): Promise<{ path: string; existing: string }> {
  const real = await realPathOfMissing(root);
  if ((await Deno.stat(real.existing)).isDirectory) return real;
  throw new ReleaseError("io", `Cannot use "${dir}" as the release directory: "${real.existing}" is a file`);
}

async function readReleaseFile(
  { root, dir }: ReleaseLocation,
  path: string,
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return await Deno.readFile(join(root, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw ioError(`Cannot read "${join(dir, path)}"`, error);
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

async function realPathOfMissing(path: string): Promise<{ path: string; existing: string }> {
  try {
    const real = await Deno.realPath(path);
    return { path: real, existing: real };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const parent = await realPathOfMissing(dirname(path));
    return { path: join(parent.path, relative(dirname(path), path)), existing: parent.existing };
  }
}

/** Whether something else than a directory is there. */
function isNoDirectory(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
