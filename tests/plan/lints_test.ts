import { assertEquals } from "@std/assert";
import type { Finding, HostNames } from "../../src/model.ts";
import { lintDocuments } from "../../src/plan/lints.ts";
import { LINTS, lintsTable } from "../../src/plan/lints/finding.ts";
import type { Draft } from "../support/fleet.ts";
import { pureTest } from "../support/pure.ts";

const NOW = "2026-06-01T12:00:00Z";

/** A fleet of which there is nothing to say: web1 and web2 on stable with waves, db on edge. */
function sound(): Draft {
  const host = (channel: string, tags: string[]) => ({ system: "x86_64-linux", tags, channel });
  const channel = (rolloutPolicy: string) => ({
    rolloutPolicy,
    reconcileIntervalMinutes: 30,
    freshnessWindow: 120,
    signingIntervalMinutes: 60,
    compliance: { frameworks: [], mode: "disabled" },
  });
  return {
    schemaVersion: 1,
    hosts: { web1: host("stable", ["web"]), web2: host("stable", ["web"]), db: host("edge", ["db"]) },
    channels: { stable: channel("canary"), edge: channel("all") },
    rolloutPolicies: {
      canary: {
        strategy: "canary",
        waves: [{ selector: { hosts: ["web2"] }, soakMinutes: 10 }, {
          selector: { all: true },
          soakMinutes: 0,
        }],
        onHealthFailure: "halt",
      },
      all: { strategy: "all-at-once", waves: [], onHealthFailure: "halt" },
    },
    waves: {
      stable: [{ hosts: ["web2"], soakMinutes: 10 }, { hosts: ["web1"], soakMinutes: 0 }],
      edge: [],
    },
    edges: [{ gated: "web1", gates: "web2" }],
    channelEdges: [{ gated: "stable", gates: "edge" }],
    disruptionBudgets: [{ selector: { all: true }, maxInFlightPct: 99 }],
    meta: { schemaVersion: 1 },
  };
}

/** What differs from a sound fleet in a flake that has its hosts. */
interface Difference {
  readonly edit?: (fleet: Draft) => void;
  readonly names?: Partial<HostNames>;
  readonly revocations?: unknown;
  /** The hosts that are released. */
  readonly chosen?: string[];
  /** What pins name that is no commit. */
  readonly noCommits?: string[];
}

function found(
  { edit = () => {}, names = {}, revocations, chosen, noCommits }: Difference,
): readonly Finding[] {
  const fleet = sound();
  edit(fleet);
  return lintDocuments({ fleet, revocations }, {
    names: { nixos: ["db", "web1", "web2"], darwin: [], ...names },
    now: NOW,
    choose: chosen && (() => new Set(chosen)),
    noCommits: new Set(noCommits),
  }).findings;
}

/** Gives the first wave of the policy of stable another selector, and nobody to the wave. */
function firstWave(fleet: Draft, selector: unknown): void {
  fleet["rolloutPolicies"].canary.waves[0].selector = selector;
  fleet["waves"].stable = [{ hosts: [], soakMinutes: 10 }, { hosts: ["web1", "web2"], soakMinutes: 0 }];
}

/** A finding without its code word and how bad it is. */
type Said = Omit<Finding, "code" | "severity">;

