import { assertEquals } from "@std/assert";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { pureTest } from "../../support/pure.ts";

pureTest("EvaluationWarnings tells each text once, with its hosts in the order of all hosts", () => {
  const warnings = new EvaluationWarnings();
  warnings.note("by both", "web");
  warnings.note("by one\n  alone \n", "db");
  warnings.note("by both", "db");
  warnings.note("by both", "web");
  warnings.note("by none");
  assertEquals(warnings.take(["db", "mail", "web"]), [
    { code: "evaluation", message: "Evaluation: by none" },
    { code: "evaluation", message: 'Evaluation of 2 hosts ("db", "web"): by both', hosts: ["db", "web"] },
    { code: "evaluation", message: 'Evaluation of host "db": by one alone', hosts: ["db"] },
  ]);
  assertEquals(warnings.take(), []);
});

pureTest("EvaluationWarnings tells nothing again that it has told", () => {
  const warnings = new EvaluationWarnings();
  warnings.note("of the flake");
  assertEquals(warnings.take().length, 1);
  warnings.note("of the flake", "web");
  warnings.note(" \n ", "web");
  warnings.note("of a host", "web");
  assertEquals(warnings.take(["web"]).map(({ message }) => message), ['Evaluation of host "web": of a host']);
});

pureTest("EvaluationWarnings bounds what it tells, and says how much more there was", () => {
  const warnings = new EvaluationWarnings();
  for (let index = 0; index < 60; index++) warnings.note(`text ${index}`);
  // Another host of a text that is told is no more of them.
  warnings.note("text 3", "web");
  const told = warnings.take(["web"]).map(({ message }) => message);
  assertEquals(told.length, 51);
  assertEquals(told.at(-1), "Evaluation: 10 messages more, which -v shows");
  // What is kept for a later run, and noted again by that, is each text of a host once.
  for (let times = 0; times < 3; times++) warnings.note("one beyond", "web");
  assertEquals(warnings.take(["web"]).map(({ message }) => message), [
    "Evaluation: 1 message more, which -v shows",
  ]);
});

pureTest(
  "EvaluationWarnings keeps what each host gave, however often it did, and bounds what that takes",
  () => {
    const warnings = new EvaluationWarnings();
    for (let index = 0; index < 20_000; index++) warnings.note(`text ${index % 3}`, `host ${index % 5000}`);
    assertEquals(warnings.of("host 4"), ["text 1", "text 0", "text 2"]);
    assertEquals(warnings.of(undefined), []);
    for (let index = 0; index < 20_000; index++) warnings.note(`${index}`.repeat(200), "web");
    assertEquals(warnings.of("host 4"), undefined);
  },
);

pureTest("EvaluationWarnings cuts a long text", () => {
  const warnings = new EvaluationWarnings();
  warnings.note("x".repeat(5000));
  assertEquals(warnings.take()[0]!.message, `Evaluation: ${"x".repeat(1000)}…`);
});
