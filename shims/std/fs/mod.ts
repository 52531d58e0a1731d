// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/fs, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import { basename, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Options for {@linkcode walk}. */
export interface WalkOptions {
  /** Whether directories are listed. Default: true. */
  includeDirs?: boolean;
  /** Whether files are listed. Default: true. */
  includeFiles?: boolean;
  /** Whether symlinks are listed; they are never followed. Default: true. */
  includeSymlinks?: boolean;
  /** List only paths which end with one of these extensions. */
  exts?: string[];
}

/** What {@linkcode walk} lists. */
export interface WalkEntry extends Deno.DirEntry {
  /** The root joined with the place of the entry below it. */
  path: string;
}

/** Options for {@linkcode copy}. */
export interface CopyOptions {
  /** Whether existing files are written over. Default: false. */
  overwrite?: boolean;
}

/** Whether there is something at the path; a dangling symlink is nothing. */
export async function exists(path: string | URL): Promise<boolean> {
  try {
    return await unlessMissing(Deno.stat(path)) !== undefined;
  } catch (error) {
    // The operating system refuses (Deno itself would say NotCapable), so there is something to refuse.
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

/** Makes the directory and its parents, unless it is there; fails where something else is in its place. */
export async function ensureDir(dir: string | URL): Promise<void> {
  const info = await unlessMissing(Deno.stat(dir));
  if (info === undefined) await Deno.mkdir(dir, { recursive: true });
  else if (!info.isDirectory) throw new Error(`Not a directory: '${dir}'`);
}

/** Makes the directory, or removes everything in it. */
export async function emptyDir(dir: string | URL): Promise<void> {
  await ensureDir(dir);
  for (const { name } of await Array.fromAsync(Deno.readDir(dir))) {
    await Deno.remove(join(toPath(dir), name), { recursive: true });
  }
}

/** Lists the root and everything below it, a directory before what it holds. */
export async function* walk(root: string | URL, options: WalkOptions = {}): AsyncIterableIterator<WalkEntry> {
  const { includeDirs = true, includeFiles = true, includeSymlinks = true, exts } = options;
  const isWanted = (path: string): boolean =>
    exts === undefined || exts.some((ext) => path.endsWith(ext.startsWith(".") ? ext : `.${ext}`));

  const dir = toPath(root);
  if (includeDirs && isWanted(dir)) {
    const { isFile, isDirectory, isSymlink } = await Deno.stat(dir);
    const path = normalize(dir);
    yield { path, name: basename(path), isFile, isDirectory, isSymlink };
  }
  for await (const entry of Deno.readDir(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory) yield* walk(path, options);
    else if ((entry.isSymlink ? includeSymlinks : includeFiles) && isWanted(path)) yield { path, ...entry };
  }
}

/** Copies a file, a directory with everything in it, or a symlink (which Deno makes with unscoped permissions only). */
export async function copy(src: string | URL, dest: string | URL, options: CopyOptions = {}): Promise<void> {
  const [from, to] = [resolve(toPath(src)), resolve(toPath(dest))];
  if (from === to) throw new Error(`Cannot copy '${from}' to itself`);
  const info = await Deno.lstat(from);
  if (info.isDirectory && to.startsWith(join(from, sep))) {
    throw new Error(`Cannot copy '${from}' into itself: '${to}'`);
  }
  await copyEntry(info, from, to, options.overwrite ?? false);
}

type FileType = Pick<Deno.FileInfo, "isFile" | "isDirectory" | "isSymlink">;

async function copyEntry(type: FileType, src: string, dest: string, overwrite: boolean): Promise<void> {
  const present = await unlessMissing(Deno.lstat(dest));
  if (present && type.isDirectory && !present.isDirectory) {
    throw new Error(`Cannot copy directory '${src}' over '${dest}', which is none`);
  }
  if (present && !overwrite) throw new Deno.errors.AlreadyExists(`'${dest}' already exists`);

  if (type.isSymlink) {
    await Deno.symlink(await Deno.readLink(src), dest);
  } else if (type.isDirectory) {
    await Deno.mkdir(dest, { recursive: true });
    for await (const entry of Deno.readDir(src)) {
      await copyEntry(entry, join(src, entry.name), join(dest, entry.name), overwrite);
    }
  } else if (type.isFile) {
    await Deno.copyFile(src, dest);
  }
}

async function unlessMissing(info: Promise<Deno.FileInfo>): Promise<Deno.FileInfo | undefined> {
  try {
    return await info;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function toPath(pathOrUrl: string | URL): string {
  return pathOrUrl instanceof URL ? fileURLToPath(pathOrUrl) : pathOrUrl;
}
