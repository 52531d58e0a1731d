import { assertEquals } from "@std/assert";
import { ATTRIBUTES, parseAttributePath, parseAttributePaths } from "../../src/plan/attributes.ts";
import { defaultConfig, RELEASE } from "../../src/commands/release.ts";
import { pureTest, refusal } from "../support/pure.ts";

const PATHS: [text: string, names: string[]][] = [
  ["fleet", ["fleet"]],
  ["fleet.resolved", ["fleet", "resolved"]],
  [".#fleet.resolved", ["fleet", "resolved"]],
  ["a.b.c.d", ["a", "b", "c", "d"]],
  ['fleet."a.b".c', ["fleet", "a.b", "c"]],
  ['"fleet"', ["fleet"]],
  ['.#"a#b"."c d"', ["a#b", "c d"]],
  ['"a\\"b"."c\\\\d"', ['a"b', "c\\d"]],
  ["fleet-1.bootstrap_nonces'", ["fleet-1", "bootstrap_nonces'"]],
  ["__proto__.constructor", ["__proto__", "constructor"]],
  ["flotte.gelöst", ["flotte", "gelöst"]],
  ['"${x}"', ["${x}"]],
];

pureTest("parseAttributePath() splits at dots, and takes a quoted name as one", () => {
  assertEquals(PATHS.map(([text]) => [text, parseAttributePath("--fleet-resolved-attr", text)]), PATHS);
});

const REFUSED = [
  "",
  ".#",
  ".",
  "fleet.",
  "fleet..resolved",
  "..#fleet",
  "#fleet",
  "github:org/fleet#fleet.resolved",
  "./other#fleet.resolved",
  "fleet resolved",
  " fleet",
  ".fleet",
  "fleet ",
  "fleet\n",
  '"fleet',
  'fleet"',
  'fleet."a"b',
  'fleet.a"b"',
  'fleet.""',
  'fleet."a\\"',
];

pureTest("parseAttributePath() refuses what names another flake or is no attribute path", () => {
  for (const text of REFUSED) {
    assertEquals(refusal(() => parseAttributePath("--revocations-attr", text)), {
      kind: "usage",
      message: `Cannot read --revocations-attr "${text}": expected an attribute path of the flake`,
      hint: 'as in "fleet.resolved" or ".#fleet.resolved"; the flake itself is given by --build-flake',
    });
  }
});

pureTest(
  "parseAttributePaths() reads the path of all that the flake is asked for, and of nothing else",
  () => {
    assertEquals([...parseAttributePaths(defaultConfig())], [["fleet", ["fleet", "resolved"]]]);
    const config = {
      ...defaultConfig(),
      fleetResolvedAttr: "a.f",
      revocationsAttr: ".#a.r",
      bootstrapNoncesAttr: 'a."n.n"',
      trustAttr: "t",
    };
    assertEquals([...parseAttributePaths(config)], [
      ["fleet", ["a", "f"]],
      ["revocations", ["a", "r"]],
      ["bootstrapNonces", ["a", "n.n"]],
      ["trusted", ["t"]],
    ]);
  },
);

pureTest("parseAttributePaths() names the option of a path that it cannot read", () => {
  for (const { option, setting } of Object.values(ATTRIBUTES)) {
    assertEquals(refusal(() => parseAttributePaths({ ...defaultConfig(), [setting]: "x y" })), {
      kind: "usage",
      message: `Cannot read ${option} "x y": expected an attribute path of the flake`,
      hint: 'as in "fleet.resolved" or ".#fleet.resolved"; the flake itself is given by --build-flake',
    });
    assertEquals(Object.hasOwn(RELEASE.options, option.slice("--".length)), true, option);
  }
});
