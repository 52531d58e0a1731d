import { assertEquals } from "@std/assert";
import { defineCommand } from "../../src/cli/command.ts";
import { commandsTable, helpText, optionsTable } from "../../src/cli/help.ts";
import { boolean, choice, flag, pairs, text } from "../../src/cli/option.ts";
import { defaultConfig, RELEASE } from "../../src/commands/release.ts";
import { main } from "../../src/main.ts";
import { ALL } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { pureTest } from "../support/pure.ts";
import canonicalize from "./help/canonicalize.txt" with { type: "text" };
import check from "./help/check.txt" with { type: "text" };
import completions from "./help/completions.txt" with { type: "text" };
import diff from "./help/diff.txt" with { type: "text" };
import keygen from "./help/keygen.txt" with { type: "text" };
import log from "./help/log.txt" with { type: "text" };
import man from "./help/man.txt" with { type: "text" };
import plan from "./help/plan.txt" with { type: "text" };
import prune from "./help/prune.txt" with { type: "text" };
import pubkey from "./help/pubkey.txt" with { type: "text" };
import release from "./help/release.txt" with { type: "text" };
import doctor from "./help/doctor.txt" with { type: "text" };
import resign from "./help/resign.txt" with { type: "text" };
import status from "./help/status.txt" with { type: "text" };
import verify from "./help/verify.txt" with { type: "text" };

/** Options of the contract, by its own list, and those that the program adds to it. */
const CONTRACT = [
  ["artifact-name", "bootstrap-nonces-attr", "build-flake", "commit-template", "fleet-resolved-attr"],
  ["git-commit", "git-push", "git-user-email", "git-user-name", "hosts", "log-format", "pin-source-url"],
  ["push-cmd", "release-dir", "reuse-unchanged-signature", "revocations-attr", "sign-cmd"],
  ["signature-algorithm", "smoke-verify"],
].flat();
const ADDED = [
  [
    "accept-flake-config",
    "allow-older",
    "allow-previous-key",
    "build-timeout",
    "builders",
    "eval-max-memory",
    "eval-timeout",
    "eval-workers",
    "git-push-retries",
    "git-timeout",
    "git-hooks",
    "git-sign",
    "help",
    "hook-env",
    "hook-timeout",
    "json",
    "keep-releases",
    "max-jobs",
  ],
  [
    "no-accept-flake-config",
    "no-memo",
    "now",
    "option",
    "prune-sidecars",
    "public-key",
    "push-all-cmd",
    "push-changed",
    "push-early",
    "push-jobs",
    "push-retries",
    "release-index",
    "report",
    "require-clean",
    "sign-agent",
    "sign-jobs",
    "sign-key",
  ],
  ["confirm", "deny-warnings", "signature-encoding", "strict", "trust-attr"],
  ["trust-file", "verbose", "version", "wait-lock"],
].flat();

pureTest("the options of a release are those of the contract and those added to it", () => {
  assertEquals(Object.keys(RELEASE.options).sort(), [...CONTRACT, ...ADDED].sort());
  const letters = Object.values(RELEASE.options).flatMap(({ short }) => short ?? []);
  assertEquals(letters.sort(), ["V", "h", "v"]);
});

/** The whole help of each command, as people read it. */
const HELP: Record<string, string> = {
  release,
  check,
  plan,
  doctor,
  resign,
  status,
  log,
  diff,
  verify,
  prune,
  keygen,
  pubkey,
  canonicalize,
  completions,
  man,
};

pureTest("the help of every command is known here", () => {
  assertEquals(ALL.map(({ name }) => name), Object.keys(HELP));
});

for (const [name, expected] of Object.entries(HELP)) {
  pureTest(
    `${name} --help and help ${name} print the whole help, word for word, and no blank at a line's end`,
    async () => {
      for (const args of [[name, "--help"], ["help", name]]) {
        const { world, printed } = memoryWorld();
        assertEquals(await main(args, world), 0);
        assertEquals(printed(), { stdout: expected, stderr: "" });
      }
      assertEquals(expected.split("\n").filter((line) => line !== line.trimEnd()), []);
    },
  );
}

pureTest("the help of the program is that of a release", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { world, printed } = memoryWorld();
    assertEquals(await main(args, world), 0);
    assertEquals(printed(), { stdout: release, stderr: "" });
  }
});

