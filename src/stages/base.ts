/**
 * What the release commit is made on top of.
 *
 * Where the branch of `--git-push` is the one that is checked out, that is HEAD, which moves along. Where the branch is
 * another one, or has got commits that HEAD lacks, it is the tip of that branch: the commit changes the release files
 * alone, and HEAD stays.
 *
 * @module
 */
import { relative } from "@std/path";
import { type GitPushTarget, isForReview } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import { readFleet } from "../plan/reuse.ts";
import type { CommitBase, ReleaseFile, Repository } from "../ports.ts";
import { hideSecrets } from "../secrets.ts";
import { readInCommit, type Run } from "./run.ts";

/** Where the release commit goes, as the run finds it at its start. */
export interface Place extends CommitBase {
  /** Whether the branch that is pushed to is the fleet's own, and not one for releases. */
  readonly follows: boolean;
  /** Whether HEAD names that branch: then what upstream has more is what it is going to have, too. */
  readonly named: boolean;
  /** The commit that was released before and is no further than here: HEAD is its release. Null: HEAD is none such. */
  readonly pending: string | null;
  /** Whether a release that is there is signed anew: HEAD, and what else the branch has got, need not be what is released. */
  readonly again: boolean;
}

/** Where a release comes from, and where it goes. */
export interface Origin {
  /** The repository that the fleet lies in; null outside git, and for a flake of another machine. */
  readonly repository: Repository | null;
  /** The commit that the release names; null outside git. */
  readonly ciCommit: string | null;
  /** What the release commit is made on; null: none is made. */
  readonly place: Place | null;
  /** What is committed beside the release. */
  readonly attributes: readonly ReleaseFile[];
}

/**
 * Finds out what the release commit is made on top of, and as far as that can be known, whether it can be pushed.
 *
 * @param revision The commit that is released; null: the source has no locked one
 * @throws {ReleaseError} of kind `git` when the remote cannot be reached, and `usage` when HEAD is not what is released
 */
export async function findPlace(
  run: Run,
  repository: Repository,
  revision: string | null,
): Promise<Place> {
  const { config: { gitPush }, ports: { git } } = run;
  const { head } = repository;
  // A source without a revision is what HEAD names, with changes.
  const isReleased = revision === null || revision === head;
  const own = { follows: true, named: false, pending: null, again: false };
  const here = { parent: head, moves: true, stages: true, ...own };
  if (gitPush === undefined) {
    if (!isReleased) throw await notReleased(run, repository, revision!);
    return here;
  }
  const standing = await git.checkPush(repository, head, gitPush);
  const forReview = isForReview(gitPush);
  const on = await git.headOn(repository, gitPush.branch);
  // A branch that no remote has, as some CI makes one for what it checks out, says no more than the commit does.
  const follows = forReview || on !== "other" && (on !== "unknown" || isReleased);
  const named = on === "branch" || forReview && (on === "other" || on === "unknown");
  const isHere = follows && standing !== "apart";
  const tip = isHere ? null : await tipUpstream(run, repository, gitPush);
  // With HEAD as it is upstream, or upstream further on, its release is there, too.
  const isUpstream = forReview || head === null || standing === "same" ||
    tip !== null && await git.hasInHistory(repository, tip, head);
  // What some branch of a remote has is others' to build on: it is not made anew, and HEAD does not go back behind it.
  const pending = isUpstream || revision !== head || await git.isOnRemote(repository, head)
    ? null
    : await releasedIn(run, repository, head);
  if (isHere) {
    if (!isReleased && standing !== "same") throw await notReleased(run, repository, revision);
    return { ...here, parent: pending ?? head, named, pending };
  }
  const released = pending ?? revision ?? head;
  return { parent: tip ?? released, moves: false, stages: named, follows, named, pending, again: false };
}

/**
 * Finds out what the release commit is made on top of when a release that is there is signed anew. A push takes along
 * what the remote lacks below: that may be a release that could not be pushed before, and nothing else.
 *
 * @throws {ReleaseError} as {@linkcode findPlace}, and of kind `usage` when HEAD has commits that are not upstream
 */
