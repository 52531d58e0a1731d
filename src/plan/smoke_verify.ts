/**
 * Reads a signed release back as a consumer would, before any of it is written.
 *
 * @module
 */
import { canonicalBytes, equalBytes } from "../contract/canonical.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { ReleaseError } from "../errors.ts";
import { bindRelease, type BoundDocument, type ReleaseFiles } from "../verify/bindings.ts";
import type { Artifact } from "./compose.ts";

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
  for (const { path, bytes, signature, signedInput } of artifacts) {
    if (signature.length !== SIGNATURE_LENGTH) {
      throw refused(path, `its signature has ${signature.length} bytes, expected ${SIGNATURE_LENGTH}`);
    }
    if (signedInput !== undefined && !equalBytes(signedInput, bytes)) {
      throw refused(path, "the sign hook changed the file that it was given, so it signed something else");
    }
  }
  const bound = bindRelease(filesOf(artifacts), artifacts[0]!.path);
  const documents = new Map(bound.documents.map((document) => [document.path, document]));
  const [fleet] = artifacts;
  requireNormalForm(fleet!, documents.get(fleet!.path));
  const [first, ...others] = bound.failures;
  if (first !== undefined) {
    throw refused(
      first.path,
      first.message,
      others.map(({ path, message }) => `also "${path}": ${message}`),
    );
  }
  for (const artifact of artifacts) {
    const document = documents.get(artifact.path);
    // Each is taken out once, so that what is there twice, or belongs to another release, finds none.
    if (!documents.delete(artifact.path)) {
      throw refused(artifact.path, "it is no part of the release, or there twice");
    }
    requireNormalForm(artifact, document);
  }
}

/**
 * The record holds the contract's fields alone, so this finds a field that no consumer would read back. Manifests are
 * compared with the fleet's projection, which has no others.
 */
function requireNormalForm({ path, bytes }: Artifact, bound: BoundDocument | undefined): void {
  if (bound === undefined || bound.kind === "rollout-manifest" || bound.read.failures.length > 0) return;
  if (!equalBytes(canonicalBytes(bound.read.document), bytes)) {
    throw refused(path, "it has fields that the contract does not know");
  }
}

function filesOf(artifacts: readonly SignedArtifact[]): ReleaseFiles {
  return new Map(
    artifacts.flatMap(({ path, bytes, signature }) => [[path, bytes], [`${path}.sig`, signature]]),
  );
}

function refused(path: string, reason: string, lines: readonly string[] = []): ReleaseError {
  return new ReleaseError("smoke-verify", `A consumer would refuse "${path}": ${reason}`, {
    lines: lines.slice(0, 20),
  });
}