/** For each code word what makes a finding of it, and only of it, and what is just as it should be. */
const CASES: Record<keyof typeof LINTS, [fires: [Difference, ...Said[]][], silent: Difference[]]> = {
  "unreadable": [
    [
      [
        {
          edit: (fleet) => {
            delete fleet["channels"];
            fleet["hosts"].db.tags = 1;
          },
        },
        { message: 'Cannot read the fleet: "hosts.db.tags" is 1, expected a list', path: "hosts.db.tags" },
        { message: 'Cannot read the fleet: "channels" is missing', path: "channels" },
      ],
      [
        { revocations: [{ hostname: "db", notBefore: "yesterday" }] },
        {
          message:
            'Cannot read the revocations: "revocations.0.notBefore" is "yesterday", expected an RFC 3339 time ' +
            'such as "2026-06-01T12:00:00Z"',
          path: "revocations.0.notBefore",
          hint:
            "write a full date, a full time with seconds, at most 9 digits of fraction, and Z or an offset such " +
            "as +02:00",
        },
      ],
    ],
    [{ revocations: [] }],
  ],
  "no-hosts": [
    [[
      {
        // That others have built them all is no release yet.
        edit: ({ hosts }) => {
          for (const name in hosts) hosts[name].closureHash = `${"a".repeat(32)}-${name}`;
        },
        names: { nixos: [] },
      },
      {
        message: "The flake has no hosts to release",
        path: "hosts",
        hint: "the flake must have a host in nixosConfigurations or darwinConfigurations",
      },
    ]],
    [],
  ],
  "ambiguous-host": [
    [[
      { names: { darwin: ["db"] } },
      {
        message: 'Host "db" is in both nixosConfigurations and darwinConfigurations',
        path: "hosts.db",
        hint: "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME",
        hosts: ["db"],
      },
    ]],
    [{ names: { darwin: ["db"] }, chosen: ["web1", "web2"] }],
  ],
  "unknown-channel": [
    [[
      { edit: (fleet) => fleet["hosts"].db.channel = "egde" },
      {
        message: 'Host "db" is on channel "egde", which the fleet does not have: no rollout reaches it',
        path: "hosts.db.channel",
        hint: 'did you mean "edge"?',
        hosts: ["db"],
      },
    ]],
    [{ edit: (fleet) => fleet["hosts"].db.channel = "edge" }],
  ],
  "host-not-in-flake": [
    [[
      { names: { nixos: ["db", "web1"] } },
      {
        message:
          'The fleet has the host "web2", which the flake does not have: no release has a closure for it',
        path: "hosts.web2",
        hosts: ["web2"],
      },
    ]],
    [
      { names: { nixos: ["web2", "web1", "db"] } },
      // Somebody else has built it.
      {
        edit: (fleet) => fleet["hosts"].db.closureHash = `${"a".repeat(32)}-db`,
        names: { nixos: ["web1", "web2"] },
      },
    ],
  ],
  "host-not-in-fleet": [
    [[
      { names: { nixos: ["db", "installer", "web1", "web2"] } },
      {
        message:
          'The flake has the host "installer", which the fleet does not have: it is built, and in no release',
        path: "hosts",
        hosts: ["installer"],
      },
    ]],
    [{}, { names: { nixos: ["db", "installer", "web1", "web2"] }, chosen: ["db", "web1"] }],
  ],
  "wrong-system": [
    [
      [
        { edit: (fleet) => fleet["hosts"].db.system = "aarch64-darwin" },
        {
          message: 'Host "db" has the system "aarch64-darwin", and the flake has it in nixosConfigurations',
          path: "hosts.db.system",
          hosts: ["db"],
        },
      ],
      [
        { names: { nixos: ["web1", "web2"], darwin: ["db"] } },
        {
          message: 'Host "db" has the system "x86_64-linux", and the flake has it in darwinConfigurations',
          path: "hosts.db.system",
          hosts: ["db"],
        },
      ],
      [
        { edit: (fleet) => fleet["hosts"].db.system = "x86_64-linx" },
        {
          message: 'Host "db" has the system "x86_64-linx", and the flake has it in nixosConfigurations',
          path: "hosts.db.system",
          hint: 'did you mean "x86_64-linux"?',
          hosts: ["db"],
        },
      ],
    ],
    [{ edit: (fleet) => fleet["hosts"].db.system = "x86_64-freebsd" }, {
      edit: (fleet) => fleet["hosts"].db.system = "aarch64-darwin",
      names: { nixos: ["web1", "web2"], darwin: ["db"] },
    }],
  ],
  "unknown-pin": [
    [[
      { edit: (fleet) => fleet["hosts"].db.pin = { commit: "mian", reason: "b" }, noCommits: ["mian"] },
      {
        message: 'The pin of host "db" names no commit: "mian"',
        path: "hosts.db.pin.commit",
        hint:
          "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
        hosts: ["db"],
      },
    ]],
    [{ edit: (fleet) => fleet["hosts"].db.pin = { commit: "main", reason: "b" }, noCommits: ["mian"] }],
  ],
  "expired-pin": [
    [[
      { edit: (fleet) => fleet["hosts"].db.pin = { commit: "a", reason: "b", expiresAt: NOW } },
      {
        message: 'The pin of "db" has expired: released from the current commit',
        path: "hosts.db.pin",
        hosts: ["db"],
      },
    ]],
    [{ edit: (fleet) => fleet["hosts"].db.pin = { commit: "a", reason: "b" } }],
  ],
  "pin-expires-soon": [
    [
      "2026-06-01T12:00:01Z",
      "2026-06-01T13:00:00Z",
    ].map((expiresAt) => [
      { edit: (fleet) => fleet["hosts"].db.pin = { commit: "a", reason: "b", expiresAt } },
      {
        message: `The pin of host "db" expires at ${expiresAt}, before the next release is due at ` +
          "2026-06-01T13:00:00Z: that one builds the host from its own commit",
        path: "hosts.db.pin.expiresAt",
        hint: "give the pin more time, or take it out",
        hosts: ["db"],
      },
    ]),
    [{
      edit: (fleet) =>
        fleet["hosts"].db.pin = { commit: "a", reason: "b", expiresAt: "2026-06-01T13:00:01Z" },
    }],
  ],
  "short-window": [
    [[
      { edit: (fleet) => fleet["channels"].edge.freshnessWindow = 119 },
      {
        message:
          'Channel "edge" is signed anew every 60 minutes and goes stale after 119: one run that is late or fails ' +
          "leaves its machines without a release. Make freshnessWindow at least twice as long as " +
          "signingIntervalMinutes",
        path: "channels.edge.freshnessWindow",
      },
    ]],
    [{ edit: (fleet) => fleet["channels"].edge.freshnessWindow = 120 }],
  ],
  "always-due": [
    [[
      { edit: (fleet) => fleet["channels"].edge.signingIntervalMinutes = 0 },
      {
        message: 'Channel "edge" has signingIntervalMinutes 0: it is due as soon as it is signed',
        path: "channels.edge.signingIntervalMinutes",
        hint: "give how many minutes an unchanged release may get old before it is signed anew",
      },
    ]],
    [{ edit: (fleet) => fleet["channels"].edge.signingIntervalMinutes = 1 }],
  ],
  "unknown-policy": [
    [
      [
        {
          edit: (fleet) => fleet["channels"].again = { ...fleet["channels"].stable, rolloutPolicy: "canray" },
        },
        {
          message: 'Channel "again" names the rollout policy "canray", which the fleet does not have',
          path: "channels.again.rolloutPolicy",
          hint: 'did you mean "canary"?',
        },
      ],
      [
        {
          edit: (fleet) =>
            fleet["channels"].again = { ...fleet["channels"].stable, rolloutPolicy: "toString" },
        },
        {
          message: 'Channel "again" names the rollout policy "toString", which the fleet does not have',
          path: "channels.again.rolloutPolicy",
          hint: "add rolloutPolicies.toString, or name a policy that is there",
        },
      ],
    ],
    [{ edit: (fleet) => fleet["channels"].again = { ...fleet["channels"].stable, rolloutPolicy: "all" } }],
  ],
  "unused-policy": [
    [[
      { edit: (fleet) => fleet["rolloutPolicies"].spare = fleet["rolloutPolicies"].all },
      {
        message: 'The rollout policy "spare" is the one of no channel',
        path: "rolloutPolicies.spare",
        hint: "take it out, or name it in a channel's rolloutPolicy",
      },
    ]],
    [{}],
  ],
  "unknown-strategy": [
    [
      [
        { edit: (fleet) => fleet["rolloutPolicies"].all.strategy = "all-at-one" },
        {
          message:
            'The rollout policy "all" has the strategy "all-at-one", which no consumer is known to follow',
          path: "rolloutPolicies.all.strategy",
          hint: 'did you mean "all-at-once"?',
        },
      ],
      [
        { edit: (fleet) => fleet["rolloutPolicies"].all.strategy = "waves" },
        {
          message: 'The rollout policy "all" has the strategy "waves", which no consumer is known to follow',
          path: "rolloutPolicies.all.strategy",
          hint: "expected all-at-once, canary, staged",
        },
      ],
    ],
    [{ edit: (fleet) => fleet["rolloutPolicies"].all.strategy = "staged" }],
  ],
  "unknown-wave-channel": [
    [[
      { edit: (fleet) => fleet["waves"].stabel = [] },
      {
        message: 'Waves are given for channel "stabel", which the fleet does not have',
        path: "waves.stabel",
        hint: 'did you mean "stable"?',
      },
    ]],
    [{ edit: (fleet) => delete fleet["waves"].edge }],
  ],
  "unknown-wave-host": [
    [[
      { edit: (fleet) => fleet["waves"].stable[0].hosts.push("web3") },
      {
        message: 'Wave 0 of channel "stable" names "web3", which the fleet does not have',
        path: "waves.stable.0.hosts",
        hint: 'did you mean "web1"?',
      },
    ]],
    [{}],
  ],
  "stray-wave-host": [
    [[
      { edit: (fleet) => fleet["waves"].stable[1].hosts.push("db") },
      {
        message: 'Wave 1 of channel "stable" names "db", which another channel has',
        path: "waves.stable.1.hosts",
        hosts: ["db"],
      },
    ]],
    [{}],
  ],
  "repeated-wave-host": [
    [
      [
        { edit: (fleet) => fleet["waves"].stable[1].hosts.push("web1") },
        {
          message:
            'Wave 1 of channel "stable" names "web1" once more: consumers go by the first wave that has a host',
          path: "waves.stable.1.hosts",
          hosts: ["web1"],
        },
      ],
      [
        {
          edit: (fleet) => {
            fleet["waves"].edge = [{ hosts: ["db"], soakMinutes: 1 }, { hosts: ["db"], soakMinutes: 1 }];
          },
        },
        {
          message:
            'Wave 1 of channel "edge" names "db" once more: consumers go by the first wave that has a host',
          path: "waves.edge.1.hosts",
          hosts: ["db"],
        },
      ],
    ],
    // As a fleet library writes it: the last wave's selector chooses all hosts, those of the first too.
    [{ edit: (fleet) => fleet["waves"].stable[1].hosts.push("web2") }],
  ],
  "host-in-no-wave": [
    [[
      { edit: (fleet) => fleet["waves"].stable[1].hosts = [] },
      {
        message:
          '"web1" is in no wave of channel "stable": consumers put such hosts into wave 0, the first to change',
        path: "waves.stable",
        hosts: ["web1"],
      },
    ]],
    [{ edit: (fleet) => fleet["waves"].edge = [{ hosts: ["db"], soakMinutes: 0 }] }],
  ],
  "waves-against-policy": [
    [
      [
        {
          edit: (fleet) => {
            fleet["waves"].stable[0].hosts = ["web1"];
            fleet["waves"].stable[1].hosts = ["web2"];
            fleet["edges"] = [];
          },
        },
        {
          message:
            'Wave 0 of channel "stable" names "web1", which the selectors of its policy "canary" put into ' +
            "another wave or into none: consumers go by the former",
          path: "waves.stable.0.hosts",
          hosts: ["web1"],
        },
        {
          message:
            'Wave 1 of channel "stable" names "web2", which the selectors of its policy "canary" put into ' +
            "another wave or into none: consumers go by the former",
          path: "waves.stable.1.hosts",
          hosts: ["web2"],
        },
      ],
      [
        { edit: (fleet) => fleet["rolloutPolicies"].canary.waves[1].selector = { hosts: ["web2"] } },
        {
          message:
            'Wave 1 of channel "stable" names "web1", which the selectors of its policy "canary" put into ' +
            "another wave or into none: consumers go by the former",
          path: "waves.stable.1.hosts",
          hosts: ["web1"],
        },
      ],
      [
        { edit: (fleet) => delete fleet["waves"].stable },
        {
          message:
            'Channel "stable" has 0 waves, and its policy "canary" 2 waves: consumers go by the former',
          path: "waves.stable",
        },
      ],
      [
        { edit: (fleet) => fleet["rolloutPolicies"].canary.waves.pop() },
        {
          message: 'Channel "stable" has 2 waves, and its policy "canary" 1 wave: consumers go by the former',
          path: "waves.stable",
        },
      ],
    ],
    [
      // One wave of all is what no waves mean.
      {
        edit: (fleet) => fleet["rolloutPolicies"].all.waves = [{ selector: { all: true }, soakMinutes: 0 }],
      },
      { edit: (fleet) => fleet["rolloutPolicies"].canary.waves = [] },
    ],
  ],
  "dangling-edge": [
    [
      [
        { edit: (fleet) => fleet["edges"] = [{ gated: "web", gates: "elsewhere" }] },
        {
          message: 'An edge names the host "web", which the fleet does not have',
          path: "edges.0",
          hint: 'did you mean "web1"?',
        },
        { message: 'An edge names the host "elsewhere", which the fleet does not have', path: "edges.0" },
      ],
      [
        { edit: (fleet) => fleet["channelEdges"].push({ gated: "nightly", gates: "edge" }) },
        {
          message: 'An edge names the channel "nightly", which the fleet does not have',
          path: "channelEdges.1",
        },
      ],
    ],
    [{ edit: (fleet) => fleet["edges"] = [] }],
  ],
  "circular-edges": [
    [
      [
        {
          edit: (fleet) => {
            fleet["channelEdges"] = [];
            fleet["edges"].push({ gated: "web2", gates: "db" }, { gated: "db", gates: "web1" });
          },
        },
        {
          message:
            'Edges run in a circle: the host "db" waits for "web1" waits for "web2" waits for "db", and none of ' +
            "them ever changes",
          path: "edges.2",
          hint: "take out one of these edges",
          hosts: ["db", "web1", "web2"],
        },
      ],
      [
        { edit: (fleet) => fleet["channelEdges"].push({ gated: "edge", gates: "edge" }) },
        {
          message:
            'Edges run in a circle: the channel "edge" waits for "edge", and none of them ever changes',
          path: "channelEdges.1",
          hint: "take out one of these edges",
        },
      ],
    ],
    [{
      edit: (fleet) => fleet["edges"].push({ gated: "web1", gates: "db" }, { gated: "web2", gates: "db" }),
    }],
  ],
  "edge-against-order": [
    [
      [
        { edit: (fleet) => fleet["edges"] = [{ gated: "web2", gates: "web1" }] },
        {
          message:
            'The host "web2" waits for "web1", which is in a later wave of channel "stable": neither ever changes',
          path: "edges.0",
          hint: "take out this edge, or turn one of the orders round",
          hosts: ["web1", "web2"],
        },
      ],
      [
        {
          edit: (fleet) => {
            fleet["channels"].between = fleet["channels"].edge;
            fleet["channelEdges"] = [{ gated: "stable", gates: "between" }, {
              gated: "between",
              gates: "edge",
            }];
            fleet["edges"].push({ gated: "db", gates: "web1" });
          },
        },
        {
          message:
            'The host "db" waits for "web1", which is on channel "stable", which waits for channel "edge": neither ' +
            "ever changes",
          path: "edges.1",
          hint: "take out this edge, or turn one of the orders round",
          hosts: ["db", "web1"],
        },
      ],
    ],
    [
      { edit: (fleet) => fleet["edges"] = [{ gated: "web1", gates: "db" }] },
      // In one wave nothing but the edge says who is first.
      {
        edit: (fleet) => {
          fleet["hosts"].web3 = fleet["hosts"].web1;
          fleet["waves"].stable[1].hosts.push("web3");
          fleet["edges"] = [{ gated: "web3", gates: "web1" }];
        },
        names: { nixos: ["db", "web1", "web2", "web3"] },
      },
    ],
  ],
  "empty-budget": [
    [
      [
        { edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { tags: ["wbe"] }, maxInFlight: 1 }] },
        {
          message: "Disruption budget 0 chooses no host: it protects nothing",
          path: "disruptionBudgets.0.selector",
          hint: 'did you mean "web"?',
        },
      ],
      [
        { edit: (fleet) => fleet["disruptionBudgets"].push({ selector: {}, maxInFlight: 1 }) },
        {
          message: "Disruption budget 1 chooses no host: it protects nothing",
          path: "disruptionBudgets.1.selector",
        },
      ],
    ],
    [{ edit: (fleet) => fleet["disruptionBudgets"] = [] }],
  ],
  "budget-without-limit": [
    [[
      { edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { all: true } }] },
      {
        message: "Disruption budget 0 has no limit: it protects nothing",
        path: "disruptionBudgets.0",
        hint: "give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent",
      },
    ]],
    [{ edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1 }] }],
  ],
  "budget-of-nothing": [
    ["maxInFlight", "maxInFlightPct"].map((field) => [
      { edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { all: true }, [field]: 0 }] },
      {
        message: `Disruption budget 0 has ${field} 0: none of its hosts may ever change`,
        path: `disruptionBudgets.0.${field}`,
        hint: "give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent",
      },
    ]),
    // The number counts.
    [{
      edit: (fleet) =>
        fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1, maxInFlightPct: 0 }],
    }],
  ],
  "budget-of-all": [
    [
      ...[100, 150].map((maxInFlightPct): [Difference, ...Said[]] => [
        { edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlightPct }] },
        {
          message:
            `Disruption budget 0 lets ${maxInFlightPct} % of its hosts be down at once: it protects nothing`,
          path: "disruptionBudgets.0.maxInFlightPct",
          hint: "give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent",
        },
      ]),
      ...[2, 3].map((maxInFlight): [Difference, ...Said[]] => [
        { edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { tags: ["web"] }, maxInFlight }] },
        {
          message: `Disruption budget 0 lets ${maxInFlight} of 2 hosts be down at once: it protects nothing`,
          path: "disruptionBudgets.0.maxInFlight",
          hint: "give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent",
        },
      ]),
    ],
    [{
      edit: (fleet) =>
        fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1, maxInFlightPct: 150 }],
    }, {
      edit: (fleet) => fleet["disruptionBudgets"] = [{ selector: { hosts: ["db"] }, maxInFlight: 1 }],
    }],
  ],
  "empty-policy-wave": [
    ([[{ hosts: ["wbe2"] }, "web2"], [{ tags: ["wbe"] }, "web"], [{ channel: "stabel" }, "stable"]] as const)
      .map(([selector, meant]) => [
        { edit: (fleet) => firstWave(fleet, selector) },
        {
          message:
            'The selector of wave 0 of the rollout policy "canary" chooses no host of its channels: nothing ' +
            "changes in it",
          path: "rolloutPolicies.canary.waves.0.selector",
          hint: `did you mean "${meant}"?`,
        },
      ]),
    [
      // One of the channels that have it has such a host.
      {
        edit: (fleet) => {
          fleet["channels"].edge.rolloutPolicy = "canary";
          fleet["waves"].edge = [{ hosts: [], soakMinutes: 10 }, { hosts: ["db"], soakMinutes: 0 }];
          delete fleet["rolloutPolicies"].all;
        },
      },
      { edit: (fleet) => fleet["channels"].empty = { ...fleet["channels"].edge, rolloutPolicy: "canary" } },
    ],
  ],
  "unknown-in-selector": [
    [
      [
        {
          edit: (fleet) =>
            fleet["disruptionBudgets"][0].selector = { hosts: ["db", "wbe1"], channel: "edeg" },
        },
        {
          message: 'The selector of disruption budget 0 names "wbe1", "edeg", which the fleet does not have',
          path: "disruptionBudgets.0.selector",
          hint: 'did you mean "web1"?',
        },
      ],
      [
        {
          edit: (fleet) =>
            fleet["rolloutPolicies"].canary.waves[0].selector = { hosts: ["web2"], channel: "stabel" },
        },
        {
          message:
            'The selector of wave 0 of the rollout policy "canary" names "stabel", which the fleet does not have',
          path: "rolloutPolicies.canary.waves.0.selector",
          hint: 'did you mean "stable"?',
        },
      ],
    ],
    [
      {
        edit: (fleet) =>
          fleet["disruptionBudgets"][0].selector = {
            hosts: ["db", "web1"],
            channel: "edge",
            tagsAny: ["old"],
          },
      },
      { edit: (fleet) => fleet["disruptionBudgets"][0].selector = { all: true, hosts: ["gone"] } },
    ],
  ],
  "inexpressible-selector": [
    [[
      {
        edit: (fleet) =>
          fleet["disruptionBudgets"] = [{ selector: { all: true, not: { tags: ["x"] } }, maxInFlight: 1 }],
      },
      {
        message:
          'Disruption budget 0 chooses hosts by "not", which consumers cannot understand: it protects other hosts ' +
          "than its author meant",
        path: "disruptionBudgets.0.selector.not",
      },
    ]],
    [{
      edit: (fleet) =>
        fleet["disruptionBudgets"] = [{ selector: { all: true, not: null, and: [] }, maxInFlight: 1 }],
    }],
  ],
  "dropped-field": [
    [
      [
        { edit: (fleet) => fleet["hosts"].db.rack = 7 },
        {
          message: 'The contract does not know the field "hosts.db.rack": it does not reach the artifact',
          path: "hosts.db.rack",
        },
      ],
      [
        // What such a selector chooses cannot be told, so nothing is said of the waves.
        {
          edit: (fleet) =>
            fleet["rolloutPolicies"].canary.waves[0].selector = { not: { hosts: ["web1", "db"] } },
        },
        {
          message:
            'The contract does not know the field "rolloutPolicies.canary.waves.0.selector.not": it does not ' +
            "reach the artifact",
          path: "rolloutPolicies.canary.waves.0.selector.not",
        },
      ],
    ],
    [{}],
  ],
};

