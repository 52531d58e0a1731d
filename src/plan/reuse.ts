/**
 * Whether the release on disk can stay as it is: its bytes, its stamp and its signatures.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { compareTimestamps, formatInstant, parseTimestamp } from "../contract/time.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { decode } from "../contract/schema.ts";
import type { Channel, FleetResolved, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import { canonicalizeResolved } from "./fleet.ts";

/**
 * The stamp of the fleet artifact on disk, if it may be kept: when the new artifact with the old `signedAt` and
 * `ciCommit` put in equals it byte for byte, and no channel is due. Pure.
 *
 * @param existing The bytes of the fleet artifact on disk
 * @param fleet The new fleet, stamped anew
 * @param now The present
 * @returns the stamp to keep, or null when the release has to be signed anew
 *
 * @example
 * ```ts
 * import { composeRelease, loadExistingSignedAtIfUnchanged } from "../../mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const fleet = { schemaVersion: 1, hosts: {}, channels: {}, waves: {}, meta: { schemaVersion: 1 } };
 * const { files } = composeRelease({ fleet, closureHashes: {}, signedAt: "2026-06-01T12:00:00Z", ciCommit: "abc" });
 * const existing = files.get("fleet.resolved.json")!;
 * const next = JSON.parse(new TextDecoder().decode(existing));
 * next.meta.signedAt = "2026-06-01T13:00:00Z";
 * next.meta.ciCommit = "def";
 * assertEquals(loadExistingSignedAtIfUnchanged(existing, next, "2026-06-01T13:00:00Z"), {
 *   signedAt: "2026-06-01T12:00:00Z",
 *   ciCommit: "abc",
 * });
 * ```
 */
export function loadExistingSignedAtIfUnchanged(
  existing: Uint8Array,
  fleet: FleetResolved,
  now: Timestamp,
): { signedAt: Timestamp; ciCommit: string | null } | null {
  const old = readFleet(existing);
  if (old === undefined || old.meta.signedAt === null) return null;
  const { signedAt, ciCommit } = old.meta;
  const kept = canonicalizeResolved({ ...fleet, meta: { ...fleet.meta, signedAt, ciCommit } });
  if (!equalBytes(kept, existing)) return null;
  // A stamp from the future says nothing about its age.
  if (compareTimestamps(signedAt, now) > 0) return null;
  const due = Object.values(fleet.channels).some((channel) =>
    compareTimestamps(dueAt(channel, signedAt), now) <= 0
  );
  return due ? null : { signedAt, ciCommit };
}

/**
 * When a release is due to be signed anew, by one of its channels: half of the freshness window is left then for the run
 * that renews it, which may be late or fail.
 */
export function dueAt(
  { signingIntervalMinutes, freshnessWindow }: Pick<Channel, "signingIntervalMinutes" | "freshnessWindow">,
  signedAt: Timestamp,
): Timestamp {
  const seconds = Math.min(signingIntervalMinutes, freshnessWindow / 2) * 60;
  return formatInstant(Temporal.Instant.from(signedAt).add({ seconds }));
}

/** When a release is due to be signed anew, by the first of its channels; null when it has none, or was never signed. */
export function releaseDueAt({ channels, meta: { signedAt } }: FleetResolved): Timestamp | null {
  if (signedAt === null) return null;
  const times = Object.values(channels).map((channel) => dueAt(channel, signedAt));
  return times.sort(compareTimestamps)[0] ?? null;
}

/** The signing time that a document gives; undefined when it gives none. */
export function signedAtOf(bytes: Uint8Array): Timestamp | undefined {
  try {
    const document = parseJson(decodeUtf8(bytes)) as { meta?: { signedAt?: unknown } | null } | null;
    const signedAt = document?.meta?.signedAt;
    return typeof signedAt === "string" ? parseTimestamp(signedAt) : undefined;
  } catch (error) {
    if (error instanceof ReleaseError) return undefined;
    throw error;
  }
}

/** The fleet in an artifact's bytes; undefined when they are no fleet, which a damaged file is not. */
export function readFleet(bytes: Uint8Array): FleetResolved | undefined {
  try {
    return decode("fleet", parseJson(decodeUtf8(bytes)));
  } catch (error) {
    if (error instanceof ReleaseError) return undefined;
    throw error;
  }
}
