import { assertEquals } from "@std/assert";
import { annotationOf, checkReport, findingLines, sarifOf } from "../../src/report/findings.ts";
import { annotation } from "../../src/report/workflow_commands.ts";
import { pureTest } from "../support/pure.ts";

const FINDINGS = [
  {
    severity: "error",
    code: "unknown-channel",
    message: "Secret: a channel",
    path: "hosts.db.channel",
    hint: "mend it",
    hosts: ["db"],
  },
  { severity: "warning", code: "evaluation", message: "Evaluation: old" },
] as const;

function report(difference: Partial<Parameters<typeof checkReport>[0]> = {}) {
  return checkReport({
    flake: "git+https://Secret@host/fleet",
    fleet: { hosts: { a: 1, b: 2 }, channels: { c: 1 } },
    findings: FINDINGS,
    denyWarnings: false,
    hide: (text) => text.replaceAll("Secret", "***"),
    ...difference,
  });
}

pureTest("checkReport() counts, gives every finding all fields, and hides what is secret", () => {
  assertEquals(report(), {
    schema: "fleet-release/check/1",
    ok: false,
    flake: "git+https://***@host/fleet",
    hosts: 2,
    channels: 1,
    errors: 1,
    warnings: 1,
    findings: [
      {
        severity: "error",
        code: "unknown-channel",
        message: "***: a channel",
        path: "hosts.db.channel",
        hint: "mend it",
        hosts: ["db"],
      },
      {
        ...{ severity: "warning", code: "evaluation", message: "Evaluation: old" },
        ...{ path: null, hint: null, hosts: [] },
      },
    ],
  });
});

pureTest("checkReport() is well with warnings, and with --deny-warnings with nothing alone", () => {
  const warnings = FINDINGS.slice(1);
  const cases = [[[], false], [[], true], [warnings, false], [warnings, true]] as const;
  assertEquals(cases.map(([findings, denyWarnings]) => report({ findings, denyWarnings }).ok), [
    ...[true, true, true, false],
  ]);
});

pureTest("findingLines() tells each finding, and how many there are", () => {
  assertEquals(findingLines(report()), [
    "error: ***: a channel [unknown-channel]",
    "  at: hosts.db.channel",
    "  hint: mend it",
    "warning: Evaluation: old [evaluation]",
    "checked a fleet of 2 hosts in 1 channel: 1 error and 1 warning",
  ]);
  assertEquals(findingLines(report({ fleet: null, findings: [] })), [
    "checked a fleet that cannot be read: nothing to say",
  ]);
});

pureTest("sarifOf() has a rule for each code word and a result for each finding", () => {
  const { runs: [run] } = sarifOf(report(), "1.2.3", "a fleet#1/flake.nix");
  assertEquals(run?.tool.driver.rules, [
    { id: "unknown-channel", shortDescription: { text: "a host on a channel that the fleet does not have" } },
    { id: "evaluation" },
  ]);
  const physicalLocation = {
    artifactLocation: { uri: "a%20fleet%231/flake.nix" },
    region: { startLine: 1 },
  };
  assertEquals(run?.results.map(({ partialFingerprints: _, ...result }) => result), [
    {
      ruleId: "unknown-channel",
      ruleIndex: 0,
      level: "error",
      message: { text: "***: a channel (mend it)" },
      locations: [{
        physicalLocation,
        logicalLocations: [{ fullyQualifiedName: "hosts.db.channel" }],
      }],
    },
    {
      ruleId: "evaluation",
      ruleIndex: 1,
      level: "warning",
      message: { text: "Evaluation: old" },
      locations: [{ physicalLocation }],
    },
  ]);
});

pureTest("sarifOf() gives each finding the fingerprint that GitHub goes by, and the same in each run", () => {
  const fingerprints = (findings: Parameters<typeof checkReport>[0]["findings"]) =>
    sarifOf(report({ findings }), "1.2.3", "flake.nix").runs[0]!.results
      .map(({ partialFingerprints }) => partialFingerprints["primaryLocationLineHash"]!);
  const edge = (name: string, index: number) =>
    ({ severity: "error", code: "dangling-edge", message: name, path: `edges.${index}` }) as const;
  const all = [...FINDINGS, edge("a", 0), edge("b", 0), edge("a", 1)];
  const given = fingerprints(all);
  assertEquals(new Set(given).size, all.length);
  assertEquals(given.every((one) => /^[0-9a-f]{64}:\d$/.test(one)), true);
  // Nothing before it counts, and neither does what a message counts.
  assertEquals(fingerprints([edge("c", 1)]), given.slice(-1));
  assertEquals(fingerprints([FINDINGS[1]]), given.slice(1, 2));
});

pureTest("annotationOf() is a finding as one workflow command", () => {
  assertEquals(report().findings.map((finding) => annotation(...annotationOf(finding))), [
    "::error title=fleet-release%3A unknown-channel::***: a channel%0Aat: hosts.db.channel%0Ahint: mend it",
    "::warning title=fleet-release%3A evaluation::Evaluation: old",
  ]);
});
