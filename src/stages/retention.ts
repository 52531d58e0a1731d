/**
 * What lies beside a release and is of no use any more.
 *
 * @module
 */
import type { SignedArtifact } from "../model.ts";
import { plural, quoteList } from "../text.ts";
import { findRemovable, refusedStrangers, type Removable } from "../verify/retention.ts";
import type { Run } from "./run.ts";
import type { TrustedKeys } from "./trust.ts";

/**
 * The manifests beside a release that is about to be written which are damaged, and those of releases that are older than
 * the ones that are kept.
 */
export async function findOldManifests(
  { config: { keepReleases }, ports: { releaseDir } }: Run,
  [fleet]: readonly SignedArtifact[],
  trusted: TrustedKeys | null,
): Promise<Removable> {
  return await findRemovable(await releaseDir.manifests(), {
    fleet: fleet!,
    keys: trusted?.keys ?? null,
    keep: keepReleases,
  });
}

/** Warns of what was removed since it was damaged. */
export function warnOfDamaged({ warn }: Run, removed: readonly string[]): void {
  if (removed.length === 0) return;
  warn({
    code: "damaged-manifests",
    message:
      `Removed ${
        plural(removed.length, "file")
      } that no consumer would take for one of an earlier release: ` +
      `${
        quoteList(removed, 3)
      }: damaged, not signed by a key that is trusted, or signed later than this release`,
  });
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
