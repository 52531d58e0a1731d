/**
 * Takes away what lies beside a release and is of no use any more.
 *
 * @module
 */
import type { SignedArtifact } from "../model.ts";
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
  if (damaged.length > 0) {
    warn({
      code: "damaged-manifests",
      message:
        `Removed ${
          plural(damaged.length, "file")
        } that no consumer would take for one of an earlier release: ` +
        `${
          quoteList(damaged, 3)
        }: damaged, not signed by a key that is trusted, or signed later than this release`,
    });
  }
  const removed = [...damaged, ...outdated];
  if (removed.length > 0) await releaseDir.remove(removed);
  return removed;
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
