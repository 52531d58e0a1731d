// What is said of a command line that is refused: one table for all commands, and what the program makes of it.

import { assertEquals } from "@std/assert";
import type { Settings } from "../../src/cli/arguments.ts";
import type { Telling } from "../../src/cli/command_line.ts";
import { defineCommand } from "../../src/cli/command.ts";
import { flag, flagIfGiven } from "../../src/cli/option.ts";
import { CANONICALIZE } from "../../src/commands/canonicalize.ts";
import { HELP_OPTIONS, LOG_OPTIONS } from "../../src/commands/shared.ts";
import { ReleaseError } from "../../src/errors.ts";
import { main } from "../../src/main.ts";
import { NO_OUTPUT } from "../../src/world.ts";
import ERROR from "../../docs/schemas/error.schema.json" with { type: "json" };
import { ALL, asked } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { shapeOf } from "../support/json_schema.ts";
import { pureTest, type Refusal, rejection } from "../support/pure.ts";

/** A command line, and what is said of it. Every such error is of the kind `usage`. */
type Line = [args: string[], said: Omit<Refusal, "kind">];

const ID = "0123456789abcdef".repeat(4);
const TRUST = "--trust-file=t";
const OPTION_HINT = "fleet-release --help lists the options";
const BOOLEAN = "expected true or false, or the option alone";
const SIGN_HINT =
  "`fleet-release keygen FILE` makes a key for --sign-key FILE; a --sign-cmd COMMAND, also from NIXFLEET_SIGN_CMD, " +
  "signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes";
const KEY_HINT = "put the key into a variable, and give --sign-key env:NAME";
const PUSH_HINT = 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"';
const TIME_FORM = 'an RFC 3339 time such as "2026-06-01T12:00:00Z"';
const HOSTS_HINT = 'give names with commas between them, or "auto" for all hosts of the flake';

function valueHint(flag: string): string {
  return `write --${flag}=VALUE when the value begins with a dash`;
}

const UNKNOWN_ARGUMENT =
  "a command comes first, and release takes options alone; fleet-release --help lists the options";

