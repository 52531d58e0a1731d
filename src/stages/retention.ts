/**
 * What lies beside a release and is of no use any more.
 *
 * @module
 */
import { basename, join, relative } from "@std/path";
import { ROLLOUTS_DIR, signaturePath } from "../contract/layout.ts";
import type { SignedArtifact, Warning } from "../model.ts";
import type { Repository } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import { findRemovable, refusedStrangers, type Removable } from "../verify/retention.ts";
import { refuseNone } from "./order.ts";
import type { Run } from "./run.ts";
import type { TrustedKeys } from "./trust.ts";
import type { Ready } from "./upstream.ts";

/** What a release is written beside. */
export interface Surroundings {
  /** The keys that consumers trust; null when nobody says which. */
  readonly trusted: TrustedKeys | null;
  /** The repository that it is going to be committed to, and the commit below it, if any; null: it is not committed. */
  readonly commit: { readonly repository: Repository; readonly parent: string | null } | null;
}

/**
 * The manifests beside a release that is about to be written which are damaged; and those of releases that are older than
 * the ones that are kept, or that ended before they were committed.
 */
export async function findOldManifests(
  run: Run,
  signed: readonly SignedArtifact[],
  { trusted, commit }: Surroundings,
): Promise<Removable> {
  const { config: { artifactName, keepReleases }, ports: { releaseDir }, warn } = run;
  const manifests = await releaseDir.manifests();
  const current = new Set(signed.flatMap(({ path }) => [path, signaturePath(path)]));
  const others = [...manifests.keys()].filter((path) => !current.has(path));
  const found = await findRemovable(manifests, {
    fleet: signed[0]!,
    others: await releaseDir.signedStrangers(artifactName),
    keys: trusted?.keys ?? null,
    keep: keepReleases,
    uncommitted: new Set(commit === null ? [] : await uncommitted(run, commit, others)),
  });
  for (const path of found.fleets) warn(secondFleet(path));
  return found;
}

/** Those of some manifests that are in no commit: who follows the repository has never been led to them. */
async function uncommitted(
  { ports: { git, releaseDir } }: Run,
  { repository, parent }: NonNullable<Surroundings["commit"]>,
  paths: readonly string[],
): Promise<string[]> {
  if (paths.length === 0 || parent === null) return [...paths];
  const dir = join(relative(repository.root, releaseDir.path), ROLLOUTS_DIR);
  // The index says nothing of that: a run that was killed in the middle of its commit may have left it before or behind.
  const committed = new Set(await git.namesIn(repository, parent, dir));
  return paths.filter((path) => !committed.has(basename(path)));
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

function secondFleet(path: string): Warning {
  return {
    code: "second-fleet",
    message:
      `"${path}" is a fleet, too, and its manifests are kept: verify refuses the older one of two fleets in one ` +
      "directory. Give each a --release-dir of its own, or remove the one that is not released any more",
    path,
  };
}

/**
 * The manifests that a release on top of a commit takes away there, as it does on disk: what is checked out may be another
 * branch, which has none of them.
 *
 * @returns their paths, and those of their signatures
 */
export async function oldManifestsIn(
  { config: { artifactName, keepReleases }, ports: { git, releaseDir } }: Run,
  { repository, files, trusted }: Pick<Ready, "repository" | "files" | "trusted">,
  commit: string,
): Promise<readonly string[]> {
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const manifests = await git.committedManifests(repository, commit, dir).catch(refuseNone);
  const { damaged, outdated } = await findRemovable(manifests, {
    fleet: files.find(({ path }) => path === artifactName)!,
    others: await releaseDir.signedStrangers(artifactName),
    keys: trusted?.keys ?? null,
    keep: keepReleases,
  });
  return [...damaged, ...outdated];
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
