/**
 * Documents in which every field of the contract is given, in the normal form that it is written in.
 *
 * @module
 */
import type { BootstrapNonce, FleetResolved, Meta, Revocation, Selector } from "../../src/contract/types.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** The stamp of {@linkcode fullFleet}. */
export const META: Meta = {
  schemaVersion: 1,
  signedAt: "2026-06-01T12:00:00Z",
  ciCommit: COMMIT,
  signatureAlgorithm: "ecdsa-p256",
};

/** A selector, with what is not given as an absent field comes out. */
export function selector(criteria: Partial<Selector>): Selector {
  return { tags: [], tagsAny: [], hosts: [], channel: null, all: false, ...criteria };
}

/** A fleet with every field of the contract, none of them null. */
export function fullFleet(): FleetResolved {
  return {
    schemaVersion: 1,
    hosts: {
      web: {
        system: "x86_64-linux",
        tags: ["web", "eu"],
        channel: "stable",
        closureHash: "0c9vmb4ik2ws0x4yqp4yb7kd2l4l0f7n-nixos-system-web-26.05",
        pubkey: "ssh-ed25519 AAAA",
        pin: { commit: COMMIT, reason: "audit", expiresAt: "2026-07-01T00:00:00Z" },
      },
    },
    channels: {
      stable: {
        rolloutPolicy: "canary",
        reconcileIntervalMinutes: 30,
        freshnessWindow: 1440,
        signingIntervalMinutes: 60,
        compliance: { frameworks: ["nis2"], mode: "enforce" },
      },
    },
    rolloutPolicies: {
      canary: {
        strategy: "waves",
        waves: [{
          selector: selector({
            tags: ["web"],
            tagsAny: ["eu"],
            hosts: ["web"],
            channel: "stable",
            all: true,
          }),
          soakMinutes: 10,
        }],
        healthGate: { systemdFailedUnits: { max: 2 }, complianceProbes: { required: true } },
        onHealthFailure: "rollback-and-halt",
      },
    },
    waves: { stable: [{ hosts: ["web"], soakMinutes: 10 }] },
    edges: [{ gated: "web", gates: "web", reason: "order" }],
    channelEdges: [{ gates: "stable", gated: "stable", reason: "order" }],
    disruptionBudgets: [{
      selector: selector({ tags: ["web"], tagsAny: ["eu"], hosts: ["web"], channel: "stable", all: true }),
      maxInFlight: 1,
      maxInFlightPct: 50,
    }],
    meta: { ...META },
  };
}

/** Revocations with every field of the contract, none of them null. */
export function fullRevocations(): Revocation[] {
  return [{ hostname: "web", notBefore: "2026-05-01T00:00:00Z", reason: "stolen", revokedBy: "ops" }];
}

/** Bootstrap nonces with every field of the contract, none of them null. */
export function fullNonces(): BootstrapNonce[] {
  return [{
    nonce: "n0",
    hostname: "web",
    expiresAt: "2026-07-01T00:00:00Z",
    mintedAt: "2026-05-01T00:00:00Z",
    mintedBy: "ops",
  }];
}
