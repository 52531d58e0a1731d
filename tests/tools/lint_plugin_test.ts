import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import plugin from "../../tools/lint_plugin.ts";
import { PROJECT } from "../support/command.ts";
import { pureTest } from "../support/pure.ts";

/** What the plugin says of a file: rules and messages, in the order of the file. */
function said(source: string, path = "src/plan/example.ts"): string[] {
  return Deno.lint.runPlugin(plugin, join(PROJECT, path), source)
    .map(({ id, message }) => `${id.replace("fleet-release/", "")}: ${message}`);
}

/** A function of so many lines, in one of the ways to write one. */
const WAYS: Record<string, (lines: number) => string> = {
  "a function": (lines) => `function long() {${"\n".repeat(lines - 1)}}`,
  "an exported function": (lines) => `/** Long. */\nexport async function long() {${"\n".repeat(lines - 1)}}`,
  "an arrow": (lines) => `const long = () => {${"\n".repeat(lines - 1)}};`,
  "a method": (lines) => `class A {\n  static long() {${"\n".repeat(lines - 1)}}\n}`,
  "a method of an object": (lines) => `const a = {\n  long() {${"\n".repeat(lines - 1)}},\n};`,
  "a constructor": (lines) => `class A {\n  constructor() {${"\n".repeat(lines - 1)}}\n}`,
};

for (const [way, write] of Object.entries(WAYS)) {
  pureTest(`short-function takes ${way} of 60 lines, and refuses one of 61`, () => {
    assertEquals(said(write(60)), []);
    assertEquals(said(write(61)), ["short-function: A function of 61 lines: at most 60 fit on a screen"]);
  });
}

pureTest("short-function counts lines behind letters of more than one byte", () => {
  assertEquals(said(`// 🎉 ünïcode\n${WAYS["a function"]!(60)}\n// 🎉\n`), []);
});

const FIVE = [
  "few-parameters: A function of 5 parameters: expected at most 4, or above it the reason in a comment, " +
  "// Many parameters: …",
];

pureTest("few-parameters takes four parameters, and refuses five", () => {
  assertEquals(said("function four(a, b, { c }, ...d) {}"), []);
  assertEquals(said("function five(a, b, { c }, d = 1, ...e) {}"), FIVE);
  assertEquals(said("const five = (a, b, c, d, e) => a;"), FIVE);
  assertEquals(said("class A { five(a, b, c, d, e) {} }"), FIVE);
  assertEquals(
    said("class A {\n  constructor(private a: 1, readonly b: 2, c: 3, d: 4, e: 5) {}\n}"),
    FIVE,
  );
});

pureTest("few-parameters takes more where a comment directly before gives the reason", () => {
  const five = "export function five(a, b, c, d, e) {}";
  assertEquals(said(`// Many parameters: the platform calls it so.\n${five}`), []);
  assertEquals(said(`// Many parameters: the platform\n// calls it so.\n${five}`), []);
  assertEquals(said(`// Many parameters: they are columns.\n/**\n * Five.\n */\n${five}`), []);
  assertEquals(said(`class A {\n  // Many parameters: they are columns.\n  five(a, b, c, d, e) {}\n}`), []);
});

pureTest("few-parameters takes no comment that is empty, elsewhere, or of another function", () => {
  const five = "function five(a, b, c, d, e) {}";
  assertEquals(said(`// Many parameters:\n${five}`), FIVE);
  assertEquals(said(`// It has many parameters: five.\n${five}`), FIVE);
  assertEquals(said(`// Many parameters: the platform calls it so.\n\n${five}`), FIVE);
  assertEquals(said(`// Many parameters: the platform calls it so.\nconst a = 1;\n${five}`), FIVE);
  assertEquals(said(`${five} // Many parameters: the platform calls it so.`), FIVE);
});

pureTest("the rules are for src/ alone", () => {
  const text = `${WAYS["a function"]!(61)}\nfunction five(a, b, c, d, e) {}`;
  assertEquals(said(text).length, 2);
  for (const path of ["tests/example_test.ts", "tools/example.ts", "tests/src/example.ts"]) {
    assertEquals(said(text, path), []);
  }
});
