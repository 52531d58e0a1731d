import { assertEquals } from "@std/assert";
import { helpText, optionsTable } from "../../src/cli/help.ts";
import { ALL_OPTIONS } from "../../src/cli/options.ts";
import { DEFAULTS } from "../../src/config.ts";
import { pureTest } from "../support/pure.ts";

const LINES = helpText().split("\n");

/** Options of the contract, by its own list, and those that the program adds to it. */
const CONTRACT = [
  ["artifact-name", "bootstrap-nonces-attr", "build-flake", "commit-template", "fleet-resolved-attr"],
  ["git-commit", "git-push", "git-user-email", "git-user-name", "hosts", "log-format", "pin-source-url"],
  ["push-cmd", "release-dir", "reuse-unchanged-signature", "revocations-attr", "sign-cmd"],
  ["signature-algorithm", "smoke-verify"],
].flat();
const ADDED = [
  ["builders", "eval-workers", "help", "json", "max-jobs", "now", "option", "require-clean", "strict"],
  ["verbose", "version"],
].flat();

pureTest("the options are those of the contract and eleven more", () => {
  assertEquals(ALL_OPTIONS.map(({ flag }) => flag).sort(), [...CONTRACT, ...ADDED].sort());
  const letters = ALL_OPTIONS.flatMap(({ short }) => short ?? []);
  assertEquals(letters.sort(), ["V", "h", "v"]);
});

pureTest("helpText() has one line for each option, with its value, default and variable", () => {
  for (const { flag, short, value, default: fallback, env, help } of ALL_OPTIONS) {
    const lines = LINES.filter((line) => new RegExp(`^ {2}(-\\w, | {4})--${flag}( |$)`).test(line));
    assertEquals(lines.length, 1, flag);
    const more = [
      ...(fallback === undefined ? [] : [`default: ${fallback}`]),
      ...(env === undefined ? [] : [`env: ${env}`]),
    ];
    assertEquals(lines[0]!.trim().split(/ {2,}/), [
      `${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`,
      more.length === 0 ? help : `${help} [${more.join(", ")}]`,
    ]);
  }
});

pureTest("helpText() has no option that there is not, and lines up what they do", () => {
  const options = LINES.filter((line) => /^ {2}(-\w, | {4})--/.test(line));
  assertEquals(options.length, ALL_OPTIONS.length);
  const columns = options.map((line) => line.indexOf(line.trim().split(/ {2,}/)[1]!));
  assertEquals(new Set(columns).size, 1);
});

pureTest("helpText() groups the options under titles, with the usage first and the exit codes last", () => {
  assertEquals(LINES[0], "Usage: fleet-release --sign-cmd COMMAND [OPTION...]");
  assertEquals(LINES.filter((line) => /^[A-Z].*:$/.test(line)), [
    "What to release:",
    "Hooks:",
    "Where to:",
    "Git:",
    "Safety:",
    "Nix:",
    "Output:",
    "Exit codes:",
    "Example:",
  ]);
  assertEquals(LINES.filter((line) => /^ {2}\d {2}/.test(line)).map((line) => line.slice(2, 3)), [
    "0",
    "1",
    "2",
    "3",
  ]);
});

pureTest("the defaults of the help are those that hold", () => {
  const told = Object.fromEntries(
    ALL_OPTIONS.flatMap(({ flag, default: value }) => value === undefined ? [] : [[flag, value]]),
  );
  assertEquals(told, {
    "hosts": DEFAULTS.hosts.kind,
    "build-flake": DEFAULTS.buildFlake,
    "fleet-resolved-attr": DEFAULTS.fleetResolvedAttr,
    "signature-algorithm": DEFAULTS.signatureAlgorithm,
    "release-dir": DEFAULTS.releaseDir,
    "artifact-name": DEFAULTS.artifactName,
    "commit-template": DEFAULTS.commitTemplate,
    "smoke-verify": String(DEFAULTS.smokeVerify),
    "eval-workers": "one for each core",
    "log-format": "pretty",
  });
});

pureTest("optionsTable() is a Markdown table of two padded columns with one row for each option", () => {
  const [header, line, ...rows] = optionsTable().split("\n");
  const cells = (row: string) => row.split("|").slice(1, -1).map((cell) => cell.trim());
  assertEquals(cells(header!), ["option", "what it does"]);
  assertEquals(cells(line!).map((cell) => cell.replaceAll("-", "")), ["", ""]);
  assertEquals(new Set([header, line, ...rows].map((row) => row!.length)).size, 1);
  assertEquals(
    rows.map(cells),
    ALL_OPTIONS.map(({ flag, short, value, default: fallback, env, help }) => {
      const more = [
        ...(fallback === undefined ? [] : [`default \`${fallback}\``]),
        ...(env === undefined ? [] : [`env \`${env}\``]),
      ];
      return [
        `\`${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}\``,
        more.length === 0 ? help : `${help} (${more.join(", ")})`,
      ];
    }),
  );
});