const RELEASE: Line[] = [
  [["--hots", "a"], { message: 'Unknown option "--hots"', hint: "did you mean --hosts?" }],
  [["--signcmd=secret"], { message: 'Unknown option "--signcmd"', hint: "did you mean --sign-cmd?" }],
  [["-hosts"], { message: 'Unknown option "-hosts"', hint: "did you mean --hosts?" }],
  [["--no-git-commit"], { message: 'Unknown option "--no-git-commit"', hint: "did you mean --git-commit?" }],
  [["--bogus-setting"], {
    message: 'Unknown option "--bogus-setting"',
    hint: OPTION_HINT,
  }],
  [["-x"], { message: 'Unknown option "-x"', hint: OPTION_HINT }],
  [["--dry-run"], { message: 'Unknown option "--dry-run"', hint: 'did you mean the command "plan"?' }],
  [["--verify"], { message: 'Unknown option "--verify"', hint: 'did you mean the command "verify"?' }],
  [["--__proto__", "x"], {
    message: 'Unknown option "--__proto__"',
    hint: OPTION_HINT,
  }],
  [["--constructor"], {
    message: 'Unknown option "--constructor"',
    hint: OPTION_HINT,
  }],
  [["--sign-cmd", "sign", "tok-123"], {
    message: "Unknown argument behind --sign-cmd",
    hint: "put the whole command into quotes: --sign-cmd '...'",
  }],
  [["--push-cmd=push", "tok-123"], {
    message: "Unknown argument behind --push-cmd",
    hint: "put the whole command into quotes: --push-cmd '...'",
  }],
  [["relase"], { message: 'Unknown argument "relase"', hint: 'did you mean the command "release"?' }],
  [["verfy", "--json"], { message: 'Unknown argument "verfy"', hint: 'did you mean the command "verify"?' }],
  [["--json", "verify"], { message: 'Unknown argument "verify"', hint: UNKNOWN_ARGUMENT }],
  [["release", "web1"], { message: 'Unknown argument "web1"', hint: UNKNOWN_ARGUMENT }],
  [["constructor"], { message: 'Unknown argument "constructor"', hint: UNKNOWN_ARGUMENT }],
  [["--json", "web1"], { message: 'Unknown argument "web1"', hint: UNKNOWN_ARGUMENT }],
  [["--git-commit", "no"], { message: 'Unknown argument "no"', hint: UNKNOWN_ARGUMENT }],
  [["--hosts", "web1", "web2"], { message: 'Unknown argument "web2"', hint: UNKNOWN_ARGUMENT }],
  [["--", "web1"], { message: 'Unknown argument "web1"', hint: UNKNOWN_ARGUMENT }],
  [[""], { message: 'Unknown argument ""', hint: UNKNOWN_ARGUMENT }],
  [["--log-format", "xml"], { message: 'Cannot read --log-format "xml": expected pretty or json' }],
  [["--log-format="], { message: 'Cannot read --log-format "": expected pretty or json' }],
  [["--signature-encoding", "DER"], {
    message: 'Cannot read --signature-encoding "DER": expected raw or der',
  }],
  [["--hook-env", "A,1B"], { message: 'Cannot read --hook-env "A,1B": "1B" is no name of a variable' }],
  [["--hook-env", "A,"], { message: 'Cannot read --hook-env "A,": "" is no name of a variable' }],
  // A value that is given with its name is not repeated, nor what stands beside it.
  [["--hook-env=1,A=x"], {
    message: "Cannot read --hook-env: a variable is given with its value",
    hint: "give names alone, as in A,B",
  }],
  [["--smoke-verify", "no"], { message: 'Cannot read --smoke-verify "no": expected true or false' }],
  [["--smoke-verify=TRUE"], { message: 'Cannot read --smoke-verify "TRUE": expected true or false' }],
  [["--smoke-verify"], { message: 'Cannot read --smoke-verify "": expected true or false' }],
  ...[",", ""].map((hosts): Line => [["--sign-key=k", "--hosts", hosts], {
    message: "No hosts to release: --hosts names none",
    hint: HOSTS_HINT,
  }]),
  [["--hosts", "-", "--sign-key", "-"], {
    message: "Standard input for two: --hosts - and --sign-key -",
    hint: 'give the key in another way, as in --sign-key fd:3 3< <(printf %s "$KEY")',
  }],
  ...["origin", ""].map((target): Line => [["--git-push", target], {
    message: `Cannot read --git-push "${target}": there is no colon in it`,
    hint: PUSH_HINT,
  }]),
  ...["no", "0", "off", ""].map((value): Line => [[`--git-commit=${value}`], {
    message: `Cannot read --git-commit "${value}": ${BOOLEAN}`,
  }]),
  ...[
    // Without a name or without a value.
    ["--option"],
    ["--option", "cores"],
    ["--option", "", "4"],
    ["--option", "--json", "4"],
    ["--option", "cores", "--json"],
    // With = behind it.
    ["--option=cores"],
    ["--option=cores=4"],
    ["--option="],
  ].map((args): Line => [args, {
    message: "--option wants a name and a value, as in --option cores 4",
  }]),
  ...["many", "-1", "1.5", "0"].map((workers): Line => [[`--eval-workers=${workers}`], {
    message: `Cannot use --eval-workers ${workers}: expected a whole number above 0`,
  }]),
  ...["sign-key=k", "hosts=a", "log-format=json", "smoke-verify=true"].map((option): Line => [
    [`--${option}`, `--${option}`],
    { message: `--${option.split("=")[0]} is given 2 times, expected once` },
  ]),
  [[], {
    message: "No way to sign: none of --sign-key, --sign-agent and --sign-cmd is given",
    hint: SIGN_HINT,
  }],
  [["--sign-cmd="], { message: "No way to sign: --sign-cmd is empty", hint: SIGN_HINT }],
  [["--sign-cmd=x", "--sign-agent=k.pub"], {
    message: "Two ways to sign: --sign-cmd and --sign-agent",
    hint: "give one of them",
  }],
  [["--sign-key", "env:A B"], {
    message: "--sign-key env: is not followed by the name of a variable",
    hint: KEY_HINT,
  }],
  [["--sign-key=-----BEGIN PRIVATE KEY-----"], {
    message: "--sign-key is given a key, expected the name of its file",
    hint: KEY_HINT,
  }],
  [["--sign-agent=-----BEGIN PRIVATE KEY-----"], {
    message: "--sign-agent is given a key, expected the name of a file with its public part",
  }],
  [["--signature-algorithm", "ed25518"], {
    message: 'Unknown signature algorithm "ed25518": expected ed25519 or ecdsa-p256',
    hint: 'did you mean "ed25519"?',
  }],
  [["--signature-algorithm", "rsa"], {
    message: 'Unknown signature algorithm "rsa": expected ed25519 or ecdsa-p256',
  }],
  [["--sign-key=k", "--signature-encoding=der"], {
    message: "--signature-encoding der is for a --sign-cmd that makes ecdsa-p256",
    hint: "add --signature-algorithm ecdsa-p256, or leave it out",
  }],
  [["--sign-key=k", TRUST, "--public-key=ed25519:AAAA"], {
    message: "Two sources of trusted keys: --trust-file and --public-key",
    hint: "give one of them",
  }],
  [["--sign-key=k", "--allow-previous-key"], {
    message: "--allow-previous-key is given without keys of which one is the previous",
    hint: "give --trust-file or --trust-attr",
  }],
  [["--sign-key=k", "--artifact-name="], {
    message: 'Cannot use --artifact-name "": it is empty',
    hint: 'give a file name such as "fleet.resolved.json"',
  }],
  [["--sign-key=k", "--now=today"], {
    message: `Cannot read --now "today": expected ${TIME_FORM}`,
  }],
  [["--sign-key=k", "--git-user-name", " "], { message: "--git-user-name is empty" }],
];

