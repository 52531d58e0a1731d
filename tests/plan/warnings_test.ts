import { assertEquals } from "@std/assert";
import { decode } from "../../src/contract/schema.ts";
import { droppedFieldWarnings, fleetWarnings } from "../../src/plan/warnings.ts";
import { type Draft, sampleFleet } from "../support/fleet.ts";
import { pureTest, refusal } from "../support/pure.ts";

/** A fleet about which there is nothing to warn, with an edit. */
function built(edit: (fleet: Draft) => void = () => {}): Draft {
  const fleet = sampleFleet();
  for (const name of Object.keys(fleet["hosts"])) fleet["hosts"][name].closureHash = `${name}-system`;
  edit(fleet);
  return fleet;
}

function warningsOf(edit?: (fleet: Draft) => void) {
  return fleetWarnings(decode("fleet", built(edit)));
}

pureTest("fleetWarnings() has nothing to say of a fleet that is in order", () => {
  assertEquals(warningsOf(), []);
  assertEquals(
    warningsOf((fleet) => {
      delete fleet["waves"].edge;
      fleet["waves"].stable = [];
      fleet["edges"] = [{ gated: "web1", gates: "db" }];
      fleet["channelEdges"] = [{ gated: "stable", gates: "edge" }];
      fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1 }];
    }),
    [],
  );
});

const WARNED: [claim: string, edit: (fleet: Draft) => void, warnings: ReturnType<typeof fleetWarnings>][] = [
  [
    "of each host on a channel that the fleet does not have",
    (fleet) => {
      fleet["hosts"].db.channel = "nightly";
      fleet["hosts"].web3 = { ...fleet["hosts"].db, channel: "constructor" };
    },
    [
      {
        code: "unknown-channel",
        message: 'Host "db" is on channel "nightly", which the fleet does not have: no rollout reaches it',
        path: "hosts.db.channel",
      },
      {
        code: "unknown-channel",
        message:
          'Host "web3" is on channel "constructor", which the fleet does not have: no rollout reaches it',
        path: "hosts.web3.channel",
      },
    ],
  ],
  [
    "of a channel that may go stale before it is signed anew",
    (fleet) => {
      fleet["channels"].stable.freshnessWindow = 120;
      Object.assign(fleet["channels"].edge, { freshnessWindow: 719, signingIntervalMinutes: 360 });
    },
    [{
      code: "short-window",
      message:
        'Channel "edge" is signed anew every 360 minutes and goes stale after 719: one run that is late or ' +
        "fails leaves its machines without a release. Make freshnessWindow at least twice as long as " +
        "signingIntervalMinutes",
      path: "channels.edge.freshnessWindow",
    }],
  ],
  [
    "of waves of a channel that the fleet does not have",
    (fleet) => fleet["waves"].toString = [],
    [{
      code: "unknown-wave-channel",
      message: 'Waves are given for channel "toString", which the fleet does not have',
      path: "waves.toString",
    }],
  ],
  [
    "of hosts in a wave that the fleet does not have, once for each wave",
    (fleet) => {
      fleet["waves"].stable[0].hosts.push("gone", "constructor");
      fleet["waves"].stable[1].hosts.push("gone");
    },
    [
      {
        code: "unknown-wave-host",
        message: 'Wave 0 of channel "stable" names "gone", "constructor", which the fleet does not have',
        path: "waves.stable.0.hosts",
      },
      {
        code: "unknown-wave-host",
        message: 'Wave 1 of channel "stable" names "gone", which the fleet does not have',
        path: "waves.stable.1.hosts",
      },
    ],
  ],
  [
    "of hosts in a wave that another channel has",
    (fleet) => fleet["waves"].stable[1].hosts.push("db"),
    [{
      code: "stray-wave-host",
      message: 'Wave 1 of channel "stable" names "db", which another channel has',
      path: "waves.stable.1.hosts",
    }],
  ],
  [
    "of hosts in no wave of a channel that has waves",
    (fleet) => {
      fleet["waves"].stable = [{ hosts: [], soakMinutes: 10 }];
      fleet["waves"].edge = [{ hosts: [], soakMinutes: 10 }];
    },
    [
      {
        code: "host-in-no-wave",
        message: '"web1", "web2" are in no wave of channel "stable": consumers put such hosts into wave 0, ' +
          "the first to change",
        path: "waves.stable",
      },
      {
        code: "host-in-no-wave",
        message:
          '"db" is in no wave of channel "edge": consumers put such hosts into wave 0, the first to change',
        path: "waves.edge",
      },
    ],
  ],
  [
    "of hosts without a closure",
    (fleet) => {
      fleet["hosts"].web1.closureHash = null;
      delete fleet["hosts"].db.closureHash;
    },
    [{
      code: "host-without-closure",
      message: '"web1", "db" have no closure in this release: no rollout reaches them',
      path: "hosts",
    }],
  ],
  [
    "of each end of an edge that the fleet does not have",
    (fleet) => {
      fleet["edges"] = [{ gated: "web1", gates: "db" }, { gated: "gone", gates: "toString" }];
      fleet["channelEdges"] = [{ gated: "nightly", gates: "edge" }, { before: "web1", after: "stable" }];
    },
    [
      {
        code: "dangling-edge",
        message: 'An edge names the host "gone", which the fleet does not have',
        path: "edges.1",
      },
      {
        code: "dangling-edge",
        message: 'An edge names the host "toString", which the fleet does not have',
        path: "edges.1",
      },
      {
        code: "dangling-edge",
        message: 'An edge names the channel "nightly", which the fleet does not have',
        path: "channelEdges.0",
      },
      {
        code: "dangling-edge",
        message: 'An edge names the channel "web1", which the fleet does not have',
        path: "channelEdges.1",
      },
    ],
  ],
  [
    "of budgets that choose no host",
    (fleet) =>
      fleet["disruptionBudgets"] = [
        { selector: {}, maxInFlight: 1 },
        { selector: { tags: ["web"] }, maxInFlight: 1 },
        { selector: { hosts: ["gone"] }, maxInFlightPct: 10 },
      ],
    [
      {
        code: "empty-budget",
        message: "Disruption budget 0 chooses no host: it protects nothing",
        path: "disruptionBudgets.0.selector",
      },
      {
        code: "empty-budget",
        message: "Disruption budget 2 chooses no host: it protects nothing",
        path: "disruptionBudgets.2.selector",
      },
    ],
  ],
];

