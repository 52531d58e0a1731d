/**
 * What git knows of a repository.
 *
 * @module
 */
import { formatInstant } from "../../contract/time.ts";
import type { Timestamp } from "../../contract/types.ts";
import type { HeadOn, Repository } from "../../ports.ts";
import { isInRepository } from "../lookup.ts";
import { type Shell, text } from "../process.ts";
import { expectGit, type GitContext, gitError, runGit } from "./context.ts";

/** What is being asked for, by the directory: who asks meanwhile is told the same. */
const ASKED = new WeakMap<Shell, Map<string, Promise<Repository | null>>>();

/**
 * The repository that a directory lies in.
 *
 * @returns null outside of a work tree: outside git, in a bare repository, in a `.git`
 * @throws {ReleaseError} of kind `git` when git refuses to look at it, and of kind `io` when there is no git where there
 * is a repository
 */
export function findRepository(git: GitContext, dir: string): Promise<Repository | null> {
  const asked = ASKED.get(git.shell) ?? new Map<string, Promise<Repository | null>>();
  ASKED.set(git.shell, asked);
  const known = asked.get(dir);
  if (known !== undefined) return known;
  const found = look(git, dir).finally(() => asked.delete(dir));
  asked.set(dir, found);
  return found;
}

async function look(git: GitContext, dir: string): Promise<Repository | null> {
  if (!git.shell.has("git") && !isInRepository(dir)) return null;
  const both = await runGit(git, ["rev-parse", "--show-toplevel", "HEAD^{commit}"], { cwd: dir });
  if (both.code === 0) {
    const [root, head] = text(both).split(/\n(?=[0-9a-f]+$)/);
    return { root: await Deno.realPath(root!), head: head! };
  }
  const result = await runGit(git, ["rev-parse", "--show-toplevel"], { cwd: dir });
  // A branch without a commit yet.
  if (result.code === 0) return { root: await Deno.realPath(text(result)), head: null };
  // "Outside of a work tree" and "git refuses to look" (another user's repository) exit alike. Told to trust every
  // directory, git succeeds in the second case alone, and that must not pass for the first.
  const trusting = await runGit(git, ["-c", "safe.directory=*", "rev-parse", "--show-toplevel"], {
    cwd: dir,
  });
  if (trusting.code === 0) throw gitError(`read the repository of "${dir}"`, result);
  return null;
}

/** Whether a directory is a bare repository. */
export async function isBareRepository(git: GitContext, dir: string): Promise<boolean> {
  const result = await runGit(git, ["rev-parse", "--is-bare-repository"], { cwd: dir });
  return result.code === 0 && text(result) === "true";
}

/** Whether a repository lacks a part of its history. */
export async function isShallow(git: GitContext, root: string): Promise<boolean> {
  const result = await runGit(git, ["rev-parse", "--is-shallow-repository"], { cwd: root });
  return result.code === 0 && text(result) === "true";
}

/**
 * The branch that HEAD names.
 *
 * @param root The root of the work tree
 * @returns null when it names a commit
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function branchOf(git: GitContext, root: string): Promise<string | null> {
  const result = await runGit(git, ["symbolic-ref", "--quiet", "--short", "HEAD"], { cwd: root });
  if (result.code > 1) throw gitError("read HEAD", result);
  return result.code === 0 ? text(result) : null;
}

/** The last second of the year 9999: git takes any number for a time, and we write none beyond that. */
const LAST_SECOND = 253402300799;

/**
 * When a commit was made, as its committer's clock had it.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function committedAt(git: GitContext, root: string, commit: string): Promise<Timestamp> {
  const args = ["rev-list", "--timestamp", "--max-count=1", commit];
  const [seconds] = (await expectGit(git, `read when ${commit} was made`, args, { cwd: root })).split(" ");
  return instantOf(Number(seconds));
}

/** The time that git gives in seconds since 1970. */
export function instantOf(seconds: number): Timestamp {
  return formatInstant(Temporal.Instant.fromEpochMilliseconds(Math.min(seconds, LAST_SECOND) * 1000));
}

