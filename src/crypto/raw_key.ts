/**
 * Keys as they come out of their file formats, and how one is refused.
 *
 * @module
 */
import type { SignatureAlgorithm } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";

/** A private key, taken out of its file format and not checked yet. */
export interface RawPrivateKey {
  readonly algorithm: SignatureAlgorithm;
  /** The seed of an Ed25519 key, or the number of a P-256 key as 32 bytes. */
  readonly secret: Uint8Array;
  /** What the file says that its public part is, each time that it says so: all have to be right. */
  readonly claims: readonly Uint8Array[];
}

/**
 * The refusal of a key. Its message goes on where `Cannot use the key "x": ` ends, and no part of a refusal ever
 * repeats any of the text that was read: it may be a private key.
 */
export function keyError(message: string, hint?: string): ReleaseError {
  return new ReleaseError("usage", message, { hint });
}

/** The refusal of a key whose bytes are not what its format says. */
export function damagedKey(): ReleaseError {
  return keyError("it is damaged", "copy it again, whole, with its first and last line and its line breaks");
}

/** The refusal of a key that is whole, but of another kind than can be used. */
export function unusableKind(found: string, expected = "an ed25519 or ecdsa-p256 key"): ReleaseError {
  return keyError(`it is ${found}, expected ${expected}`, "`fleet-release keygen` makes one");
}
