import { assertEquals, assertNotEquals } from "@std/assert";
import { canonicalBytes, sha256Hex } from "../../src/contract/canonical.ts";
import { decode } from "../../src/contract/schema.ts";
import type { FleetResolved, RolloutManifest } from "../../src/contract/types.ts";
import {
  computeRolloutId,
  policyOf,
  projectManifest,
  projectRollouts,
  resolveBudgets,
} from "../../src/plan/rollouts.ts";
import { type Draft, sampleFleet } from "../support/fleet.ts";
import { fullFleet, META, selector } from "../support/full_fleet.ts";
import { deepFreeze, pureTest, refusal } from "../support/pure.ts";

/** The sample fleet, stamped and with a closure for every host, with an edit. */
function built(edit: (fleet: Draft) => void = () => {}): FleetResolved {
  const fleet = sampleFleet();
  for (const name of Object.keys(fleet["hosts"])) fleet["hosts"][name].closureHash = `${name}-system`;
  fleet["meta"] = { ...META };
  edit(fleet);
  return deepFreeze(decode("fleet", fleet));
}

function hostSet(edit: (fleet: Draft) => void): [hostname: string, waveIndex: number, closure: string][] {
  const { hostSet } = projectManifest(built(edit), "stable", "h")!;
  return hostSet.map(({ hostname, waveIndex, targetClosure }) => [hostname, waveIndex, targetClosure]);
}

pureTest("projectManifest() gives every field of the manifest", () => {
  const fleet = deepFreeze(fullFleet());
  assertEquals(projectManifest(fleet, "stable", "f00d"), {
    schemaVersion: 1,
    displayName: "stable@01234567",
    channel: "stable",
    channelRef: META.ciCommit!,
    fleetResolvedHash: "f00d",
    hostSet: [{ hostname: "web", waveIndex: 0, targetClosure: fleet.hosts["web"]!.closureHash! }],
    healthGate: { systemdFailedUnits: { max: 2 }, complianceProbes: { required: true } },
    complianceFrameworks: ["nis2"],
    disruptionBudgets: [{ ...fleet.disruptionBudgets[0]!, hosts: ["web"] }],
    meta: META,
  });
});

pureTest("projectManifest() names a release without a commit unknown", () => {
  const manifest = projectManifest(built((fleet) => fleet["meta"].ciCommit = null), "stable", "h");
  assertEquals(manifest?.displayName, "stable@unknown");
  assertEquals(manifest?.channelRef, "");
});

pureTest("projectManifest() gives a host the first wave that lists it, and wave 0 when none does", () => {
  assertEquals(
    hostSet((fleet) => {
      const base = fleet["hosts"].web1;
      fleet["hosts"] = { c: base, a: base, b: base, "B": base };
      for (const name of Object.keys(fleet["hosts"])) {
        fleet["hosts"][name] = { ...base, closureHash: `${name}-system` };
      }
      fleet["waves"].stable = [
        { hosts: ["gone"], soakMinutes: 1 },
        { hosts: ["b", "b"], soakMinutes: 1 },
        { hosts: ["a", "b"], soakMinutes: 1 },
        { hosts: ["a"], soakMinutes: 1 },
      ];
    }),
    [["B", 0, "B-system"], ["a", 2, "a-system"], ["b", 1, "b-system"], ["c", 0, "c-system"]],
  );
});

pureTest("projectManifest() puts every host into wave 0 of a channel without waves", () => {
  for (const waves of [{}, { stable: [] }, { edge: [{ hosts: ["web1"], soakMinutes: 1 }] }]) {
    assertEquals(hostSet((fleet) => fleet["waves"] = waves), [
      ["web1", 0, "web1-system"],
      ["web2", 0, "web2-system"],
    ]);
  }
});

pureTest("projectManifest() takes the channel's hosts that have a closure, and no others", () => {
  assertEquals(hostSet((fleet) => fleet["hosts"].web1.closureHash = null), [["web2", 0, "web2-system"]]);
  assertEquals(
    hostSet((fleet) => fleet["hosts"].db.channel = "stable").map(([name]) => name),
    ["db", "web1", "web2"],
  );
});

