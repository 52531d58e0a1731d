/**
 * Looks at the branch of a remote that releases are pushed to, and fetches what it has. Nothing here moves a branch.
 *
 * @module
 */
import type { GitPushTarget } from "../../config.ts";
import { ReleaseError } from "../../errors.ts";
import type { Repository } from "../../ports.ts";
import { hideSecrets } from "../../secrets.ts";
import { type CommandResult, lastLines, text } from "../process.ts";
import { type GitContext, runGit } from "./context.ts";
import { NO_HEARSAY } from "./doors.ts";
import { isShallow } from "./repository.ts";

/** The full name of a branch of `--git-push`, which may be one for review. */
export function refOf(branch: string): string {
  return branch.startsWith("refs/") ? branch : `refs/heads/${branch}`;
}

/**
 * The commit that the branch of a remote is at.
 *
 * @param git The one that talks to remotes
 * @param root The root of the work tree
 * @returns null when there is no such branch
 * @throws {ReleaseError} of kind `git` when the remote cannot be reached
 */
export async function tipOf(
  git: GitContext,
  root: string,
  { remote, branch }: GitPushTarget,
): Promise<string | null> {
  const ref = refOf(branch);
  const listing = await runGit(git, ["ls-remote", "--", remote, ref], { cwd: root });
  if (listing.code !== 0) throw unreachable(git, listing, `Cannot read the remote "${hideSecrets(remote)}"`);
  // What is asked for is a pattern, that longer names match, too.
  const line = text(listing).split("\n").find((line) => line.endsWith(`\t${ref}`));
  return line?.split("\t")[0] ?? null;
}

/** How often a branch that is at another commit with each look is looked at. */
const LOOKS = 5;

/**
 * The commit that the branch of a remote is at, with all of it that a commit on top needs. In a shallow clone nothing is
 * fetched that lies before what the clone has.
 *
 * @param git The one that talks to remotes
 * @param dir The release directory, relative to the root
 * @returns null when there is no such branch
 * @throws {ReleaseError} of kind `git` when the remote cannot be reached
 */
export async function fetchTip(
  git: GitContext,
  { root, head }: Repository,
  target: GitPushTarget,
  dir: string,
): Promise<string | null> {
  const tip = await fetchCommit(git, { root, head }, target);
  if (tip !== null && tip !== head) {
    await fetchLacking(git, root, { commit: tip, dir, remote: target.remote });
  }
  return tip;
}

async function fetchCommit(
  git: GitContext,
  { root, head }: Repository,
  target: GitPushTarget,
): Promise<string | null> {
  for (let look = 0; look < LOOKS; look++) {
    const tip = await tipOf(git, root, target);
    if (tip === null || tip === head || await isHere(git, root, tip)) return tip;
    const fetched = await fetch(git, root, { remote: target.remote, what: [refOf(target.branch)] });
    if (fetched.code !== 0) {
      throw unreachable(git, fetched, `Cannot read the remote "${hideSecrets(target.remote)}"`);
    }
    if (await isHere(git, root, tip)) return tip;
  }
  throw new ReleaseError(
    "git",
    `Cannot fetch "${target.branch}" of "${
      hideSecrets(target.remote)
    }": it is at another commit with each look`,
    { hint: "run again" },
  );
}

/**
 * Fetches what a partial clone lacks of a commit, and a release on top of it needs: all trees, and the files of the
 * release that it has. From the remote that is pushed to, and no other. What does not come is missed where it is read.
 */
async function fetchLacking(
  git: GitContext,
  root: string,
  { commit, dir, remote }: { readonly commit: string; readonly dir: string; readonly remote: string },
): Promise<void> {
  const sources = await promisors(git, root);
  if (sources.length === 0) return;
  // Git fetches trees that are within others along, but from where the repository says: nobody else is to be asked.
  if (sources.every((name) => name === remote)) {
    await runGit(git, ["ls-tree", "-r", "-d", "--full-tree", "--name-only", commit], { cwd: root });
  }
  // A directory that the commit has not lacks nothing.
  const args = ["rev-list", "--objects", "--no-object-names", "--missing=print", `${commit}:${dir}`];
  const listing = text(await runGit(git, args, { cwd: root, env: AS_COMMITTED }));
  const lacking = listing.split("\n").flatMap((line) => /^\?([0-9a-f]+)$/.exec(line)?.[1] ?? []);
  if (lacking.length > 0) await fetch(git, root, { remote, what: lacking });
}

