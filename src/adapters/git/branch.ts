/**
 * Moves branches: the one here, and one of a remote.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import { hideSecrets } from "../../secrets.ts";
import { lastLines, text } from "../process.ts";
import { DURABLE, type GitContext, gitError, runGit } from "./context.ts";

/** How the branch that HEAD names is moved. */
export interface Move {
  readonly commit: string;
  /** Where it has to be still; null: it has no commit yet. */
  readonly from: string | null;
  /** What the reflog says of it. */
  readonly reason: string;
}

/** What is pushed, and where to. */
export interface Push {
  readonly commit: string;
  readonly remote: string;
  /** Its name, or the whole name of a reference. */
  readonly branch: string;
}

/**
 * Moves the branch that HEAD names to a commit.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when it has moved elsewhere meanwhile, or cannot be moved
 */
export async function moveHead(git: GitContext, root: string, { commit, from, reason }: Move): Promise<void> {
  const moved = await runGit(
    git,
    [...DURABLE, "update-ref", "-m", reason, "HEAD", commit, from ?? "0".repeat(commit.length)],
    { cwd: root },
  );
  if (moved.code === 0) return;
  const now = await runGit(git, ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"], { cwd: root });
  if ((now.code === 0 ? text(now) : null) === from) throw gitError("move the branch to the release", moved);
  throw new ReleaseError("git", "Cannot commit the release: the branch moved while the release was made", {
    lines: lastLines(moved.stderr, 5),
    hint: "the release files are written; run again to release the commit that the branch is at now",
  });
}

/**
 * Pushes a commit to a branch of a remote.
 *
 * @param root The root of the work tree
 * @throws {ReleaseError} of kind `git` when the remote does not take it
 */
export async function pushCommit(
  git: GitContext,
  root: string,
  { commit, remote, branch }: Push,
): Promise<void> {
  // One branch, whatever else the configuration would push along.
  const only = ["--no-follow-tags", "--recurse-submodules=no"];
  const target = `${commit}:${branch.startsWith("refs/") ? branch : `refs/heads/${branch}`}`;
  const result = await runGit(git, ["push", "--porcelain", ...only, "--", remote, target], { cwd: root });
  if (result.code === 0) return;
  throw new ReleaseError("git", `Cannot push the release to "${branch}" of "${hideSecrets(remote)}"`, {
    lines: lastLines([...text(result).split("\n"), ...result.stderr], 10).map(hideSecrets),
    hint: "the release is written and committed here; push it, or run again on top of what the remote has",
  });
}
