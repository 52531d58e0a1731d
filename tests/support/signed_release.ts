/**
 * Signed releases in memory, for tests of verification.
 *
 * @module
 */
import { FLEET_FILE, rolloutIdOf, signaturePath, signedPath } from "../../src/contract/layout.ts";
import type { SignatureAlgorithm } from "../../src/contract/types.ts";
import { generatePrivateKey, parsePrivateKey, type Signer } from "../../src/crypto/private_key.ts";
import { composeArtifacts, decodeFleet } from "../../src/plan/compose.ts";
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import { type Draft, sampleFleet } from "./fleet.ts";
import { fullNonces, fullRevocations } from "./full_fleet.ts";

/** A new key that signs. */
export async function newSigner(algorithm: SignatureAlgorithm = "ed25519"): Promise<Signer> {
  return await parsePrivateKey((await generatePrivateKey(algorithm)).pem);
}

/** How a release differs from the usual one. */
export interface SignedReleaseOptions {
  readonly signer: Signer;
  readonly signedAt?: string;
  readonly ciCommit?: string;
  readonly artifactName?: string;
  /** Changes the fleet in place. */
  readonly edit?: (fleet: Draft) => void;
  /** Why the one host in the revocations was revoked. */
  readonly reason?: string;
  /** Whether there is a release index, by default none. */
  readonly releaseIndex?: boolean;
  /** What each host is to run. */
  readonly closureHashes?: Readonly<Record<string, string>>;
  /** The algorithm that the documents declare; by default that of the signer. */
  readonly declared?: SignatureAlgorithm;
}

/** The files of a release: the sample fleet, both sidecars and two manifests, each with its signature. */
export async function signedRelease({
  signer,
  signedAt = "2026-06-01T12:00:00Z",
  ciCommit = "0123456789",
  artifactName = FLEET_FILE,
  edit = () => {},
  reason = "stolen",
  releaseIndex = false,
  closureHashes = { web1: "a-system", web2: "b-system", db: "c-system" },
  declared = signer.publicKey.algorithm,
}: SignedReleaseOptions): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const fleet = sampleFleet();
  edit(fleet);
  const documents = {
    fleet,
    revocations: fullRevocations().map((revocation) => ({ ...revocation, reason })),
    bootstrapNonces: fullNonces(),
  };
  const { evaluated } = decodeFleet(documents, signedAt, false);
  const { artifacts } = composeArtifacts(evaluated, {
    closureHashes,
    stamp: { signedAt, ciCommit, signatureAlgorithm: declared },
    now: signedAt,
    artifactName,
    releaseIndex,
  });
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { path, bytes } of artifacts) {
    files.set(path, bytes);
    files.set(signaturePath(path), await signer.sign(bytes));
  }
  return files;
}

/** The documents of a release, each with what its name is but for the ids of rollouts, which are numbered. */
export function rolesOf(files: ReleaseFiles): Map<string, string> {
  let manifests = 0;
  return new Map(
    [...files.keys()].filter((path) => signedPath(path) === undefined).map((path) => [
      rolloutIdOf(path) !== undefined ? `manifest ${++manifests}` : path,
      path,
    ]),
  );
}

/** A generator of numbers from 0 to below 1 that gives the same ones in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
