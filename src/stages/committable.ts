/**
 * Whether a release can be committed and pushed, found out before work begins.
 *
 * @module
 */
import { join, relative } from "@std/path";
import type { ReleaseConfig } from "../config.ts";
import {
  BOOTSTRAP_NONCES_FILE,
  manifestPath,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  signaturePath,
} from "../contract/layout.ts";
import { ReleaseError } from "../errors.ts";
import { hasGitName } from "../plan/git_names.ts";
import { isWithin } from "../plan/paths.ts";
import type { Identity, Repository } from "../ports.ts";
import type { Run } from "./run.ts";

/**
 * Makes sure that the release can be committed, and as far as that can be known, pushed; before anything is evaluated.
 *
 * @param revision The commit that is released; null: the source has no locked one
 * @throws {ReleaseError} of kind `usage` or `git`
 */
export async function checkCommittable(
  run: Run,
  repository: Repository | null,
  revision: string | null,
): Promise<void> {
  const { config, ports: { git } } = run;
  if (repository === null) {
    throw new ReleaseError(
      "usage",
      `Cannot commit the release: "${config.buildFlake}" is not in a local git repository`,
      {
        hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
      },
    );
  }
  await checkReleaseDir(run, repository);
  await git.checkIdentity(repository, identityOf(config));
  await git.checkSigning(repository, identityOf(config));
  await checkParent(run, repository, revision);
}

/** The release directory must be where a commit can take it from. */
async function checkReleaseDir({ config, ports }: Run, repository: Repository): Promise<void> {
  const { git, releaseDir } = ports;
  const dir = await releaseDir.realPath();
  const outside = new ReleaseError(
    "usage",
    `Cannot commit "${config.releaseDir}": it is outside the repository of the flake`,
    { hint: `give a --release-dir within ${repository.root}, or leave out --git-commit and --git-push` },
  );
  if (!isWithin(dir.path, repository.root)) throw outside;
  const prefix = relative(repository.root, dir.path);
  if (prefix.includes("\n")) {
    throw new ReleaseError(
      "usage",
      `Cannot commit "${config.releaseDir}": there is a line break in its path, ${JSON.stringify(prefix)}`,
      { hint: "git is given paths on lines: leave out --git-commit and --git-push, or give it another name" },
    );
  }
  const paths = namesOf(config).flatMap((path) => [join(prefix, path), join(prefix, signaturePath(path))]);
  const untracked = paths.find(hasGitName) ?? await git.firstUntrackable(repository, paths);
  if (untracked !== null) {
    throw new ReleaseError("usage", `Cannot commit "${config.releaseDir}": git takes no "${untracked}"`, {
      hint:
        "names such as .git, or what some file system takes for them, are git's own: give another --release-dir " +
        "or --artifact-name",
    });
  }
  const own = await git.repositoryOf(dir.existing);
  if (own?.root !== repository.root) throw outside;
  const ignored = await git.firstIgnored(repository, paths);
  if (ignored !== null) {
    throw new ReleaseError("usage", `Cannot commit "${config.releaseDir}": git ignores "${ignored}"`, {
      hint: "take it out of .gitignore, or give another --release-dir",
    });
  }
}

/** The documents that the run writes; one manifest stands for all. */
function namesOf(config: ReleaseConfig): string[] {
  return [
    config.artifactName,
    ...(config.revocationsAttr === undefined ? [] : [REVOCATIONS_FILE]),
    ...(config.bootstrapNoncesAttr === undefined ? [] : [BOOTSTRAP_NONCES_FILE]),
    manifestPath("manifest"),
    ...(config.releaseIndex ? [RELEASE_INDEX_FILE] : []),
  ];
}

/**
 * The release is committed on top of HEAD, and a push takes along all that the remote lacks below: so HEAD has to be what
 * is released, or what the remote has already.
 */
async function checkParent(run: Run, repository: Repository, revision: string | null): Promise<void> {
  const { config: { gitPush }, ports: { git } } = run;
  const { head } = repository;
  // A source without a revision stands for HEAD, whose commit the release names: with changes, or as a plain directory.
  const isReleased = revision === null || revision === head;
  const canBeThere = gitPush !== undefined && (isReleased || head !== null);
  const isThere = canBeThere && await git.checkPush(repository, head, gitPush);
  if (isReleased || isThere) return;
  const branch = await git.branchOf(repository);
  const at = head === null ? "has no commit yet" : `is at ${head.slice(0, 8)}`;
  const released = revision.slice(0, 8);
  throw new ReleaseError(
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

/** Who the commit is made by. */
export function identityOf({ gitUserName, gitUserEmail }: ReleaseConfig): Identity {
  return { name: gitUserName, email: gitUserEmail };
}
