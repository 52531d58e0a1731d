/**
 * Whether a consumer accepts one signed document. Stricter than the reference's verifier where docs/contract.md says so.
 *
 * @module
 */
import { sha256Hex } from "../contract/canonical.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../contract/time.ts";
import type { FleetResolved, Meta, Timestamp } from "../contract/types.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { ReleaseError } from "../errors.ts";
import { channelWindows, type FreshnessWindow, judgeSigned, verifyingKey } from "./acceptance.ts";
import { type ArtifactKind, type ReadDocument, readDocument, readUnsigned } from "./document.ts";
import type { Failure } from "./failure.ts";

// What a verdict is made of is found where the verdict is.
export type { ArtifactKind } from "./document.ts";
export type { Failure, FailureCode } from "./failure.ts";

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
  /** What the document is, or has to be; null when neither is known. Of what no key has signed nothing is told. */
  readonly kind: ArtifactKind | null;
  /** The record that the document decodes to; null when it does not, and when no key verifies its signature. */
  readonly document: { readonly meta: Meta } | null;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
}

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

  // The signature comes first: what nobody trusted has signed may be anything, and is not decoded.
  const key = signature === null ? null : await verifyingKey(bytes, signature, keys);
  const read = key === null ? readUnsigned(bytes, options.kind) : readDocument(bytes, options.kind);
  const declared = read.document?.meta ?? null;
  const freshness = { now, windows: windowsOf(read, freshnessWindowSeconds) };
  const accepted = judgeSigned({ signature, declared }, key, { keys, rejectBefore, freshness });
  const failures = [...read.failures, ...accepted.failures];
  return {
    verified: failures.length === 0,
    failures,
    key,
    kind: read.kind,
    document: read.document,
    sha256: sha256Hex(bytes),
  };
}

/** The window that is given, or else those of a fleet's channels. */
function windowsOf({ kind, document }: ReadDocument, given: number | undefined): FreshnessWindow[] {
  if (given !== undefined) return [{ seconds: given }];
  return kind === "fleet" && document !== null ? channelWindows(document as FleetResolved) : [];
}

function time(name: string, text: string): Timestamp {
  const parsed = parseTimestamp(text);
  if (parsed !== undefined) return parsed;
  throw new ReleaseError("usage", `Cannot read ${name} "${text}": expected ${TIMESTAMP_FORM}`);
}
