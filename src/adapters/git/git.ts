/**
 * The git commands, as the pipeline sees them.
 *
 * @module
 */
import { join } from "@std/path";
import type { Git } from "../../ports.ts";
import type { Shell } from "../process.ts";
import { firstChanged } from "./attributes.ts";
import { checkPush, moveHead, pushCommit } from "./branch.ts";
import { changedFiles } from "./checkout.ts";
import { commitRelease } from "./commit.ts";
import { gitContext } from "./context.ts";
import { firstUntrackable } from "./git_index.ts";
import { checkIdentity } from "./identity.ts";
import {
  branchOf,
  committedAt,
  findRepository,
  firstIgnored,
  headOn,
  isOnRemote,
  resolveCommit,
  submodules,
  tracks,
  untracked,
} from "./repository.ts";
import { findCommit } from "./revision.ts";
import { checkSigning, signsCommits } from "./signing.ts";
import { committedManifests, committedRelease, namesIn, onlyChange, readCommitted, sameIn } from "./tree.ts";
import { fetchTip, hasInHistory, orderOf, tipOf } from "./upstream.ts";

/** What the git commands are given beside their arguments. */
export interface GitSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for the index that the commit is made with. */
  readonly tempDir: string;
  /** Whether the hooks of the repository, and of the operator's configuration, run. */
  readonly hooks: boolean;
  /** Whether the commit is signed; undefined: git's configuration decides. */
  readonly sign: boolean | undefined;
  /** Seconds that a remote may show no progress. */
  readonly timeout: number;
}

/** The git commands of the operator's own git. */
export function createGit(shell: Shell, { env, tempDir, hooks, sign, timeout }: GitSettings): Git {
  const git = gitContext(shell, env, { hooks });
  const remote = gitContext(shell, env, { hooks, remote: true }, timeout);
  let signs: Promise<boolean> | undefined;
  const isSigned = (root: string) => signs ??= signsCommits(git, root, sign);
  return {
    repositoryOf: (dir) => findRepository(git, dir),
    resolveCommit: ({ root }, name) => resolveCommit(git, root, name),
    findCommit: ({ root }, revision) => findCommit(git, { cwd: root, revision }),
    tracks: ({ root }, path, revision) => tracks(git, root, path, revision),
    changedFiles: ({ root }, commit) => changedFiles(git, { root, commit }),
    untracked: ({ root }, dir) => untracked(git, root, dir),
    submodules: ({ root }, dir) => submodules(git, root, dir),
    firstIgnored: ({ root }, paths) => firstIgnored(git, root, paths),
    firstChanged: ({ root }, commit, paths) =>
      firstChanged(git, { root, file: join(tempDir, "attributes") }, commit, paths),
    firstUntrackable: ({ root }, paths) =>
      firstUntrackable(git, { root, file: join(tempDir, "names") }, paths),
    readCommitted: ({ root }, commit, paths) => readCommitted(git, root, commit, paths),
    committedRelease: ({ root }, release) => committedRelease(git, root, release),
    namesIn: ({ root }, commit, dir) => namesIn(git, root, commit, dir),
    committedAt: ({ root }, commit) => committedAt(git, root, commit),
    checkIdentity: ({ root }, identity) => checkIdentity(git, root, identity),
    async checkSigning({ root }, identity) {
      if (!await isSigned(root)) return;
      const scratch = await Deno.makeTempDir({ dir: tempDir, prefix: "signing-" });
      await checkSigning(git, root, { identity, scratch });
    },
    async commit(repository, options) {
      const signed = await isSigned(repository.root);
      return await commitRelease(git, repository, { ...options, signed, tempDir });
    },
    onlyChange: ({ root }, commit, dir) => onlyChange(git, root, commit, dir),
    branchOf: ({ root }) => branchOf(git, root),
    headOn: ({ root }, branch) => headOn(git, root, branch),
    checkPush: ({ root }, commit, target) => checkPush(remote, root, { commit, ...target }),
    tipOf: ({ root }, target) => tipOf(remote, root, target),
    fetchTip: ({ root, head }, target, dir) => fetchTip(remote, { root, head }, target, dir),
    hasInHistory: ({ root }, commit, ancestor) => hasInHistory(git, root, commit, ancestor),
    isOnRemote: ({ root }, commit) => isOnRemote(git, root, commit),
    orderOf: ({ root }, remoteName, pair) => orderOf(remote, root, remoteName, pair),
    committedManifests: ({ root }, commit, dir) => committedManifests(git, root, commit, dir),
    sameIn: ({ root }, dir, commits) => sameIn(git, root, dir, commits),
    takeBack: ({ root }, from, to) =>
      moveHead(git, root, {
        commit: to,
        from,
        reason: "fleet-release: the release is in the branch upstream",
        locks: [],
      }),
    push: ({ root }, commit, target) => pushCommit(remote, root, { commit, ...target }),
  };
}
