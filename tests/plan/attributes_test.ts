import { assertEquals } from "@std/assert";
import { type Attribute, ATTRIBUTES, parseAttribute, parseAttributes } from "../../src/plan/attributes.ts";
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

pureTest("parseAttribute() splits at dots, and takes a quoted name as one", () => {
  assertEquals(
    PATHS.map(([text]) => [text, parseAttribute("--fleet-resolved-attr", text)]),
    PATHS.map(([text, path]) => [text, { flake: undefined, path }]),
  );
});

const INSTALLABLES: [text: string, attribute: Attribute][] = [
  ["#fleet.resolved", { flake: undefined, path: ["fleet", "resolved"] }],
  [".#fl%65et.%22a.b%22", { flake: undefined, path: ["fleet", "a.b"] }],
  ["./#fleet", { flake: "./", path: ["fleet"] }],
  ["path:.#fleet", { flake: "path:.", path: ["fleet"] }],
  ["../fleet#a.b", { flake: "../fleet", path: ["a", "b"] }],
  ["github:org/fleet?dir=x#fleet.resolved", { flake: "github:org/fleet?dir=x", path: ["fleet", "resolved"] }],
  ["fleet#a", { flake: "fleet", path: ["a"] }],
  // Nix divides at the first, too.
  ['x#"a#b"', { flake: "x", path: ["a#b"] }],
  // In the outputs alone.
  [".#.fleet.resolved", { flake: undefined, path: ["", "fleet", "resolved"] }],
  ["../x#.a", { flake: "../x", path: ["", "a"] }],
];

pureTest("parseAttribute() takes whole installables, as nix does", () => {
  assertEquals(
    INSTALLABLES.map(([text]) => [text, parseAttribute("--fleet-resolved-attr", text)]),
    INSTALLABLES,
  );
});

const HINT =
  'as in "fleet.resolved", or in "../other#fleet.resolved" for another flake than that of --build-flake';

const REFUSED = [
  "",
  ".#",
  ".",
  "fleet.",
  "fleet..resolved",
  ".#..fleet",
  "x#",
  "x#.",
  "x#a#b",
  "x#a b",
  "x#%zz",
  "x#%ff",
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

pureTest("parseAttribute() refuses what is no attribute path", () => {
  for (const text of REFUSED) {
    assertEquals(refusal(() => parseAttribute("--revocations-attr", text)), {
      kind: "usage",
      message: `Cannot read --revocations-attr "${text}": expected an attribute path of the flake`,
      hint: HINT,
    });
  }
});

const own = (...path: string[]): Attribute => ({ flake: undefined, path });

pureTest(
  "parseAttributes() reads the path of all that the flake is asked for, and of nothing else",
  () => {
    assertEquals([...parseAttributes(defaultConfig())], [["fleet", own("fleet", "resolved")]]);
    const config = {
      ...defaultConfig(),
      fleetResolvedAttr: "a.f",
      revocationsAttr: "../x#a.r",
      bootstrapNoncesAttr: 'a."n.n"',
      trustAttr: "t",
    };
    assertEquals([...parseAttributes(config)], [
      ["fleet", own("a", "f")],
      ["revocations", { flake: "../x", path: ["a", "r"] }],
      ["bootstrapNonces", own("a", "n.n")],
      ["trusted", own("t")],
    ]);
  },
);

pureTest("parseAttributes() names the option of a path that it cannot read", () => {
  for (const { option, setting } of Object.values(ATTRIBUTES)) {
    assertEquals(refusal(() => parseAttributes({ ...defaultConfig(), [setting]: "x y" })), {
      kind: "usage",
      message: `Cannot read ${option} "x y": expected an attribute path of the flake`,
      hint: HINT,
    });
    assertEquals(Object.hasOwn(RELEASE.options, option.slice("--".length)), true, option);
  }
});
