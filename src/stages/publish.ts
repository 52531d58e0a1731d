/**
 * Writes the release.
 *
 * @module
 */
import {
  BOOTSTRAP_NONCES_FILE,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  signaturePath,
} from "../contract/layout.ts";
import type { ReleaseConfig } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import type { SignedArtifact, Warning } from "../model.ts";
import type { Recovery, ReleaseFile } from "../ports.ts";
import { plural } from "../text.ts";
import { leftFiles, removeFiles, removeOldManifests, warnOfStrangers } from "./retention.ts";
import type { Run } from "./run.ts";
import type { TrustedKeys } from "./trust.ts";

/** Whatever became of an earlier run, this one begins with a whole release, the old one or the new. */
export async function recoverRelease({ config, ports: { releaseDir }, warn }: Run): Promise<void> {
  const recovery = await releaseDir.recover();
  if (recovery === null) return;
  const WAYS: Record<Recovery, string> = {
    "finished": "every file that it had signed and checked has its place now",
    "taken-back": "the release before it is back",
    "left":
      "others have changed its files since, and they are left as they are until a run has written its own",
  };
  warn({
    code: "interrupted-publication",
    message: `A run ended while it was putting a release into "${config.releaseDir}": ${WAYS[recovery]}`,
    path: config.releaseDir,
  });
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

/** Writes the files, and takes away what lies beside them and is of no use any more. */
export async function writeRelease(
  run: Run,
  signed: readonly SignedArtifact[],
  trusted: TrustedKeys | null,
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
    const written = await releaseDir.publish(filesToWrite(signed));
    // Only now that nobody is led to them any more.
    const removed: string[] = [];
    await afterwards(run, async () => removed.push(...await removeOldManifests(run, signed, trusted)));
    await afterwards(run, async () => removed.push(...await removeSidecars(run)));
    await afterwards(run, () => warnOfStrangers(run));
    return { written, removed };
  });
}

/** Does what comes once the release is published, and warns when that cannot be done: it is no less published. */
async function afterwards({ warn }: Run, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    warn(leftFiles(error));
  }
}

/**
 * A sidecar of an earlier release stays signed and valid, and its index is that of other files: neither must go
 * unnoticed.
 *
 * @returns the paths of what was removed, when that is asked for
 */
async function removeSidecars(run: Run): Promise<readonly string[]> {
  const { config, ports: { releaseDir }, warn } = run;
  const removed: string[] = [];
  for (const [path, isReleased] of sidecarsOf(config)) {
    if (isReleased) continue;
    const there: string[] = [];
    for (const file of [path, signaturePath(path)]) if (await releaseDir.has(file)) there.push(file);
    if (config.pruneSidecars) removed.push(...there);
    else if (there.length > 0) warn(staleFile(path));
  }
  return await removeFiles(run, removed);
}

/** The files beside the fleet, and whether the release has them. */
function sidecarsOf({ revocationsAttr, bootstrapNoncesAttr, releaseIndex }: ReleaseConfig) {
  return [
    [REVOCATIONS_FILE, revocationsAttr !== undefined],
    [BOOTSTRAP_NONCES_FILE, bootstrapNoncesAttr !== undefined],
    [RELEASE_INDEX_FILE, releaseIndex],
  ] as const;
}

function staleFile(path: string): Warning {
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
