/**
 * Commits the release, and pushes the commit.
 *
 * @module
 */
import { relative } from "@std/path";
import { type GitPushTarget, isForReview } from "../config.ts";
import { isManifestPath, signaturePath } from "../contract/layout.ts";
import { ReleaseError } from "../errors.ts";
import { cleanCommitMessage, renderCommitMessage, withParagraph } from "../plan/commit_message.ts";
import type { CommitBase, ReleaseFile } from "../ports.ts";
import { hideSecrets } from "../secrets.ts";
import { backoff } from "./backoff.ts";
import { tipUpstream } from "./base.ts";
import { identityOf } from "./committable.ts";
import { oldManifestsIn } from "./retention.ts";
import type { Run } from "./run.ts";
import { type Ready, settle } from "./upstream.ts";

/**
 * Looks at the branch that is pushed to, before anything is written.
 *
 * @returns what the commit is made on; null when another run has released the same already
 * @throws {ReleaseError} of kind `superseded` when the branch has a newer release
 */
export async function lookUpstream(run: Run, ready: Ready): Promise<CommitBase | null> {
  const { gitPush } = run.config;
  if (gitPush === undefined) return ready.place;
  return await run.stage({
    name: "upstream",
    title: `Looking at ${gitPush.branch}`,
    done: (base) =>
      base === null
        ? `Found that ${gitPush.branch} has this release already`
        : `Found ${gitPush.branch} ready for this release`,
  }, async () => {
    const tip = await tipUpstream(run, ready.repository, gitPush).catch((error: unknown) => {
      // The release is not lost with a remote that is away: it is written and committed, and the push tells of that.
      if (error instanceof ReleaseError && error.kind === "git") return null;
      throw error;
    });
    const base = await settle(run, ready, tip);
    // A run that was killed behind its push, or was late, has left here what is upstream in another commit.
    const local = ready.place.pending === null ? null : ready.repository.head;
    if (base === null && local !== null) await giveWay(run, ready, { local, tip });
    return base;
  });
}

/** What a commit is made of, beside the files of the release. */
interface Made {
  /** What it is made on. */
  readonly base: CommitBase;
  /** The files that the release has taken away, relative to the release directory. */
  readonly removed: readonly string[];
}

/** Commits the files on what {@linkcode lookUpstream} has found; gives the commit, or null when nothing has changed. */
export async function commitRelease(run: Run, ready: Ready, made: Made): Promise<string | null> {
  return await run.stage({
    name: "commit",
    title: "Committing the release",
    whole: true,
    done: (commit) => commit === null ? "Committed nothing: no change" : `Committed ${commit.slice(0, 8)}`,
  }, () => commitOn(run, ready, made));
}

async function commitOn(run: Run, ready: Ready, { base, removed }: Made): Promise<string | null> {
  const { config, ports: { git, releaseDir } } = run;
  const { repository, files, attributes, summary, stamp: { ciCommit, signedAt } } = ready;
  const message = cleanCommitMessage(renderCommitMessage(config.commitTemplate, ciCommit, signedAt));
  // What is on disk was judged when the release was written.
  const there = base.moves || base.parent === null ? [] : await oldManifestsIn(run, ready, base.parent);
  return await git.commit(repository, {
    releaseDir: releaseDir.path,
    files,
    beside: attributes,
    removed: [...removed, ...there],
    message: withParagraph(message, summary),
    identity: identityOf(config),
    on: { parent: base.parent, moves: base.moves, stages: base.stages },
  });
}

/** What came of the commit. */
export interface Pushed {
  /** The commit that holds the release, as it is upstream; null: nothing has changed. */
  readonly commit: string | null;
  /** Null: nothing was pushed. */
  readonly to: GitPushTarget | null;
  /** Whether another run had put the same release there. */
  readonly already: boolean;
}

/**
 * Pushes the commit, when that is asked for; or the one with the release that was made before, when it is not upstream
 * yet.
 *
 * @param commit What was committed; null: nothing
 * @throws {ReleaseError} of kind `git` when the remote does not take it, and `superseded` when it has a newer release
 */
export async function pushCommit(
  run: Run,
  ready: Ready,
  commit: string | null,
  made: Made,
): Promise<Pushed> {
  const { gitPush } = run.config;
  const { base } = made;
  const nothing = { commit, to: null, already: false };
  if (gitPush === undefined) return nothing;
  const { repository: { head }, place } = ready;
  const pushed = commit ?? (base.moves && await isUnpushed(run, ready) ? head : null);
  if (pushed === null) return nothing;
  return await run.stage({
    name: "git-push",
    title: `Pushing to ${gitPush.branch}`,
    done: ({ commit, already }) =>
      already
        ? `Pushed nothing: ${gitPush.branch} has this release already`
        : `Pushed ${commit?.slice(0, 8)} to ${gitPush.branch}`,
  }, async () => {
    // What is upstream in another commit is not to be pushed once more.
    const local = base.moves ? pushed : place.pending === null ? null : head;
    return await pushOn(run, ready, { ...made, commit: pushed, local });
  });
}

