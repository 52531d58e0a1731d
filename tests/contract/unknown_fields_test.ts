import { assertEquals } from "@std/assert";
import { decode, unknownFields } from "../../src/contract/schema.ts";
import { fullFleet, fullNonces, fullRevocations } from "../support/full_fleet.ts";
import { pureTest } from "../support/pure.ts";
import { fullTrust } from "../support/trust.ts";

const host = fullFleet().hosts["web"]!;

pureTest("unknownFields() finds none in documents that have every field of the contract", () => {
  assertEquals(unknownFields("fleet", fullFleet()), []);
  assertEquals(unknownFields("revocations", fullRevocations()), []);
  assertEquals(unknownFields("bootstrapNonces", fullNonces()), []);
});

pureTest("unknownFields() finds a field at every level", () => {
  const fleet = fullFleet();
  const policy = fleet.rolloutPolicies["canary"]!;
  const channel = fleet.channels["stable"]!;
  const given = {
    ...fleet,
    at0: 1,
    hosts: { web: { ...host, at1: null, pin: { ...host.pin, at2: false } } },
    channels: { stable: { ...channel, at3: "", compliance: { ...channel.compliance, at4: [] } } },
    rolloutPolicies: {
      canary: {
        ...policy,
        at5: {},
        waves: [{ ...policy.waves[0], at6: 1, selector: { ...policy.waves[0]!.selector, at7: 1 } }],
        healthGate: {
          systemdFailedUnits: { max: 2, at8: 1 },
          complianceProbes: { required: true, at9: 1 },
          at10: 1,
        },
      },
    },
    waves: { stable: [{ hosts: ["web"], soakMinutes: 10, at11: 1 }] },
    edges: [{ ...fleet.edges[0], at12: 1 }],
    channelEdges: [{ ...fleet.channelEdges[0], at13: 1 }],
    disruptionBudgets: [{ ...fleet.disruptionBudgets[0], at14: 1 }],
    meta: { ...fleet.meta, at15: 1 },
  };
  assertEquals(
    unknownFields("fleet", given).map(({ path, count }) => [path, count]).sort(),
    [
      ["at0", 1],
      ["channelEdges.0.at13", 1],
      ["channels.stable.at3", 1],
      ["channels.stable.compliance.at4", 1],
      ["disruptionBudgets.0.at14", 1],
      ["edges.0.at12", 1],
      ["hosts.web.at1", 1],
      ["hosts.web.pin.at2", 1],
      ["meta.at15", 1],
      ["rolloutPolicies.canary.at5", 1],
      ["rolloutPolicies.canary.healthGate.at10", 1],
      ["rolloutPolicies.canary.healthGate.complianceProbes.at9", 1],
      ["rolloutPolicies.canary.healthGate.systemdFailedUnits.at8", 1],
      ["rolloutPolicies.canary.waves.0.at6", 1],
      ["rolloutPolicies.canary.waves.0.selector.at7", 1],
      ["waves.stable.0.at11", 1],
    ],
  );
  assertEquals(decode("fleet", given), fleet);
});

pureTest("unknownFields() gives a field of many records once, with the first path", () => {
  const given = {
    ...fullFleet(),
    hosts: {
      "a.example.com": { ...host, rack: 1 },
      b: { ...host, rack: 2, row: 3 },
      c: { ...host, rack: null },
    },
    edges: [{ ...fullFleet().edges[0] }, { ...fullFleet().edges[0], since: 1 }],
  };
  assertEquals(unknownFields("fleet", given), [
    { path: 'hosts."a.example.com".rack', count: 3 },
    { path: "hosts.b.row", count: 1 },
    { path: "edges.1.since", count: 1 },
  ]);
});

pureTest("unknownFields() tells fields of one name at different places apart", () => {
  const given = {
    ...fullFleet(),
    owner: "a",
    hosts: { web: { ...host, owner: "b", pin: { ...host.pin, owner: "c" } } },
  };
  assertEquals(unknownFields("fleet", given).map(({ path, count }) => [path, count]).sort(), [
    ["hosts.web.owner", 1],
    ["hosts.web.pin.owner", 1],
    ["owner", 1],
  ]);
});

pureTest("unknownFields() takes no name of a dictionary for a field", () => {
  const one = JSON.stringify(host);
  const given = {
    ...fullFleet(),
    hosts: JSON.parse(`{"system":${one},"constructor":${one},"__proto__":${one}}`),
    waves: { hosts: [], soakMinutes: [] },
  };
  assertEquals(unknownFields("fleet", given), []);
});

pureTest("unknownFields() knows the older names of a channel edge's ends, there and nowhere else", () => {
  const edge = { before: "stable", after: "edge", reason: null };
  assertEquals(unknownFields("fleet", { ...fullFleet(), channelEdges: [edge] }), []);
  assertEquals(
    unknownFields("fleet", { ...fullFleet(), edges: [{ ...edge, gates: "web", gated: "web" }] }),
    [{ path: "edges.0.before", count: 1 }, { path: "edges.0.after", count: 1 }],
  );
});

pureTest("unknownFields() finds fields that are named as objects' own", () => {
  const given = { ...fullFleet(), ...JSON.parse('{"__proto__":1,"constructor":2,"toString":3}') };
  assertEquals(
    unknownFields("fleet", given).map(({ path }) => path).sort(),
    ["__proto__", "constructor", "toString"],
  );
});

pureTest("unknownFields() begins the path of a sidecar's field with the sidecar's name", () => {
  const [revocation] = fullRevocations();
  const [nonce] = fullNonces();
  assertEquals(
    unknownFields("revocations", [revocation, { ...revocation, ticket: 1 }, { ...revocation, ticket: 2 }]),
    [{ path: "revocations.1.ticket", count: 2 }],
  );
  assertEquals(
    unknownFields("bootstrapNonces", [{ ...nonce, "used.at": null }]),
    [{ path: 'bootstrapNonces.0."used.at"', count: 1 }],
  );
});

pureTest(
  "unknownFields() finds the fields of a trust file that are for others, which decode() leaves out",
  () => {
    const trust = fullTrust();
    const { current } = trust.ciReleaseKey;
    const given = {
      ...trust,
      atticCacheKey: "cache:AAAA",
      orgRootKey: { current },
      ciReleaseKey: { ...trust.ciReleaseKey, current: { ...current, comment: "in the safe" } },
    };
    assertEquals(unknownFields("trustFile", given), [
      { path: "ciReleaseKey.current.comment", count: 1 },
      { path: "atticCacheKey", count: 1 },
      { path: "orgRootKey", count: 1 },
    ]);
    assertEquals(decode("trustFile", given), trust);
    assertEquals(unknownFields("trustFile", trust), []);
  },
);
