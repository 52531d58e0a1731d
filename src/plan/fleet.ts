/**
 * What is done to the fleet between its evaluation and its signature.
 *
 * @module
 */
import type { Stamp } from "../model.ts";
import { canonicalBytes } from "../contract/canonical.ts";
import { lookup, mapRecord } from "../contract/records.ts";
import type { BootstrapNonce, FleetResolved, Meta, Timestamp } from "../contract/types.ts";
import { compareTimestamps } from "../contract/time.ts";

/**
 * Sets `closureHash` of the hosts that were built. A hash of a host that the fleet does not know is left out.
 *
 * @param closureHashes Host name to base name of its store path
 * @returns the fleet, and the hosts that it does not know
 *
 * @example
 * ```ts

 * import type { FleetResolved } from "../contract/types.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const db = { system: "x86_64-linux", tags: [], channel: "stable", closureHash: null, pubkey: null };
 * const fleet: FleetResolved = {
 *   schemaVersion: 1,
 *   hosts: { db },
 *   channels: {},
 *   rolloutPolicies: {},
 *   waves: {},
 *   edges: [],
 *   channelEdges: [],
 *   disruptionBudgets: [],
 *   meta: { schemaVersion: 1, signedAt: null, ciCommit: null },
 * };
 * const injected = injectClosureHashes(fleet, { db: "abc-system", stray: "def-system" });
 * assertEquals(injected.fleet.hosts.db?.closureHash, "abc-system");
 * assertEquals(injected.unknownHosts, ["stray"]);
 * ```
 */
export function injectClosureHashes(
  fleet: FleetResolved,
  closureHashes: Readonly<Record<string, string>>,
): { fleet: FleetResolved; unknownHosts: string[] } {
  const hosts = mapRecord(fleet.hosts, (host, name) => ({
    ...host,
    closureHash: lookup(closureHashes, name) ?? host.closureHash,
  }));
  const unknownHosts = Object.keys(closureHashes).filter((name) => !Object.hasOwn(hosts, name));
  return { fleet: { ...fleet, hosts }, unknownHosts };
}

/**
 * Writes the stamp into the fleet's `meta`, over whatever the flake said there.
 *
 * @example
 * ```ts

 * import type { FleetResolved } from "../contract/types.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const fleet = { meta: { schemaVersion: 1, signedAt: null, ciCommit: "old" } } as FleetResolved;
 * const stamp = { signedAt: "2026-06-01T12:00:00Z", ciCommit: null, signatureAlgorithm: "ed25519" } as const;
 * assertEquals(stampMeta(fleet, stamp).meta, { schemaVersion: 1, ...stamp });
 * ```
 */
export function stampMeta(fleet: FleetResolved, stamp: Stamp): FleetResolved {
  return { ...fleet, meta: metaOf(stamp, fleet.meta.schemaVersion) };
}

/** The `meta` of a document that is signed with this stamp. */
export function metaOf(stamp: Stamp, schemaVersion = 1): Meta {
  const { signedAt, ciCommit, signatureAlgorithm } = stamp;
  return { schemaVersion, signedAt, ciCommit, signatureAlgorithm };
}

/**
 * The canonical bytes of a fleet: what is signed and written.
 *
 * @example
 * ```ts

 * import type { FleetResolved } from "../contract/types.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const fleet: FleetResolved = {
 *   schemaVersion: 1,
 *   hosts: {},
 *   channels: {},
 *   rolloutPolicies: {},
 *   waves: {},
 *   edges: [],
 *   channelEdges: [],
 *   disruptionBudgets: [],
 *   meta: { schemaVersion: 1, signedAt: null, ciCommit: null },
 * };
 * const text = new TextDecoder().decode(canonicalizeResolved(fleet));
 * assertEquals(text.slice(0, 52), '{"channelEdges":[],"channels":{},"disruptionBudgets"');
 * ```
 */
export function canonicalizeResolved(fleet: FleetResolved): Uint8Array<ArrayBuffer> {
  return canonicalBytes(fleet);
}

/**
 * Keeps the nonces that are still good at the signing time: `expiresAt >= signedAt`.
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * const nonce = { nonce: "n", hostname: "db", expiresAt: "2026-06-01T12:00:00Z", mintedAt: null, mintedBy: null };
 * assertEquals(pruneExpiredBootstrapNonces([nonce], "2026-06-01T12:00:00Z"), [nonce]);
 * assertEquals(pruneExpiredBootstrapNonces([nonce], "2026-06-01T12:00:01Z"), []);
 * ```
 */
export function pruneExpiredBootstrapNonces(
  nonces: readonly BootstrapNonce[],
  signedAt: Timestamp,
): BootstrapNonce[] {
  return nonces.filter((nonce) => compareTimestamps(nonce.expiresAt, signedAt) >= 0);
}