for (const [claim, edit, warnings] of WARNED) {
  pureTest(`fleetWarnings() warns ${claim}`, () => {
    assertEquals(warningsOf(edit), warnings);
  });
}

pureTest("fleetWarnings() quotes a name with a dot in its path, as decode() does", () => {
  const [warning] = warningsOf((fleet) => {
    fleet["hosts"]["db.example.com"] = { ...fleet["hosts"].db, channel: "nightly" };
  });
  assertEquals(warning?.path, 'hosts."db.example.com".channel');
});

function droppedFrom(edit: (fleet: Draft) => void, strict = false) {
  return droppedFieldWarnings("fleet", built(edit), strict);
}

pureTest("droppedFieldWarnings() warns of an unknown field once, with the number of them", () => {
  assertEquals(
    droppedFrom((fleet) => {
      fleet["owner"] = "ops";
      for (const host of Object.values<Draft>(fleet["hosts"])) host["rack"] = 1;
      fleet["hosts"].web1.pin = { commit: "a", reason: "b", by: "c" };
      fleet["hosts"].web2.pin = { commit: "a", reason: "b", by: "c" };
    }).toSorted((a, b) => a.path! < b.path! ? -1 : 1),
    [
      {
        code: "dropped-field",
        message:
          'The contract does not know the field "hosts.web1.pin.by" (and 1 more field like it): it does not ' +
          "reach the artifact",
        path: "hosts.web1.pin.by",
      },
      {
        code: "dropped-field",
        message:
          'The contract does not know the field "hosts.web1.rack" (and 2 more fields like it): it does not ' +
          "reach the artifact",
        path: "hosts.web1.rack",
      },
      {
        code: "dropped-field",
        message: 'The contract does not know the field "owner": it does not reach the artifact',
        path: "owner",
      },
    ],
  );
});