/** Options that are refused when they are empty: less would be checked, or something else released. */
const FILLED: string[] = [
  "build-flake",
  "fleet-resolved-attr",
  "revocations-attr",
  "bootstrap-nonces-attr",
  "sign-key",
  "sign-agent",
  "trust-file",
  "trust-attr",
  "public-key",
  "release-dir",
  "commit-template",
];

/** Options that count as not given when they are empty, and are refused with nothing behind them. */
const OPTIONAL: string[] = [
  "pin-source-url",
  "now",
  "push-cmd",
  "hook-env",
  "git-user-name",
  "git-user-email",
  "max-jobs",
  "eval-workers",
  "eval-timeout",
  "build-timeout",
  "hook-timeout",
  "wait-lock",
];

const EMPTY: Line[] = [
  ...FILLED.flatMap((flag) => [[`--${flag}=`], [`--${flag}`, ""]]),
  ...[...FILLED, ...OPTIONAL].flatMap((flag) => [[`--${flag}`], [`--${flag}`, "--json"]]),
].map((args): Line => {
  const flag = args[0]!.replace(/^--|=$/g, "");
  return [args, { message: `--${flag} is empty`, hint: valueHint(flag) }];
});

/** Options that a command has not, and the line that says where they are listed. */
const UNKNOWN: Line[] = [
  "release",
  "check",
  "plan",
  "doctor",
  "resign",
  "status",
  "log",
  "diff",
  "verify",
  "prune",
  "keygen",
  "pubkey",
  "canonicalize",
  "completions",
  "man",
]
  .flatMap((name) =>
    [["--bogus-setting"], ["--bogus-setting=x"], ["-h", "--bogus-setting"]].map((args): Line => [
      [name, ...args],
      {
        message: 'Unknown option "--bogus-setting"',
        hint: `fleet-release ${name === "release" ? "" : `${name} `}--help lists the options`,
      },
    ])
  );

