import { assertEquals } from "@std/assert";
import type { FleetResolved, Host } from "../../src/contract/types.ts";
import type { StorePath } from "../../src/contract/store_path.ts";
import { changesBetween } from "../../src/plan/changes.ts";
import type { EvaluatedFleet } from "../../src/plan/compose.ts";
import { type PlanFacts, planLines, planMarkdown, planReport } from "../../src/report/plan.ts";
import { secretsOf } from "../../src/secrets.ts";
import { lockedAt } from "../support/fake_ports.ts";
import { pureTest } from "../support/pure.ts";

const HASH = (letter: string) => `${letter.repeat(32)}-nixos-system`;
const path = (letter: string) => `/nix/store/${HASH(letter)}` as StorePath;

const host = (closureHash: string | null): Host => ({
  ...{ system: "x86_64-linux", tags: [], channel: "stable", closureHash, pubkey: null },
});

/** A name that would be markdown, HTML, a mention and a workflow command, and end a cell and a line. */
const HOSTILE = "::warning::@all `x` | <img src=x>\n# **y**";

function release(hosts: Record<string, Host>, freshnessWindow = 1440): EvaluatedFleet {
  const fleet: FleetResolved = {
    schemaVersion: 1,
    hosts,
    channels: {
      stable: {
        rolloutPolicy: "all",
        reconcileIntervalMinutes: 30,
        freshnessWindow,
        signingIntervalMinutes: 60,
        compliance: { frameworks: [], mode: "disabled" },
      },
    },
    rolloutPolicies: { all: { strategy: "all-at-once", waves: [], healthGate: {}, onHealthFailure: "halt" } },
    waves: { stable: [{ hosts: Object.keys(hosts), soakMinutes: 0 }] },
    edges: [],
    channelEdges: [],
    disruptionBudgets: [],
    meta: { schemaVersion: 1, signedAt: "2026-06-01T12:00:00Z", ciCommit: "a".repeat(40) },
  };
  return { fleet, revocations: null, bootstrapNonces: null };
}

const BEFORE = release({ web1: host(HASH("a")), web2: host(HASH("b")) });
const AFTER = release({ web1: host(HASH("c")), web2: host(HASH("b")), [HOSTILE]: host(HASH("d")) }, 2880);

const SECRETS = secretsOf({
  ...{ commands: [], texts: ["git+https://user:hunter22@example.com/fleet"], nixOptions: [], hookEnv: [] },
  ...{ keyVariable: undefined, env: {} },
});

/** A plan that changes a host, adds one and changes a channel, with a difference. */
function facts(difference: Partial<PlanFacts> = {}): PlanFacts {
  return {
    source: { flake: lockedAt("git+https://user:hunter22@example.com/fleet", null), ciCommit: null },
    now: "2026-06-01T13:00:00Z",
    against: { place: "on disk", release: BEFORE, verified: true },
    changes: changesBetween(BEFORE, AFTER),
    closures: {
      paths: new Map([["web1", path("c")], ["web2", path("b")], [HOSTILE, path("d")]]),
      missing: [HOSTILE],
      unknown: [],
    },
    differences: null,
    warnings: [],
    secrets: SECRETS,
    ...difference,
  };
}

const QUOTED = '"::warning::@all `x` | <img src=x>\\n# **y**"';

pureTest("planReport() tells of the release, of what it is compared with, and no secrets", () => {
  const { flake, changed, signing, closures, against, changes } = planReport(facts());
  assertEquals([flake.includes("hunter22"), changed], [false, true]);
  assertEquals(signing, { due: true, dueAt: "2026-06-01T13:00:00Z" });
  assertEquals(closures, { evaluated: 3, missing: [HOSTILE], unknown: [] });
  assertEquals(against, {
    ...{ place: "on disk", signedAt: "2026-06-01T12:00:00Z", ciCommit: "a".repeat(40), verified: true },
  });
  assertEquals(changes.hosts.map(({ name, change }) => [name, change]), [
    [HOSTILE, "added"],
    ["web1", "changed"],
  ]);
  assertEquals(planReport(facts({ now: "2026-06-01T12:59:59Z" })).signing?.due, false);
  const same = changesBetween(BEFORE, BEFORE);
  assertEquals(planReport(facts({ changes: same })).changed, false);
  // Nobody can say that nothing changes.
  const unknown = { paths: new Map(), missing: [], unknown: ["web1"] };
  assertEquals(planReport(facts({ changes: same, closures: unknown })).changed, true);
});

pureTest("planLines() is the plan for people, in which no name is anything but a name", () => {
  assertEquals(planLines(planReport(facts())), [
    `1 of 3 hosts changes: "web1"; 1 is new: ${QUOTED}; channels change`,
    "",
    "channel  wave  host                                           change   closure              also",
    "stable   0     \\x3a:warning::@all `x` | <img src=x>\\n# **y**  added    dddddddd",
    "stable   0     web1                                           changed  aaaaaaaa → cccccccc",
    "",
    "changed  channels.stable.freshnessWindow: 1440 → 2880",
    "",
    "compared with the release on disk that was signed at 2026-06-01T12:00:00Z from commit aaaaaaaa: signed by a " +
    "trusted key",
    "that release has been due to be signed anew since 2026-06-01T13:00:00Z, whatever changes",
    `closures that would be built or fetched: 1 of 3: ${QUOTED}`,
  ]);
});

