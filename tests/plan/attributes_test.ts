import { assertEquals } from "@std/assert";
import { parseAttributePath } from "../../src/plan/attributes.ts";
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
