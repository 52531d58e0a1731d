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
import type { SignedArtifact } from "../model.ts";
import type { Recovery, ReleaseFile } from "../ports.ts";
import { plural } from "../text.ts";
import type { Run } from "./run.ts";

/** Whatever became of an earlier run, this one begins with a whole release, the old one or the new. */
export async function recoverRelease({ config, ports: { releaseDir }, warn }: Run): Promise<void> {
  const recovery = await releaseDir.recover();
  if (recovery === null) return;
  const WAYS: Record<Recovery, string> = {
    "finished": "every file that it had signed and checked has its place now",
    "taken-back": "the release before it is back",
    "left":
      "others have changed its files since, and they are left as they are until this run writes its own",
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

/** Writes the files, and gives the paths of those that were not there already. */
export async function writeRelease(run: Run, files: readonly ReleaseFile[]): Promise<readonly string[]> {
  const { config, ports: { releaseDir } } = run;
  return await run.stage({
    name: "write",
    title: `Writing ${config.releaseDir}`,
    done: (written) =>
      written.length === 0
        ? `Wrote nothing: every file is in ${releaseDir.path}`
        : `Wrote ${plural(written.length, "file")} to ${releaseDir.path}`,
  }, async () => {
    const written = await releaseDir.publish(files);
    await warnOfStaleFiles(run);
    return written;
  });
}

/**
 * A sidecar of an earlier release stays signed and valid, and its index is that of other files: neither must go
 * unnoticed.
 */
async function warnOfStaleFiles({ config, ports: { releaseDir }, warn }: Run): Promise<void> {
  const left = [
    ...(config.revocationsAttr === undefined ? [REVOCATIONS_FILE] : []),
    ...(config.bootstrapNoncesAttr === undefined ? [BOOTSTRAP_NONCES_FILE] : []),
  ];
  for (const path of left) {
    if (!await releaseDir.has(path)) continue;
    warn({
      code: "stale-sidecar",
      message: `"${path}" is from an earlier release and not part of this one: consumers take it for valid ` +
        "until it is stale. Give its attribute again, or delete it",
      path,
    });
  }
  if (config.releaseIndex || !await releaseDir.has(RELEASE_INDEX_FILE)) return;
  warn({
    code: "stale-index",
    message:
      `"${RELEASE_INDEX_FILE}" is from an earlier release and does not list this one's files: verify ` +
      "refuses the release beside it. Give --release-index again, or delete it with its signature",
    path: RELEASE_INDEX_FILE,
  });
}
