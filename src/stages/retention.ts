/**
 * Takes away what lies beside a release and is of no use any more.
 *
 * @module
 */
import type { ReleaseError } from "../errors.ts";
import type { SignedArtifact, Warning } from "../model.ts";
import { plural, quoteList } from "../text.ts";
import { findRemovable, refusedStrangers } from "../verify/retention.ts";
import type { Run } from "./run.ts";
import type { TrustedKeys } from "./trust.ts";

/**
 * Removes the manifests beside a release that is written which are damaged, and those of releases that are older than the
 * ones that are kept.
 *
 * @returns the paths of what was removed
 */
export async function removeOldManifests(
  run: Run,
  [fleet]: readonly SignedArtifact[],
  trusted: TrustedKeys | null,
): Promise<readonly string[]> {
  const { config: { keepReleases }, ports: { releaseDir }, warn } = run;
  const { damaged, outdated } = await findRemovable(await releaseDir.manifests(), {
    fleet: fleet!,
    keys: trusted?.keys ?? null,
    keep: keepReleases,
  });
  const removed = await removeFiles(run, [...damaged, ...outdated]);
  const gone = damaged.filter((path) => removed.includes(path));
  if (gone.length > 0) {
    warn({
      code: "damaged-manifests",
      message:
        `Removed ${plural(gone.length, "file")} that no consumer would take for one of an earlier release: ` +
        `${
          quoteList(gone, 3)
        }: damaged, not signed by a key that is trusted, or signed later than this release`,
    });
  }
  return removed;
}

/** Removes what a release that is published does not need, and warns when some cannot be removed. Gives what is gone. */
export async function removeFiles(
  { ports: { releaseDir }, warn }: Run,
  paths: readonly string[],
): Promise<readonly string[]> {
  if (paths.length === 0) return paths;
  const { removed, problems } = await releaseDir.remove(paths);
  const [first, ...others] = problems;
  if (first !== undefined) {
    const [path, problem] = first;
    const more = others.length === 0 ? "" : `, and ${plural(others.length, "other")} alike`;
    warn({ ...leftFiles(problem, more), path });
  }
  return removed;
}

/** The warning of files beside a release that is published, which could not be looked at or removed. */
export function leftFiles({ message }: ReleaseError, more = ""): Warning {
  return {
    code: "left-files",
    message: `${message}${more}. The release is published all the same, and the next run tries this again`,
  };
}

/** Warns of the files of somebody else that `verify` refuses the release beside. They are not ours to remove. */
export async function warnOfStrangers(
  { config: { artifactName }, ports: { releaseDir }, warn }: Run,
): Promise<void> {
  const refused = refusedStrangers(await releaseDir.strangers(artifactName));
  if (refused.length === 0) return;
  warn({
    code: "strange-files",
    message:
      `${quoteList(refused, 3)} ${
        refused.length === 1 ? "is no file" : "are no files"
      } of a release: verify ` +
      "refuses the release beside them, so keep them elsewhere",
  });
}
