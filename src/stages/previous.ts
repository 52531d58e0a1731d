/**
 * What the release on disk has to say in the making of the next one.
 *
 * @module
 */
import { signaturePath } from "../contract/layout.ts";
import { equalBytes } from "../bytes.ts";
import { lookup, mapRecord } from "../contract/records.ts";
import { quoteList } from "../text.ts";
import type { FleetResolved } from "../contract/types.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { ReleaseError } from "../errors.ts";
import { composeArtifacts, type ComposeOptions, type EvaluatedFleet } from "../plan/compose.ts";
import type { HostRef, SignedArtifact, Stamp } from "../model.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../plan/reuse.ts";
import type { Run } from "./run.ts";
import { isTrusted, type TrustedKeys } from "./trust.ts";

/**
 * A partial run: the hosts that it leaves out keep the closure that the release on disk gives them. Without it they
 * would fall out of their rollouts.
 */
export async function keepOtherHosts(
  { config: { artifactName }, ports: { releaseDir }, warn }: Run,
  fleet: FleetResolved,
  selected: readonly HostRef[],
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

/** What would be released if nothing were kept. */
export interface NewRelease {
  readonly evaluated: EvaluatedFleet;
  readonly options: ComposeOptions;
  /** The fleet, stamped anew. */
  readonly fleet: FleetResolved;
  readonly trusted: TrustedKeys | null;
}

/**
 * The release on disk, if it may stay as it is: every artifact of the new one, with the old stamp put in, is there
 * byte for byte and signed, by a key that consumers trust where these are known.
 */
export async function reuseRelease(
  { ports: { releaseDir } }: Run,
  { evaluated, options, fleet, trusted }: NewRelease,
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
    const signature = await releaseDir.read(signaturePath(artifact.path));
    if (bytes === null || signature?.length !== SIGNATURE_LENGTH || !equalBytes(bytes, artifact.bytes)) {
      return null;
    }
    // By a key that has been replaced since, say: then it is time to sign anew.
    if (trusted !== null && !await isTrusted({ bytes, signature }, stamp, trusted)) return null;
    signed.push({ ...artifact, signature });
  }
  return { signed, stamp };
}