const HEX_HINT = "expected the 64 lower-case hex digits that the manifest's file is named by";

const OTHERS: Line[] = [
  ...["status", "log", "verify", "prune"].map((name): Line => [[name, "--release-dir=fleets/a"], {
    message: 'Unknown option "--release-dir"',
    hint: `the directory stands without it, as in: fleet-release ${name} releases`,
  }]),
  [["check", "--release-dir", "x"], {
    message: 'Unknown option "--release-dir"',
    hint: "fleet-release check --help lists the options",
  }],
  [["check", "--json", "--format", "sarif"], {
    message: "Two formats: --json and --format sarif",
    hint: "give one of them",
  }],
  [["check", "--format=xml"], { message: 'Cannot read --format "xml": expected text, json or sarif' }],
  [["check", "--now=today"], { message: `Cannot read --now "today": expected ${TIME_FORM}` }],
  [["check", "--sign-key=k"], {
    message: 'Unknown option "--sign-key"',
    hint: "fleet-release check --help lists the options",
  }],
  [["plan", "--json", "--markdown"], {
    message: "Two formats: --json and --markdown",
    hint: "give one of them",
  }],
  [["plan", "--sign-key=k"], {
    message: 'Unknown option "--sign-key"',
    hint: "fleet-release plan --help lists the options",
  }],
  [["plan", "--trust-file=t", "--public-key=k"], {
    message: "Two sources of trusted keys: --trust-file and --public-key",
    hint: "give one of them",
  }],
  [["plan", "--allow-previous-key"], {
    message: "--allow-previous-key is given without keys of which one is the previous",
    hint: "give --trust-file or --trust-attr",
  }],
  [["verify"], {
    message: "No keys to verify with: --trust-file is missing",
    hint: "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
  }],
  [["verify", "--trust-file"], { message: "--trust-file is empty", hint: valueHint("trust-file") }],
  [["verify", TRUST, "--trust-file=u"], { message: "--trust-file is given 2 times, expected once" }],
  [["verify", "--trust-fil", "t"], {
    message: 'Unknown option "--trust-fil"',
    hint: "did you mean --trust-file?",
  }],
  [["verify", "--git-push", "x:y"], {
    message: 'Unknown option "--git-push"',
    hint: "fleet-release verify --help lists the options",
  }],
  [["verify", TRUST, "--option", "a", "b"], {
    message: 'Unknown option "--option"',
    hint: "fleet-release verify --help lists the options",
  }],
  [["verify", TRUST, ""], { message: "The directory to verify is empty" }],
  [["verify", TRUST, "a", "b"], {
    message: 'Unknown argument "b"',
    hint: 'to verify one file, write "artifact FILE" or "rollout-manifest FILE"',
  }],
  ...["signature", "rollout-id"].map((flag): Line => [
    ["verify", TRUST, `--${flag}`, ID],
    { message: `--${flag} does not go with a directory` },
  ]),
  [["verify", TRUST, "--kind", "fleet"], { message: "--kind does not go with a directory" }],
  [["verify", TRUST, "a/f.json", "--artifact-name", "g.json"], {
    message: '--artifact-name "g.json" is not the name of "a/f.json"',
    hint: "give one of them",
  }],
  [["verify", TRUST, "f.json", `--rollout-id=${ID}`], {
    message: "--rollout-id does not go with a directory",
  }],
  [["verify", TRUST, "revocations.json", "--git=v1"], { message: "--git does not go with a file" }],
  [["verify", TRUST, "artifact", "a", "--kind", "rollout-manifest"], {
    message:
      'Cannot read --kind "rollout-manifest": expected fleet, revocations, bootstrap-nonces or release-index',
  }],
  [["verify", TRUST, "rollout-manifest", "a", "--kind", "fleet"], {
    message: "--kind does not go with a rollout manifest",
  }],
  ...["artifact", "rollout-manifest"].flatMap((kind): Line[] => [
    ...[[], [""]].map((file): Line => [["verify", TRUST, kind, ...file], {
      message: `Nothing to verify: the file behind "${kind}" is missing`,
      hint: `to verify a directory of that name, write ./${kind}`,
    }]),
    [["verify", TRUST, kind, "a", "b"], {
      message: 'Unknown argument "b"',
      hint: `usage: fleet-release verify ${kind} FILE ${
        kind === "artifact" ? "" : "--rollout-id ID "
      }--trust-file FILE [OPTION...]`,
    }],
    [["verify", TRUST, kind, "a", "--git", "HEAD"], { message: "--git does not go with a file" }],
    [["verify", TRUST, kind, "a", "--require-index"], { message: "--require-index does not go with a file" }],
    [["verify", TRUST, kind, "a", "--artifact-name", "f"], {
      message: "--artifact-name does not go with a file",
    }],
  ]),
  [["verify", TRUST, "artifact", "a", "--rollout-id", ID], {
    message: "--rollout-id does not go with an artifact",
  }],
  [["verify", TRUST, "rollout-manifest", "a"], { message: "--rollout-id is missing", hint: HEX_HINT }],
  ...[ID.slice(1), ID.toUpperCase(), `${ID}.json`, `${ID}\n`].map((id): Line => [
    ["verify", TRUST, "rollout-manifest", "a", "--rollout-id", id],
    { message: `Cannot read --rollout-id "${id}"`, hint: HEX_HINT },
  ]),
  ...["git", "artifact-name", "now", "freshness-window"].map((flag): Line => [
    ["verify", TRUST, `--${flag}=`],
    { message: `--${flag} is empty`, hint: valueHint(flag) },
  ]),
  [["verify", TRUST, "artifact", "a", "--signature="], {
    message: "--signature is empty",
    hint: valueHint("signature"),
  }],
  [["verify", TRUST, "--now", "today"], {
    message: `Cannot read --now "today": expected ${TIME_FORM}`,
  }],
  ...["-1", "1.5", "1h", "1e3", "9".repeat(16)].map((window): Line => [
    ["verify", TRUST, `--freshness-window=${window}`],
    { message: `Cannot use --freshness-window ${window}: expected a whole number` },
  ]),
  [["verify", TRUST, "--json=yes"], {
    message: 'Cannot read --json "yes": expected true or false, or the option alone',
  }],
  ...[[], [""]].map((file): Line => [["keygen", ...file], {
    message: "keygen wants the file to write",
    hint: "write `fleet-release keygen FILE`",
  }]),
  ...["keygen", "pubkey"].map((command): Line => [[command, "a", "--json", "--format=fragment"], {
    message: "Two formats: --json and --format fragment",
    hint: "give one of them",
  }]),
  ...["keygen", "pubkey"].map((command): Line => [[command, "a", "b"], {
    message: 'Unknown argument "b"',
    hint: `usage: fleet-release ${command} FILE [OPTION...]`,
  }]),
  ...["rsa", "", "ED25519"].map((name): Line => [
    ["keygen", "k", `--algorithm=${name}`],
    { message: `Cannot read --algorithm "${name}": expected ed25519 or ecdsa-p256` },
  ]),
  [["keygen", "k", "--algoritm", "rsa"], {
    message: 'Unknown option "--algoritm"',
    hint: "did you mean --algorithm?",
  }],
  ...["keygen", "pubkey"].map((command): Line => [
    [command, "k", "--format", "pem"],
    { message: 'Cannot read --format "pem": expected fragment, trust-file or public-key' },
  ]),
  [["pubkey"], { message: "pubkey wants the key file", hint: "write `fleet-release pubkey FILE`" }],
  [["pubkey", "k", "--algorithm", "ed25519"], {
    message: 'Unknown option "--algorithm"',
    hint: "fleet-release pubkey --help lists the options",
  }],
  ...[["f.json"], ["--", "f.json"]].map((
    args,
  ): Line => [["canonicalize", ...args], {
    message: 'Unknown argument "f.json"',
    hint: "usage: fleet-release canonicalize < FILE",
  }]),
  [["status"], {
    message: "No keys to verify with: neither --trust-file nor --public-key is given",
    hint: "`fleet-release pubkey KEY --format public-key` prints that of a key that you hold",
  }],
  [["status", TRUST, "--public-key=k"], {
    message: "Two sources of trusted keys: --trust-file and --public-key",
    hint: "give one of them",
  }],
  [["status", TRUST, ""], { message: "status is given an empty name, expected a directory" }],
  [["status", TRUST, "a", "b"], {
    message: 'Unknown argument "b"',
    hint: "usage: fleet-release status [DIR] [OPTION...]",
  }],
  [["status", TRUST, "--now=noon"], {
    message: 'Cannot read --now "noon": expected an RFC 3339 time such as "2026-06-01T12:00:00Z"',
  }],
  [["log", TRUST, "--public-key=k"], {
    message: "Two sources of trusted keys: --trust-file and --public-key",
    hint: "give one of them",
  }],
  [["log", ""], { message: "log is given an empty name, expected a directory" }],
  [["log", "a", "b"], {
    message: 'Unknown argument "b"',
    hint: "usage: fleet-release log [DIR] [OPTION...]",
  }],
  [["log", "-n", "few"], { message: "Cannot use --limit few: expected a whole number" }],
  [["diff"], {
    message: "diff wants a release to compare with",
    hint: "usage: fleet-release diff BEFORE [AFTER] [OPTION...]",
  }],
  [["diff", "a", "b", "c"], {
    message: 'Unknown argument "c"',
    hint: "usage: fleet-release diff BEFORE [AFTER] [OPTION...]",
  }],
  [["diff", "a", ""], { message: "diff is given an empty name, expected a revision or a directory" }],
  [["diff", "a", TRUST, "--public-key=k"], {
    message: "Two sources of trusted keys: --trust-file and --public-key",
    hint: "give one of them",
  }],
  [["prune", ""], { message: "prune is given an empty name, expected a directory" }],
  [["prune", "a", "b"], {
    message: 'Unknown argument "b"',
    hint: "usage: fleet-release prune [DIR] [OPTION...]",
  }],
  [["prune", "--artifact-name=revocations.json"], {
    message: 'Cannot use --artifact-name "revocations.json": it is the name of a sidecar',
    hint: 'give a file name such as "fleet.resolved.json"',
  }],
  ...["keygen the file to write", "pubkey the key file"].map((line): Line => {
    const [command = "", ...operand] = line.split(" ");
    return [[command, `./x -----BEGIN PRIVATE KEY-----`], {
      message: `${command} is given a key, expected ${operand.join(" ")}`,
    }];
  }),
  [["completions"], { message: "completions wants a shell", hint: "write bash, zsh or fish behind it" }],
  [["completions", "bsh"], {
    message: 'There are no completions for "bsh", expected bash, zsh or fish',
    hint: 'did you mean "bash"?',
  }],
  [["completions", "powershell"], {
    message: 'There are no completions for "powershell", expected bash, zsh or fish',
  }],
  [["completions", "bash", "zsh"], {
    message: 'Unknown argument "zsh"',
    hint: "usage: fleet-release completions bash|zsh|fish",
  }],
  [["man", "verify"], { message: 'Unknown argument "verify"', hint: "usage: fleet-release man" }],
  [["help", "verfy"], { message: 'Unknown argument "verfy"', hint: 'did you mean "verify"?' }],
  [["help", "deploy"], {
    message: 'Unknown argument "deploy"',
    hint: "fleet-release help lists the commands",
  }],
  [["help", "verify", "x"], {
    message: 'Unknown argument "x"',
    hint: "fleet-release help lists the commands",
  }],
];

