/**
 * What lies beside a release and is of no use any more.
 *
 * @module
 */
import { basename, join, relative } from "@std/path";
import {
  isDocumentPath,
  isReleasePath,
  RELEASE_INDEX_FILE,
  ROLLOUTS_DIR,
  SIDECAR_FILES,
  signaturePath,
} from "../contract/layout.ts";
import type { SignedArtifact, Warning } from "../model.ts";
import type { Repository } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import { findRemovable, type FoundFiles, refusedStrangers, type Removable } from "../verify/retention.ts";
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
 * Looks at what lies beside a release in the commit that it is made on top of, as at what does on disk: what is checked
 * out may be another branch, which has nothing of it.
 *
 * @returns the paths of the manifests that it takes away there, and of their signatures
 */
export async function oldManifestsIn(
  run: Run,
  { repository, files, trusted }: Pick<Ready, "repository" | "files" | "trusted">,
  commit: string,
): Promise<readonly string[]> {
  const { config: { artifactName, keepReleases, pruneSidecars }, ports: { git, releaseDir } } = run;
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const names = new Set([
    ...await git.namesIn(repository, commit, dir),
    ...(await git.namesIn(repository, commit, join(dir, ROLLOUTS_DIR))).map((name) =>
      join(ROLLOUTS_DIR, name)
    ),
  ]);
  const strangers = [...names].filter((path) =>
    isReleasePath(path, artifactName) && !isDocumentPath(path, artifactName)
  );
  const { damaged, outdated, fleets } = await findRemovable(
    await git.committedManifests(repository, commit, dir).catch(refuseNone),
    {
      fleet: files.find(({ path }) => path === artifactName)!,
      others: new Map([
        ...await releaseDir.signedStrangers(artifactName),
        ...await signedIn(run, { repository, commit, dir }, strangers),
      ]),
      keys: trusted?.keys ?? null,
      keep: keepReleases,
    },
  );
  for (const path of fleets) warnOnce(run, secondFleet(path));
  warnOnce(run, ...strange(strangers));
  const released = new Set(files.map(({ path }) => path));
  for (const path of pruneSidecars ? [] : SIDECAR_FILES) {
    const isThere = names.has(path) || names.has(signaturePath(path));
    if (isThere && !released.has(path)) warnOnce(run, staleFile(path));
  }
  return [...damaged, ...outdated];
}

/** Those of some files in a commit that may be fleets, and their signatures. */
async function signedIn(
  { ports: { git } }: Run,
  { repository, commit, dir }: {
    readonly repository: Repository;
    readonly commit: string;
    readonly dir: string;
  },
  paths: readonly string[],
): Promise<FoundFiles> {
  const all = new Set(paths);
  const signed = paths.filter((path) => /^[^/]+\.json$/.test(path) && all.has(signaturePath(path)));
  if (signed.length === 0) return new Map();
  const pairs = signed.flatMap((path) => [path, signaturePath(path)]).map((path) => join(dir, path));
  const found = await git.readCommitted(repository, commit, pairs).catch(refuseNone);
  return new Map([...found].map(([path, bytes]) => [relative(dir, path), bytes]));
}

/** Warns of what has not been told yet: what is on disk may be in the commit, too. */
function warnOnce({ notes, warn }: Run, ...found: readonly Warning[]): void {
  for (const warning of found) {
    if (!notes.warnings.some(({ message }) => message === warning.message)) warn(warning);
  }
}

/** Warns of the files of somebody else that `verify` refuses the release beside. They are not ours to remove. */
export async function warnOfStrangers(
  { config: { artifactName }, ports: { releaseDir }, warn }: Run,
): Promise<void> {
  warn(...strange(await releaseDir.strangers(artifactName)));
}

function strange(paths: readonly string[]): Warning[] {
  const refused = refusedStrangers(paths);
  if (refused.length === 0) return [];
  return [{
    code: "strange-files",
    message:
      `${quoteList(refused, 3)} ${
        refused.length === 1 ? "is no file" : "are no files"
      } of a release: verify ` +
      "refuses the release beside them, so keep them elsewhere",
  }];
}

/** The warning of a sidecar or an index of an earlier release. */
export function staleFile(path: string): Warning {
  if (path === RELEASE_INDEX_FILE) {
    return {
      code: "stale-index",
      message:
        `"${path}" is from an earlier release and does not list this one's files: verify refuses the release ` +
        "beside it. Give --release-index again, or --prune-sidecars, which removes it",
      path,
    };
  }
  return {
    code: "stale-sidecar",
    message:
      `"${path}" is from an earlier release and not part of this one: consumers take it for valid until it is ` +
      "stale, and verify for a part of this one. Give its attribute again, or --prune-sidecars, which removes it",
    path,
  };
}