/**
 * How what is checked out stands to a remote's branch, as far as names say.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function headOn(git: GitContext, root: string, branch: string): Promise<HeadOn> {
  const own = await branchOf(git, root);
  if (own === null) return "commit";
  if (own === branch) return "branch";
  const tracked = await runGit(git, ["config", "--get", `branch.${own}.merge`], { cwd: root });
  if (tracked.code > 1) throw gitError("read which branch is tracked", tracked);
  if (tracked.code === 0) return text(tracked) === `refs/heads/${branch}` ? "branch" : "other";
  const args = ["for-each-ref", "--count=1", "--format=%(refname)", `refs/remotes/*/${own}`];
  const known = await expectGit(git, "read which branches remotes have", args, { cwd: root });
  return known === "" ? "unknown" : "other";
}

/**
 * Whether a branch of a remote has a commit, as far as fetches and pushes have told this clone.
 *
 * @param root The root of the work tree
 * @param commit A full commit
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function isOnRemote(git: GitContext, root: string, commit: string): Promise<boolean> {
  const args = ["for-each-ref", "--count=1", `--contains=${commit}`, "refs/remotes"];
  return await expectGit(git, "ask which remotes have a commit", args, { cwd: root }) !== "";
}

/**
 * The full commit that a short commit, a tag or a branch names.
 *
 * @param root The root of the work tree
 * @returns null when there is no such commit
 */
export async function resolveCommit(git: GitContext, root: string, name: string): Promise<string | null> {
  const args = ["rev-parse", "--quiet", "--verify", "--end-of-options", `${name}^{commit}`];
  const result = await runGit(git, args, { cwd: root });
  // What is not to be had, as `^main` says, is told with a mark before it.
  return result.code === 0 && !text(result).startsWith("^") ? text(result) : null;
}

/**
 * The first of these paths that git ignores.
 *
 * @param root The root of the work tree
 * @param paths Relative to the root
 * @returns null when it ignores none
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function firstIgnored(
  git: GitContext,
  root: string,
  paths: readonly string[],
): Promise<string | null> {
  const options = { cwd: root, stdin: paths.join("\0") + "\0" };
  const result = await runGit(git, ["check-ignore", "-z", "--stdin"], options);
  if (result.code > 1) throw gitError("ask which files are ignored", result);
  return text(result).split("\0")[0] || null;
}

/**
 * The files that git neither tracks nor ignores.
 *
 * @param root The root of the work tree
 * @param dir Where to look, relative to the root
 * @returns their paths relative to the root
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function untracked(git: GitContext, root: string, dir: string): Promise<string[]> {
  const args = ["ls-files", "-z", "--others", "--exclude-standard", "--", dir];
  const result = await runGit(git, args, { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } });
  if (result.code !== 0) throw gitError("ask which files are not tracked", result);
  return text(result).split("\0").filter((path) => path !== "");
}

/**
 * The submodules of a repository, whether they are checked out or not.
 *
 * @param root The root of the work tree
 * @param dir Where to look, relative to the root
 * @returns their paths relative to the root
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function submodules(git: GitContext, root: string, dir: string): Promise<string[]> {
  const args = ["ls-files", "-z", "--stage", "--", dir];
  const result = await runGit(git, args, { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } });
  if (result.code !== 0) throw gitError("ask which submodules there are", result);
  return text(result).split("\0").flatMap((entry) => /^160000 [^\t]*\t(.*)$/s.exec(entry)?.[1] ?? []);
}

/**
 * Whether git tracks a path.
 *
 * @param root The root of the work tree
 * @param path Relative to the root
 * @param revision A commit, tag or branch, and all of these when it names more than one; null: in the work tree, or
 * staged
 * @throws {ReleaseError} of kind `git` when git cannot tell
 */
export async function tracks(
  git: GitContext,
  root: string,
  path: string,
  revision: string | null,
): Promise<boolean> {
  // Nix takes a name for a branch before anything else, and git for a tag.
  const names = revision === null ? [] : [`refs/heads/${revision}`, revision];
  const commits = await Promise.all(names.map((name) => resolveCommit(git, root, name)));
  const commands = revision === null
    ? [["ls-files", "-z"]]
    : commits.flatMap((commit) => commit === null ? [] : [["ls-tree", "-z", "--full-tree", commit]]);
  for (const command of commands) {
    // The path is no pattern, whatever is in it.
    const options = { cwd: root, env: { GIT_LITERAL_PATHSPECS: "1" } };
    const result = await runGit(git, [...command, "--", path], options);
    if (result.code !== 0) throw gitError(`ask whether "${path}" is tracked`, result);
    if (result.stdout.length > 0) return true;
  }
  return false;
}
