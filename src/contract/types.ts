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

/** The algorithms, in the order in which messages name them. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = ["ed25519", "ecdsa-p256"];

/** Whether a text names an algorithm of the contract. */
export function isSignatureAlgorithm(text: string): text is SignatureAlgorithm {
  return (SIGNATURE_ALGORITHMS as readonly string[]).includes(text);
}

/** What every document says about its own signature. */
export interface Meta {
  /** Always 1. */
  schemaVersion: number;
  /** When it was signed; null before. */
  signedAt: Timestamp | null;
  /** The commit that is released; null outside git. */
  ciCommit: string | null;
  /** Absent means `ed25519`. */
  signatureAlgorithm?: string;
}

/** A public key in a trust file. */
export interface TrustedKeyRecord {
  /** `ed25519` or `ecdsa-p256`; a key with another one is passed over. */
  algorithm: string;
  /** Base64 of 32 bytes (ed25519), or of 64 bytes X‖Y (ecdsa-p256). */
  public: string;
}

/** The keys that consumers trust. Fields for other purposes are ignored. */
export interface TrustFile {
  /** Always 1. */
  schemaVersion: number;
  /** The keys that releases are signed with. */
  ciReleaseKey: {
    /** The key that releases are signed with. */
    current: TrustedKeyRecord | null;
    /** The key before it. */
    previous: TrustedKeyRecord | null;
    /** The key after it, trusted until `retireAt` and not without it. */
    successor: TrustedKeyRecord | null;
    /** When the successor ceases to be one. */
    retireAt: Timestamp | null;
    /** What was signed before this is refused, whatever key it was signed with. */
    rejectBefore: Timestamp | null;
  };
}

/** A host frozen at another commit of the fleet. */
export interface Pin {
  /** The commit that the host is built from. */
  commit: string;
  /** Why, for people. */
  reason: string;
  /** Absent: never expires. */
  expiresAt?: Timestamp;
}

/** One machine of the fleet. */
export interface Host {
  /** Platform, such as `x86_64-linux`. */
  system: string;
  /** Labels that selectors choose by. */
  tags: string[];
  /** The channel that it follows. */
  channel: string;
  /** Base name of the store path that the host is to run. */
  closureHash: string | null;
  /** SSH host key; null when it is not known. */
  pubkey: string | null;
  /** Holds it at another commit. */
  pin?: Pin;
}

/** What the hosts of a channel must comply with. */
export interface Compliance {
  /** Names, such as `nis2`. */
  frameworks: string[];
  /** How strictly they are taken. */
  mode: string;
}

/** A stream of releases that hosts follow. */
export interface Channel {
  /** Name of its rollout policy. */
  rolloutPolicy: string;
  /** How often agents look for a new release, in minutes. */
  reconcileIntervalMinutes: number;
  /** Minutes after `signedAt` at which a consumer calls the release stale. */
  freshnessWindow: number;
  /** How often an unchanged release is signed anew, in minutes. */
  signingIntervalMinutes: number;
  /** What its hosts must comply with. */
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
  /** The host is on this channel; null chooses none. */
  channel: string | null;
  /** Every host. */
  all: boolean;
}

/** How many systemd units may have failed. */
export interface FailedUnitsGate {
  /** At most this many. */
  max: number;
}

/** Whether compliance probes count. */
export interface ComplianceProbesGate {
  /** Whether they have to pass. */
  required: boolean;
}

/** What has to hold before a rollout goes on. */
export interface HealthGate {
  /** At most this many failed units. */
  systemdFailedUnits?: FailedUnitsGate;
  /** Whether compliance probes have to pass. */
  complianceProbes?: ComplianceProbesGate;
}

/** A wave as the policy describes it, before hosts are resolved. */
export interface PolicyWave {
  /** Which hosts it takes. */
  selector: Selector;
  /** How long it is watched before the next wave, in minutes. */
  soakMinutes: number;
}

/** How a release reaches the hosts of a channel. */
export interface RolloutPolicy {
  /** Name of the strategy. */
  strategy: string;
  /** Its waves, in order. */
  waves: PolicyWave[];
  /** What has to hold before it goes on. */
  healthGate: HealthGate;
  /** What happens when that does not hold. */
  onHealthFailure: "halt" | "rollback-and-halt";
}

/** A wave with its hosts. */
export interface Wave {
  /** Names of its hosts. */
  hosts: string[];
  /** How long it is watched before the next wave, in minutes. */
  soakMinutes: number;
}