pureTest("droppedFieldWarnings() is the same under --strict for fields that are no budget's selector", () => {
  const edit = (fleet: Draft) => {
    fleet["owner"] = "ops";
    fleet["rolloutPolicies"].all.waves = [{ selector: { not: { all: true } }, soakMinutes: 1 }];
  };
  assertEquals(droppedFrom(edit, true), droppedFrom(edit));
  assertEquals(droppedFrom(edit).length, 2);
});

const EMPTY = { and: [], not: null };
const budgets = (...selectors: object[]) => (fleet: Draft) =>
  fleet["disruptionBudgets"] = selectors.map((selector) => ({ selector, maxInFlight: 1 }));

pureTest("droppedFieldWarnings() has nothing to say of and and not in selectors when they are empty", () => {
  for (const strict of [false, true]) {
    assertEquals(
      droppedFrom((fleet) => {
        budgets({ all: true, ...EMPTY }, { all: true, not: null })(fleet);
        fleet["rolloutPolicies"].all.waves = [{ selector: { all: true, ...EMPTY }, soakMinutes: 1 }];
      }, strict),
      [],
    );
  }
});

const INEXPRESSIBLE: [key: string, value: unknown][] = [
  ["and", [{ tags: ["web"] }]],
  ["not", { tags: ["web"] }],
];

for (const [key, value] of INEXPRESSIBLE) {
  const said = (index: number) => ({
    message: `Disruption budget ${index} chooses hosts by "${key}", which consumers cannot understand: it ` +
      "protects other hosts than its author meant",
    path: `disruptionBudgets.${index}.selector.${key}`,
  });
  const edit = budgets({ all: true, ...EMPTY }, { ...EMPTY, [key]: value }, { all: true }, { [key]: value });

  pureTest(`droppedFieldWarnings() warns of each budget whose selector has "${key}" filled in`, () => {
    assertEquals(droppedFrom(edit), [
      { code: "inexpressible-selector", ...said(1) },
      { code: "inexpressible-selector", ...said(3) },
    ]);
  });

  pureTest(`droppedFieldWarnings() refuses a budget with "${key}" filled in under --strict`, () => {
    assertEquals(refusal(() => droppedFrom(edit, true)), {
      kind: "contract",
      ...said(1),
      lines: [`also: ${said(3).message}`],
      hint: "choose the hosts by tags, tagsAny, hosts, channel or all, or leave out --strict",
    });
  });
}

pureTest("droppedFieldWarnings() warns of a policy wave's selector with not filled in", () => {
  const waves = [{ selector: { not: { all: true } }, soakMinutes: 1 }];
  assertEquals(droppedFrom((fleet) => fleet["rolloutPolicies"].all.waves = waves), [{
    code: "dropped-field",
    message: 'The contract does not know the field "rolloutPolicies.all.waves.0.selector.not": it does not ' +
      "reach the artifact",
    path: "rolloutPolicies.all.waves.0.selector.not",
  }]);
});

pureTest("droppedFieldWarnings() finds the one wave's selector with not filled in among empty ones", () => {
  const waves = [
    { selector: { all: true, ...EMPTY }, soakMinutes: 1 },
    { selector: { ...EMPTY, not: { all: true } }, soakMinutes: 1 },
  ];
  assertEquals(
    droppedFrom((fleet) => fleet["rolloutPolicies"].all.waves = waves).map(({ path }) => path),
    ["rolloutPolicies.all.waves.1.selector.not"],
  );
});

pureTest("droppedFieldWarnings() finds a wave's filled-in not under a policy with a dot", () => {
  const waves = [{ selector: { not: { all: true } }, soakMinutes: 1 }];
  assertEquals(
    droppedFrom((fleet) => {
      fleet["rolloutPolicies"]["v1.2"] = { ...fleet["rolloutPolicies"].all, waves };
    }).map(({ path }) => path),
    ['rolloutPolicies."v1.2".waves.0.selector.not'],
  );
});

pureTest("droppedFieldWarnings() reads sidecars too", () => {
  const revocation = { hostname: "db", notBefore: "2026-06-01T00:00:00Z", selector: { not: 1 }, ticket: 7 };
  assertEquals(
    droppedFieldWarnings("revocations", [revocation], true).map(({ code, path }) => [code, path]),
    [["dropped-field", "revocations.0.selector"], ["dropped-field", "revocations.0.ticket"]],
  );
});
