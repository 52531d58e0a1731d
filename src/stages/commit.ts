/**
 * Commits the release, and pushes the commit.
 *
 * @module
 */
import type { GitPushTarget } from "../config.ts";
import type { Stamp } from "../model.ts";
import { cleanCommitMessage, renderCommitMessage } from "../plan/commit_message.ts";
import type { ReleaseFile } from "../ports.ts";
import { identityOf } from "./committable.ts";
import type { Run } from "./run.ts";
import type { Source } from "./source.ts";

/** Commits the files, when that is asked for; gives the commit, or null when nothing has changed. */
export async function commitRelease(
  run: Run,
  { repository }: Source,
  { files, removed, stamp }: { files: readonly ReleaseFile[]; removed: readonly string[]; stamp: Stamp },
): Promise<string | null> {
  const { config, ports: { git, releaseDir } } = run;
  if (!config.gitCommit) return null;
  const message = renderCommitMessage(config.commitTemplate, stamp.ciCommit, stamp.signedAt);
  return await run.stage({
    name: "commit",
    title: "Committing the release",
    whole: true,
    done: (commit) => commit === null ? "Committed nothing: no change" : `Committed ${commit.slice(0, 8)}`,
  }, () =>
    git.commit(repository!, {
      releaseDir: releaseDir.path,
      files,
      removed,
      message: cleanCommitMessage(message),
      identity: identityOf(config),
      onWarning: run.warn,
    }));
}

/** Pushes a commit, when that is asked for; gives where to, or null when it was not pushed. */
export async function pushCommit(
  run: Run,
  { repository }: Source,
  commit: string | null,
): Promise<GitPushTarget | null> {
  const target = run.config.gitPush;
  if (commit === null || target === undefined) return null;
  await run.stage({
    name: "git-push",
    title: `Pushing to ${target.branch}`,
    done: () => `Pushed ${commit.slice(0, 8)} to ${target.branch}`,
  }, () => run.ports.git.push(repository!, commit, target));
  return target;
}
