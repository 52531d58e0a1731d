/**
 * Writes the release.
 *
 * @module
 */
import { SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import type { ReleaseError } from "../errors.ts";
import type { SignedArtifact } from "../model.ts";
import type { ReleaseFile } from "../ports.ts";
import { recoveryWarning } from "../plan/recovery.ts";
import { plural } from "../text.ts";
import {
  findOldManifests,
  staleFile,
  type Surroundings,
  warnOfDamaged,
  warnOfStrangers,
} from "./retention.ts";
import type { Run } from "./run.ts";

/** Whatever became of an earlier run, this one begins with a whole release, the old one or the new. */
export async function recoverRelease({ config, ports: { releaseDir }, warn }: Run): Promise<void> {
  const recovery = await releaseDir.recover();
  if (recovery !== null) warn(recoveryWarning(recovery, config.releaseDir));
}

/**
 * The files of a release in the order of writing: content-addressed manifests first, the fleet last, and each
 * signature before what it signs. A reader who finds the new fleet finds all that it leads to.
 *
 * @param signed In the order of signing: the fleet, the sidecars, the manifests
 */
export function filesToWrite([fleet, ...others]: readonly SignedArtifact[]): ReleaseFile[] {
  const manifests = others.filter(({ rolloutId }) => rolloutId !== undefined);
  const sidecars = others.filter(({ rolloutId }) => rolloutId === undefined);
  return [...manifests, ...sidecars, fleet!].flatMap(({ path, bytes, signature }) => [
    { path: signaturePath(path), bytes: signature },
    { path, bytes },
  ]);
}

/** What a run has done to the release directory, by path. */
export interface Written {
  /** What was not there already. */
  readonly written: readonly string[];
  /** What was there and is of no use any more. */
  readonly removed: readonly string[];
}

/** Writes the files, and takes away what lies beside them and is of no use any more, as one step. */
export async function writeRelease(
  run: Run,
  signed: readonly SignedArtifact[],
  surroundings: Surroundings,
): Promise<Written> {
  const { config, ports: { releaseDir } } = run;
  return await run.stage({
    name: "write",
    title: `Writing ${config.releaseDir}`,
    whole: true,
    done: ({ written, removed }) =>
      (written.length === 0
        ? `Wrote nothing: every file is in ${releaseDir.path}`
        : `Wrote ${plural(written.length, "file")} to ${releaseDir.path}`) +
      (removed.length === 0 ? "" : `, and removed ${plural(removed.length, "file")} of earlier releases`),
  }, async () => {
    await warnOfStrangers(run);
    const manifests = await findOldManifests(run, signed, surroundings);
    const outdated = [...manifests.damaged, ...manifests.outdated, ...await findOldSidecars(run)];
    const { written, removed, stuck } = await releaseDir.publish(filesToWrite(signed), outdated);
    const gone = new Set(removed);
    warnOfDamaged(run, manifests.damaged.filter((path) => gone.has(path)));
    warnOfStuck(run, [...stuck]);
    return { written, removed };
  });
}

/** What cannot be taken away makes the release no less published. */
function warnOfStuck({ warn }: Run, [first, ...others]: readonly (readonly [string, ReleaseError])[]): void {
  if (first === undefined) return;
  const [path, { message }] = first;
  const more = others.length === 0 ? "" : `, and ${plural(others.length, "other")} alike`;
  warn({
    code: "left-files",
    message: `${message}${more}. The release is published all the same, and the next run tries this again`,
    path,
  });
}

/**
 * A sidecar of an earlier release stays signed and valid, and its index is that of other files: neither must go
 * unnoticed.
 *
 * @returns the paths of what is to be removed, when that is asked for
 */
async function findOldSidecars(
  { config, sidecars, ports: { releaseDir }, warn }: Run,
): Promise<readonly string[]> {
  const outdated: string[] = [];
  for (const path of SIDECAR_FILES) {
    if (sidecars.includes(path)) continue;
    const there: string[] = [];
    for (const file of [path, signaturePath(path)]) if (await releaseDir.has(file)) there.push(file);
    if (config.pruneSidecars) outdated.push(...there);
    else if (there.length > 0) warn(staleFile(path));
  }
  return outdated;
}

/** The paths that the commit of a release without some sidecars lacks, when that is asked for: on disk or not. */
export function prunedSidecars({ config, sidecars }: Run): string[] {
  if (!config.pruneSidecars) return [];
  return SIDECAR_FILES.filter((path) => !sidecars.includes(path))
    .flatMap((path) => [path, signaturePath(path)]);
}
