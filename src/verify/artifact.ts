/**
 * Whether a consumer accepts one signed document. Stricter than the reference's verifier where docs/contract.md says so.
 *
 * @module
 */
import { canonicalBytes, sha256Hex } from "../contract/canonical.ts";
import { equalBytes } from "../bytes.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { plural } from "../text.ts";
import { decode, type DocumentName } from "../contract/schema.ts";
import { compareTimestamps, parseTimestamp, TIMESTAMP_FORM } from "../contract/time.ts";
import { type FleetResolved, isSignatureAlgorithm, type Meta, type Timestamp } from "../contract/types.ts";
import { type PublicKey, verifySignature } from "../crypto/signature.ts";
import { shapeOf, SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { ReleaseError } from "../errors.ts";

/** Why a document or a release is refused: stable words for programs. */
export type FailureCode =
  | "not-json"
  | "not-canonical"
  | "not-normal"
  | "wrong-schema-version"
  | "wrong-document"
  | "no-signature"
  | "bad-signature"
  | "no-keys"
  | "wrong-algorithm"
  | "unsigned"
  | "rejected"
  | "stale"
  | "future"
  | "wrong-rollout-id"
  | "wrong-stamp"
  | "wrong-fleet"
  | "missing-fleet"
  | "missing-manifest"
  | "missing-document"
  | "stranger";

/** One reason to refuse a document. */
export interface Failure {
  /** Stable word, for programs. */
  readonly code: FailureCode;
  /** A clause for people whose subject is the document: `its bytes are not canonical`. */
  readonly message: string;
}

/** What a signed document is. */
export type ArtifactKind = "fleet" | "revocations" | "bootstrap-nonces" | "rollout-manifest";

/** What {@linkcode verifyArtifact} judges, and by what. */
export interface VerifyArtifactOptions {
  /** The document, as it was received. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its detached signature, raw; null when there is none. */
  readonly signature: Uint8Array<ArrayBuffer> | null;
  /** The trusted keys, in the order in which they are tried. */
  readonly keys: readonly PublicKey[];
  /** The present, RFC 3339. */
  readonly now: string;
  /**
   * How old the signature may be, and 60 seconds more; `Infinity` for no limit. When absent a fleet is judged by its
   * channels' own windows, and any other document is refused.
   */
  readonly freshnessWindowSeconds?: number | undefined;
  /** What was signed before this time (RFC 3339) is refused; exactly then is accepted. */
  readonly rejectBefore?: string | null | undefined;
  /** What the document has to be; when absent it may be any kind. */
  readonly kind?: ArtifactKind | undefined;
}

/** What has been found about a document. */
export interface ArtifactVerdict<Key extends PublicKey = PublicKey> {
  /** Whether there is nothing to refuse it for. */
  readonly verified: boolean;
  /** All that there is to refuse it for. */
  readonly failures: readonly Failure[];
  /** The key that verifies the signature, or null. */
  readonly key: Key | null;
  /** What the document is, or null when that cannot be told. */
  readonly kind: ArtifactKind | null;
  /** The record that the document decodes to, or null. */
  readonly document: { readonly meta: Meta } | null;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
}

/** The clocks of producer and consumer may differ by this much. */
const CLOCK_SKEW_SECONDS = 60;

/**
 * Verifies one document of a release and its signature, and finds all that is wrong with it. Pure.
 *
 * @throws {ReleaseError} of kind `usage` when `now` or `rejectBefore` is no RFC 3339 time, or the freshness window is
 * negative or not a number
 *
 * @example
 * ```ts
 * import { composeRelease, verifyArtifact } from "../../mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
 * const { files } = composeRelease({
 *   fleet: { schemaVersion: 1, hosts: {}, channels: {}, waves: {}, meta: { schemaVersion: 1 } },
 *   closureHashes: {},
 *   signedAt: "2026-06-01T12:00:00Z",
 * });
 * const bytes = files.get("fleet.resolved.json")!;
 * const verdict = await verifyArtifact({
 *   bytes,
 *   signature: new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes)),
 *   keys: [{ algorithm: "ed25519", bytes: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)) }],
 *   now: "2026-06-03T12:00:00Z",
 *   freshnessWindowSeconds: 3600,
 * });
 * assertEquals(verdict.failures.map(({ code }) => code), ["stale"]);
 * ```
 */
export async function verifyArtifact<Key extends PublicKey>(
  options: VerifyArtifactOptions & { readonly keys: readonly Key[] },
): Promise<ArtifactVerdict<Key>> {
  const { bytes, signature, keys, freshnessWindowSeconds } = options;
  if (freshnessWindowSeconds !== undefined && !(freshnessWindowSeconds >= 0)) {
    throw new ReleaseError("usage", `Cannot use a freshness window of ${freshnessWindowSeconds} s`);
  }
  const now = time("now", options.now);
  const before = options.rejectBefore ?? null;
  const rejectBefore = before === null ? null : time("rejectBefore", before);

  const read = readDocument(bytes, options.kind);
  const failures: Failure[] = [...read.failures];
  const signed = await verifySigned(bytes, signature, keys);
  if (signed.failure !== undefined) failures.push(signed.failure);
  if (read.document !== null) {
    const { meta } = read.document;
    failures.push(...algorithmFailures(meta, signed.key));
    const windows = freshnessWindowSeconds !== undefined
      ? [{ seconds: freshnessWindowSeconds }]
      : read.kind === "fleet"
      ? channelWindows(read.document as FleetResolved)
      : [];
    failures.push(...stampFailures(meta.signedAt, now, rejectBefore, windows));
  }
  return {
    verified: failures.length === 0,
    failures,
    key: signed.key,
    kind: read.kind,
    document: read.document,
    sha256: sha256Hex(bytes),
  };
}

/** How old a signature may be, and for which channel. */
export interface FreshnessWindow {
  readonly seconds: number;
  readonly channel?: string;
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

const DOCUMENTS: Readonly<Record<ArtifactKind, DocumentName>> = {
  "fleet": "fleet",
  "revocations": "revocationsArtifact",
  "bootstrap-nonces": "bootstrapNoncesArtifact",
  "rollout-manifest": "rolloutManifest",
};

/** The field that only this kind of document has. */
const MARKS: readonly [field: string, kind: ArtifactKind][] = [
  ["hosts", "fleet"],
  ["revocations", "revocations"],
  ["bootstrapNonces", "bootstrap-nonces"],
  ["hostSet", "rollout-manifest"],
];

/** A document that was read, as far as it can be. */
export interface ReadDocument {
  readonly kind: ArtifactKind | null;
  readonly document: { readonly meta: Meta } | null;
  readonly failures: readonly Failure[];
}

/** Reads a document and checks that its bytes are the canonical ones. */
export function readDocument(bytes: Uint8Array<ArrayBuffer>, expected?: ArtifactKind): ReadDocument {
  let value: unknown;
  try {
    value = parseJson(decodeUtf8(bytes));
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    const failure: Failure = { code: "not-json", message: error.message };
    return { kind: expected ?? null, document: null, failures: [failure] };
  }
  const failures: Failure[] = equalBytes(canonicalBytes(value), bytes)
    ? []
    : [{ code: "not-canonical", message: "its bytes are not canonical" }];
  const fields = typeof value === "object" && value !== null ? value : {};
  const kind = expected ?? MARKS.find(([field]) => Object.hasOwn(fields, field))?.[1] ?? null;
  const refuse = (code: FailureCode, message: string) => ({
    kind,
    document: null,
    failures: [...failures, { code, message }],
  });
  if (kind === null) return refuse("wrong-document", "it is no document of a release");
  const { schemaVersion } = fields as { schemaVersion?: unknown };
  if (typeof schemaVersion === "number" && schemaVersion !== 1) {
    return refuse("wrong-schema-version", `its schemaVersion is ${schemaVersion}, expected 1`);
  }
  try {
    return { kind, document: decode(DOCUMENTS[kind], value) as { meta: Meta }, failures };
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return refuse("wrong-document", [error.message, ...error.lines].join("; "));
  }
}

/** A document has to declare the algorithm that it is signed with: consumers that know one alone go by it. */
export function algorithmFailures(
  { signatureAlgorithm = "ed25519" }: Meta,
  key: PublicKey | null,
): Failure[] {
  if (key === null || key.algorithm === signatureAlgorithm) return [];
  const message =
    `it declares the signature algorithm ${
      JSON.stringify(signatureAlgorithm)
    }, but the key that verifies it is ` +
    key.algorithm;
  return [{ code: "wrong-algorithm", message }];
}

/** The first key that verifies the signature, or why there is none. */
export async function verifySigned<Key extends PublicKey>(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer> | null,
  keys: readonly Key[],
): Promise<{ key: Key | null; failure?: Failure }> {
  const fail = (code: FailureCode, message: string) => ({ key: null, failure: { code, message } });
  if (signature === null) return fail("no-signature", "it has no signature");
  if (keys.length === 0) return fail("no-keys", "there is no key to verify its signature with");
  const key = await verifyingKey(bytes, signature, keys);
  if (key !== null) return { key };
  const shape = shapeOf(signature);
  return fail(
    "bad-signature",
    signature.length === SIGNATURE_LENGTH
      ? "its signature does not verify with any trusted key"
      : `its signature has ${signature.length} bytes, expected ${SIGNATURE_LENGTH}${
        shape === undefined ? "" : `: it is ${shape}`
      }`,
  );
}

/** The first of the keys that verifies the signature. */
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

/** What there is to say against a time of signing. */
export function stampFailures(
  signedAt: Timestamp | null,
  now: Timestamp,
  rejectBefore: Timestamp | null,
  windows: readonly FreshnessWindow[],
): Failure[] {
  if (signedAt === null) {
    return [{ code: "unsigned", message: "it says that it is unsigned: its meta.signedAt is null" }];
  }
  const failures: Failure[] = [];
  if (rejectBefore !== null && compareTimestamps(signedAt, rejectBefore) < 0) {
    failures.push({
      code: "rejected",
      message: `it was signed at ${signedAt}, and all before ${rejectBefore} is refused`,
    });
  }
  const age = Temporal.Instant.from(now).epochNanoseconds - Temporal.Instant.from(signedAt).epochNanoseconds;
  if (windows.length === 0) {
    const message = "nothing says how old it may be: --freshness-window is missing";
    failures.push({ code: "stale", message });
  }
  const [stale, ...others] = windows.filter(({ seconds }) => age > nanoseconds(seconds + CLOCK_SKEW_SECONDS));
  if (stale !== undefined) {
    const whose = stale.channel === undefined ? "" : ` of channel "${stale.channel}"`;
    const more = others.length === 0 ? "" : `, and of ${plural(others.length, "other channel")}`;
    failures.push({
      code: "stale",
      message:
        `it was signed at ${signedAt}, which at ${now} is longer ago than the freshness window${whose} of ` +
        `${stale.seconds} s${more}`,
    });
  }
  if (-age > nanoseconds(CLOCK_SKEW_SECONDS)) {
    failures.push({
      code: "future",
      message: `it was signed at ${signedAt}, more than ${CLOCK_SKEW_SECONDS} s after ${now}`,
    });
  }
  return failures;
}

/** A bigint where that is exact; infinity is more than any of them. */
function nanoseconds(seconds: number): bigint | number {
  return Number.isFinite(seconds) ? BigInt(Math.round(seconds * 1000)) * 1_000_000n : seconds;
}

function time(name: string, text: string): Timestamp {
  const parsed = parseTimestamp(text);
  if (parsed !== undefined) return parsed;
  throw new ReleaseError("usage", `Cannot read ${name} "${text}": expected ${TIMESTAMP_FORM}`);
}