/** The remotes that git would fetch from what a partial clone lacks; none of one that is whole. */
async function promisors(git: GitContext, root: string): Promise<string[]> {
  const names = "^(extensions\\.partialclone|remote\\..*\\.promisor)$";
  const settings = await runGit(git, ["config", "--null", "--get-regexp", names], { cwd: root });
  return text(settings).split("\0").filter((setting) => setting !== "").map((setting) => {
    const [name = "", value = ""] = setting.split("\n");
    return /^remote\.(.*)\.promisor$/.exec(name)?.[1] ?? value;
  });
}

/** Whether one commit is another's ancestor, or the same, as far as the clone goes. */
export async function hasInHistory(
  git: GitContext,
  root: string,
  commit: string,
  ancestor: string,
): Promise<boolean> {
  return await isAncestor(git, root, ancestor, commit) === true;
}

/** Two commits of a fleet. */
export interface Pair {
  readonly commit: string;
  /** The other one, which may not be in the clone; what is no full commit is before and after none. */
  readonly other: string;
}

/**
 * Whether one commit comes before or after another. What the clone lacks of their history is fetched.
 *
 * @param git The one that talks to remotes
 * @param root The root of the work tree
 * @returns null when neither is the other's ancestor, or that cannot be told
 */
export async function orderOf(
  git: GitContext,
  root: string,
  remote: string,
  { commit, other }: Pair,
): Promise<"before" | "after" | null> {
  // It comes from a document, and is going to be an argument.
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(other)) return null;
  const ask = async () =>
    await hasInHistory(git, root, commit, other)
      ? "before"
      : await hasInHistory(git, root, other, commit)
      ? "after"
      : null;
  const known = await ask();
  const shallow = await isShallow(git, root);
  if (known !== null || !shallow && await isHere(git, root, other)) return known;
  // A server may not give commits that no branch is at.
  const more = shallow ? ["--unshallow"] : [];
  const both = await fetch(git, root, { remote, what: [commit, other], more });
  if (both.code !== 0 && shallow) await fetch(git, root, { remote, what: [commit], more });
  return await ask();
}

/**
 * History is looked at as others have it, and not as this clone replaces it, also by the git that talks to remotes. What a
 * partial clone lacks is not fetched by the way: it would be the commit, and nothing of what is below it.
 */
const AS_COMMITTED = { ...NO_HEARSAY, GIT_NO_LAZY_FETCH: "1" };

/** Null: the clone lacks one of them. */
async function isAncestor(
  git: GitContext,
  root: string,
  ancestor: string,
  commit: string,
): Promise<boolean | null> {
  const args = ["-c", "core.commitGraph=false", "merge-base", "--is-ancestor", ancestor, commit];
  const { code } = await runGit(git, args, { cwd: root, env: AS_COMMITTED });
  return code === 0 ? true : code === 1 ? false : null;
}

async function isHere(git: GitContext, root: string, commit: string): Promise<boolean> {
  const args = ["cat-file", "-e", `${commit}^{commit}`];
  return (await runGit(git, args, { cwd: root, env: AS_COMMITTED })).code === 0;
}

/** Fetches objects, and moves and notes nothing. */
async function fetch(
  git: GitContext,
  root: string,
  { remote, what, more = [] }: {
    readonly remote: string;
    /** References, or full ids of objects. */
    readonly what: readonly string[];
    readonly more?: readonly string[];
  },
): Promise<CommandResult> {
  const only = ["--no-tags", "--no-prune", "--no-write-fetch-head", "--refmap=", "--recurse-submodules=no"];
  // By its input: there may be more than a command takes for arguments.
  const args = ["fetch", PROGRESS, "--no-auto-maintenance", ...only, ...more, "--stdin", "--", remote];
  return await runGit(git, args, { cwd: root, stdin: what.map((name) => `${name}\n`).join("") });
}

/** Has git tell of its progress, by which it is told from one that hangs, also where nobody watches. */
export const PROGRESS = "--progress";

/**
 * The error of a git that could not talk to a remote, or that the remote left waiting.
 *
 * @param what What failed, as in `Cannot read the remote "origin"`
 * @param hint How to go on when the remote has refused
 */
export function unreachable(
  { patience }: GitContext,
  { stderr, late }: CommandResult,
  what: string,
  hint?: string,
): ReleaseError {
  // Bars of progress are not for a report.
  const said = stderr.filter((line) => !/\d+% \(\d+\/\d+\)/.test(line));
  return new ReleaseError("git", late ? `${what}: it has shown no progress for ${patience} s` : what, {
    code: late ? "timeout" : undefined,
    lines: lastLines(said, 10).map(hideSecrets),
    hint: late
      ? "the server, the network, ssh or what is asked for a password may be in the way: `git ls-remote` shows it. " +
        "--git-timeout gives it more time"
      : hint,
  });
}
