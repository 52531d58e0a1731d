import { assertEquals } from "@std/assert";
import type { FleetResolved, Host, Wave } from "../../src/contract/types.ts";
import { changesAnything, changesBetween, hostsWithOtherClosure, summaryOf } from "../../src/plan/changes.ts";
import type { EvaluatedFleet } from "../../src/plan/compose.ts";
import { pureTest } from "../support/pure.ts";

function host(closureHash: string | null, more: Partial<Host> = {}): Host {
  return { system: "x86_64-linux", tags: ["web"], channel: "stable", closureHash, pubkey: null, ...more };
}

/** web1 and web2 on stable in two waves, db on edge. */
function release(
  edit: (fleet: FleetResolved) => void = () => {},
  sidecars: Partial<EvaluatedFleet> = {},
): EvaluatedFleet {
  const channel = {
    rolloutPolicy: "all",
    reconcileIntervalMinutes: 30,
    freshnessWindow: 120,
    signingIntervalMinutes: 60,
    compliance: { frameworks: [], mode: "disabled" },
  };
  const fleet: FleetResolved = {
    schemaVersion: 1,
    hosts: { web1: host("a-web1"), web2: host("a-web2"), db: host("a-db", { channel: "edge" }) },
    channels: { stable: structuredClone(channel), edge: structuredClone(channel) },
    rolloutPolicies: { all: { strategy: "all-at-once", waves: [], healthGate: {}, onHealthFailure: "halt" } },
    waves: { stable: [wave(["web1"]), wave(["web2"])] },
    edges: [{ gated: "web1", gates: "web2", reason: null }],
    channelEdges: [],
    disruptionBudgets: [],
    meta: {
      schemaVersion: 1,
      signedAt: "2026-06-01T12:00:00Z",
      ciCommit: "abc",
      signatureAlgorithm: "ed25519",
    },
  };
  edit(fleet);
  return { fleet, revocations: null, bootstrapNonces: null, ...sidecars };
}

function wave(hosts: string[]): Wave {
  return { hosts, soakMinutes: 10 };
}

pureTest("changes: a release against itself, and against one that differs in its stamp", () => {
  const changes = changesBetween(release(), release((fleet) => fleet.meta.signedAt = "2026-07-01T12:00:00Z"));
  assertEquals(changesAnything(changes), false);
  assertEquals(changes.hosts.map(({ name, change }) => [name, change]), [
    ["db", "unchanged"],
    ["web1", "unchanged"],
    ["web2", "unchanged"],
  ]);
  assertEquals(summaryOf(changes), "nothing changes for 3 hosts");
});

pureTest("changes: a first release", () => {
  const changes = changesBetween(null, release());
  assertEquals(changes.first, true);
  assertEquals(changes.hosts.map(({ change, before }) => [change, before]), Array(3).fill(["added", null]));
  assertEquals(hostsWithOtherClosure(changes), ["db", "web1", "web2"]);
  assertEquals(summaryOf(changes), "first release, of 3 hosts");
});

pureTest("changes: hosts that come, go and change, and their waves", () => {
  const changes = changesBetween(
    release(),
    release((fleet) => {
      delete fleet.hosts["db"];
      fleet.hosts["web1"] = host("b-web1", { tags: [], pin: { commit: "c".repeat(40), reason: "bug" } });
      fleet.hosts["new"] = host(null);
      fleet.hosts["__proto__x"] = host("a");
      fleet.waves = { stable: [wave(["new"]), wave(["web2", "web1"])] };
    }),
  );
  const at = (wave: number | null, closureHash: string | null, channel = "stable") => ({
    ...{ channel, wave, system: "x86_64-linux", closureHash, pinnedTo: null },
  });
  assertEquals(changes.hosts, [
    { name: "__proto__x", change: "added", aspects: [], before: null, after: at(null, "a") },
    { name: "db", change: "removed", aspects: [], before: at(null, "a-db", "edge"), after: null },
    { name: "new", change: "added", aspects: [], before: null, after: at(0, null) },
    {
      name: "web1",
      change: "changed",
      aspects: ["closure", "wave", "pin", "tags"],
      before: at(0, "a-web1"),
      after: { ...at(1, "b-web1"), pinnedTo: "c".repeat(40) },
    },
    { name: "web2", change: "unchanged", aspects: [], before: at(1, "a-web2"), after: at(1, "a-web2") },
  ]);
  // All that differs in the waves is told with the hosts.
  assertEquals(changes.parts, []);
  assertEquals(hostsWithOtherClosure(changes), ["__proto__x", "web1"]);
  assertEquals(
    summaryOf(changes),
    '1 of 4 hosts changes: "web1"; 2 are new: "__proto__x", "new"; 1 is removed: "db"',
  );
});

pureTest("changes: what differs beside the hosts, by the smallest values", () => {
  const changes = changesBetween(
    release(undefined, { revocations: [] }),
    release((fleet) => {
      fleet.channels["stable"]!.freshnessWindow = 240;
      fleet.channels["sta.ging"] = fleet.channels["edge"]!;
      fleet.rolloutPolicies["all"]!.healthGate = { systemdFailedUnits: { max: 1 } };
      fleet.edges = [{ gated: "web2", gates: "web1", reason: "order" }, ...fleet.edges];
      fleet.waves["stable"] = [wave(["web1", "gone"]), wave(["web2"])];
    }, { revocations: null }),
  );
  assertEquals(changes.hosts.every(({ change }) => change === "unchanged"), true);
  assertEquals(changes.parts.map(({ path, before, after }) => [path, before, after]), [
    ['channels."sta.ging"', undefined, release().fleet.channels["edge"]],
    ["channels.stable.freshnessWindow", 120, 240],
    ["rolloutPolicies.all.healthGate.systemdFailedUnits", undefined, { max: 1 }],
    ["waves.stable.0.hosts", ["web1"], ["web1", "gone"]],
    ["edges.0", undefined, { gated: "web2", gates: "web1", reason: "order" }],
    ["revocations", [], undefined],
  ]);
  assertEquals(
    summaryOf(changes),
    "none of 3 hosts changes; channels, policies, waves, edges, revocations change",
  );
});

pureTest("changes: another order of a list is a change", () => {
  const edges = [
    { gated: "web1", gates: "web2", reason: null },
    { gated: "db", gates: "web2", reason: null },
    { gated: "db", gates: "web2", reason: null },
  ];
  const ordered = (order: number[]) => release((fleet) => fleet.edges = order.map((index) => edges[index]!));
  assertEquals(changesBetween(ordered([0, 1]), ordered([1, 0])).parts.map(({ path }) => path), ["edges"]);
  // An entry that is there once more.
  assertEquals(changesBetween(ordered([0, 1]), ordered([0, 1, 2])).parts.map(({ path }) => path), [
    "edges.2",
  ]);
});

pureTest("changes: a bootstrap nonce is told by its hash", () => {
  const nonces = (nonce: string) => [{
    ...{ nonce, hostname: "new", expiresAt: "2026-07-01T12:00:00Z", mintedAt: null, mintedBy: null },
  }];
  const changes = changesBetween(
    release(undefined, { bootstrapNonces: nonces("abc") }),
    release(undefined, { bootstrapNonces: nonces("abd") }),
  );
  assertEquals(
    changes.parts.map(({ path, before, after }) => [path, before === undefined, after === undefined]),
    [
      ["bootstrapNonces.0", false, true],
      ["bootstrapNonces.0", true, false],
    ],
  );
  const text = JSON.stringify(changes);
  assertEquals([text.includes('"abc"'), text.includes("ba7816bf8f01cfea")], [false, true]);
});