pureTest("planLines() tells of a release that says no time", () => {
  const { fleet } = BEFORE;
  const release = { ...BEFORE, fleet: { ...fleet, meta: { ...fleet.meta, signedAt: null } } };
  const report = planReport(facts({ against: { place: 'in "./old"', release, verified: false } }));
  assertEquals(report.signing, null);
  assertEquals(planLines(report).filter((line) => line.startsWith("compared")), [
    'compared with the release in "./old" without a signing time from commit aaaaaaaa: not verified, since ' +
    "no keys are given",
  ]);
});

pureTest(
  "planLines() tells of differences, of what is not known, and of a release that nobody has verified",
  () => {
    const lines = planLines(planReport(facts({
      changes: changesBetween(BEFORE, BEFORE),
      against: { place: "in commit eeeeeeee", release: BEFORE, verified: false },
      closures: { paths: new Map([["web2", path("b")]]), missing: [], unknown: ["web1"] },
      differences: [
        { hosts: ["web1", "web3"], before: path("a"), after: path("c"), missing: [], packages: PACKAGES },
        { hosts: ["web4"], before: path("a"), after: path("d"), missing: [], packages: [] },
        { hosts: ["web2"], before: path("b"), after: path("f"), missing: ["before", "after"], packages: [] },
      ],
      now: "2026-06-01T12:00:00Z",
    })));
    assertEquals(lines, [
      "nothing changes for 2 hosts",
      "",
      "compared with the release in commit eeeeeeee that was signed at 2026-06-01T12:00:00Z from commit aaaaaaaa: not " +
      "verified, since no keys are given",
      "that release is due to be signed anew at 2026-06-01T13:00:00Z",
      "closures that would be built or fetched: 0 of 2",
      'closures that nobody can compare before they are built, since they are content-addressed: 1: "web1"',
      "",
      `"web1", "web3": ${path("a")} → ${path("c")}`,
      "  kernel: 6.1 → 6.2, +12.3 KiB",
      "",
      `"web4": ${path("a")} → ${path("d")}`,
      "  no package differs in its version or much in its size",
      "",
      `"web2": ${path("b")} → ${path("f")}`,
      `  not compared: ${path("b")} is not in the store`,
      `  not compared: ${path("f")} is not in the store`,
    ]);
  },
);

const PACKAGES = [{ name: "kernel", change: "6.1 → 6.2, +12.3 KiB" }];
/** {@linkcode HOSTILE} as code. */
const CODE = "``\\x3a:warning::@all `x` \\x7c <img src=x>\\n# **y**``";

pureTest("planMarkdown() is the plan for a pull request, in which every name is code", () => {
  const differences = [
    { hosts: ["web1"], before: path("a"), after: path("c"), missing: [], packages: PACKAGES },
    { hosts: ["web2"], before: path("b"), after: path("f"), missing: ["after"] as const, packages: [] },
  ];
  const warnings = [{ code: "unused-policy", message: "The policy | is nobody's" }];
  const report = planReport(facts({ differences, warnings }));
  assertEquals(planMarkdown(report), [
    "### The release would change",
    "",
    '``1 of 3 hosts changes: "web1"; 1 is new: "::warning::@all `x` \\x7c <img src=x>\\n# **y**"; channels change``',
    "",
    "- Compared with `the release on disk that was signed at 2026-06-01T12:00:00Z from commit aaaaaaaa: signed by a " +
    "trusted key`",
    "- That release has been due to be signed anew since 2026-06-01T13:00:00Z, whatever changes",
    `- Closures that would be built or fetched: 1 of 3: ${CODE}`,
    "",
    "**Hosts, by channel and wave**",
    "",
    "| channel | wave | host | change | closure | also |",
    "| --- | --- | --- | --- | --- | --- |",
    `| \`stable\` | 0 | ${CODE} | added | \`dddddddd\` |  |`,
    "| `stable` | 0 | `web1` | changed | `aaaaaaaa → cccccccc` |  |",
    "",
    "**Beside the hosts**",
    "",
    "| change | path | value |",
    "| --- | --- | --- |",
    "| changed | `channels.stable.freshnessWindow` | `1440 → 2880` |",
    "",
    "Packages of `web1`:",
    "",
    "| package | change |",
    "| --- | --- |",
    "| `kernel` | `6.1 → 6.2, +12.3 KiB` |",
    "",
    `Not compared for \`web2\`: \`${path("f")}\` is not in the store.`,
    "",
    "**Warnings**",
    "",
    "| code | message |",
    "| --- | --- |",
    "| unused-policy | `The policy \\x7c is nobody's` |",
  ]);
});

pureTest("planMarkdown() of a large fleet has room in a comment", () => {
  const many = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [`host-${index}.some.where.example.com`, host(HASH("a"))]),
  );
  const changes = changesBetween(BEFORE, release(many));
  const lines = planMarkdown(planReport(facts({ changes })));
  assertEquals(lines.includes("and 1902 more"), true);
  assertEquals(lines.join("\n").length < 65_536, true);

  const differences = Object.keys(many).map((name) => ({
    ...{ hosts: [name], before: path("a"), after: path("c"), missing: [], packages: PACKAGES },
  }));
  const cut = planMarkdown(planReport(facts({ changes, differences })));
  assertEquals([cut.join("\n").length < 65_536, cut.at(-1)], [true, "The rest is left out."]);
});