export async function findPlaceAgain(run: Run, repository: Repository): Promise<Place> {
  const { config: { gitPush }, ports: { git, releaseDir } } = run;
  const { head } = repository;
  // What is on the branch already is not for this run to follow: it may be this very release.
  const place = { ...await findPlace(run, repository, null), follows: false, again: true };
  if (gitPush === undefined || isForReview(gitPush)) return place;
  const to = `"${gitPush.branch}" of "${hideSecrets(gitPush.remote)}"`;
  const tip = await tipUpstream(run, repository, gitPush);
  if (tip === null) {
    throw new ReleaseError("usage", `Cannot push a release to ${to}: there is no such branch`, {
      hint: "push to the branch that the release is on, or make a release, which makes it",
    });
  }
  if (!place.moves || head === tip || await git.hasInHistory(repository, tip, head!)) return place;
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const parent = await git.onlyChange(repository, head!, dir);
  if (parent === tip) return { ...place, parent, pending: parent };
  throw new ReleaseError(
    "usage",
    `Cannot push a release to ${to}: HEAD is at ${head!.slice(0, 8)}, with commits that it lacks`,
    { hint: "they would be pushed along with what was released before them: push or release them first" },
  );
}

/**
 * The commit that the branch which is pushed to is at, with all that a release on top of it needs.
 *
 * @returns null when there is no such branch
 * @throws {ReleaseError} of kind `git` when the remote cannot be reached
 */
export async function tipUpstream(
  { ports: { git, releaseDir } }: Run,
  repository: Repository,
  gitPush: GitPushTarget,
): Promise<string | null> {
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  return await git.fetchTip(repository, gitPush, dir);
}

/** A push takes along all that the remote lacks below: so HEAD has to be what is released, or what the remote has already. */
async function notReleased(
  { ports: { git } }: Run,
  repository: Repository,
  revision: string,
): Promise<ReleaseError> {
  const { head } = repository;
  const branch = await git.branchOf(repository);
  const at = head === null ? "has no commit yet" : `is at ${head.slice(0, 8)}`;
  const released = revision.slice(0, 8);
  return new ReleaseError(
    "usage",
    `Cannot commit the release of ${released}: ${
      branch === null ? "HEAD" : `the branch "${branch}" is checked out, which`
    } ${at}`,
    {
      hint:
        `check ${released} out, or leave out --git-commit and --git-push. On top of another commit it can be ` +
        "committed only where the branch of --git-push is at that commit, too",
    },
  );
}

/**
 * The release of a commit that upstream lacks, where it would be there without that commit, since the branch here has gone
 * another way.
 *
 * @throws {ReleaseError} of kind `git`
 */
export async function refuseDiverged(
  { config: { gitPush }, ports: { git } }: Run,
  repository: Repository,
  tip: string,
  released: string | null,
): Promise<void> {
  if (released === null || await git.hasInHistory(repository, tip, released)) return;
  const { remote, branch } = gitPush!;
  throw new ReleaseError(
    "git",
    `Cannot push a release to "${branch}" of "${hideSecrets(remote)}": it has commits that are not in ` +
      `${released.slice(0, 8)}, and lacks this one`,
    { hint: "fetch them, and release what is on top of them" },
  );
}

/** The parent of a commit that is its release and nothing else; null when it is not, or that cannot be told. */
async function releasedIn(run: Run, repository: Repository, commit: string): Promise<string | null> {
  const { config: { artifactName }, ports: { git, releaseDir } } = run;
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  try {
    const parent = await git.onlyChange(repository, commit, dir);
    if (parent === null) return null;
    const bytes = (await readInCommit(run, { repository, commit }, [artifactName])).get(artifactName);
    return bytes !== undefined && readFleet(bytes)?.meta.ciCommit === parent ? parent : null;
  } catch (error) {
    // A shallow or partial clone lacks what would have to be looked at.
    if (error instanceof ReleaseError && error.kind === "git") return null;
    throw error;
  }
}