for (const [args, said] of [...RELEASE, ...EMPTY, ...UNKNOWN, ...OTHERS]) {
  pureTest(`${JSON.stringify(args.join(" "))} is refused`, async () => {
    assertEquals(await rejection(asked(args, { env: { NIXFLEET_PUSH_CMD: "push" } })), {
      kind: "usage",
      ...said,
    });
  });
}

pureTest("this table knows every command", () => {
  assertEquals(
    ALL.map(({ name }) => name).filter((name) => !UNKNOWN.some(([[first]]) => first === name)),
    [],
  );
});

/** What the program says and ends with: text for people, unless the line asks for JSON. */
const RUNS: [args: string[], code: number, stderr: string][] = [
  [["--hots", "a"], 1, 'error: Unknown option "--hots"\nhint: did you mean --hosts?\n'],
  [["--print-permissions", "--hots"], 1, 'error: Unknown option "--hots"\nhint: did you mean --hosts?\n'],
  [
    ["--hots", "--log-format=json"],
    1,
    '{"schema":"fleet-release/event/1","time":"2026-06-01T12:00:00.000Z","level":"error","event":"error",' +
    '"kind":"usage","message":"Unknown option \\"--hots\\"","lines":[],"hint":"did you mean --hosts?",' +
    '"exitCode":1}\n',
  ],
  // A key in the place of its file's name is not repeated.
  [
    ["--sign-key", "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----"],
    1,
    'error: Unknown option "***"\nhint: fleet-release --help lists the options\n',
  ],
  [["verify", "--trust-file=t", "--now", "x"], 2, `error: Cannot read --now "x": expected ${TIME_FORM}\n`],
  [
    ["keygen"],
    1,
    "error: keygen wants the file to write\nhint: write `fleet-release keygen FILE`\n",
  ],
  [["pubkey"], 1, "error: pubkey wants the key file\nhint: write `fleet-release pubkey FILE`\n"],
  [
    ["canonicalize", "x"],
    2,
    'error: Unknown argument "x"\nhint: usage: fleet-release canonicalize < FILE\n',
  ],
  [["help", "verfy"], 1, 'error: Unknown argument "verfy"\nhint: did you mean "verify"?\n'],
];

