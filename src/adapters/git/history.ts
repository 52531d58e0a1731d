/**
 * The releases that a directory has had, one commit after the other.
 *
 * Only git's plumbing is asked, which no configuration gives another meaning, in as many processes for thousands of
 * commits as for one; what is read of the releases themselves comes in batches.
 *
 * @module
 */
import { basename, dirname, join, relative } from "@std/path";
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE, signaturePath } from "../../contract/layout.ts";
import type { Timestamp } from "../../contract/types.ts";
import type { ReleaseFiles } from "../../verify/bindings.ts";
import { type Shell, text } from "../process.ts";
import { expectGit, type GitContext, gitContext, gitError, runGit } from "./context.ts";
import { instantOf } from "./repository.ts";
import { findCommit } from "./revision.ts";
import { LACKING, pathInRepository, readObjects, sizesOf, type TreeLocation } from "./tree.ts";

/** A commit after which a directory has another release than before. */
export interface ReleaseCommit {
  /** The full commit. */
  readonly commit: string;
  /** When it was made, by its committer's clock. */
  readonly committedAt: Timestamp;
  /** The objects of the release's documents and signatures beside the manifests, by path from the directory. */
  readonly objects: ReadonlyMap<string, string>;
}

/** The releases of a directory, as one line of commits has had them. */
export interface ReleaseHistory {
  /** The newest first. */
  readonly commits: readonly ReleaseCommit[];
  /** Whether commits are missing before the last of these, since the clone is shallow: nobody knows what they had. */
  readonly isCut: boolean;
  /**
   * What the directory was called, from where it is asked, before the last of these commits gave it its name; null: it was
   * not there.
   */
  readonly renamedFrom: string | null;
}

/** What git is run with. */
export interface HistoryTools {
  readonly shell: Shell;
  readonly env: Readonly<Record<string, string>>;
}

/** Which commits are looked for. */
export interface HistoryRange {
  /** File name of the fleet artifact. */
  readonly artifactName: string;
  /** At most so many, the newest; undefined: all. */
  readonly limit: number | undefined;
}

/**
 * Finds the commits that have changed the release of a directory: along first parents, which is what a branch has had one
 * after the other. Renames are not followed.
 *
 * @param location Where git is run, the commit, tag or branch to begin with, and the directory
 * @throws {ReleaseError} of kind `git` when there is no such commit, or its history cannot be read, as in a clone without
 * trees
 */
export async function releaseHistory(
  { shell, env }: HistoryTools,
  location: TreeLocation,
  { artifactName, limit }: HistoryRange,
): Promise<ReleaseHistory> {
  const git = gitContext(shell, env);
  const tip = await findCommit(git, location);
  const dir = await pathInRepository(git, location);
  const names = [artifactName, REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE]
    .flatMap((name) => [name, signaturePath(name)]);
  const asked: Asked = { git, cwd: location.cwd, dir, paths: names.map((name) => join(dir, name)) };
  const found = await changingCommits(asked, tip, limit);
  const commits = await withObjects(asked, found);
  const oldest = commits.at(-1);
  const isWhole = limit === undefined || commits.length < limit;
  if (oldest === undefined || !isWhole) return { commits, isCut: false, renamedFrom: null };
  const { isCut, renamedFrom } = await beforeFirst(asked, oldest.commit, join(dir, artifactName));
  const fromHere = (path: string) => join(location.dir, relative(join("/", dir), join("/", path)));
  return { commits, isCut, renamedFrom: renamedFrom === null ? null : fromHere(renamedFrom) };
}

/** What is asked of git, and where. */
interface Asked {
  readonly git: GitContext;
  /** A directory of the repository, absolute. */
  readonly cwd: string;
  /** The directory, relative to the root; empty for the root. */
  readonly dir: string;
  /** The files, relative to the root. */
  readonly paths: readonly string[];
}

/** The files as they are given to commands that take patterns, relative to where they run: as none of both. */
function literally({ paths }: Asked): string[] {
  return paths.map((path) => `:(top,literal)${path}`);
}

async function changingCommits(
  asked: Asked,
  tip: string,
  limit: number | undefined,
): Promise<Omit<ReleaseCommit, "objects">[]> {
  const most = limit === undefined ? [] : [`--max-count=${limit}`];
  const args = ["rev-list", "--first-parent", "--timestamp", ...most, tip, "--", ...literally(asked)];
  const what = `read the history of "${asked.dir}"`;
  const listing = await runGit(asked.git, args, { cwd: asked.cwd });
  if (listing.code !== 0) throw gitError(what, listing).with({ hint: LACKING });
  return text(listing).split("\n").flatMap((line) => {
    const [, seconds, commit] = /^(\d+) ([0-9a-f]+)$/.exec(line) ?? [];
    return commit === undefined ? [] : [{ commit, committedAt: instantOf(Number(seconds)) }];
  });
}

/** The commits, each with what it has: that of the oldest is listed, and what each changes against the one before. */
async function withObjects(
  asked: Asked,
  commits: readonly Omit<ReleaseCommit, "objects">[],
): Promise<ReleaseCommit[]> {
  const oldest = commits.at(-1);
  if (oldest === undefined) return [];
  const changes = await changesOf(asked, commits.map(({ commit }) => commit));
  let objects: ReadonlyMap<string, string> = await listObjects(asked, oldest.commit);
  return commits.toReversed().map((commit) => {
    const own = changes.get(commit.commit);
    if (own !== undefined) {
      const changed = new Map(objects);
      for (const [path, id] of own) {
        if (id === null) changed.delete(path);
        else changed.set(path, id);
      }
      objects = changed;
    }
    return { ...commit, objects };
  }).reverse();
}

