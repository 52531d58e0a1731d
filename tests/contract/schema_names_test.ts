// Names that users choose, which are keys of the fleet's dictionaries.

import { assertEquals } from "@std/assert";
import { decode } from "../../src/contract/schema.ts";
import type { FleetResolved } from "../../src/contract/types.ts";
import { fullFleet } from "../support/full_fleet.ts";
import { pureTest, refusal } from "../support/pure.ts";

const DICTIONARIES = ["hosts", "channels", "rolloutPolicies", "waves"] as const;

/** A dictionary of {@linkcode fullFleet} with its one value under other names, as JSON has it. */
function renamed(dictionary: (typeof DICTIONARIES)[number], names: string[], value?: unknown): FleetResolved {
  const given = value ?? Object.values(fullFleet()[dictionary])[0];
  const entries = names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(given)}`);
  return { ...fullFleet(), [dictionary]: JSON.parse(`{${entries.join(",")}}`) };
}

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "web.example.com",
  'a"b\\c',
  "${name}",
  "a b",
  "a\nb",
  "ünïcode",
  "\u{1f5a5}",
  "",
  "-",
];

for (const dictionary of DICTIONARIES) {
  pureTest(`decode() keeps every name of ${dictionary}, also those that objects have of their own`, () => {
    const fleet = decode("fleet", renamed(dictionary, NAMES));
    assertEquals(Object.keys(fleet[dictionary]), NAMES);
    const [value] = Object.values(fullFleet()[dictionary]);
    for (const [, kept] of Object.entries(fleet[dictionary])) assertEquals<unknown>(kept, value);
    assertEquals(Object.getPrototypeOf(fleet[dictionary]), Object.prototype);
  });

  pureTest(`decode() checks what stands under "__proto__" and "constructor" of ${dictionary}`, () => {
    for (const name of ["__proto__", "constructor"]) {
      const given = renamed(dictionary, [name], 5);
      assertEquals(refusal(() => decode("fleet", given)), {
        kind: "contract",
        message: `Cannot read the fleet: "${dictionary}.${name}" is 5, expected ${
          dictionary === "waves" ? "a list" : "an object"
        }`,
        path: `${dictionary}.${name}`,
      });
    }
  });

  pureTest(`decode() refuses a name of ${dictionary} with a lone surrogate`, () => {
    for (const name of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      const quoted = JSON.stringify(name);
      assertEquals(refusal(() => decode("fleet", renamed(dictionary, [name]))), {
        kind: "contract",
        message: `Cannot read the fleet: the key "${dictionary}.${quoted}" is ${quoted}, ` +
          "expected a string without lone surrogates",
        path: `${dictionary}.${quoted}`,
      });
    }
  });
}

pureTest("decode() refuses a text with a lone surrogate, and takes a pair", () => {
  const withReason = (reason: string) => ({
    ...fullFleet(),
    edges: [{ gated: "web", gates: "web", reason }],
  });
  assertEquals(refusal(() => decode("fleet", withReason("a\ud83db"))), {
    kind: "contract",
    message:
      'Cannot read the fleet: "edges.0.reason" is "a\\ud83db", expected a string without lone surrogates',
    path: "edges.0.reason",
  });
  assertEquals(decode("fleet", withReason("\ud83d\udda5")).edges[0]!.reason, "\u{1f5a5}");
});

pureTest("decode() quotes a name in a path unless it is made of letters, digits, _ and - alone", () => {
  const paths: [name: string, path: string][] = [
    ["web-1_a", "hosts.web-1_a.tags"],
    ["web.example.com", 'hosts."web.example.com".tags'],
    ["a b", 'hosts."a b".tags'],
    ['a"b', 'hosts."a\\"b".tags'],
    ["a\nb", 'hosts."a\\nb".tags'],
    ["é", 'hosts."é".tags'],
    ["", 'hosts."".tags'],
    ["0", "hosts.0.tags"],
  ];
  const host = { ...Object.values(fullFleet().hosts)[0], tags: 1 };
  assertEquals(
    paths.map(([name]) => [name, refusal(() => decode("fleet", renamed("hosts", [name], host))).path]),
    paths,
  );
});

pureTest("decode() reads before and after as the older names of a channel edge's gates and gated", () => {
  const withEdge = (edge: unknown) => ({ ...fullFleet(), channelEdges: [edge] });
  const edge = { gates: "stable", gated: "edge", reason: null };
  for (
    const given of [
      { gates: "stable", gated: "edge" },
      { before: "stable", after: "edge" },
      { before: "stable", gated: "edge" },
      { gates: "stable", after: "edge", reason: null },
    ]
  ) {
    assertEquals(decode("fleet", withEdge(given)).channelEdges, [edge]);
  }
  for (const [alias, name] of [["before", "gates"], ["after", "gated"]] as const) {
    assertEquals(refusal(() => decode("fleet", withEdge({ ...edge, [alias]: "edge" }))), {
      kind: "contract",
      message:
        `Cannot read the fleet: "channelEdges.0.${alias}" is "edge", expected only one of "${name}" and ` +
        `"${alias}", which are two names for the same field`,
      path: `channelEdges.0.${alias}`,
    });
  }
});

pureTest("decode() does not take before and after for the ends of a host edge", () => {
  assertEquals(
    refusal(() => decode("fleet", { ...fullFleet(), edges: [{ before: "web", after: "web" }] })),
    {
      kind: "contract",
      message: 'Cannot read the fleet: "edges.0.gated" is missing',
      path: "edges.0.gated",
      lines: ['also: "edges.0.gates" is missing'],
    },
  );
});