const expectError = shapeOf(ERROR);

for (const [args, code, stderr] of RUNS) {
  pureTest(
    `the program ends ${
      JSON.stringify(args.join(" "))
    } with ${code}, and says why on stderr, with --json on stdout, too`,
    async () => {
      const { world, printed } = memoryWorld();
      assertEquals(await main(args, world), code);
      assertEquals(printed(), { stdout: "", stderr });

      const other = memoryWorld();
      assertEquals(await main([...args, "--json"], other.world), code);
      const { stdout, stderr: said } = other.printed();
      assertEquals(said, stderr);
      const error = JSON.parse(stdout);
      expectError(error);
      const { kind, message, exitCode } = error;
      assertEquals({ kind, exitCode }, { kind: "usage", exitCode: code });
      assertEquals(said.includes(message) || said.includes(JSON.stringify(message)), true, message);
    },
  );
}

const UNKNOWN_AS_JSON = `{
  "schema": "fleet-release/error/1",
  "kind": "usage",
  "code": null,
  "message": "Unknown option \\"--hots\\"",
  "path": null,
  "hosts": [],
  "hint": "did you mean --hosts?",
  "lines": [],
  "exitCode": 1
}
`;

pureTest(
  "an error of the command line is printed as JSON however that is asked for, and by itself never",
  async () => {
    const stdoutOf = async (...args: string[]) => {
      const { world, printed } = memoryWorld();
      assertEquals(await main(args, world), 1);
      return printed().stdout;
    };
    assertEquals(await stdoutOf("--hots", "--json"), UNKNOWN_AS_JSON);
    for (const json of [["--json"], ["--json=true"], ["--format=json"], ["--format", "json"]]) {
      expectError(JSON.parse(await stdoutOf("check", "--bogus", ...json)));
      expectError(JSON.parse(await stdoutOf("check", ...json, "--bogus")));
    }
    for (const other of [[], ["--json=false"], ["--format=sarif"], ["json"]]) {
      assertEquals(await stdoutOf("check", "--bogus", ...other), "");
    }
  },
);