async function listObjects({ git, cwd, dir, paths }: Asked, commit: string): Promise<Map<string, string>> {
  const args = ["ls-tree", "-z", "--full-tree", commit, "--", ...paths];
  const options = { cwd, env: { GIT_LITERAL_PATHSPECS: "1" } };
  const listing = await expectGit(git, `list the files of ${commit}`, args, options);
  return new Map(
    listing.split("\0").flatMap((line) => {
      const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      const object = mode === undefined ? null : fileOf(mode, id!);
      return object === null ? [] : [[relative(dir, path!), object]];
    }),
  );
}

/** What is no regular file is no file of a release. */
function fileOf(mode: string, id: string): string | null {
  return mode.startsWith("100") ? id : null;
}

/** What each commit but the oldest has changed against the next one in the list: the object by the path; null: gone. */
async function changesOf(
  { git, cwd, dir, ...asked }: Asked,
  commits: readonly string[],
): Promise<Map<string, Map<string, string | null>>> {
  const pairs = commits.slice(0, -1).map((commit, index) => `${commit} ${commits[index + 1]}\n`);
  if (pairs.length === 0) return new Map();
  const args = ["diff-tree", "--stdin", "-r", "--raw", "-z", "--", ...literally({ git, cwd, dir, ...asked })];
  const listing = await expectGit(git, "compare releases", args, { cwd, stdin: pairs.join("") });
  const changes = new Map<string, Map<string, string | null>>();
  let current = new Map<string, string | null>();
  const words = listing.split("\0").values();
  for (const word of words) {
    const [, mode, id] = /^:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [A-Z]$/.exec(word) ?? [];
    if (mode !== undefined) current.set(relative(dir, words.next().value!), fileOf(mode, id!));
    else if (word !== "") changes.set(word, current = new Map());
  }
  return changes;
}

/** What there is to know of the time before the oldest commit: the directory's name from the root, if it had another. */
async function beforeFirst(
  { git, cwd }: Asked,
  oldest: string,
  artifact: string,
): Promise<Pick<ReleaseHistory, "isCut" | "renamedFrom">> {
  const what = `read the parents of ${oldest}`;
  const args = ["rev-list", "--parents", "--header", "--max-count=1", oldest];
  // A line with the parents that the clone has, and then the commit as it was made, which names all of them.
  const [known = "", ...made] = (await expectGit(git, what, args, { cwd })).split("\n\n", 1)[0]!.split("\n");
  const [, parent] = known.split(" ");
  if (parent === undefined) {
    return { isCut: made.some((line) => line.startsWith("parent ")), renamedFrom: null };
  }
  // Only as it was: a release that is written elsewhere is a new one, and its files differ.
  const compared = ["diff-tree", "-r", "-z", "-M100%", "--diff-filter=R", parent, oldest];
  const renames = (await expectGit(git, `compare ${oldest} with its parent`, compared, { cwd })).split("\0");
  const found = renames.findIndex((word, index) => word === artifact && renames[index - 2]?.startsWith(":"));
  const from = renames[found - 1];
  const isOfDirectory = from !== undefined && basename(from) === basename(artifact);
  return { isCut: false, renamedFrom: isOfDirectory ? dirname(from) : null };
}

/** The bytes of so many files are in memory at once, and no fewer than those of one release. */
const BATCH_BYTES = 64 * 2 ** 20;

/**
 * Reads releases, one after the other in the order of the commits.
 *
 * @param location For messages, and where git is run
 * @throws {ReleaseError} of kind `git` when one cannot be read, as in a clone without all files, and of kind `io` when it
 * is too large
 */
export async function* readHistory(
  { shell, env }: HistoryTools,
  location: TreeLocation,
  commits: readonly ReleaseCommit[],
): AsyncGenerator<ReleaseFiles> {
  const git = gitContext(shell, env);
  const ids = commits.flatMap(({ objects }) => [...objects.values()]);
  const sizes = await sizesOf(git, location.cwd, ids);
  const sizeOf = new Map(ids.map((id, index) => [id, sizes[index] ?? 0]));
  for (const batch of batchesOf(commits, sizeOf)) {
    const entries = batch.flatMap(({ commit, objects }) =>
      [...objects].map(([path, id]) => ({ id, path: nameIn(commit, path) }))
    );
    const bytes = await readObjects(git, location, entries);
    for (const { commit, objects } of batch) {
      yield new Map([...objects.keys()].map((path) => [path, bytes.get(nameIn(commit, path))!]));
    }
  }
}

/** What a file is called in messages, as git takes it. */
function nameIn(commit: string, path: string): string {
  return `${commit.slice(0, 12)}:${path}`;
}

function* batchesOf(
  commits: readonly ReleaseCommit[],
  sizeOf: ReadonlyMap<string, number>,
): Generator<readonly ReleaseCommit[]> {
  let [batch, bytes]: [ReleaseCommit[], number] = [[], 0];
  for (const commit of commits) {
    const own = [...commit.objects.values()].reduce((sum, id) => sum + sizeOf.get(id)!, 0);
    if (batch.length > 0 && bytes + own > BATCH_BYTES) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(commit);
    bytes += own;
  }
  if (batch.length > 0) yield batch;
}
