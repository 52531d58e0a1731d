/**
 * One rollout manifest per channel, projected from the stamped fleet.
 *
 * A consumer projects the same manifest from its own parse of the fleet and looks it up by its hash, so one byte of
 * difference makes the rollout unknown.
 *
 * @module
 */
import { canonicalBytes, canonicalObject, canonicalText, sha256Hex } from "../contract/canonical.ts";
import { compareBytes, documentPath, lookup, mapRecord } from "../contract/records.ts";
import { hostSelection } from "../contract/selector.ts";
import type {
  Channel,
  FleetResolved,
  Host,
  RolloutBudget,
  RolloutHost,
  RolloutManifest,
  RolloutPolicy,
  Wave,
} from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";

/** Resolves every disruption budget over all hosts of the fleet, whatever their channel. */
export function resolveBudgets(fleet: FleetResolved): RolloutBudget[] {
  const select = hostSelection(fleet.hosts);
  return fleet.disruptionBudgets.map((budget) => ({ ...budget, hosts: select(budget.selector) }));
}

/**
 * A channel and the rollout policy that it names.
 *
 * @throws {ReleaseError} of kind `contract` when the channel, or the rollout policy that it names, does not exist
 */
export function policyOf(
  fleet: FleetResolved,
  channelName: string,
): { channel: Channel; policy: RolloutPolicy } {
  const channel = lookup(fleet.channels, channelName);
  if (channel === undefined) {
    throw new ReleaseError("contract", `The fleet has no channel "${channelName}"`, { path: "channels" });
  }
  const policy = lookup(fleet.rolloutPolicies, channel.rolloutPolicy);
  if (policy === undefined) {
    throw new ReleaseError(
      "contract",
      `Channel "${channelName}" names the rollout policy "${channel.rolloutPolicy}", which the fleet does not have`,
      {
        path: documentPath(["channels", channelName, "rolloutPolicy"]),
        hint: `add rolloutPolicies.${channel.rolloutPolicy}, or name a policy that is there`,
      },
    );
  }
  return { channel, policy };
}

/**
 * Projects the rollout manifest of a channel.
 *
 * @param fleet The stamped fleet, with the closure hashes of this release
 * @param channelName Which channel
 * @param fleetResolvedHash SHA-256 of the fleet's canonical bytes, in lower-case hex
 * @returns the manifest, or null when no host of the channel has a closure
 * @throws {ReleaseError} of kind `contract` when the channel, or the rollout policy that it names, does not exist
 *
 * @example
 * ```ts
 * import { composeRelease, projectManifest, sha256Hex } from "../../mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const fleet = {
 *   schemaVersion: 1,
 *   hosts: { web: { system: "x86_64-linux", tags: [], channel: "stable", closureHash: "abc", pubkey: null } },
 *   channels: {
 *     stable: {
 *       rolloutPolicy: "all",
 *       reconcileIntervalMinutes: 30,
 *       freshnessWindow: 1440,
 *       signingIntervalMinutes: 60,
 *       compliance: { frameworks: [], mode: "disabled" },
 *     },
 *   },
 *   rolloutPolicies: { all: { strategy: "all-at-once", waves: [], healthGate: {}, onHealthFailure: "halt" as const } },
 *   waves: {},
 *   edges: [],
 *   channelEdges: [],
 *   disruptionBudgets: [],
 *   meta: { schemaVersion: 1, signedAt: "2026-06-01T12:00:00Z", ciCommit: "0123456789", signatureAlgorithm: "ed25519" },
 * };
 * const manifest = projectManifest(fleet, "stable", sha256Hex(new Uint8Array()));
 * assertEquals(manifest?.displayName, "stable@01234567");
 * assertEquals(manifest?.hostSet, [{ hostname: "web", waveIndex: 0, targetClosure: "abc" }]);
 * ```
 */
export function projectManifest(
  fleet: FleetResolved,
  channelName: string,
  fleetResolvedHash: string,
): RolloutManifest | null {
  return projectRollouts(fleet, fleetResolvedHash)(channelName)?.manifest ?? null;
}

/** A rollout, as it is published. */
export interface Rollout {
  readonly manifest: RolloutManifest;
  /** The manifest's canonical bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lower-case hex SHA-256 of the bytes. */
  readonly rolloutId: string;
}

/**
 * Projects the manifests of many channels as {@linkcode projectManifest} does. Each host is looked at once, and what is
 * the same in all of them is written once.
 */
export function projectRollouts(
  fleet: FleetResolved,
  fleetResolvedHash: string,
): (channelName: string) => Rollout | null {
  const budgets = resolveBudgets(fleet);
  const budgetsText = canonicalText(budgets);
  const hostsOf = Map.groupBy(Object.entries(fleet.hosts), ([, { channel }]) => channel);
  return (channelName) => {
    const { channel, policy } = policyOf(fleet, channelName);
    const hostSet = hostSetOf(lookup(fleet.waves, channelName) ?? [], hostsOf.get(channelName) ?? []);
    if (hostSet.length === 0) return null;
    const { ciCommit } = fleet.meta;
    const own = {
      schemaVersion: 1,
      displayName: `${channelName}@${ciCommit?.slice(0, 8) ?? "unknown"}`,
      channel: channelName,
      channelRef: ciCommit ?? "",
      fleetResolvedHash,
      hostSet,
      healthGate: policy.healthGate,
      complianceFrameworks: channel.compliance.frameworks,
      meta: { ...fleet.meta, schemaVersion: 1 },
    };
    const bytes = canonicalObject({
      ...mapRecord<unknown, string>(own, canonicalText),
      disruptionBudgets: budgetsText,
    });
    return { manifest: { ...own, disruptionBudgets: [...budgets] }, bytes, rolloutId: sha256Hex(bytes) };
  };
}

/** The hosts of a channel that have a closure, by byte order, each with its wave. */
function hostSetOf(waves: readonly Wave[], hosts: readonly [string, Host][]): RolloutHost[] {
  const waveOf = new Map<string, number>();
  for (const [index, wave] of waves.entries()) {
    for (const host of wave.hosts) if (!waveOf.has(host)) waveOf.set(host, index);
  }
  return hosts.flatMap(([hostname, { closureHash }]) =>
    closureHash === null
      ? []
      : [{ hostname, waveIndex: waveOf.get(hostname) ?? 0, targetClosure: closureHash }]
  ).sort((a, b) => compareBytes(a.hostname, b.hostname));
}

/**
 * The id of a rollout: lower-case hex SHA-256 of the manifest's canonical bytes. It is also the file's name.
 *
 * @example
 * ```ts

 * import type { RolloutManifest } from "../contract/types.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   computeRolloutId({} as RolloutManifest),
 *   "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
 * );
 * ```
 */
export function computeRolloutId(manifest: RolloutManifest): string {
  return sha256Hex(canonicalBytes(manifest));
}