for (const [code, [fires, silent]] of Object.entries(CASES)) {
  const { severity } = LINTS[code as keyof typeof LINTS];
  pureTest(`${code} is found as ${severity === "error" ? "an error" : "a warning"}, and alone`, () => {
    for (const [difference, ...said] of fires) {
      assertEquals(found(difference), said.map((one) => ({ severity, code, ...one })));
    }
  });

  pureTest(`${code} is not found where all is as it should be`, () => {
    for (const difference of silent) assertEquals(found(difference), []);
  });
}

pureTest(
  "findings are told all at once, errors first, and names that nearly are those of the other side",
  () => {
    const all = found({
      edit: (fleet) => {
        fleet["owner"] = "ops";
        fleet["rolloutPolicies"].all.strategy = "canry";
        fleet["hosts"].db.channel = "constructor";
        fleet["hosts"]["data.base"] = { ...fleet["hosts"].db, channel: "edge" };
      },
      names: { nixos: ["web1", "web2", "db", "data-base"] },
      revocations: [{ hostname: 1, notBefore: NOW }],
    });
    assertEquals(all.map(({ code, severity, path, hint }) => [code, severity, path, hint]), [
      ["unknown-channel", "error", "hosts.db.channel", undefined],
      ["host-not-in-flake", "error", 'hosts."data.base"', 'did you mean "data-base"?'],
      ["unreadable", "error", "revocations.0.hostname", undefined],
      ["dropped-field", "warning", "owner", undefined],
      ["host-not-in-fleet", "warning", "hosts", 'did you mean "data.base"?'],
      ["unknown-strategy", "warning", "rolloutPolicies.all.strategy", 'did you mean "canary"?'],
    ]);
  },
);