pureTest("projectManifest() gives null for a channel none of whose hosts has a closure", () => {
  const fleet = built((fleet) => fleet["hosts"].db.closureHash = null);
  assertEquals(projectManifest(fleet, "edge", "h"), null);
  assertNotEquals(projectManifest(fleet, "stable", "h"), null);
});

pureTest("projectManifest() takes channels and policies that are named as objects' own", () => {
  const fleet = built((fleet) => {
    fleet["channels"].constructor = { ...fleet["channels"].edge, rolloutPolicy: "toString" };
    fleet["rolloutPolicies"].toString = fleet["rolloutPolicies"].all;
    fleet["hosts"].db.channel = "constructor";
  });
  assertEquals(projectManifest(fleet, "constructor", "h")?.hostSet.map(({ hostname }) => hostname), ["db"]);
});

pureTest("projectManifest() refuses a channel, or a channel's policy, that the fleet does not have", () => {
  assertEquals(refusal(() => projectManifest(built(), "toString", "h")), {
    kind: "contract",
    message: 'The fleet has no channel "toString"',
    path: "channels",
  });
  const fleet = built((fleet) => fleet["channels"].edge.rolloutPolicy = "constructor");
  assertEquals(refusal(() => projectManifest(fleet, "edge", "h")), {
    kind: "contract",
    message: 'Channel "edge" names the rollout policy "constructor", which the fleet does not have',
    path: "channels.edge.rolloutPolicy",
    hint: "add rolloutPolicies.constructor, or name a policy that is there",
  });
});

pureTest("policyOf() quotes a name with a dot in its path, as decode() does", () => {
  const fleet = built((fleet) => {
    fleet["channels"]["v1.2"] = { ...fleet["channels"].edge, rolloutPolicy: "gone" };
  });
  assertEquals(refusal(() => policyOf(fleet, "v1.2")).path, 'channels."v1.2".rolloutPolicy');
});

pureTest("resolveBudgets() resolves every budget over the hosts of all channels, by byte order", () => {
  const chosen: [criteria: Parameters<typeof selector>[0], hosts: string[]][] = [
    [{ all: true }, ["db", "web1", "web2"]],
    [{ tags: ["web"] }, ["web1", "web2"]],
    [{ tagsAny: ["web", "db"] }, ["db", "web1", "web2"]],
    [{ hosts: ["web2", "db", "gone"] }, ["db", "web2"]],
    [{ channel: "edge" }, ["db"]],
    [{}, []],
  ];
  const fleet = built((fleet) =>
    fleet["disruptionBudgets"] = chosen.map(([selector], index) => ({ selector, maxInFlight: index }))
  );
  const budgets = chosen.map(([criteria, hosts], index) => ({
    selector: selector(criteria),
    hosts,
    maxInFlight: index,
    maxInFlightPct: null,
  }));
  assertEquals(resolveBudgets(fleet), budgets);
  for (const channel of ["stable", "edge"]) {
    assertEquals(projectManifest(fleet, channel, "h")?.disruptionBudgets, budgets);
  }
});

pureTest("computeRolloutId() hashes the canonical bytes, so every field counts and no order does", () => {
  const manifest: RolloutManifest = projectManifest(built(), "stable", "h")!;
  const id = sha256Hex(canonicalBytes(manifest));
  assertEquals(computeRolloutId(manifest), id);
  const reversed = Object.fromEntries(Object.entries(manifest).toReversed()) as unknown as RolloutManifest;
  assertEquals(computeRolloutId(reversed), id);
  for (const key of Object.keys(manifest)) {
    assertNotEquals(computeRolloutId({ ...manifest, [key]: "other" }), id, key);
  }
});

pureTest("projectRollouts() gives each manifest with its canonical bytes and its rollout id", () => {
  const project = projectRollouts(built(), "f00d");
  for (const channel of ["stable", "edge"]) {
    const { manifest, bytes, rolloutId } = project(channel)!;
    assertEquals(manifest, projectManifest(built(), channel, "f00d"));
    assertEquals(bytes, canonicalBytes(manifest));
    assertEquals(rolloutId, computeRolloutId(manifest));
  }
});
