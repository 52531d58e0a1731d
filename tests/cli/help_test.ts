import { assertEquals } from "@std/assert";
import { helpText, optionsTable } from "../../src/cli/help.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "../../src/cli/commands.ts";
import { DEFAULTS } from "../../src/config.ts";
import { pureTest } from "../support/pure.ts";

const ALL_OPTIONS = COMMANDS.release.options;
const LINES = helpText().split("\n");

/** Options of the contract, by its own list, and those that the program adds to it. */
const CONTRACT = [
  ["artifact-name", "bootstrap-nonces-attr", "build-flake", "commit-template", "fleet-resolved-attr"],
  ["git-commit", "git-push", "git-user-email", "git-user-name", "hosts", "log-format", "pin-source-url"],
  ["push-cmd", "release-dir", "reuse-unchanged-signature", "revocations-attr", "sign-cmd"],
  ["signature-algorithm", "smoke-verify"],
].flat();
const ADDED = [
  ["allow-previous-key", "builders", "eval-workers", "help", "hook-env", "json", "max-jobs", "now", "option"],
  ["public-key", "require-clean", "sign-agent", "sign-key", "signature-encoding", "strict", "trust-attr"],
  ["trust-file", "verbose", "version"],
].flat();

pureTest("the options of a release are those of the contract and nineteen more", () => {
  assertEquals(ALL_OPTIONS.map(({ flag }) => flag).sort(), [...CONTRACT, ...ADDED].sort());
  const letters = ALL_OPTIONS.flatMap(({ short }) => short ?? []);
  assertEquals(letters.sort(), ["V", "h", "v"]);
});

for (const name of Object.keys(COMMANDS) as CommandName[]) {
  const { usage, about, options, exitCodes, example }: CommandSpec = COMMANDS[name];
  const lines = helpText(name).split("\n");

  pureTest(`helpText() of ${name} has one line for each option, with its value, default and variable`, () => {
    for (const { flag, short, value, default: fallback, env, help } of options) {
      const found = lines.filter((line) => new RegExp(`^ {2}(-\\w, | {4})--${flag}( |$)`).test(line));
      assertEquals(found.length, 1, flag);
      const more = [
        ...(fallback === undefined ? [] : [`default: ${fallback}`]),
        ...(env === undefined ? [] : [`env: ${env}`]),
      ];
      assertEquals(found[0]!.trim().split(/ {2,}/), [
        `${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`,
        more.length === 0 ? help : `${help} [${more.join(", ")}]`,
      ]);
    }
  });

  pureTest(`helpText() of ${name} has no option that there is not, and lines up what they do`, () => {
    const found = lines.filter((line) => /^ {2}(-\w, | {4})--/.test(line));
    assertEquals(found.length, options.length);
    const columns = found.map((line) => line.indexOf(line.trim().split(/ {2,}/)[1]!));
    assertEquals(new Set(columns).size, 1);
  });

  pureTest(
    `helpText() of ${name} begins with its usage and purpose, and ends with codes and an example`,
    () => {
      const sections = helpText(name).split("\n\n");
      assertEquals(sections.slice(0, 2), [
        usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} fleet-release ${line}`).join("\n"),
        about,
      ]);
      assertEquals(sections.slice(-2), [
        ["Exit codes:", ...exitCodes.map((meaning, code) => `  ${code}  ${meaning}`)].join("\n"),
        `Example:\n  ${example}`,
      ]);
      assertEquals(lines.filter((line) => line !== line.trimEnd()), []);
    },
  );
}

pureTest("helpText() groups the options under titles, with the usage first and the exit codes last", () => {
  assertEquals(LINES.slice(0, 12), [
    "Usage: fleet-release [release] --sign-key FILE [OPTION...]",
    "       fleet-release [release] --sign-cmd COMMAND [OPTION...]",
    "",
    "Turns one commit of a Nix fleet into a signed release.",
    "",
    "Commands, each with a --help of its own:",
    "  release       make a release; what happens without a command",
    "  verify        check a release, or one file of it, as the strictest consumer would",
    "  keygen        make a private key",
    "  pubkey        print the public part of a key",
    "  canonicalize  write JSON in its canonical form",
    "",
  ]);
  assertEquals(LINES.filter((line) => /^[A-Z].*:$/.test(line)).slice(1), [
    "What to release:",
    "Hooks:",
    "Signing:",
    "Trust:",
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
  assertEquals(helpText("release"), helpText());
});

pureTest("helpText() of a command is its usage, purpose, options, exit codes and an example", () => {
  assertEquals(
    helpText("pubkey"),
    `Usage: fleet-release pubkey FILE [OPTION...]

Prints the public part of a private or public key file: PKCS#8, SPKI, OpenSSH or nix.

Output:
      --format FORMAT    fragment: a key of a trust file; trust-file: a whole one; public-key: for --public-key ` +
      `[default: fragment]
  -h, --help             print this
  -V, --version          print the version

Exit codes:
  0  printed
  1  usage, or the file cannot be read or is no key

Example:
  fleet-release pubkey release.pem`,
  );
});

pureTest("the defaults of the help are those that hold", () => {
  const told = Object.fromEntries(
    ALL_OPTIONS.flatMap(({ flag, default: value }) => value === undefined ? [] : [[flag, value]]),
  );
  assertEquals(told, {
    "hosts": DEFAULTS.hosts.kind,
    "build-flake": DEFAULTS.buildFlake,
    "fleet-resolved-attr": DEFAULTS.fleetResolvedAttr,
    "signature-algorithm": "that of the key, or ed25519",
    "signature-encoding": DEFAULTS.signatureEncoding,
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