pureTest("a fleet whose budgets are more than anybody reads is found as one that cannot be released", () => {
  const [first, ...more] = found({
    edit: (fleet) => {
      const hosts = Array.from({ length: 800 }, (_, index) => `${index}`.padEnd(2000, "x"));
      fleet["channels"] = Object.fromEntries(hosts.map((name) => [name, fleet["channels"].edge]));
      fleet["hosts"] = Object.fromEntries(
        hosts.map((name) => [name, { ...fleet["hosts"].db, channel: name }]),
      );
    },
  }).filter(({ code }) => code === "unreadable");
  assertEquals([first?.path, more], ["disruptionBudgets", []]);
});

pureTest("a pin expires too soon by when its channel is due, as status tells it", () => {
  const codes = (expiresAt: string) =>
    found({
      edit: (fleet) => {
        fleet["channels"].edge.freshnessWindow = 60;
        fleet["hosts"].db.pin = { commit: "a", reason: "b", expiresAt };
      },
    }).map(({ code }) => code);
  assertEquals(codes("2026-06-01T12:30:00Z"), ["pin-expires-soon", "short-window"]);
  assertEquals(codes("2026-06-01T12:30:01Z"), ["short-window"]);
});

pureTest("what a policy chooses that says more than the contract knows cannot be told", () => {
  const edit = (fleet: Draft) => firstWave(fleet, { and: [{ tags: ["web"] }] });
  assertEquals(found({ edit }).map(({ code }) => code), ["dropped-field"]);
});

