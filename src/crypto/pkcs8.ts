/**
 * The formats that PEM files hold in DER: PKCS#8 (RFC 5958) and SEC 1 (RFC 5915) private keys, and public keys
 * (SubjectPublicKeyInfo, RFC 5280).
 *
 * node:crypto reads them too, but its errors have no codes: only their texts tell a damaged key from one with another's
 * public part. It refuses lengths in BER, which openssl reads, and takes public keys with one coordinate.
 *
 * @module
 */
import type { SignatureAlgorithm } from "../contract/types.ts";
import { joinBytes } from "../bytes.ts";
import { BIT_STRING, INTEGER, OCTET_STRING, readDer, SEQUENCE } from "./der.ts";
import { damagedKey, keyError, type RawPrivateKey, unusableKind } from "./raw_key.ts";
import { type PublicKey, UNCOMPRESSED } from "./signature.ts";

/** The context-specific tags 0 and 1: with the value's own tag within, and `[1]` also in place of it. */
const TAG_0 = 0xa0;
const TAG_1 = 0xa1;
const TAG_1_IMPLICIT = 0x81;

/** Object identifiers in DER, as hexadecimal digits. */
const ED25519 = "06032b6570";
const ELLIPTIC = "06072a8648ce3d0201";
const P256 = "06082a8648ce3d030107";

/** Object identifiers of keys that cannot be used, and what such a key is called. The first that fits counts. */
const OTHER_KINDS: readonly (readonly [identifier: string, kind: string])[] = [
  ["06092a864886f70d0101", "an RSA key"],
  ["06032b6571", "an Ed448 key"],
  ["06032b656e", "an X25519 key, which makes no signatures"],
  [`${ELLIPTIC}06052b81040022`, "a P-384 key"],
  [`${ELLIPTIC}06052b81040023`, "a P-521 key"],
  [`${ELLIPTIC}06052b8104000a`, "a secp256k1 key"],
  [ELLIPTIC, "a key of an elliptic curve that is not named, or of another"],
];

/**
 * Reads the DER of a PEM block `PRIVATE KEY`.
 *
 * @throws {ReleaseError} of kind `usage`, by {@linkcode keyError}
 */
export function decodePkcs8(der: Uint8Array): RawPrivateKey {
  const reader = readSequence(der);
  reader.value(INTEGER); // The version: 1 only says that the public part is there.
  const algorithm = algorithmOf(reader.value(SEQUENCE));
  const inner = reader.value(OCTET_STRING);
  reader.optional(TAG_0); // Attributes, such as a name.
  const publicPart = reader.optional(TAG_1_IMPLICIT);
  reader.end();
  const key = algorithm === "ed25519" ? decodeSeed(inner) : decodeEcPrivateKey(inner, algorithm);
  return publicPart === undefined ? key : { ...key, claims: [...key.claims, bitsOf(publicPart)] };
}

function decodeSeed(der: Uint8Array): RawPrivateKey {
  const reader = new DerReader(der);
  const secret = reader.value(OCTET_STRING);
  reader.end();
  if (secret.length !== 32) throw damagedKey();
  return { algorithm: "ed25519", secret, claims: [] };
}

/**
 * Reads the DER of a PEM block `EC PRIVATE KEY`.
 *
 * @param algorithm What is known of the key from what it lies in, if anything
 * @throws {ReleaseError} of kind `usage`, by {@linkcode keyError}
 */
export function decodeEcPrivateKey(der: Uint8Array, algorithm?: "ecdsa-p256"): RawPrivateKey {
  const reader = readSequence(der);
  reader.value(INTEGER);
  const secret = reader.value(OCTET_STRING);
  const curve = reader.optional(TAG_0);
  const publicPart = reader.optional(TAG_1);
  reader.end();
  if (curve !== undefined) algorithmOf(joinBytes(Uint8Array.fromHex(ELLIPTIC), curve));
  if ((curve ?? algorithm) === undefined || secret.length !== 32) throw damagedKey();
  return {
    algorithm: "ecdsa-p256",
    secret,
    claims: publicPart === undefined ? [] : [bitsOf(new DerReader(publicPart).value(BIT_STRING))],
  };
}

/**
 * Reads the DER of a PEM block `PUBLIC KEY`.
 *
 * @throws {ReleaseError} of kind `usage`, by {@linkcode keyError}
 */
export function decodePublicKeyInfo(der: Uint8Array): PublicKey {
  const reader = readSequence(der);
  const algorithm = algorithmOf(reader.value(SEQUENCE));
  const bytes = bitsOf(reader.value(BIT_STRING));
  reader.end();
  if (algorithm === "ed25519") return { algorithm, bytes: new Uint8Array(bytes) };
  if (bytes[0] !== UNCOMPRESSED) {
    throw keyError(
      "it holds one coordinate of a P-256 key, expected both",
      "`openssl ec -pubin -in FILE -conv_form uncompressed -out NEW` adds the other",
    );
  }
  return { algorithm, bytes: new Uint8Array(bytes.subarray(1)) };
}

/** Wraps the secret of a key as PKCS#8, without its public part: WebCrypto works that out. */
export function encodePkcs8({ algorithm, secret }: RawPrivateKey): Uint8Array<ArrayBuffer> {
  const prefix = algorithm === "ed25519"
    ? `302e0201003005${ED25519}04220420`
    : `30410201003013${ELLIPTIC}${P256}042730250201010420`;
  return joinBytes(Uint8Array.fromHex(prefix), secret);
}

function algorithmOf(identifier: Uint8Array): SignatureAlgorithm {
  const hex = identifier.toHex();
  if (hex === ED25519) return "ed25519";
  if (hex === ELLIPTIC + P256) return "ecdsa-p256";
  throw unusableKind(
    OTHER_KINDS.find(([prefix]) => hex.startsWith(prefix))?.[1] ?? "a key of another algorithm",
  );
}

/** The bytes of a bit string, whose first byte counts the unused bits at its end. */
function bitsOf(value: Uint8Array): Uint8Array {
  if (value[0] !== 0) throw damagedKey();
  return value.subarray(1);
}

/** Opens a sequence that is all there is. */
function readSequence(der: Uint8Array): DerReader {
  const reader = new DerReader(der);
  const content = reader.value(SEQUENCE);
  reader.end();
  return new DerReader(content);
}

/** Reads values behind each other. */
class DerReader {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  /** The next value, which has to have this tag. */
  value(tag: number): Uint8Array {
    const value = this.optional(tag);
    if (value === undefined) throw damagedKey();
    return value;
  }

  /** The next value if it has this tag. */
  optional(tag: number): Uint8Array | undefined {
    if (this.#rest[0] !== tag) return undefined;
    const value = readDer(this.#rest, { strict: false });
    if (value === undefined) throw damagedKey();
    this.#rest = value.rest;
    return value.content;
  }

  /** Refuses what is left. */
  end(): void {
    if (this.#rest.length > 0) throw damagedKey();
  }
}