pureTest(
  "settings say how an error in other options is told, and the command line wins over them",
  async () => {
    const told = async (settings: Settings, ...args: string[]) => {
      let how: Telling | undefined;
      const layers = { settings, onTelling: (telling: Telling) => how = telling };
      const { kind } = await rejection(asked(["--public-key=x", "--trust-attr=y", ...args], layers));
      assertEquals(kind, "usage");
      return how;
    };
    const both = { "json": true, "log-format": "json" };
    assertEquals(await told(both), { json: true, log: { format: "json", verbose: false } });
    assertEquals(await told(both, "--json=false", "--log-format=pretty", "-v"), {
      json: false,
      log: { format: "pretty", verbose: true },
    });
    assertEquals(await told({}), { json: false, log: { format: "pretty", verbose: false } });
  },
);

pureTest("an error that stdout cannot be written is told on stderr alone", async () => {
  const { world, printed } = memoryWorld({ stdin: "{}" });
  let writes = 0;
  const stdout = {
    write() {
      writes++;
      throw new ReleaseError("io", "Cannot write standard output: full", { code: NO_OUTPUT });
    },
  };
  const options = { ...CANONICALIZE.options, "json": flag({ group: "Output", help: "as JSON" }) };
  const commands = { canonicalize: () => Promise.resolve({ ...CANONICALIZE, options }) };
  assertEquals(await main(["--json"], { ...world, stdout }, { commands }), 2);
  // What it was about to print may be there in part: no other object comes behind it.
  assertEquals([printed().stderr, writes], ["error: Cannot write standard output: full\n", 1]);
  assertEquals(await main(["--json", "x"], { ...world, stdout }, { commands }), 2);
  assertEquals([printed().stderr.split("\n")[1], writes], ['error: Unknown argument "x"', 2]);
});

