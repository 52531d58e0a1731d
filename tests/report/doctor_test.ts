import { assertEquals } from "@std/assert";
import type { Diagnosis } from "../../src/model.ts";
import {
  diagnosisLines,
  diagnosisWithoutSecrets,
  doctorReport,
  summaryLine,
} from "../../src/report/doctor.ts";
import { pureTest } from "../support/pure.ts";

const GOOD: Diagnosis = { check: "nix", state: "good", message: "2.26.3", mend: null, lines: [] };
const BAD: Diagnosis = {
  ...{ check: "remote", state: "bad", message: "Cannot push to \u202e", mend: "fetch\x1b[1m first" },
  lines: ["| fatal: ::error::", "| ##[group]x"],
};
const WARNING: Diagnosis = { ...GOOD, check: "key", state: "warning", message: "mode 0644" };
const UNKNOWN: Diagnosis = { ...GOOD, check: "trust", state: "unknown", message: "not known" };

pureTest(
  "a diagnosis is a line, with what others say and how it is mended below it, and nothing acts on a terminal",
  () => {
    assertEquals([GOOD, BAD].flatMap(diagnosisLines), [
      "good     nix: 2.26.3",
      "bad      remote: Cannot push to \\u{202e}",
      "         | fatal: ::error::",
      "         | \\x23#[group]x",
      "         mend: fetch\\x1b[1m first",
    ]);
  },
);

pureTest(
  "it is all well when nothing is bad, and with --deny-warnings when there is nothing to warn of",
  () => {
    const ok = (checks: Diagnosis[], denyWarnings: boolean) => doctorReport(checks, { denyWarnings }).ok;
    assertEquals([ok([], true), ok([GOOD, UNKNOWN], true), ok([GOOD, WARNING], false)], [true, true, true]);
    assertEquals([ok([GOOD, WARNING], true), ok([BAD, GOOD], false)], [false, false]);
    const { schema, counts } = doctorReport([GOOD, BAD, WARNING, UNKNOWN, GOOD], { denyWarnings: false });
    assertEquals(schema, "fleet-release/doctor/1");
    assertEquals(counts, { good: 2, warning: 1, bad: 1, unknown: 1 });
  },
);

pureTest("the last line says how it stands", () => {
  const line = (...checks: Diagnosis[]) => summaryLine(doctorReport(checks, { denyWarnings: false }));
  const denied = (...checks: Diagnosis[]) => summaryLine(doctorReport(checks, { denyWarnings: true }));
  assertEquals(line(GOOD, GOOD), "a release can be made: 2 good");
  assertEquals(line(GOOD, WARNING, UNKNOWN), "a release can be made: 1 warning, 1 not known, 1 good");
  assertEquals(line(BAD, WARNING, WARNING), "a release would not go well: 1 bad, 2 warnings, 0 good");
  assertEquals(
    denied(GOOD, WARNING),
    "there is something to warn of, which --deny-warnings does not let pass: 1 warning, 1 good",
  );
  assertEquals(denied(GOOD, UNKNOWN), "a release can be made: 1 not known, 1 good");
});

pureTest("what must not be shown is hidden wherever it is", () => {
  const { message, mend, lines } = diagnosisWithoutSecrets(
    { ...BAD, message: "a secret", mend: "no secret", lines: ["| secret"] },
    (text) => text.replaceAll("secret", "***"),
  );
  assertEquals([message, mend, ...lines], ["a ***", "no ***", "| ***"]);
});