/** Pushes a commit, and where the branch has moved, the same release on top of that. */
async function pushOn(
  run: Run,
  ready: Ready,
  { commit, local, removed }: Made & { readonly commit: string; readonly local: string | null },
): Promise<Pushed> {
  const { config: { gitPush, gitPushRetries }, ports: { git, pause } } = run;
  const { repository } = ready;
  const to = gitPush!;
  let current = commit;
  let tip: string | null = null;
  try {
    for (let retry = 0; await git.push(repository, current, to) === "moved"; retry++) {
      if (retry === gitPushRetries) throw movesOn(to, retry);
      await pause(backoff(retry, 200));
      tip = await tipUpstream(run, repository, to);
      const base = await settle(run, ready, tip);
      const next = base && await commitOn(run, ready, { base: { ...base, moves: false }, removed });
      if (next === null) {
        await giveWay(run, ready, { local, tip });
        return { commit: null, to: null, already: true };
      }
      current = next;
    }
  } catch (error) {
    if (error instanceof ReleaseError && error.kind === "superseded") {
      await giveWay(run, ready, { local, tip });
    }
    throw error;
  }
  if (current !== local) await giveWay(run, ready, { local, tip: null });
  return { commit: current, to, already: false };
}

/**
 * The branch that is checked out goes back to what is released, since the release is upstream in another commit. Where that
 * is another run's, its files take the place of ours, here and in the index: a pull brings the commit to them.
 *
 * @param instead What is checked out and not upstream, or null: ours is on disk alone; and the commit with the release of
 * another run, or null
 */
async function giveWay(
  run: Run,
  ready: Ready,
  { local, tip }: { readonly local: string | null; readonly tip: string | null },
): Promise<void> {
  const { ports: { git }, warn } = run;
  const { repository, place, stamp } = ready;
  const to = place.moves ? place.parent : stamp.ciCommit;
  if (local !== null && to === null) return;
  try {
    if (local !== null) await git.takeBack(repository, local, to!);
    if (tip !== null) await putInstead(run, ready, { local, tip });
  } catch (error) {
    // What came of the push is told all the same.
    if (!(error instanceof ReleaseError)) throw error;
    const at = local?.slice(0, 8);
    warn({
      code: "branch-left",
      message: at === undefined
        ? `The release on disk, which is not upstream, could not be replaced by what is there: ${error.message}`
        : `What is checked out could not be brought from ${at}, whose release is not upstream, to what is there: ` +
          `${error.message}. \`git rebase --onto ${to!.slice(0, 8)} ${at}\` leaves that commit out`,
    });
  }
}

/**
 * Puts the release of another run into the place of ours, on disk, and in the index where ours is in it.
 *
 * @param instead As {@linkcode giveWay}
 */
async function putInstead(
  run: Run,
  ready: Ready,
  { local, tip }: { readonly local: string | null; readonly tip: string },
): Promise<void> {
  const { ports: { git, releaseDir }, config: { artifactName } } = run;
  const { repository, place } = ready;
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const releaseOf = (commit: string) => git.committedRelease(repository, { commit, dir, artifactName });
  const theirs = await releaseOf(tip);
  const files = inOrder(theirs, artifactName);
  const ours = local === null ? [] : (await releaseOf(local)).keys();
  const removed = [...new Set([...ready.files.map(({ path }) => path), ...ours])]
    .filter((path) => !theirs.has(path));
  await releaseDir.publish(files, removed);
  const base = { parent: tip, moves: false, stages: local !== null || place.named };
  await commitOn(run, { ...ready, files, attributes: [] }, { base, removed });
}

/** The files of a release in the order of writing, as `filesToWrite` has it. */
function inOrder(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, artifactName: string): ReleaseFile[] {
  const rank = (path: string) =>
    isManifestPath(path) ? 0 : path === artifactName || path === signaturePath(artifactName) ? 2 : 1;
  return [...files].map(([path, bytes]) => ({ path, bytes }))
    .sort((a, b) =>
      rank(a.path) - rank(b.path) || Number(b.path.endsWith(".sig")) - Number(a.path.endsWith(".sig"))
    );
}

/** Whether what is checked out holds a release that the branch lacks. */
async function isUnpushed(run: Run, { repository }: Ready): Promise<boolean> {
  const { config: { gitPush }, ports: { git, releaseDir } } = run;
  const { root, head } = repository;
  // What is to be reviewed is nowhere until it is.
  if (isForReview(gitPush!)) return false;
  const tip = await tipUpstream(run, repository, gitPush!);
  if (tip === null || head === null) return tip === null;
  const dir = relative(root, (await releaseDir.realPath()).path);
  return tip !== head && !await git.sameIn(repository, dir, [tip, head]);
}

function movesOn({ remote, branch }: GitPushTarget, retries: number): ReleaseError {
  return new ReleaseError(
    "git",
    `Cannot push the release to "${branch}" of "${hideSecrets(remote)}": it has moved with each of ${
      retries + 1
    } tries`,
    { hint: "run again, or give more --git-push-retries" },
  );
}
