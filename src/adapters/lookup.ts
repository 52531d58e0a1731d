/**
 * Where paths lie and lead: what has to be known of them before anything is permitted.
 *
 * @module
 */
import { basename, dirname, join, relative, resolve } from "@std/path";
import { ReleaseError } from "../errors.ts";
import { isWithin } from "../plan/paths.ts";

/**
 * The root of the git repository that a path lies in, without symbolic links, or else the path. Git takes a directory
 * with a `.git` in it for a root, on the way up from where a path really lies.
 */
export function repositoryOf(path: string): string {
  if (statOf(path) === undefined && path !== dirname(path)) {
    const above = repositoryOf(dirname(path));
    return statOf(join(above, ".git")) === undefined ? path : above;
  }
  return rootAbove(Deno.realPathSync(path)) ?? path;
}

/** A directory that is there, without symbolic links; undefined: there is none. */
export function realDirectory(path: string): string | undefined {
  return statOf(path)?.isDirectory ? Deno.realPathSync(path) : undefined;
}

/** Whether a directory lies in a repository, as far as that is seen without git. */
export function isInRepository(dir: string): boolean {
  return rootAbove(Deno.realPathSync(dir)) !== undefined;
}

/** The nearest directory with a `.git` in it, from a directory without symbolic links upwards. */
function rootAbove(dir: string): string | undefined {
  if (statOf(join(dir, ".git")) !== undefined) return dir;
  return dir === dirname(dir) ? undefined : rootAbove(dirname(dir));
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

/** The end of the name of each file that keeps two runs apart. */
const LOCK_FILE = "fleet-release.lock";

/** As much of a path as a lock is named by: those of two directories may be one, and the two then wait for each other. */
const LONGEST_KEY = 200;

/** The files that keep two runs apart. None need be there. */
export interface LockFiles {
  /** Those that one of a release directory can be: the first that can be written. */
  readonly directory: readonly string[];
  /** That of all commits in its work tree; undefined: it is outside of git. */
  readonly commits: string | undefined;
}

/**
 * The locks of a release directory, in the directory of git, or beside it outside of git. Each work tree of a repository
 * has its own, since each has a directory of git's.
 *
 * @param releaseDir The directory, absolute. It need not be there
 * @param shown The path as the user gave it, for messages
 * @throws {ReleaseError} as {@linkcode followLinks}
 */
export function lockFilesOf(releaseDir: string, shown: string): LockFiles {
  const { path, existing } = followLinks(releaseDir, shown);
  const within = join(path, `.${LOCK_FILE}`);
  const root = rootAbove(existing);
  const gitDir = root === undefined ? undefined : gitDirectoryOf(root);
  if (root === undefined || gitDir === undefined) {
    return {
      directory: [join(dirname(path), `.${basename(path)}.${LOCK_FILE}`), within],
      commits: undefined,
    };
  }
  const key = encodeURIComponent(relative(root, path).toWellFormed()).slice(-LONGEST_KEY);
  return { directory: [join(gitDir, `${key}.${LOCK_FILE}`), within], commits: join(gitDir, LOCK_FILE) };
}

/** What a commit of a release touches of a repository without git, absolute. */
export interface GitPlaces {
  /** The directories of git: the work tree's own, and the one that all work trees share. */
  readonly dirs: readonly string[];
  /** What is written or removed: the index, with what holds it and takes its place, and what holds branches. */
  readonly written: readonly string[];
}

/** The index that is about to take the place of the user's, beside it. */
export const NEXT_INDEX = "fleet-release.index";

/** What git holds while it moves a branch in a repository that has references in tables. */
export const TABLES_LOCK = "reftable/tables.list.lock";

/**
 * What a commit of a release touches of the repository that a release directory lies in.
 *
 * @param releaseDir The directory, absolute. It need not be there
 * @param shown The path as the user gave it, for messages
 * @returns nothing outside of a repository
 * @throws {ReleaseError} as {@linkcode followLinks}
 */
export function gitPlacesOf(releaseDir: string, shown: string): GitPlaces {
  const root = rootAbove(followLinks(releaseDir, shown).existing);
  const own = root === undefined ? undefined : gitDirectoryOf(root);
  if (own === undefined) return { dirs: [], written: [] };
  const shared = sharedDirectoryOf(own);
  const names = ["index", "index.lock", NEXT_INDEX, `${NEXT_INDEX}.lock`, "HEAD.lock"];
  return {
    dirs: [...new Set([own, shared])],
    written: [
      ...[...names, TABLES_LOCK].map((name) => join(own, name)),
      ...[...own === shared ? [] : [TABLES_LOCK], "refs/heads"].map((name) => join(shared, name)),
    ],
  };
}

/** The directory that a work tree's own one shares with others; a file in it names it. */
function sharedDirectoryOf(own: string): string {
  try {
    return resolve(own, Deno.readTextFileSync(join(own, "commondir")).replace(/\n$/, ""));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return own;
    throw error;
  }
}

/** The directory that git keeps of a work tree, which a file may name in its place; undefined: there is none. */
function gitDirectoryOf(root: string): string | undefined {
  const dir = join(root, ".git");
  if (statOf(dir)?.isDirectory) return dir;
  const named = /^gitdir: (.+?)\n?$/.exec(Deno.readTextFileSync(dir))?.[1];
  // It lies elsewhere, where nothing but the lock may be looked at.
  return named === undefined ? undefined : resolve(root, named);
}

/** Where a release directory really is. */
export interface RealDirectory {
  /** Its path without symbolic links, as far as they can be seen. It need not exist. */
  readonly path: string;
  /** It, or the nearest directory above it that exists. */
  readonly existing: string;
  /** The links that were followed, each by its path. */
  readonly links: readonly string[];
}

/** As many links as Linux follows. */
const MOST_LINKS = 40;

/**
 * Follows the links to a release directory, one component after the other. Whoever writes to a repository can put a
 * link there: one that leads out of it is refused. Links outside of repositories are the machine's own.
 *
 * What there is no permission to look at is taken for a directory: the permissions name all links that there were.
 *
 * @param path The directory, absolute
 * @param shown The path as the user gave it, for messages
 * @throws {ReleaseError} of kind `io` when a link leads out of its repository or nowhere, or something on the way is
 * no directory
 */
export function followLinks(path: string, shown: string): RealDirectory {
  const refuse = (problem: string, hint?: string) =>
    new ReleaseError("io", `Cannot use "${shown}" as the release directory: ${problem}`, { hint });
  const links: string[] = [];
  let at = "/";
  let existing: string | undefined;
  for (let rest = componentsOf(path); rest.length > 0;) {
    const [name, ...below] = rest as [string, ...string[]];
    rest = below;
    const next = join(at, name);
    const found = existing === undefined ? lookAt(next, refuse) : undefined;
    if (found === "link") {
      links.push(next);
      if (links.length > MOST_LINKS) throw refuse(`the link "${links[0]}" leads in a circle`);
      const target = Deno.readLinkSync(next);
      if (target.startsWith("/")) at = "/";
      rest = [...componentsOf(target), ...below];
      continue;
    }
    // What is no directory has nothing above it either, whatever `..` would say.
    if (found === "other") throw refuse(below.length === 0 ? "it is a file" : `"${next}" is a file`);
    if (found === undefined) {
      existing ??= at;
      if (name === "..") throw refuse(`the link "${links.at(-1)}" leads nowhere`);
    }
    at = next;
  }
  for (const link of links) {
    const root = rootAbove(dirname(link));
    if (root === undefined || isWithin(at, root)) continue;
    throw refuse(
      `the link "${link}" leads out of its repository, to "${at}"`,
      `give the directory itself, if it is meant: --release-dir ${at}`,
    );
  }
  return { path: at, existing: existing ?? at, links };
}

function componentsOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** What is at a path; undefined: nothing. */
function lookAt(
  path: string,
  refuse: (problem: string) => ReleaseError,
): "link" | "directory" | "other" | undefined {
  try {
    const { isSymlink, isDirectory } = Deno.lstatSync(path);
    return isSymlink ? "link" : isDirectory ? "directory" : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotCapable) return "directory";
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}
