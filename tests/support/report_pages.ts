/**
 * Pages of runs on made-up fleets: small and large, with names of all kinds, and of a run that failed.
 *
 * @module
 */
import type { Channel, FleetResolved, Host } from "../../src/contract/types.ts";
import { changesBetween } from "../../src/plan/changes.ts";
import type { EvaluatedFleet } from "../../src/plan/compose.ts";
import type { ReportPage } from "../../src/report/html/data.ts";

const SIGNED_AT = "2026-06-01T12:00:00Z";
const COMMIT = "4f3c2b1a09f8e7d6c5b4a3928170f6e5d4c3b2a1";

/** A store path's base name; another `build` is another closure. */
export function closure(name: string, build = 0): string {
  const letters = "0123456789abcdfghijklmnpqrsvwxyz";
  let state = [...`${name}/${build}`].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) >>> 0, 7);
  const hash = Array.from({ length: 32 }, () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return letters[state >>> 27];
  });
  return `${hash.join("")}-nixos-system-${name.replace(/[^\w.-]/g, "-")}-26.05`;
}

function host(name: string, channel: string, more: Partial<Host> = {}): Host {
  return { system: "x86_64-linux", tags: [], channel, closureHash: closure(name), pubkey: null, ...more };
}

function channel(more: Partial<Channel> = {}): Channel {
  return {
    rolloutPolicy: "staged",
    reconcileIntervalMinutes: 30,
    freshnessWindow: 2880,
    signingIntervalMinutes: 720,
    compliance: { frameworks: [], mode: "disabled" },
    ...more,
  };
}

function fleetOf(
  hosts: readonly (readonly [name: string, channel: string])[],
  waves: FleetResolved["waves"],
): FleetResolved {
  return {
    schemaVersion: 1,
    hosts: Object.fromEntries(hosts.map(([name, channel]) => [name, host(name, channel)])),
    channels: Object.fromEntries(
      [...new Set(hosts.map(([, channel]) => channel))].map((name) => [name, channel()]),
    ),
    rolloutPolicies: { staged: { strategy: "waves", waves: [], healthGate: {}, onHealthFailure: "halt" } },
    waves,
    edges: [],
    channelEdges: [],
    disruptionBudgets: [],
    meta: { schemaVersion: 1, signedAt: SIGNED_AT, ciCommit: COMMIT, signatureAlgorithm: "ed25519" },
  };
}

/** A fleet, and what it was before. */
interface Edited {
  readonly fleet: FleetResolved;
  readonly before: FleetResolved | null;
}

function evaluated(fleet: FleetResolved): EvaluatedFleet {
  return { fleet, revocations: null, bootstrapNonces: null };
}

