import { assertEquals } from "@std/assert";
import { Interrupt, ReleaseError } from "../../src/errors.ts";
import { interruptedError } from "../../src/stages/interruption.ts";
import { pureTest } from "../support/pure.ts";

const SIGNAL = new Interrupt("SIGINT");
const at = (name: string, title: string) => ({ name, title });
const said = (error: unknown) => {
  const { kind, message, exitCode, lines, hint } = error as ReleaseError;
  return { kind, message, exitCode, lines, hint };
};

pureTest("the error of an interrupted run says what was published by then", () => {
  const done = ["write", "commit"];
  const states = [
    [[], 0, "before it began: nothing was published"],
    [[at("build", "Building 1 host")], 0, "while building 1 host: nothing was published"],
    [
      [at("evaluate", "Evaluating 2 hosts"), at("build", "Building 2 hosts")],
      0,
      "while evaluating 2 hosts and building 2 hosts: nothing was published",
    ],
    [[at("write", "Writing out")], 1, "while writing out: the release is written, and not committed"],
    [
      [at("commit", "Committing")],
      2,
      "while committing: the release is written and committed, and not pushed",
    ],
    [
      [at("git-push", "Pushing to main")],
      2,
      "while pushing to main: the release is written and committed, and may have been pushed",
    ],
  ] as const;
  for (const [stage, count, text] of states) {
    assertEquals(said(interruptedError(SIGNAL, SIGNAL, { at: stage, done: done.slice(0, count) })), {
      kind: "interrupted",
      message: `Interrupted by SIGINT ${text}`,
      exitCode: 130,
      lines: [],
      hint: undefined,
    });
  }
});

pureTest("what was to be whole, and has failed in an interrupted run, says so itself", () => {
  const error = new ReleaseError("git", "Cannot make the commit: git exited with 130", {
    ...{ lines: ["| no"], hint: "try", code: "timeout", hosts: ["web1"] },
  });
  const found = interruptedError(error, SIGNAL, { at: [at("commit", "Committing")], done: ["write"] });
  assertEquals(said(found), {
    kind: "interrupted",
    message:
      "Interrupted by SIGINT while committing, which failed: Cannot make the commit: git exited with 130",
    exitCode: 130,
    lines: ["| no"],
    hint: "try",
  });
  const { code, hosts } = found as ReleaseError;
  assertEquals([code, hosts], ["timeout", ["web1"]]);
  // It was not interrupted, or is a mistake of the program.
  for (const [thrown, reason] of [[error, undefined], [error, error], [new TypeError("no"), SIGNAL]]) {
    assertEquals(interruptedError(thrown, reason, { at: [], done: [] }) === thrown, true);
  }
});
