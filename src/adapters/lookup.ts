/**
 * Where paths lie: what has to be known of them before anything is permitted.
 *
 * @module
 */
import { dirname, join } from "@std/path";

/**
 * The root of the git repository that a path lies in, without symbolic links, or else the path. Git takes a directory
 * with a `.git` in it for a root, on the way up from where a path really lies.
 */
export function repositoryOf(path: string): string {
  if (statOf(path) === undefined && path !== dirname(path)) {
    const above = repositoryOf(dirname(path));
    return statOf(join(above, ".git")) === undefined ? path : above;
  }
  for (let dir = Deno.realPathSync(path);; dir = dirname(dir)) {
    if (statOf(join(dir, ".git")) !== undefined) return dir;
    if (dir === dirname(dir)) return path;
  }
}

/** The first directory on the way to a path that is not there; undefined when the path is there. */
export function firstMissing(path: string): string | undefined {
  return statOf(path) === undefined ? firstMissing(dirname(path)) ?? path : undefined;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