/** The page of a release. */
export function releasePage({ fleet, before }: Edited, more: Partial<ReportPage> = {}): ReportPage {
  const names = Object.keys(fleet.hosts);
  return {
    outcome: "released",
    facts: [
      { name: "Commit", value: COMMIT },
      { name: "Release commit", value: "a1".repeat(20) },
      { name: "Pushed to", value: "branch main of origin" },
      { name: "Flake", value: `git+https://git.example.com/ops/fleet?rev=${COMMIT}` },
    ],
    fleet,
    changes: changesBetween(before && evaluated(before), evaluated(fleet)),
    signature: {
      signedAt: SIGNED_AT,
      key: { slot: "current", algorithm: "ed25519", public: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" },
    },
    failure: null,
    warnings: [
      {
        code: "expired-pin",
        message: 'The pin of "db1" has expired: released from the current commit',
        path: "hosts.db1.pin",
      },
    ],
    stages: [
      "source",
      "fleet",
      "evaluate",
      "build",
      "push",
      "compose",
      "sign",
      "verify",
      "write",
      "commit",
      "git-push",
    ]
      .map((stage, index) => ({
        stage,
        seconds: [1.2, 2.6, 31.5, 184.25, 62.1, 0.02, 0.4, 0.1, 0.03, 0.2, 1.9][index]!,
      })),
    seconds: new Map(
      names.map((
        name,
        index,
      ) => [name, { evaluate: 1 + index % 7, build: (index * 37) % 180, push: index % 11 }]),
    ),
    artifacts: ["fleet.resolved.json", "revocations.json", `rollouts/${"ab".repeat(32)}.json`].map((
      path,
      index,
    ) => ({
      path,
      sha256: `${index}c`.repeat(32),
      rolloutId: null,
      reused: false,
    })),
    programVersion: "0.1.0",
    ...more,
  };
}

/** Ten hosts in three channels: some change, one comes, one goes. */
export function smallFleet(): Edited {
  const fleet = fleetOf([
    ["canary", "edge"],
    ["web1", "stable"],
    ["web2", "stable"],
    ["web3", "stable"],
    ["db1", "stable"],
    ["db2", "stable"],
    ["mail", "stable"],
    ["laptop-anna", "desks"],
    ["laptop-ben", "desks"],
    ["kiosk", "desks"],
  ], {
    edge: [{ hosts: ["canary"], soakMinutes: 30 }],
    stable: [
      { hosts: ["web1"], soakMinutes: 45 },
      { hosts: ["web2", "web3"], soakMinutes: 90 },
      { hosts: ["db1", "db2"], soakMinutes: 1440 },
    ],
    desks: [{ hosts: ["laptop-anna", "laptop-ben", "kiosk"], soakMinutes: 10 }],
  });
  fleet.channelEdges = [
    { gates: "edge", gated: "stable", reason: "what breaks, breaks there first" },
    { gates: "stable", gated: "desks", reason: null },
  ];
  fleet.edges = [
    { gates: "db1", gated: "web1", reason: "schema before code" },
    { gates: "db1", gated: "web2", reason: null },
    { gates: "db2", gated: "web2", reason: null },
    { gates: "db1", gated: "db2", reason: "the primary first" },
  ];
  fleet.disruptionBudgets = [{
    selector: { tags: ["web"], tagsAny: [], hosts: [], channel: null, all: false },
    maxInFlight: 1,
    maxInFlightPct: null,
  }];
  const before = structuredClone(fleet);
  for (const name of ["canary", "web1", "web2"]) before.hosts[name]!.closureHash = closure(name, 1);
  fleet.hosts["mail"]!.tags = ["mx"];
  fleet.hosts["db2"]!.pin = { commit: "c".repeat(40), reason: "bug 12" };
  delete before.hosts["kiosk"];
  before.waves["desks"]![0]!.hosts.pop();
  before.hosts["old-printer"] = host("old-printer", "desks");
  before.channels["stable"]!.freshnessWindow = 1440;
  before.disruptionBudgets = [];
  return { fleet, before };
}

/** So many hosts in four channels of three waves each, of which every `every`th changes. */
export function largeFleet(count = 2000, every = 9): Edited {
  const channels = ["canary", "eu-production", "us-production", "workstations"];
  const hosts = Array.from({ length: count }, (_, index) => {
    const channel = channels[index % 37 === 0 ? 0 : 1 + index % 3]!;
    return [
      `${channel.slice(0, 2)}-${["web", "db", "cache", "queue"][index % 4]}-${
        String(index).padStart(4, "0")
      }.example.net`,
      channel,
    ] as const;
  });
  const waves = Object.fromEntries(channels.map((channel) => {
    const names = hosts.filter(([, of]) => of === channel).map(([name]) => name);
    const [first, second] = [Math.ceil(names.length / 20), Math.ceil(names.length / 4)];
    return [channel, [
      { hosts: names.slice(0, first), soakMinutes: 60 },
      { hosts: names.slice(first, second), soakMinutes: 240 },
      { hosts: names.slice(second), soakMinutes: 0 },
    ]];
  }));
  const fleet = fleetOf(hosts, waves);
  fleet.channelEdges = channels.slice(1).map((gated) => ({ gates: "canary", gated, reason: null }));
  fleet.edges = hosts.filter((_, index) => index % 40 === 0).flatMap(([gates], index, all) =>
    index === 0 ? [] : [{ gates, gated: all[index - 1]![0], reason: null }]
  );
  const before = structuredClone(fleet);
  hosts.forEach(([name], index) => {
    if (index % every === 0) before.hosts[name]!.closureHash = closure(name, 1);
    if (index % 301 === 5) delete before.hosts[name];
  });
  for (let index = 0; index < 7; index++) {
    before.hosts[`gone-${index}`] = host(`gone-${index}`, "workstations");
  }
  return { fleet, before };
}

/** Names that are long, of other scripts, from right to left, and none that a page may take for its own. */
export const NAMES: readonly string[] = [
  "a".repeat(200),
  "server-mit-einem-sehr-langen-namen.rechenzentrum-nord.abteilung-forschung.example.org",
  "データベース-主系",
  "веб-сервер-1",
  "خادم-الويب",
  "שרת-דואר",
  "<script>alert(1)</script>",
  '"onmouseover=alert(1) x="',
  "a&b'c</style></title><img src=x onerror=alert(1)>",
  "right\u202eot\u0000left\u200b",
  "🦊-host",
  "__proto__",
];

/** A fleet of hosts, channels and reasons with such names. */
export function namedFleet(): Edited {
  const channels = ["стабильный-канал", "<b>beta</b>"];
  const hosts = NAMES.map((name, index) => [name, channels[index % 2]!] as const);
  const fleet = fleetOf(hosts, {
    [channels[0]!]: [
      { hosts: NAMES.filter((_, index) => index % 4 === 0), soakMinutes: 61 },
      { hosts: NAMES.filter((_, index) => index % 4 === 2), soakMinutes: 0 },
    ],
  });
  fleet.edges = NAMES.slice(1).map((gated, index) => ({
    gates: NAMES[index]!,
    gated,
    reason: `<i>${gated}</i>`,
  }));
  fleet.channelEdges = [{ gates: channels[0]!, gated: channels[1]!, reason: NAMES[0]! }];
  const before = structuredClone(fleet);
  for (const name of NAMES.slice(3, 9)) before.hosts[name]!.closureHash = closure(name, 1);
  before.channels[channels[1]!]!.freshnessWindow = 7;
  return { fleet, before };
}

/** The page of a run in which the builds of two hosts failed. */
export function failedPage(): ReportPage {
  const { fleet } = smallFleet();
  for (const host of Object.values(fleet.hosts)) host.closureHash = null;
  return releasePage({ fleet, before: null }, {
    outcome: "failed",
    changes: null,
    signature: null,
    artifacts: [],
    stages: [{ stage: "source", seconds: 1.2 }, { stage: "fleet", seconds: 2.6 }],
    failure: {
      message: 'Cannot build "web2" and "db1"',
      path: null,
      at: ["Building 10 hosts"],
      hint: "the whole log is in /tmp/fleet-release-log-7f3a",
      hosts: ["web2", "db1"],
      lines: [
        '"web2", "db1": /nix/store/0c3i7-postgresql-17.2.drv failed with exit code 2; the end of its log:',
        ...Array.from(
          { length: 18 },
          (_, index) =>
            `| gcc -O2 -fPIC -I../../src/include -c -o part${index}.o part${index}.c ${
              "-Wl,-rpath".repeat(index % 4 * 5)
            }`,
        ),
        "| part17.c:204:9: error: <stdatomic.h> & “_Atomic” are not supported by this compiler",
        "| make: *** [Makefile:31: part17.o] Error 1",
      ],
      exitCode: 1,
    },
  });
}
