/**
 * The records of the wire contract, as they stand in the signed JSON documents.
 *
 * A field typed `T | null` is always written; a field marked `?` is left out when absent.
 * Integers are unsigned 32-bit. Source of every rule: docs/contract.md.
 *
 * @module
 */

/** A time in UTC, in the contract's normal form: `2026-06-01T12:00:00Z`, with 0, 3, 6 or 9 digits of fraction. */
export type Timestamp = string;

/** Algorithms that a signature of 64 raw bytes can have. */
export type SignatureAlgorithm = "ed25519" | "ecdsa-p256";

/** What every document says about its own signature. */
export interface Meta {
  schemaVersion: number;
  signedAt: Timestamp | null;
  ciCommit: string | null;
  /** Absent means `ed25519`. */
  signatureAlgorithm?: string;
}

/** A host frozen at another commit of the fleet. */
export interface Pin {
  commit: string;
  reason: string;
  /** Absent: never expires. */
  expiresAt?: Timestamp;
}

/** One machine of the fleet. */
export interface Host {
  system: string;
  tags: string[];
  channel: string;
  /** Base name of the store path that the host is to run. */
  closureHash: string | null;
  pubkey: string | null;
  pin?: Pin;
}

/** What the hosts of a channel must comply with. */
export interface Compliance {
  frameworks: string[];
  mode: string;
}

/** A stream of releases that hosts follow. */
export interface Channel {
  rolloutPolicy: string;
  reconcileIntervalMinutes: number;
  /** Minutes after `signedAt` at which a consumer calls the release stale. */
  freshnessWindow: number;
  signingIntervalMinutes: number;
  compliance: Compliance;
}

/** Chooses hosts: a host is chosen when any of the criteria holds. */
export interface Selector {
  /** The host has all of these (an empty list chooses none). */
  tags: string[];
  /** The host has one of these. */
  tagsAny: string[];
  /** The host is one of these. */
  hosts: string[];
  channel: string | null;
  all: boolean;
}

/** What has to hold before a rollout goes on. */
export interface HealthGate {
  systemdFailedUnits?: { max: number };
  complianceProbes?: { required: boolean };
}

/** A wave as the policy describes it, before hosts are resolved. */
export interface PolicyWave {
  selector: Selector;
  soakMinutes: number;
}

/** How a release reaches the hosts of a channel. */
export interface RolloutPolicy {
  strategy: string;
  waves: PolicyWave[];
  healthGate: HealthGate;
  onHealthFailure: "halt" | "rollback-and-halt";
}

/** A wave with its hosts. */
export interface Wave {
  hosts: string[];
  soakMinutes: number;
}

/** Orders two hosts: `gated` waits for `gates`. */
export interface Edge {
  gated: string;
  gates: string;
  reason: string | null;
}

/** Orders two channels: `gated` waits for `gates`. Read also as `after` and `before`. */
export interface ChannelEdge {
  gates: string;
  gated: string;
  reason: string | null;
}

/** Limits how many of the chosen hosts may be down at once. */
export interface DisruptionBudget {
  selector: Selector;
  maxInFlight: number | null;
  maxInFlightPct: number | null;
}

/** The whole fleet: `fleet.resolved.json`. */
export interface FleetResolved {
  schemaVersion: number;
  hosts: Record<string, Host>;
  channels: Record<string, Channel>;
  rolloutPolicies: Record<string, RolloutPolicy>;
  waves: Record<string, Wave[]>;
  edges: Edge[];
  channelEdges: ChannelEdge[];
  disruptionBudgets: DisruptionBudget[];
  meta: Meta;
}

/** A host whose certificates from before `notBefore` are void. */
export interface Revocation {
  hostname: string;
  notBefore: Timestamp;
  reason: string | null;
  revokedBy: string | null;
}

/** The sidecar `revocations.json`. */
export interface Revocations {
  schemaVersion: number;
  revocations: Revocation[];
  meta: Meta;
}

/** A nonce that lets a host enrol once. */
export interface BootstrapNonce {
  nonce: string;
  hostname: string;
  expiresAt: Timestamp;
  mintedAt: Timestamp | null;
  mintedBy: string | null;
}

/** The sidecar `bootstrap-nonces.json`. */
export interface BootstrapNonces {
  schemaVersion: number;
  bootstrapNonces: BootstrapNonce[];
  meta: Meta;
}

/** A host of a rollout, and what it is to run. */
export interface RolloutHost {
  hostname: string;
  waveIndex: number;
  targetClosure: string;
}

/** A disruption budget with its hosts resolved over the whole fleet. */
export interface RolloutBudget extends DisruptionBudget {
  hosts: string[];
}

/** One channel's rollout: `rollouts/<rolloutId>.json`. */
export interface RolloutManifest {
  schemaVersion: number;
  displayName: string;
  channel: string;
  channelRef: string;
  fleetResolvedHash: string;
  hostSet: RolloutHost[];
  healthGate: HealthGate;
  complianceFrameworks: string[];
  disruptionBudgets: RolloutBudget[];
  meta: Meta;
}