pureTest(
  "what a command fails with is annotated in a CI job, or where annotations are asked for",
  async () => {
    const command = defineCommand({
      ...{ name: "fail", usage: ["fail"], summary: "fail", about: "Fails.", example: "fail" },
      options: {
        "annotations": flagIfGiven({ group: "Output", help: "of errors" }),
        ...LOG_OPTIONS,
        ...HELP_OPTIONS,
      },
      ...{ exitCodes: { 1: "failed" }, variables: [], grants: [] },
      read: () => ({}),
      run: () => Promise.reject(new ReleaseError("io", "No room")),
    });
    const commands = { fail: () => Promise.resolve(command) };
    const CI = { GITHUB_ACTIONS: "true" };
    const said = async (args: string[], env: Record<string, string>, isTerminal = false) => {
      const { world, printed } = memoryWorld({ env });
      const stderr = { ...world.stderr, isTerminal };
      assertEquals(await main(args, { ...world, stderr }, { commands }), 1);
      return printed().stderr;
    };
    const plain = "error: No room\n";
    const annotated = `${plain}::error title=fleet-release::No room\n`;
    assertEquals(
      [
        await said([], CI),
        await said(["--annotations=false"], CI),
        // Whoever sits there is no runner.
        await said([], CI, true),
        await said([], {}),
        await said(["--annotations"], {}, true),
      ],
      [annotated, plain, plain, plain, annotated],
    );
  },
);

pureTest("a command line that is refused in a CI job is annotated, and elsewhere not", async () => {
  const said = async (env: Record<string, string>, ...args: string[]) => {
    const { world, printed } = memoryWorld({ env });
    await main(args, world);
    return printed().stderr;
  };
  const plain = 'error: Unknown option "--hots"\nhint: did you mean --hosts?\n';
  const annotation = '::error title=fleet-release::Unknown option "--hots"%0Ahint: did you mean --hosts?\n';
  assertEquals(await said({}, "--hots"), plain);
  assertEquals(await said({ GITHUB_ACTIONS: "true" }, "--hots"), plain + annotation);
  assertEquals(
    (await said({ GITHUB_ACTIONS: "true" }, "--hots", "--log-format", "json")).includes("::"),
    false,
  );
});
