/**
 * The one rule by which a signature is accepted. `verify` goes by it, and so do the release before it writes anything
 * and the reuse of signatures, so that what `verify` refuses is never written or kept.
 *
 * @module
 */
import { compareTimestamps } from "../contract/time.ts";
import { type FleetResolved, isSignatureAlgorithm, type Meta, type Timestamp } from "../contract/types.ts";
import { type PublicKey, verifySignature } from "../crypto/signature.ts";
import { shapeOf, SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { plural } from "../text.ts";
import type { Failure, FailureCode } from "./failure.ts";

/** Bytes, what was given for their signature, and what they say of it. */
export interface SignedDocument {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Raw; null when there is none. */
  readonly signature: Uint8Array<ArrayBuffer> | null;
  /** What the document declares; null when it is not read, or cannot be, which somebody else has to say. */
  readonly declared: Pick<Meta, "signedAt" | "signatureAlgorithm"> | null;
}

/** How old a signature may be, and for which channel. */
export interface FreshnessWindow {
  readonly seconds: number;
  readonly channel?: string;
}

/** The clock that goes on, and how old signatures may be. */
export interface Freshness {
  readonly now: Timestamp;
  /** A signature is stale when it is older than any of these, and 60 seconds more; without any it always is. */
  readonly windows: readonly FreshnessWindow[];
}

/** What signatures are judged by. */
export interface AcceptanceRules<Key extends PublicKey> {
  /** The trusted keys, in the order in which they are tried. */
  readonly keys: readonly Key[];
  /** What was signed before this is refused; exactly then is accepted. Null: nothing is. */
  readonly rejectBefore: Timestamp | null;
  /** When absent, a signature may be of any age, and from the future. */
  readonly freshness?: Freshness;
}

/** The rules of who signs, too: consumers trust more keys than those that may sign. */
export interface SignerRules<Key extends PublicKey> extends AcceptanceRules<Key> {
  /** Whether a trusted key may sign. */
  readonly maySign: (key: Key) => boolean;
}

/** What somebody who signs may be refused for: `may-not-sign` is said of a trusted key that is not to be used. */
export type SignerFailureCode = FailureCode | "may-not-sign";

/** What has been found about a signature. */
export interface Acceptance<Key extends PublicKey, Code extends string = FailureCode> {
  /** The key that verifies it, or null. */
  readonly key: Key | null;
  /** All that there is to refuse it for; nothing when it is accepted. */
  readonly failures: readonly Failure<Code>[];
}

/** The clocks of producer and consumer may differ by this much. */
export const CLOCK_SKEW_SECONDS = 60;

/** Judges a signature as consumers do, and whether its key may sign. Pure. */
export async function judgeSignature<Key extends PublicKey>(
  document: SignedDocument,
  rules: SignerRules<Key>,
): Promise<Acceptance<Key, SignerFailureCode>>;
/**
 * Judges a signature as consumers do, and finds all that is wrong with it. Pure.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
 * const key = { algorithm: "ed25519" as const, bytes: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)) };
 * const bytes = new TextEncoder().encode("{}");
 * const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes));
 * const { failures } = await judgeSignature(
 *   { bytes, signature, declared: { signedAt: "2026-06-01T12:00:00Z" } },
 *   { keys: [key], rejectBefore: "2026-06-01T12:00:01Z" },
 * );
 * assertEquals(failures.map(({ code }) => code), ["rejected"]);
 * ```
 */
export async function judgeSignature<Key extends PublicKey>(
  document: SignedDocument,
  rules: AcceptanceRules<Key>,
): Promise<Acceptance<Key>>;
export async function judgeSignature<Key extends PublicKey>(
  { bytes, signature, declared }: SignedDocument,
  rules: AcceptanceRules<Key> & Partial<SignerRules<Key>>,
): Promise<Acceptance<Key, SignerFailureCode>> {
  const { keys, maySign = () => true } = rules;
  // One key may have two slots, of which one may sign and the other may not.
  const ordered = [...keys.filter((key) => maySign(key)), ...keys.filter((key) => !maySign(key))];
  const key = signature === null ? null : await verifyingKey(bytes, signature, ordered);
  const { failures } = judgeSigned({ signature, declared }, key, rules);
  if (key === null || maySign(key)) return { key, failures };
  const message = "the key that verifies its signature may not sign";
  return { key, failures: [{ code: "may-not-sign", message }, ...failures] };
}

/** Judges a signature of which it is known which key verifies it: for who reads nothing that no key has signed. */
export function judgeSigned<Key extends PublicKey>(
  { signature, declared }: Omit<SignedDocument, "bytes">,
  key: Key | null,
  { keys, rejectBefore, freshness }: AcceptanceRules<Key>,
): Acceptance<Key> {
  const failures: Failure[] = key === null ? [whyUnverified(signature, keys.length)] : [];
  if (declared !== null) {
    failures.push(...algorithmFailures(declared, key));
    failures.push(...timeFailures(declared.signedAt, rejectBefore, freshness));
  }
  return { key, failures };
}

/** The first of the keys that verifies the signature. That alone accepts nothing: see {@linkcode judgeSignature}. */
export async function verifyingKey<Key extends PublicKey>(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  keys: readonly Key[],
): Promise<Key | null> {
  for (const key of keys) {
    if (!isSignatureAlgorithm(key.algorithm)) continue;
    if (await verifySignature({ algorithm: key.algorithm, publicKey: key.bytes, bytes, signature })) {
      return key;
    }
  }
  return null;
}

/** The windows of some of a fleet's channels, by default of all. */
export function channelWindows(
  fleet: FleetResolved,
  channels: Iterable<string> = Object.keys(fleet.channels),
): FreshnessWindow[] {
  return [...channels].map((channel) => ({
    channel,
    seconds: fleet.channels[channel]!.freshnessWindow * 60,
  }));
}

/** Why no key verifies a signature. */
function whyUnverified(signature: Uint8Array | null, keyCount: number): Failure {
  if (signature === null) return { code: "no-signature", message: "it has no signature" };
  if (keyCount === 0) return { code: "no-keys", message: "there is no key to verify its signature with" };
  if (signature.length === SIGNATURE_LENGTH) {
    return { code: "bad-signature", message: "its signature does not verify with any trusted key" };
  }
  const shape = shapeOf(signature);
  const message = `its signature has ${signature.length} bytes, expected ${SIGNATURE_LENGTH}`;
  return { code: "bad-signature", message: shape === undefined ? message : `${message}: it is ${shape}` };
}

/** A document has to declare the algorithm that it is signed with: consumers that know one alone go by it. */
function algorithmFailures(
  { signatureAlgorithm = "ed25519" }: Pick<Meta, "signatureAlgorithm">,
  key: PublicKey | null,
): Failure[] {
  if (key === null || key.algorithm === signatureAlgorithm) return [];
  const message = `it declares the signature algorithm ${JSON.stringify(signatureAlgorithm)}, but the key ` +
    `that verifies it is ${key.algorithm}`;
  return [{ code: "wrong-algorithm", message }];
}

/** What there is to say against a time of signing. */
function timeFailures(
  signedAt: Timestamp | null,
  rejectBefore: Timestamp | null,
  freshness: Freshness | undefined,
): Failure[] {
  if (signedAt === null) {
    return [{ code: "unsigned", message: "it says that it is unsigned: its meta.signedAt is null" }];
  }
  const failures: Failure[] = [];
  if (rejectBefore !== null && compareTimestamps(signedAt, rejectBefore) < 0) {
    const message = `it was signed at ${signedAt}, and all before ${rejectBefore} is refused`;
    failures.push({ code: "rejected", message });
  }
  if (freshness !== undefined) failures.push(...freshnessFailures(signedAt, freshness));
  return failures;
}

/**
 * Whether a signature is older than it may be. One that is exactly as old is fresh.
 *
 * @param seconds The freshness window; clocks may differ by {@linkcode CLOCK_SKEW_SECONDS} more
 */
export function isStale(signedAt: Timestamp, seconds: number, now: Timestamp): boolean {
  return ageOf(signedAt, now) > nanoseconds(seconds + CLOCK_SKEW_SECONDS);
}

/** In nanoseconds; negative: it is from the future. */
function ageOf(signedAt: Timestamp, now: Timestamp): bigint {
  return Temporal.Instant.from(now).epochNanoseconds - Temporal.Instant.from(signedAt).epochNanoseconds;
}

function freshnessFailures(signedAt: Timestamp, { now, windows }: Freshness): Failure[] {
  const failures: Failure[] = [];
  const age = ageOf(signedAt, now);
  if (windows.length === 0) {
    const message = "nothing says how old it may be: --freshness-window is missing";
    failures.push({ code: "stale", message });
  }
  const [stale, ...others] = windows.filter(({ seconds }) => isStale(signedAt, seconds, now));
  if (stale !== undefined) {
    const whose = stale.channel === undefined ? "" : ` of channel "${stale.channel}"`;
    const more = others.length === 0 ? "" : `, and of ${plural(others.length, "other channel")}`;
    const message =
      `it was signed at ${signedAt}, which at ${now} is longer ago than the freshness window${whose} of ` +
      `${stale.seconds} s${more}`;
    failures.push({ code: "stale", message });
  }
  if (-age > nanoseconds(CLOCK_SKEW_SECONDS)) {
    const message = `it was signed at ${signedAt}, more than ${CLOCK_SKEW_SECONDS} s after ${now}`;
    failures.push({ code: "future", message });
  }
  return failures;
}

/** A bigint where that is exact; infinity is more than any of them. */
function nanoseconds(seconds: number): bigint | number {
  return Number.isFinite(seconds) ? BigInt(Math.round(seconds * 1000)) * 1_000_000n : seconds;
}