/** A command with an option of each shape. */
const GREET = defineCommand({
  name: "greet",
  usage: ["greet NAME", "greet --all"],
  summary: "greet somebody",
  about: "Greets.\nMore of it.",
  options: {
    "all": flag({ group: "Whom", short: "a", help: "greet all" }),
    "name": text({ group: "Whom", placeholder: "NAME", env: "GREET_NAME", help: "greet one" }),
    "words": text({
      group: "How",
      placeholder: "TEXT",
      default: "hello",
      env: "GREET_WORDS",
      help: "say it",
    }),
    "loud": boolean({ group: "How", default: false, help: "say it loudly" }),
    "tone": choice({
      group: "How",
      placeholder: "TONE",
      choices: ["warm", "cold"],
      defaultText: "as it comes",
      help: "warm or cold",
    }),
    "with": pairs({ group: "Whom", placeholder: "NAME VALUE", help: "name a gift" }),
  },
  exitCodes: { 0: "greeted", 1: "nobody is there" },
  example: "fleet-release greet world",
  variables: [],
  grants: [],
  read: () => ({}),
  run: () => Promise.resolve(0),
});

pureTest(
  "helpText() has the usage, the purpose, the options under their titles, the exit codes and an example",
  () => {
    assertEquals(
      helpText(GREET),
      `Usage: fleet-release greet NAME
       fleet-release greet --all

Greets.
More of it.

Whom:
  -a, --all                greet all
      --name NAME          greet one [env: GREET_NAME]
      --with NAME VALUE    name a gift

How:
      --words TEXT         say it [default: hello, env: GREET_WORDS]
      --loud BOOL          say it loudly [default: false]
      --tone TONE          warm or cold [default: as it comes]

Exit codes:
  0  greeted
  1  nobody is there

Example:
  fleet-release greet world`,
    );
  },
);

pureTest("helpText() of the command that needs no name lists all commands behind its purpose", () => {
  assertEquals(
    helpText(GREET, [GREET, RELEASE]).slice(0, helpText(GREET, [GREET, RELEASE]).indexOf("\n\nWhom:")),
    `Usage: fleet-release greet NAME
       fleet-release greet --all

Greets.
More of it.

Commands, each with a --help of its own:
  greet         greet somebody
  release       make a release; what happens without a command

--print-permissions before all other arguments prints what Deno permits such a run, and does no more.`,
  );
});

pureTest("optionsTable() is a Markdown table of two padded columns with one row for each option", () => {
  assertEquals(
    optionsTable(GREET),
    `| option              | what it does                                |
| ------------------- | ------------------------------------------- |
| \`-a, --all\`         | greet all                                   |
| \`--name NAME\`       | greet one (env \`GREET_NAME\`)                |
| \`--words TEXT\`      | say it (default \`hello\`, env \`GREET_WORDS\`) |
| \`--loud BOOL\`       | say it loudly (default \`false\`)             |
| \`--tone TONE\`       | warm or cold (default \`as it comes\`)        |
| \`--with NAME VALUE\` | name a gift                                 |`,
  );
});

pureTest("commandsTable() is a Markdown table with one row for each command", () => {
  assertEquals(
    commandsTable(ALL),
    `| command        | what it does                                                        |
| -------------- | ------------------------------------------------------------------- |
| \`release\`      | make a release; what happens without a command                      |
| \`check\`        | find what is wrong with a fleet, before it is released              |
| \`plan\`         | tell what a release would change, before it is made                 |
| \`doctor\`       | find what would keep a release from being made, and how to mend it  |
| \`resign\`       | sign the release that is there anew, before it is stale             |
| \`status\`       | tell whether a release is fresh, and when it is due                 |
| \`log\`          | list the releases of the past, and what each has changed            |
| \`diff\`         | show what one release changes against another                       |
| \`verify\`       | check a release, or one file of it, as the strictest consumer would |
| \`prune\`        | remove rollout manifests that are of no use any more                |
| \`keygen\`       | make a private key                                                  |
| \`pubkey\`       | print the public part of a key                                      |
| \`canonicalize\` | write JSON in its canonical form                                    |
| \`completions\`  | print completions for bash, zsh or fish                             |
| \`man\`          | print the manual page                                               |`,
  );
});

pureTest("the defaults of the help are those that hold", () => {
  const told = Object.fromEntries(
    Object.entries(RELEASE.options).flatMap(([flag, { defaultText }]) =>
      defaultText === undefined ? [] : [[flag, defaultText]]
    ),
  );
  const config = defaultConfig();
  assertEquals(told, {
    "hosts": config.hosts.kind,
    "build-flake": config.buildFlake,
    "fleet-resolved-attr": config.fleetResolvedAttr,
    "signature-algorithm": "that of the key, or ed25519",
    "signature-encoding": config.signatureEncoding,
    "release-dir": config.releaseDir,
    "artifact-name": config.artifactName,
    "keep-releases": String(config.keepReleases),
    "commit-template": config.commitTemplate,
    "smoke-verify": String(config.smokeVerify),
    "eval-max-memory": "its share of what there is",
    "eval-workers": "one for each core",
    "log-format": "pretty",
  });
});
