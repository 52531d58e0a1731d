/**
 * Signatures as consumers verify them, which is more strictly than the platform does by itself.
 *
 * Ed25519 follows `verify_strict` of ed25519-dalek. WebCrypto already compares without the cofactor and refuses
 * S ≥ L, but takes points of low order: with such a key everybody can sign, and one signature fits many messages.
 *
 * @module
 */
import { isSignatureAlgorithm, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from "../contract/types.ts";
import { type DerValue, INTEGER, looksLikeDer, readDer, SEQUENCE } from "./der.ts";
import { SIGNATURE_LENGTH } from "./signature_shape.ts";

/** A public key, raw. */
export interface PublicKey {
  /** What its signatures are made with. */
  readonly algorithm: SignatureAlgorithm;
  /** 32 bytes for Ed25519; for ECDSA P-256 64, X and Y of 32 bytes each, the greatest byte first. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A signature, and what it is to be verified with. */
export interface SignedBytes {
  /** What the signature is made with. */
  readonly algorithm: SignatureAlgorithm;
  /** The raw public key, as in {@linkcode PublicKey}. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** What is signed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each, the greatest byte first. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

const KEY_LENGTHS: Readonly<Record<SignatureAlgorithm, number>> = { "ed25519": 32, "ecdsa-p256": 64 };
/** How long a coordinate, r and s are on both curves. */
const NUMBER_LENGTH = 32;
/** Stands before a point of P-256 of which both coordinates follow. */
export const UNCOMPRESSED = 0x04;

/** What WebCrypto is told for making, importing, signing and verifying alike. */
export const WEB_CRYPTO: Readonly<
  Record<SignatureAlgorithm, Algorithm & Partial<EcKeyImportParams & EcdsaParams>>
> = {
  "ed25519": { name: "Ed25519" },
  "ecdsa-p256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
};

/**
 * Whether a signature is one of these bytes by this key; false for keys and signatures of any wrong length or
 * content, too.
 *
 * Ed25519 is verified without the cofactor, and refused when the key or R is a point of low order or is encoded in
 * another way than the canonical one. ECDSA P-256 hashes with SHA-256, takes both s and n - s, since hardware makes
 * either, and refuses DER.
 *
 * @throws {TypeError} when the algorithm is none of {@linkcode SignatureAlgorithm}
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * // RFC 8032, section 7.1, test 2
 * const signed = {
 *   algorithm: "ed25519",
 *   publicKey: Uint8Array.fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
 *   bytes: Uint8Array.of(0x72),
 *   signature: Uint8Array.fromHex(
 *     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
 *       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
 *   ),
 * } as const;
 * assertEquals(await verifySignature(signed), true);
 * assertEquals(await verifySignature({ ...signed, bytes: Uint8Array.of(0x73) }), false);
 * ```
 */
export async function verifySignature(signed: SignedBytes): Promise<boolean> {
  const { algorithm, publicKey, signature } = signed;
  if (!isSignatureAlgorithm(algorithm)) {
    const known = SIGNATURE_ALGORITHMS.join(" or ");
    throw new TypeError(`Cannot verify a signature: its algorithm is "${algorithm}", expected ${known}`);
  }
  if (publicKey.length !== KEY_LENGTHS[algorithm] || signature.length !== SIGNATURE_LENGTH) return false;
  const raw = algorithm === "ed25519" ? ed25519KeyOf(signed) : ecdsaP256KeyOf(signed);
  if (raw === undefined) return false;
  const key = await crypto.subtle.importKey("raw", raw, WEB_CRYPTO[algorithm], false, ["verify"]);
  return await crypto.subtle.verify(WEB_CRYPTO[algorithm], key, signature, signed.bytes);
}

/** The key as WebCrypto takes it; undefined when it or R is none that is taken. */
function ed25519KeyOf({ publicKey, signature }: SignedBytes): Uint8Array<ArrayBuffer> | undefined {
  const points = [publicKey, signature.subarray(0, NUMBER_LENGTH)];
  return points.every((point) => encodingProblem(point) === undefined) ? publicKey : undefined;
}

/** The key as WebCrypto takes it. The platform imports a point beside the curve, and throws when it is to verify. */
function ecdsaP256KeyOf({ publicKey }: SignedBytes): Uint8Array<ArrayBuffer> | undefined {
  return isOnP256(publicKey) ? Uint8Array.of(UNCOMPRESSED, ...publicKey) : undefined;
}

/** Why no signature ever verifies with this key, in words that continue "the key"; undefined when it is usable. */
export function publicKeyProblem({ algorithm, bytes }: PublicKey): string | undefined {
  const expected = KEY_LENGTHS[algorithm];
  if (bytes.length !== expected) return lengthProblem(algorithm, bytes);
  if (algorithm === "ecdsa-p256") return isOnP256(bytes) ? undefined : "is not a point of the curve P-256";
  return encodingProblem(bytes) ?? (isOnEd25519(bytes) ? undefined : "is not a point of the curve Ed25519");
}

function lengthProblem(algorithm: SignatureAlgorithm, bytes: Uint8Array): string {
  const expected = KEY_LENGTHS[algorithm];
  const problem = `has ${bytes.length} bytes, expected ${expected}`;
  if (algorithm === "ecdsa-p256" && bytes.length === expected + 1 && bytes[0] === UNCOMPRESSED) {
    return `${problem}: leave out the leading 04`;
  }
  if (!looksLikeDer(bytes)) return problem;
  return `${problem}: this is DER (SubjectPublicKeyInfo), take its last ${expected} bytes`;
}

/** The prime of the field of Ed25519, and the d of its curve -x² + y² = 1 + dx²y² (RFC 8032, section 5.1). */
const ED25519_P = 2n ** 255n - 19n;
const ED25519_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The y of an encoded point; the bit above it is the sign of x. */
function encodedY(point: Uint8Array): bigint {
  return toBigInt(point.toReversed()) & (2n ** 255n - 1n);
}

/**
 * What is wrong with the encoding of a point of Ed25519 whether or not it lies on the curve, in words that continue
 * "the key".
 *
 * Eight points have a low order: (0, 1), (0, -1), the two with y = 0, which have order 4, and the four of order 8.
 * Twice one of those four has y = 0, so that by the law of addition y² = -x², and by the curve dy⁴ + 2y² = 1.
 *
 * The bit for the sign of x is left aside, so that all 14 of their encodings are found: two for each of these five y,
 * of which those of (0, ±1) with the sign set are not canonical; and two each for 0 and 1 written as p and p + 1.
 */
function encodingProblem(point: Uint8Array): string | undefined {
  const y = encodedY(point);
  if (y >= ED25519_P) return "is not encoded canonically: its y is 2^255 - 19 or more";
  const y2 = y * y % ED25519_P;
  const isLowOrder = y2 === 0n || y2 === 1n || (ED25519_D * y2 * y2 + 2n * y2) % ED25519_P === 1n;
  return isLowOrder ? "is a point of low order, for which everybody can sign" : undefined;
}

/** Whether some x fits the y of a point that {@linkcode encodingProblem} has nothing against. */
function isOnEd25519(point: Uint8Array): boolean {
  const y2 = encodedY(point) ** 2n;
  // By the curve x² is this quotient, which is a square exactly when the product is (Euler's criterion).
  return power((y2 - 1n) * (ED25519_D * y2 + 1n), (ED25519_P - 1n) / 2n, ED25519_P) === 1n;
}

/** The base to the power of a positive exponent, by the modulus. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = result * result % modulus;
    if (bit === "1") result = result * base % modulus;
  }
  return result;
}

/** The prime of the field of P-256, and the b of its curve y² = x³ - 3x + b (FIPS 186-4, D.1.2.3). */
const P256_P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function isOnP256(key: Uint8Array): boolean {
  const x = toBigInt(key.subarray(0, NUMBER_LENGTH));
  const y = toBigInt(key.subarray(NUMBER_LENGTH));
  return x < P256_P && y < P256_P && (y * y - x * x * x + 3n * x - P256_B) % P256_P === 0n;
}

/** The number that bytes stand for, the greatest first. */
function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

/**
 * Rewrites an ECDSA P-256 signature from DER to the 64 bytes r and s; undefined when it is not DER to the letter, or
 * when r or s is zero or longer than 32 bytes.
 */
export function fixedFromDer(signature: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const sequence = takeDer(SEQUENCE, signature);
  if (sequence === undefined || sequence.rest.length > 0) return undefined;
  const r = takeDer(INTEGER, sequence.content);
  const s = r && takeDer(INTEGER, r.rest);
  if (s === undefined || s.rest.length > 0) return undefined;
  const numbers = [digitsOf(r!.content), digitsOf(s.content)];
  const fixed = new Uint8Array(SIGNATURE_LENGTH);
  for (const [index, digits] of numbers.entries()) {
    if (digits === undefined || digits.length > NUMBER_LENGTH) return undefined;
    fixed.set(digits, (index + 1) * NUMBER_LENGTH - digits.length);
  }
  return fixed;
}

function takeDer(tag: number, bytes: Uint8Array): DerValue | undefined {
  const value = readDer(bytes, { strict: true });
  return value?.tag === tag ? value : undefined;
}

/** The bytes of a positive number without its leading zero; undefined when it is none, or not DER to the letter. */
function digitsOf(content: Uint8Array): Uint8Array | undefined {
  // DER puts a zero before a number that would be negative without it, and before no other.
  const digits = content[0] === 0 ? content.subarray(1) : content;
  const [first] = digits;
  return first !== undefined && (first >= 0x80) === (digits !== content) ? digits : undefined;
}
