/**
 * Reads a signed release back as a consumer would, before any of it is written.
 *
 * @module
 */
import { canonicalBytes, equalBytes, sha256Hex } from "../contract/canonical.ts";
import { decode, documentNameOf } from "../contract/schema.ts";
import type { FleetResolved, Meta, RolloutManifest } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Artifact } from "./compose.ts";
import { projectManifest, resolveBudgets } from "./rollouts.ts";

/** An artifact with its signature. */
export interface SignedArtifact extends Artifact {
  /** 64 raw bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The bytes that the signer had before it when it ended; undefined when the signature was kept from disk. */
  readonly signedInput?: Uint8Array<ArrayBuffer>;
}

/**
 * Checks that the artifacts are what a consumer accepts as one release: each is canonical and decodes, its signer saw
 * these bytes and no others, all have one stamp, and each manifest is the projection of the fleet beside it.
 *
 * @param artifacts All artifacts of the release, the fleet first
 * @throws {ReleaseError} of kind `smoke-verify`, naming the artifact
 */
export function smokeVerify(artifacts: readonly SignedArtifact[]): void {
  const [fleetArtifact] = artifacts;
  const fleet = readBack(fleetArtifact!, fleetArtifact!.path) as FleetResolved;
  const projections = projectAll(fleet, fleetArtifact!.sha256);
  for (const artifact of artifacts) {
    const document = readBack(artifact, fleetArtifact!.path) as { meta: Meta };
    if (artifact.signature.length !== 64) {
      throw refused(artifact, `its signature has ${artifact.signature.length} bytes, expected 64`);
    }
    if (artifact.signedInput !== undefined && !equalBytes(artifact.signedInput, artifact.bytes)) {
      throw refused(
        artifact,
        "the sign hook changed the file that it was given, so it signed something else",
      );
    }
    if (!sameStamp(document.meta, fleet.meta)) throw refused(artifact, "its stamp is not the fleet's");
    if (artifact.rolloutId !== undefined) {
      const { channel } = document as RolloutManifest;
      if (artifact.path !== `rollouts/${sha256Hex(artifact.bytes)}.json`) {
        throw refused(artifact, "its name is not the hash of its bytes");
      }
      const projected = projections.get(channel);
      if (projected === undefined || !equalBytes(projected, artifact.bytes)) {
        throw refused(artifact, "it is not the projection of the fleet beside it");
      }
      projections.delete(channel);
    }
  }
  const [missing] = projections.keys();
  if (missing !== undefined) throw refused(fleetArtifact!, `channel "${missing}" has no rollout manifest`);
}

/** The manifest that a consumer projects from the fleet, for each channel that has one. */
function projectAll(fleet: FleetResolved, fleetResolvedHash: string): Map<string, Uint8Array> {
  const budgets = resolveBudgets(fleet);
  return new Map(
    Object.keys(fleet.channels).flatMap((channel) => {
      const manifest = projectManifest(fleet, channel, fleetResolvedHash, budgets);
      return manifest === null ? [] : [[channel, canonicalBytes(manifest)] as const];
    }),
  );
}

function readBack(artifact: Artifact, artifactName: string): unknown {
  let document: unknown;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(artifact.bytes));
    document = decode(documentNameOf(artifact.path, artifactName), value);
  } catch (error) {
    throw refused(artifact, error instanceof Error ? error.message : String(error), error);
  }
  // The record holds the contract's fields alone, so this also finds a field that no consumer would read back.
  if (!equalBytes(canonicalBytes(document), artifact.bytes)) {
    throw refused(artifact, "its bytes are not canonical");
  }
  return document;
}

function sameStamp(a: Meta, b: Meta): boolean {
  return a.signedAt === b.signedAt && a.ciCommit === b.ciCommit &&
    a.signatureAlgorithm === b.signatureAlgorithm;
}

function refused(artifact: Artifact, reason: string, cause?: unknown): ReleaseError {
  return new ReleaseError("smoke-verify", `A consumer would refuse "${artifact.path}": ${reason}`, { cause });
}
