/**
 * What the release on disk has to say in the making of the next one.
 *
 * @module
 */
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE } from "../contract/layout.ts";
import { type ReleaseConfig } from "../config.ts";
import { equalBytes } from "../bytes.ts";
import { lookup, mapRecord } from "../contract/records.ts";
import { quoteList } from "../text.ts";
import type { FleetResolved } from "../contract/types.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { ReleaseError } from "../errors.ts";
import { composeArtifacts, type ComposeOptions, type EvaluatedFleet } from "../plan/compose.ts";
import type { HostRef, SignedArtifact, Stamp, Warn } from "../model.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../plan/reuse.ts";
import type { Ports } from "../ports.ts";
import { isTrusted, type TrustedKeys } from "./trust.ts";

/**
 * A partial run: the hosts that it leaves out keep the closure that the release on disk gives them. Without it they
 * would fall out of their rollouts.
 */
export async function keepOtherHosts(
  fleet: FleetResolved,
  selected: readonly HostRef[],
  artifactName: string,
  { releaseDir }: Ports,
  warn: Warn,
): Promise<FleetResolved> {
  const chosen = new Set(selected.map(({ name }) => name));
  const bytes = await releaseDir.read(artifactName);
  const existing = bytes === null ? null : readFleet(bytes);
  if (existing === undefined) {
    throw new ReleaseError(
      "contract",
      `Cannot keep the closures of other hosts: "${artifactName}" on disk is damaged`,
      {
        hint: "restore it from git, or release all hosts with --hosts auto",
      },
    );
  }
  const closures: Record<string, string> = {};
  for (const [name, host] of Object.entries(fleet.hosts)) {
    if (chosen.has(name) || host.closureHash !== null) continue;
    const kept = existing === null ? null : lookup(existing.hosts, name)?.closureHash ?? null;
    if (kept !== null) closures[name] = kept;
  }
  const names = Object.keys(closures);
  if (names.length > 0) {
    warn({
      code: "kept-closure",
      message:
        `This run leaves out ${quoteList(names)}: ${
          names.length === 1 ? "it keeps" : "they keep"
        } the closure ` +
        "that the release on disk gives",
    });
  }
  const hosts = mapRecord(fleet.hosts, (host, name) => ({
    ...host,
    closureHash: lookup(closures, name) ?? host.closureHash,
  }));
  return { ...fleet, hosts };
}

/**
 * The release on disk, if it may stay as it is: every artifact of the new one, with the old stamp put in, is there
 * byte for byte and signed, by a key that consumers trust where these are known.
 */
export async function reuseRelease(
  evaluated: EvaluatedFleet,
  options: ComposeOptions,
  fleet: FleetResolved,
  trusted: TrustedKeys | null,
  { releaseDir }: Ports,
): Promise<{ signed: SignedArtifact[]; stamp: Stamp } | null> {
  // A run that was killed while it wrote may have left an artifact beside another one's signature.
  if (await releaseDir.interrupted()) return null;
  const existing = await releaseDir.read(options.artifactName);
  const old = existing && loadExistingSignedAtIfUnchanged(existing, fleet, options.now);
  if (old === null) return null;
  const stamp = { ...options.stamp, ...old };
  const { artifacts } = composeArtifacts(evaluated, { ...options, stamp });
  const signed: SignedArtifact[] = [];
  for (const artifact of artifacts) {
    const bytes = await releaseDir.read(artifact.path);
    const signature = await releaseDir.read(`${artifact.path}.sig`);
    if (bytes === null || signature?.length !== SIGNATURE_LENGTH || !equalBytes(bytes, artifact.bytes)) {
      return null;
    }
    // By a key that has been replaced since, say: then it is time to sign anew.
    if (trusted !== null && !await isTrusted({ bytes, signature }, stamp, trusted)) return null;
    signed.push({ ...artifact, signature });
  }
  return { signed, stamp };
}

/** A sidecar of an earlier release stays signed and valid; that it is not part of this one must not go unnoticed. */
export async function warnOfStaleSidecars(
  config: ReleaseConfig,
  { releaseDir }: Ports,
  warn: Warn,
): Promise<void> {
  const left = [
    ...(config.revocationsAttr === undefined ? [REVOCATIONS_FILE] : []),
    ...(config.bootstrapNoncesAttr === undefined ? [BOOTSTRAP_NONCES_FILE] : []),
  ];
  for (const path of left) {
    if (await releaseDir.read(path) === null) continue;
    warn({
      code: "stale-sidecar",
      message: `"${path}" is from an earlier release and not part of this one: consumers take it for valid ` +
        "until it is stale. Give its attribute again, or delete it",
      path,
    });
  }
}
