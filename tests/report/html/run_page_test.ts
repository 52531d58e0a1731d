import { assertEquals } from "@std/assert";
import { secretsOf } from "../../../src/secrets.ts";
import { Interrupt, ReleaseError } from "../../../src/errors.ts";
import type { EndedRun, RunNotes, RunOutcome } from "../../../src/report/outcome.ts";
import { pageOfRun } from "../../../src/report/html/run_page.ts";
import { pureTest } from "../../support/pure.ts";
import { smallFleet } from "../../support/report_pages.ts";

const SECRETS = secretsOf({
  commands: ["push --token c4nAryXyZ9"],
  texts: [],
  nixOptions: [],
  hookEnv: [],
  keyVariable: undefined,
  env: {},
});

const NOTES: RunNotes = {
  warnings: [{ code: "x", message: "said c4nAryXyZ9", hosts: ["web1"] }],
  stages: [{ stage: "source", seconds: 1 }],
  seconds: new Map([["web1", { build: 2 }]]),
  fleet: smallFleet().fleet,
  key: { slot: null, algorithm: "ed25519", public: "AAAA" },
  changes: { first: false, hosts: [], parts: [] },
  at: [{ title: "Building c4nAryXyZ9" }, { title: "Pushing 3 closures" }],
};

const OUTCOME: RunOutcome = {
  outcome: "released",
  commit: "c".repeat(40),
  signedAt: "2026-06-01T12:00:00Z",
  releaseCommit: null,
  pushedTo: { remote: "origin", branch: "main" },
  flake: "git+file:///fleet",
  nixVersion: "2.26.3",
  programVersion: "0.1.0",
  hosts: [],
  changes: { summary: "", first: true, channels: [], unchanged: 0, hosts: [], parts: [] },
  artifacts: [],
  warnings: [],
  stages: NOTES.stages,
};

function page(end: EndedRun["end"], notes: RunNotes | null = NOTES) {
  return pageOfRun({ end, notes: notes ?? undefined, secrets: SECRETS }, "0.1.0");
}

pureTest("pageOfRun(): what a run came to, with what it found out", () => {
  const { facts, outcome, signature, fleet, seconds } = page({ outcome: OUTCOME });
  assertEquals(facts, [
    { name: "Commit", value: "c".repeat(40) },
    { name: "Pushed to", value: "branch main of origin" },
    { name: "Flake", value: "git+file:///fleet" },
    { name: "Nix", value: "2.26.3" },
  ]);
  assertEquals([outcome, fleet, seconds], ["released", NOTES.fleet, NOTES.seconds]);
  assertEquals(signature, { signedAt: OUTCOME.signedAt, key: NOTES.key });
  // What was signed here is not what is published.
  assertEquals(page({ outcome: { ...OUTCOME, outcome: "already-released" } }).signature, null);
});

pureTest("pageOfRun(): what a run failed with, without its secrets", () => {
  const error = new ReleaseError("push-hook", "Push failed", {
    path: "a.b",
    hint: "mend it",
    hosts: ["web1"],
    lines: ["| x"],
  });
  const { outcome, failure, warnings, changes } = page({ error });
  // It would have been this, had it not failed.
  assertEquals(changes, NOTES.changes);
  assertEquals([outcome, failure], ["failed", {
    message: "Push failed",
    path: "a.b",
    hint: "mend it",
    at: ["Building ***", "Pushing 3 closures"],
    hosts: ["web1"],
    lines: ["| x"],
    exitCode: 2,
  }]);
  assertEquals(warnings, [{ code: "x", message: "said ***", hosts: ["web1"] }]);
});

pureTest(
  "pageOfRun(): a run that a signal ends, one that ends before it begins, and one that nobody has foreseen",
  () => {
    const cause = new Interrupt("SIGTERM");
    const failed = (error: unknown) => page({ error }, null).failure!;
    const { exitCode, at } = failed(new ReleaseError("interrupted", "Interrupted", { cause }));
    assertEquals([exitCode, at], [143, []]);
    assertEquals(failed(new TypeError("x is not y")).message, "Unforeseen: x is not y");
    // As the log has it.
    const missing = failed(new Deno.errors.NotCapable("Requires read access"));
    assertEquals(missing.message, "A permission is missing: Requires read access");
  },
);
