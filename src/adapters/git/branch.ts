/**
 * Moves branches: the one here, and one of a remote.
 *
 * @module
 */
import type { GitPushTarget } from "../../config.ts";
import { ReleaseError } from "../../errors.ts";
import type { PushResult, Standing } from "../../ports.ts";
import { hideSecrets } from "../../secrets.ts";
import { quoteList } from "../../text.ts";
import { lastLines, text } from "../process.ts";
import { lstatOf } from "../disk.ts";
import { DURABLE, type GitContext, gitError, runGit } from "./context.ts";
import { emptyTree } from "./objects.ts";
import { hasInHistory, PROGRESS, refOf, tipOf, unreachable } from "./upstream.ts";

/** Another git that has the branch is waited for, in milliseconds. */
const PATIENT: readonly string[] = ["-c", "core.filesRefLockTimeout=2000"];

/** How the branch that HEAD names is moved. */
export interface Move {
  readonly commit: string;
  /** Where it has to be still; null: it has no commit yet. */
  readonly from: string | null;
  /** What the reflog says of it. */
  readonly reason: string;
  /** The files that git holds meanwhile, which one that is killed leaves behind; absolute. */
  readonly locks: readonly string[];
}

/** What is pushed, and where to. */
export interface Push<Commit = string> extends GitPushTarget {
  readonly commit: Commit;
}

/**
 * Moves the branch that HEAD names to a commit.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when it has moved elsewhere meanwhile, or cannot be moved
 */
export async function moveHead(
  git: GitContext,
  root: string,
  { commit, from, reason, locks }: Move,
): Promise<void> {
  const free = locks.filter((path) => lstatOf(path) === undefined);
  const moved = await runGit(
    git,
    [...DURABLE, ...PATIENT, "update-ref", "-m", reason, "HEAD", commit, from ?? "0".repeat(commit.length)],
    { cwd: root },
  );
  if (moved.code === 0) return;
  const isKilled = moved.code > 128;
  // Then it has left what it held.
  if (isKilled) { for (const path of free) if (lstatOf(path) !== undefined) Deno.removeSync(path); }
  const found = await runGit(git, ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"], { cwd: root });
  const now = found.code === 0 ? text(found) : null;
  if (isKilled && now === commit) return;
  if (now === from) throw gitError("move the branch to the release", moved);
  throw new ReleaseError("git", "Cannot commit the release: the branch moved while the release was made", {
    lines: lastLines(moved.stderr, 5),
    hint: "the release files are written; run again to release the commit that the branch is at now",
  });
}

/** How long after a refusal the branch is looked at once more: the server may refuse since another push is at work. */
const AT_WORK_MS = 300;

/**
 * Pushes a commit to a branch of a remote.
 *
 * @param root The root of the work tree
 * @returns `moved` when the branch has got commits that this one lacks
 * @throws {ReleaseError} of kind `git` when the remote does not take it for another reason
 */
export async function pushCommit(git: GitContext, root: string, push: Push): Promise<PushResult> {
  const result = await runGit(git, argsOf(push), { cwd: root });
  if (result.code === 0) return "pushed";
  const now = await whereItStands(git, root, push);
  if (now !== null) return now;
  const { remote, branch } = push;
  const what = `Cannot push the release to "${branch}" of "${hideSecrets(remote)}"`;
  if (result.late) throw unreachable(git, result, what);
  await new Promise((resolve) => setTimeout(resolve, AT_WORK_MS));
  const later = await whereItStands(git, root, push);
  if (later !== null) return later;
  const said = { ...result, stderr: [...text(result).split("\n"), ...result.stderr] };
  throw unreachable(
    git,
    said,
    what,
    "the release is written here; run again, and it is pushed: where the branch is protected, let this user push first",
  );
}

/** What the branch itself says of a push that git calls failed; null: nothing, it is where it was. */
async function whereItStands(git: GitContext, root: string, push: Push): Promise<PushResult | null> {
  const tip = await tipOf(git, root, push).catch((error: unknown) => {
    // The push has told of that already.
    if (error instanceof ReleaseError) return null;
    throw error;
  });
  // The connection may have broken after the branch was moved.
  if (tip === push.commit) return "pushed";
  if (tip === null || await hasInHistory(git, root, push.commit, tip)) return null;
  return "moved";
}

/**
 * Finds out how the branch of a remote stands to a commit, on top of which something is to be pushed, by all that a push
 * goes by, and changes nothing. What the remote's hooks and rules say is known to the push alone.
 *
 * @param root The root of the work tree
 * @param push With null for the commit when what is going to be pushed has no parent
 * @throws {ReleaseError} of kind `git` when the remote cannot be reached, or its branch has commits and there is none here
 */
export async function checkPush(
  git: GitContext,
  root: string,
  { commit: parent, ...target }: Push<string | null>,
): Promise<Standing> {
  // Like a commit without a parent, the empty tree is on top of nothing that the remote may have.
  const commit = parent ?? await emptyTree(git, root);
  // The hook that looks at what is pushed is to see the release.
  const args = argsOf({ commit, ...target }, ["--dry-run", "--no-verify"]);
  const result = await runGit(git, args, { cwd: root });
  const found = text(result).split("\n").flatMap((line) => /^([ *=!])\t/.exec(line)?.[1] ?? []);
  if (result.code === 0) {
    return found.length > 0 && found.every((flag) => flag === "=") ? "same" : "behind";
  }
  const remote = hideSecrets(target.remote);
  if (found.includes("!")) {
    if (parent !== null) return "apart";
    throw new ReleaseError(
      "git",
      `Cannot push a release to "${target.branch}" of "${remote}": it has commits, and there is none here`,
      { hint: "fetch them, and release what is on top of them" },
    );
  }
  throw unreachable(
    git,
    result,
    `Cannot push to the remote "${remote}"`,
    await aboutRemotes(git, root, target.remote),
  );
}

/** The arguments for a push to one branch, whatever else the configuration would push along. */
function argsOf({ commit, remote, branch }: Push, more: readonly string[] = []): string[] {
  const name = refOf(branch);
  const only = ["--no-follow-tags", "--recurse-submodules=no"];
  return ["push", "--porcelain", PROGRESS, ...more, ...only, "--", remote, `${commit}:${name}`];
}

/** What may help when a remote cannot be reached. */
async function aboutRemotes(git: GitContext, root: string, remote: string): Promise<string> {
  const listing = await runGit(git, ["remote"], { cwd: root });
  const remotes = text(listing).split("\n").filter((name) => name !== "");
  if (remotes.includes(remote)) return "`git remote -v` shows its address, and `git push --dry-run` asks it";
  // An address is no name of a remote.
  if (/[:/]/.test(remote)) return "`git ls-remote` with this address asks it, too";
  return remotes.length === 0
    ? "the repository has no remote: `git remote add` one, or give its address"
    : `the repository has the remotes ${quoteList(remotes)}`;
}
