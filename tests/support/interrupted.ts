/**
 * Release directories as a run leaves them that ends in the middle of its publication.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { createFile, identityOf, keepFile } from "../../src/adapters/disk.ts";
import { beginSwitch, placesOf, readJournal, type Step } from "../../src/adapters/journal.ts";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { signedPath, temporaryName } from "../../src/contract/layout.ts";

/** The files of a release by their paths. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The paths of a release in the order of writing. */
export function inOrder(files: Files): string[] {
  const rank = (path: string) => path.startsWith("rollouts/") ? 0 : path.startsWith("fleet") ? 2 : 1;
  return [...files.keys()].filter((path) => signedPath(path) === undefined)
    .sort((a, b) => rank(a) - rank(b)).flatMap((path) => [`${path}.sig`, path]);
}

/** Writes files as they are. */
export async function writeFiles(root: string, files: Files): Promise<void> {
  for (const [path, bytes] of files) {
    await ensureDir(dirname(join(root, path)));
    await Deno.writeFile(join(root, path), bytes);
  }
}

/** Begins to put a release into a directory, and stops when so many of its files have their places. */
export async function interrupt(root: string, files: Files, count: number): Promise<Step[]> {
  await ensureDir(join(root, "rollouts"));
  const steps = inOrder(files).map((path): Step => ({
    path,
    sha256: sha256Hex(files.get(path)!),
    next: temporaryName(),
    replaces: identityOf(join(root, path)),
    kept: temporaryName(),
  }));
  for (const step of steps) {
    const { final, next, kept } = placesOf(root, step);
    createFile(next, files.get(step.path)!);
    if (step.replaces !== null) keepFile(final, kept);
  }
  beginSwitch(root, [steps, ...readJournal(root) ?? []]);
  for (const step of steps.slice(0, count)) {
    const { final, next } = placesOf(root, step);
    await Deno.rename(next, final);
  }
  return steps;
}

/** All files below a directory, by path. */
export async function filesIn(root: string, prefix = ""): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { name, isDirectory } of Deno.readDir(join(root, prefix))) {
    const path = join(prefix, name);
    if (!isDirectory) files.set(path, await Deno.readFile(join(root, path)));
    else for (const entry of await filesIn(root, path)) files.set(...entry);
  }
  return files;
}

/** Files as text, to be compared. */
export function textsOf(files: Files): Record<string, string> {
  return Object.fromEntries([...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

/** The text of all files below a directory, by path. */
export async function textsIn(root: string): Promise<Record<string, string>> {
  return textsOf(await filesIn(root));
}
