import { assert, assertEquals } from "@std/assert";
import { hostSelection } from "../../src/contract/selector.ts";
import type { Host } from "../../src/contract/types.ts";
import { counted } from "../support/counted.ts";
import { selector } from "../support/full_fleet.ts";
import { pureTest } from "../support/pure.ts";

const host = (channel: string, tags: string[]): Host => ({
  system: "x86_64-linux",
  tags,
  channel,
  closureHash: null,
  pubkey: null,
});
const HOSTS = {
  web1: host("stable", ["web", "eu"]),
  web2: host("stable", ["web", "us"]),
  db: host("edge", ["db", "eu"]),
  bare: host("", []),
};

const CHOSEN: [claim: string, criteria: Parameters<typeof selector>[0], names: string[]][] = [
  ["no host by nothing", {}, []],
  ["every host by all", { all: true }, ["bare", "db", "web1", "web2"]],
  ["the hosts that have all of tags", { tags: ["eu", "web"] }, ["web1"]],
  ["no host by an empty tags, though every host has all of them", { tags: [] }, []],
  ["the hosts that have one of tagsAny", { tagsAny: ["us", "db"] }, ["db", "web2"]],
  ["no host by an empty tagsAny", { tagsAny: [] }, []],
  ["the hosts that hosts names, and none that is not there", { hosts: ["db", "web1", "gone"] }, [
    "db",
    "web1",
  ]],
  ["the hosts of channel", { channel: "stable" }, ["web1", "web2"]],
  ["the hosts whose channel is the empty text by an empty channel", { channel: "" }, ["bare"]],
  ["no host by an unknown channel", { channel: "gone" }, []],
  [
    "a host by any one criterion, whatever the others say",
    { tags: ["us"], hosts: ["bare"], channel: "edge" },
    [
      "bare",
      "db",
      "web2",
    ],
  ],
  ["a host by tagsAny though it lacks one of tags", { tags: ["web", "db"], tagsAny: ["db"] }, ["db"]],
  ["a tag by its whole text", { tags: ["we"], tagsAny: ["WEB"], hosts: ["web"] }, []],
];

for (const [claim, criteria, names] of CHOSEN) {
  pureTest(`hostSelection() chooses ${claim}`, () => {
    assertEquals(hostSelection(HOSTS)(selector(criteria)), names);
  });
}

pureTest("hostSelection() sorts names by byte order", () => {
  const names = ["\u{1f600}", "\ufb33", "é", "b", "a", "B", "10", "9", "constructor", "__proto__"];
  const hosts = Object.fromEntries(names.map((name) => [name, host("stable", [])]));
  assertEquals(
    hostSelection(hosts)(selector({ all: true })),
    ["10", "9", "B", "__proto__", "a", "b", "constructor", "é", "\ufb33", "\u{1f600}"],
  );
});

pureTest(
  "hostSelection() chooses by each of many selectors, of which none changes what the others choose",
  () => {
    const select = hostSelection(HOSTS);
    const chosen = CHOSEN.map(([, criteria]) => select(selector(criteria)));
    assertEquals(chosen, CHOSEN.map(([, , names]) => names));
  },
);

pureTest("hostSelection() looks at the hosts that a selector leads to, and not at all others", () => {
  const names = Array.from({ length: 100 }, (_, index) => `host-${index}`);
  const select = hostSelection(Object.fromEntries(names.map((name) => [name, host("stable", ["web"])])));
  const [hosts, tags, tagsAny] = [["host-7"], ["web", "gone"], ["gone"]].map(counted) as [
    ReturnType<typeof counted<string[]>>,
    ReturnType<typeof counted<string[]>>,
    ReturnType<typeof counted<string[]>>,
  ];
  const criteria = { hosts: hosts.value, tags: tags.value, tagsAny: tagsAny.value };
  assertEquals(select(selector(criteria)), ["host-7"]);
  for (const { reads } of [hosts, tags, tagsAny]) assert(reads() < 20, `${reads()} reads`);
});
