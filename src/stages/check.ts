/**
 * Verifies a signed release as a consumer would, before any of it is written.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { signaturePath } from "../contract/layout.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { type ErrorDetails, ReleaseError } from "../errors.ts";
import type { SignedArtifact, Stamp } from "../model.ts";
import { plural } from "../text.ts";
import { bindRelease, type ReleaseFiles } from "../verify/bindings.ts";
import type { KeySlot } from "../verify/trust.ts";
import type { Run } from "./run.ts";
import { type TrustedKeys, verifyTrusted } from "./trust.ts";

/** A release that is signed, and what it is judged by. */
export interface SignedRelease {
  /** All artifacts of the release, the fleet first. */
  readonly signed: readonly SignedArtifact[];
  readonly stamp: Stamp;
  /** The keys that consumers trust; null when nobody says which. */
  readonly trusted: TrustedKeys | null;
}

/**
 * Verifies the signatures with the keys that consumers trust, and reads the release back as they would.
 *
 * @throws {ReleaseError} of kind `smoke-verify`, naming the artifact
 */
export async function checkRelease(run: Run, { signed, stamp, trusted }: SignedRelease): Promise<void> {
  if (trusted !== null) {
    const key = await run.stage({
      name: "verify-signatures",
      title: "Verifying the signatures",
      done: () => `Verified ${plural(signed.length, "signature")}`,
    }, () => verifyTrusted(signed, stamp, trusted));
    showKey(run, key.slot, key);
  } else if (run.ports.signer.publicKey !== null) showKey(run, null, run.ports.signer.publicKey);
  if (!run.config.smokeVerify) {
    run.warn({
      code: "no-smoke-verify",
      message: "The signed artifacts were not read back: --smoke-verify is false",
    });
    return;
  }
  await run.stage({
    name: "verify",
    title: "Reading the release back",
    done: () => `Read ${plural(signed.length, "artifact")} back as a consumer would`,
  }, () => smokeVerify(signed));
}

function showKey({ show }: Run, slot: KeySlot | null, { algorithm, bytes }: PublicKey): void {
  show({ key: { slot, algorithm, public: bytes.toBase64() } });
}

/**
 * Checks that the artifacts are what a consumer accepts as one release: each is canonical and decodes, its signer saw
 * these bytes and no others, all have one stamp, and each manifest is the projection of the fleet beside it.
 *
 * @param artifacts All artifacts of the release, the fleet first
 * @throws {ReleaseError} of kind `smoke-verify`, naming the artifact
 */
export function smokeVerify(artifacts: readonly SignedArtifact[]): void {
  for (const { path, bytes, signature, signedInput } of artifacts) {
    if (signature.length !== SIGNATURE_LENGTH) {
      throw refused(path, `its signature has ${signature.length} bytes, expected ${SIGNATURE_LENGTH}`);
    }
    if (signedInput !== undefined && !equalBytes(signedInput, bytes)) {
      throw refused(path, "the sign hook changed the file that it was given, so it signed something else");
    }
  }
  const { failures: [first, ...others], documents } = bindRelease(
    asReleaseFiles(artifacts),
    artifacts[0]!.path,
  );
  if (first !== undefined) {
    throw refused(first.path, first.message, {
      code: first.code,
      lines: others.slice(0, 20).map(({ path, message }) => `also "${path}": ${message}`),
    });
  }
  const parts = new Set(documents.map(({ path }) => path));
  for (const { path } of artifacts) {
    // Each is taken out once, so that what is there twice, or belongs to another release, is not there.
    if (!parts.delete(path)) throw refused(path, "it is no part of the release, or there twice");
  }
}

/** The files as a consumer finds them. */
function asReleaseFiles(artifacts: readonly SignedArtifact[]): ReleaseFiles {
  return new Map(
    artifacts.flatMap(({ path, bytes, signature }) => [[path, bytes], [signaturePath(path), signature]]),
  );
}

function refused(path: string, reason: string, details: ErrorDetails = {}): ReleaseError {
  return new ReleaseError("smoke-verify", `A consumer would refuse "${path}": ${reason}`, details);
}
