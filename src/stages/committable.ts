/**
 * Whether a release can be committed and pushed, found out before work begins.
 *
 * @module
 */
import { join, relative } from "@std/path";
import type { ReleaseConfig } from "../config.ts";
import { manifestPath, signaturePath } from "../contract/layout.ts";
import { atOnce, ReleaseError } from "../errors.ts";
import { hasGitName } from "../plan/git_names.ts";
import { isWithin } from "../plan/paths.ts";
import type { Identity, Repository } from "../ports.ts";
import type { Run } from "./run.ts";

/**
 * Makes sure that the release can be committed, before anything is evaluated.
 *
 * @param where What the repository is of, for the error
 * @throws {ReleaseError} of kind `usage` or `git`
 */
export async function checkCommittable(
  run: Run,
  repository: Repository | null,
  where: string,
): Promise<Repository> {
  const { config, ports: { git } } = run;
  if (repository === null) {
    throw new ReleaseError(
      "usage",
      `Cannot commit the release: "${where}" is not in a local git repository`,
      {
        hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
      },
    );
  }
  await checkReleaseDir(run, repository);
  await git.checkIdentity(repository, identityOf(config));
  await git.checkSigning(repository, identityOf(config));
  return repository;
}

/**
 * Makes sure that the release directory is where a commit can take it from.
 *
 * @throws {ReleaseError} of kind `usage` or `git`
 */
export async function checkReleaseDir(run: Run, repository: Repository): Promise<void> {
  const { config, ports: { git, releaseDir } } = run;
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
  const paths = namesOf(run).flatMap((path) => [join(prefix, path), join(prefix, signaturePath(path))]);
  const [untrackable, own, ignored] = await atOnce(
    git.firstUntrackable(repository, paths),
    git.repositoryOf(dir.existing),
    git.firstIgnored(repository, paths),
  );
  const untracked = paths.find(hasGitName) ?? untrackable;
  if (untracked !== null) {
    throw new ReleaseError("usage", `Cannot commit "${config.releaseDir}": git takes no "${untracked}"`, {
      hint:
        "names such as .git, or what some file system takes for them, are git's own: give another --release-dir " +
        "or --artifact-name",
    });
  }
  if (own?.root !== repository.root) throw outside;
  if (ignored !== null) {
    throw new ReleaseError("usage", `Cannot commit "${config.releaseDir}": git ignores "${ignored}"`, {
      hint:
        "take it out of the file that `git check-ignore -v` names (.gitignore, mostly), or give another --release-dir",
    });
  }
}

/** The documents that the run writes; one manifest stands for all. */
export function namesOf({ config, sidecars }: Run): string[] {
  return [config.artifactName, ...sidecars, manifestPath("manifest")];
}

/** Who the commit is made by. */
export function identityOf({ gitUserName, gitUserEmail }: ReleaseConfig): Identity {
  return { name: gitUserName, email: gitUserEmail };
}