pureTest("circles with names in common are told once, and none is missed behind what leads to it", () => {
  const edges = (pairs: string[]) =>
    pairs.map((pair) => ({ gated: pair.split(">")[0], gates: pair.split(">")[1] }));
  const circles = (pairs: string[]) =>
    found({
      edit: (fleet) => {
        for (const name of "abcdefg") fleet["hosts"][name] = fleet["hosts"].db;
        fleet["edges"] = edges(pairs);
      },
      names: { nixos: ["web1", "web2", "db", ..."abcdefg"] },
    }).map(({ code, hosts }) => [code, hosts]);
  assertEquals(circles(["a>b", "b>c", "c>d", "a>d"]), []);
  assertEquals(circles(["a>b", "b>a", "b>c", "c>b"]), [["circular-edges", ["a", "b"]]]);
  assertEquals(circles(["a>b", "b>c", "c>b", "d>e", "e>f", "f>d", "g>a"]), [
    ["circular-edges", ["b", "c"]],
    ["circular-edges", ["d", "e", "f"]],
  ]);
});

pureTest(
  "what was meant is looked for as long as that is worth its time, and any number of names is taken",
  () => {
    const hints = found({
      edit: (fleet) => {
        fleet["edges"] = Array.from({ length: 30 }, (_, index) => ({ gated: "db", gates: `we${index}` }));
        fleet["disruptionBudgets"] = [{
          selector: { hosts: Array.from({ length: 130_000 }, (_, index) => `gone${index}`) },
          maxInFlight: 1,
        }];
      },
    }).map(({ code, hint }) => [code, hint !== undefined]);
    assertEquals(hints, [
      ...Array.from({ length: 30 }, (_, index) => ["dangling-edge", index < 20]),
      ["empty-budget", false],
    ]);
  },
);

pureTest("lintsTable() has a row for each code word", () => {
  assertEquals(
    lintsTable().split("\n").slice(2).map((row) => row.match(/`([a-z-]+)`/)?.[1]),
    Object.keys(CASES),
  );
});