/** Orders two hosts: `gated` waits for `gates`. */
export interface Edge {
  /** The host that waits. */
  gated: string;
  /** The host that it waits for. */
  gates: string;
  /** Why, for people. */
  reason: string | null;
}

/** Orders two channels: `gated` waits for `gates`. Read also as `after` and `before`. */
export interface ChannelEdge {
  /** The channel that is waited for. */
  gates: string;
  /** The channel that waits. */
  gated: string;
  /** Why, for people. */
  reason: string | null;
}

/** Limits how many of the chosen hosts may be down at once. */
export interface DisruptionBudget {
  /** Which hosts it protects. */
  selector: Selector;
  /** At most this many at once. */
  maxInFlight: number | null;
  /** At most this many percent at once. */
  maxInFlightPct: number | null;
}

/** The whole fleet: `fleet.resolved.json`. */
export interface FleetResolved {
  /** Always 1. */
  schemaVersion: number;
  /** By name. */
  hosts: Record<string, Host>;
  /** By name. */
  channels: Record<string, Channel>;
  /** By name. */
  rolloutPolicies: Record<string, RolloutPolicy>;
  /** By channel, in order. */
  waves: Record<string, Wave[]>;
  /** Orders between hosts. */
  edges: Edge[];
  /** Orders between channels. */
  channelEdges: ChannelEdge[];
  /** Limits over all channels. */
  disruptionBudgets: DisruptionBudget[];
  /** The stamp. */
  meta: Meta;
}

/** A host whose certificates from before `notBefore` are void. */
export interface Revocation {
  /** Name of the host. */
  hostname: string;
  /** Certificates from before this time are void. */
  notBefore: Timestamp;
  /** Why, for people. */
  reason: string | null;
  /** Who did it, for people. */
  revokedBy: string | null;
}

/** The sidecar `revocations.json`. */
export interface Revocations {
  /** Always 1. */
  schemaVersion: number;
  /** In the flake's order. */
  revocations: Revocation[];
  /** The fleet's stamp. */
  meta: Meta;
}

/** A nonce that lets a host enrol once. */
export interface BootstrapNonce {
  /** The nonce itself. */
  nonce: string;
  /** The host that it enrols. */
  hostname: string;
  /** Good up to and including this time. */
  expiresAt: Timestamp;
  /** When it was made. */
  mintedAt: Timestamp | null;
  /** Who made it, for people. */
  mintedBy: string | null;
}

/** The sidecar `bootstrap-nonces.json`. */
export interface BootstrapNonces {
  /** Always 1. */
  schemaVersion: number;
  /** In the flake's order. */
  bootstrapNonces: BootstrapNonce[];
  /** The fleet's stamp. */
  meta: Meta;
}

/** A host of a rollout, and what it is to run. */
export interface RolloutHost {
  /** Name of the host. */
  hostname: string;
  /** First wave of the channel that has it; 0 when none has. */
  waveIndex: number;
  /** Base name of the store path that it is to run. */
  targetClosure: string;
}

/** A disruption budget with its hosts resolved over the whole fleet. */
export interface RolloutBudget extends DisruptionBudget {
  /** Names of the hosts that it protects, by byte order. */
  hosts: string[];
}

/** One channel's rollout: `rollouts/<rolloutId>.json`. */
export interface RolloutManifest {
  /** Always 1. */
  schemaVersion: number;
  /** `<channel>@<first 8 characters of the commit>`. */
  displayName: string;
  /** Name of the channel. */
  channel: string;
  /** The commit; empty outside git. */
  channelRef: string;
  /** SHA-256 of the fleet's canonical bytes, in lower-case hex. */
  fleetResolvedHash: string;
  /** Its hosts, by byte order of their names. */
  hostSet: RolloutHost[];
  /** The rollout policy's. */
  healthGate: HealthGate;
  /** The channel's. */
  complianceFrameworks: string[];
  /** All budgets of the fleet. */
  disruptionBudgets: RolloutBudget[];
  /** The fleet's stamp. */
  meta: Meta;
}

/** What binds the files of one release to each other: `release-index.json`. */
export interface ReleaseIndex {
  /** Always 1. */
  schemaVersion: number;
  /** File name of the fleet artifact. */
  artifact: string;
  /** SHA-256 in lower-case hex of every other document of the release, by its path in the release directory. */
  files: Record<string, string>;
  /** The fleet's stamp. */
  meta: Meta;
}
