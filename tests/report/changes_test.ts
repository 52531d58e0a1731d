import { assertEquals } from "@std/assert";
import type { Changes, HostChange, HostInRelease } from "../../src/plan/changes.ts";
import { changeLines, reportChanges } from "../../src/report/changes.ts";
import { pureTest } from "../support/pure.ts";

function state(more: Partial<HostInRelease> = {}): HostInRelease {
  return {
    channel: "stable",
    wave: 0,
    system: "x86_64-linux",
    closureHash: "1a2b3c4d5e6f-system",
    pinnedTo: null,
    ...more,
  };
}

function changed(name: string, more: Partial<HostChange>): HostChange {
  return { name, change: "changed", aspects: [], before: state(), after: state(), ...more };
}

function changes(hosts: readonly HostChange[], parts: Changes["parts"] = []): Changes {
  return { first: false, hosts, parts };
}

pureTest("changes for people: hosts by channel and wave, each with its closure", () => {
  const lines = changeLines(changes([
    changed("a", { change: "added", before: null, after: state({ wave: null }) }),
    changed("b", { aspects: ["closure"], after: state({ wave: 1, closureHash: "99999999ffff-system" }) }),
    changed("c", { change: "removed", after: null, before: state({ channel: "edge", wave: null }) }),
    changed("d", { change: "unchanged" }),
    changed("e", { aspects: ["closure"], before: state({ closureHash: null }) }),
    changed("f", {
      aspects: ["channel", "wave", "pin", "system", "tags", "pubkey"],
      before: state({ pinnedTo: "0123456789", wave: null }),
      after: state({ channel: "edge", wave: 2, system: "aarch64-linux" }),
    }),
    changed("g", { aspects: ["pin"] }),
  ]));
  assertEquals(lines, [
    "channel  wave  host  change   closure              also",
    "edge     2     f     changed  1a2b3c4d             channel stable → edge, wave - → 2, pin 01234567 → none, " +
    "system x86_64-linux → aarch64-linux, tags, pubkey",
    "edge     -     c     removed  1a2b3c4d",
    "stable   0     e     changed  none → 1a2b3c4d",
    "stable   0     g     changed  1a2b3c4d             pin",
    "stable   1     b     changed  1a2b3c4d → 99999999",
    "stable   -     a     added    1a2b3c4d",
  ]);
});

pureTest(
  "changes for people: other parts by their paths, in short, and nothing where nothing changes",
  () => {
    const parts: Changes["parts"] = [
      { part: "channels", path: "channels.edge.freshnessWindow", before: 60, after: 120 },
      { part: "edges", path: "edges.0", before: { gated: "a" } },
      { part: "revocations", path: "revocations", after: Array.from({ length: 100 }, () => "revoked") },
    ];
    const lines = [
      "changed  channels.edge.freshnessWindow: 60 → 120",
      'removed  edges.0: {"gated":"a"}',
      `added    revocations: ["revoked"${',"revoked"'.repeat(6)},…`,
    ];
    assertEquals(changeLines(changes([], parts)), lines);
    const gone = changed("a", { change: "removed", after: null });
    assertEquals(changeLines(changes([gone], parts)).slice(-4), ["", ...lines]);
    assertEquals(changeLines(changes([changed("a", { change: "unchanged" })])), []);
    // All of them are new.
    assertEquals(changeLines({ first: true, hosts: [], parts }), []);
  },
);

pureTest("changes for people: what is in a name acts on no terminal and moves no column", () => {
  const name = "\x1b[2Jw\nb";
  const lines = changeLines(changes(
    [changed(name, { aspects: ["tags"], after: state({ channel: "edge" }) })],
    [{ part: "channels", path: "channels.\u202e", before: "##[group]", after: 1 }],
  ));
  assertEquals(lines, [
    "channel  wave  host         change   closure   also",
    "edge     0     \\x1b[2Jw\\nb  changed  1a2b3c4d  tags",
    "",
    'changed  channels.\\u{202e}: "\\x23#[group]" → 1',
  ]);
});

pureTest("changes for programs: the hosts that change, and their channels", () => {
  const moved = changed("b", { aspects: ["channel"], after: state({ channel: "edge" }) });
  const gone = changed("c", { change: "removed", after: null });
  const parts: Changes["parts"] = [{ part: "edges", path: "edges.0", before: "x" }];
  const unchanged = changed("a", { change: "unchanged" });
  assertEquals(reportChanges(changes([unchanged, moved, gone], parts)), {
    summary: '1 of 2 hosts changes: "b"; 1 is removed: "c"; edges change',
    first: false,
    channels: ["edge", "stable"],
    unchanged: 1,
    hosts: [moved, gone],
    parts,
  });
});
