/**
 * Holds a checkout against its commit.
 *
 * @module
 */
import { join } from "@std/path";
import { text } from "../process.ts";
import { expectGit, type GitContext, runGit } from "./context.ts";
import { isShallow } from "./repository.ts";

/** A copy of a checkout that is said to be of a commit. */
export interface Copy {
  /** The root of the repository's work tree. */
  readonly root: string;
  readonly commit: string;
  /** The directory of the copy, absolute. */
  readonly copy: string;
}

/** How a copy differs from its commit, by the paths of files. */
export interface Differences {
  /** Those with other bytes. */
  readonly changed: readonly string[];
  /** Those that only the copy has. */
  readonly added: readonly string[];
  /** Those that only the commit has. */
  readonly missing: readonly string[];
}

/**
 * Holds the files of a copy of a checkout against the commit, byte for byte, without running any filter. Links and modes,
 * which no filter changes, are not looked at, nor is what is in submodules.
 *
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function compareWithCommit(
  git: GitContext,
  { root, commit, copy }: Copy,
): Promise<Differences> {
  const what = "compare the source with its commit";
  const [listing, copied] = await Promise.all([
    expectGit(git, what, ["ls-tree", "-r", "-z", "--full-tree", commit], { cwd: root }),
    // With an index that is not there, every file is another one.
    expectGit(git, what, [`--work-tree=${copy}`, "ls-files", "-z", "--others"], {
      cwd: root,
      env: { GIT_INDEX_FILE: `${copy}-no-index` },
    }),
  ]);
  const entries = listing.split("\0").flatMap((entry) => {
    const [, mode, id = "", path] = /^(\d+) (?:blob|commit) ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
    return path === undefined
      ? []
      : [{ isFile: mode?.startsWith("100"), isModule: mode === "160000", id, path }];
  });
  const committed = new Set(entries.map(({ path }) => path));
  const modules = entries.flatMap(({ isModule, path }) => isModule ? [`${path}/`] : []);
  const present = new Set(copied.split("\0").filter((path) => path !== ""));
  // Git is handed paths on lines.
  const both = entries.filter(({ isFile, path }) => isFile && present.has(path) && !path.includes("\n"));
  const ids = await hashesOf(git, root, both.map(({ path }) => join(copy, path)));
  return {
    changed: both.flatMap(({ id, path }, index) => ids[index] === id ? [] : [path]),
    added: [...present].filter((path) =>
      !committed.has(path) && !modules.some((dir) => path.startsWith(dir))
    ),
    missing: entries.flatMap(({ isModule, path }) => isModule || present.has(path) ? [] : [path]),
  };
}

/**
 * What a checkout has that is not committed, by the paths of what git tracks: contents, modes, links, and the commits of
 * submodules. The index says of some files only that they may have changed; what they have is looked up in a copy.
 *
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function uncommitted(git: GitContext, where: Copy): Promise<string[]> {
  const [listed, { changed, added, missing }] = await Promise.all([
    listUncommitted(git, where),
    compareWithCommit(git, where),
  ]);
  const differing = new Set([...changed, ...added, ...missing]);
  // Another content alone shows in the copy, unless the path is one that git cannot be asked for there.
  for (const { path, mayBeSame } of listed) if (!mayBeSame) differing.add(path);
  return [...differing].sort();
}

/**
 * The same, where there is no copy: what the checkout itself has is looked at. No filter is run, nothing is written, and
 * what the index does not doubt is believed; of links that were only touched, or may have been, nothing is told.
 *
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function changedFiles(
  git: GitContext,
  { root, commit }: Omit<Copy, "copy">,
): Promise<string[]> {
  const listed = (await listUncommitted(git, { root, commit })).filter(({ isLink }) => !isLink);
  const doubted = listed.filter(({ mayBeSame }) => mayBeSame);
  const ids = await hashesOf(git, root, doubted.map(({ path }) => join(root, path)));
  const same = new Set(doubted.filter(({ id }, index) => id === ids[index]));
  return listed.filter((entry) => !same.has(entry)).map(({ path }) => path);
}

/** What the index says to differ from a commit. */
interface ListedChange {
  readonly path: string;
  /** The object that the commit has. */
  readonly id: string;
  /** Whether it is a file that may have been touched only. */
  readonly mayBeSame: boolean;
  /** Whether it is a link, of which the same holds. */
  readonly isLink: boolean;
}

async function listUncommitted(
  git: GitContext,
  { root, commit }: Omit<Copy, "copy">,
): Promise<ListedChange[]> {
  const args = ["diff-index", "--raw", "-z", "--no-renames", "--ignore-submodules=dirty", commit];
  const fields = (await expectGit(git, "ask what is not committed", args, { cwd: root })).split("\0");
  const changes: ListedChange[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [, before = "", after, id = "", status] = /^:(\d+) (\d+) (\S+) \S+ (.)/.exec(fields[index]!) ?? [];
    const path = fields[index + 1]!;
    const isOfContent = status === "M" && before === after;
    const mayBeSame = isOfContent && before.startsWith("100") && !path.includes("\n");
    changes.push({ path, id, mayBeSame, isLink: isOfContent && before === "120000" });
  }
  return changes;
}

/** The objects that files would be, as they are. */
async function hashesOf(git: GitContext, root: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const ids = await expectGit(git, "hash the source", ["hash-object", "--no-filters", "--stdin-paths"], {
    cwd: root,
    stdin: paths.map((path) => `${path}\n`).join(""),
  });
  return ids.split("\n");
}

/** A layout of a repository that git reads, and not every nix. */
export type OddLayout = "bare" | "sha256" | "shallow" | "sparse-index";

/** Which layout may keep nix from reading a repository; null: none that we know. */
export async function oddLayout(git: GitContext, root: string): Promise<OddLayout | null> {
  const ask = async (...args: string[]) => {
    const result = await runGit(git, args, { cwd: root });
    return result.code === 0 ? text(result) : "";
  };
  if (await ask("rev-parse", "--show-object-format") === "sha256") return "sha256";
  if (await ask("rev-parse", "--is-bare-repository") === "true") return "bare";
  if (await ask("config", "--type=bool", "index.sparse") === "true") return "sparse-index";
  return await isShallow(git, root) ? "shallow" : null;
}
