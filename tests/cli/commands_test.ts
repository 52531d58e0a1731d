// The command lines of verify, keygen, pubkey, canonicalize and help. Those of a release: parse_test.ts.

import { assertEquals } from "@std/assert";
import { type CommandName, COMMANDS, isCommandName } from "../../src/cli/commands.ts";
import { commandOf, type Invocation, parseCommandLine, type VerifySettings } from "../../src/cli/parse.ts";
import { pureTest, type Refusal, refusal } from "../support/pure.ts";

const ID = "0123456789abcdef".repeat(4);

/** What `verify --trust-file t` asks for, with a difference. */
function verify(difference: Partial<VerifySettings> = {}): Invocation {
  return {
    command: "verify",
    subject: { kind: "directory", dir: "releases", git: undefined },
    trustFile: "t",
    artifactName: "fleet.resolved.json",
    now: undefined,
    freshnessWindowSeconds: undefined,
    json: false,
    ...difference,
  };
}

const TRUST = "--trust-file=t";

const READ: [args: string[], invocation: Invocation][] = [
  [["verify", "--trust-file", "t"], verify()],
  [["verify", TRUST, "out"], verify({ subject: { kind: "directory", dir: "out", git: undefined } })],
  [
    ["verify", "out", TRUST, "--git", "v1"],
    verify({ subject: { kind: "directory", dir: "out", git: "v1" } }),
  ],
  [["verify", TRUST, "--git=HEAD"], verify({ subject: { kind: "directory", dir: "releases", git: "HEAD" } })],
  [
    ["verify", "./artifact", TRUST],
    verify({ subject: { kind: "directory", dir: "./artifact", git: undefined } }),
  ],
  [["verify", "1e3", TRUST], verify({ subject: { kind: "directory", dir: "1e3", git: undefined } })],
  [
    ["verify", TRUST, "--", "--out"],
    verify({ subject: { kind: "directory", dir: "--out", git: undefined } }),
  ],
  [["verify", TRUST, "--artifact-name", "f.json"], verify({ artifactName: "f.json" })],
  [["verify", TRUST, "--now", "2026-06-01T12:00:00Z"], verify({ now: "2026-06-01T12:00:00Z" })],
  [["verify", TRUST, "--freshness-window", "0"], verify({ freshnessWindowSeconds: 0 })],
  [["verify", TRUST, "--freshness-window=086400"], verify({ freshnessWindowSeconds: 86400 })],
  [["verify", TRUST, "--json"], verify({ json: true })],
  [["verify", TRUST, "--json=false"], verify()],
  [
    ["verify", "artifact", "f.json", TRUST],
    verify({ subject: { kind: "artifact", file: "f.json", signature: "f.json.sig" } }),
  ],
  [
    ["verify", TRUST, "artifact", "f.json", "--signature", "s"],
    verify({ subject: { kind: "artifact", file: "f.json", signature: "s" } }),
  ],
  [
    ["verify", "rollout-manifest", "m", "--rollout-id", ID, TRUST, "--signature=s", "--json"],
    verify({ subject: { kind: "rollout-manifest", file: "m", signature: "s", rolloutId: ID }, json: true }),
  ],
  [
    ["verify", TRUST, `--rollout-id=${ID}`, "--", "rollout-manifest", "m"],
    verify({ subject: { kind: "rollout-manifest", file: "m", signature: "m.sig", rolloutId: ID } }),
  ],
  [["keygen", "k"], { command: "keygen", file: "k", format: "fragment", algorithm: "ed25519" }],
  [
    ["keygen", "--algorithm", "ecdsa-p256", "k", "--format=trust-file"],
    { command: "keygen", file: "k", format: "trust-file", algorithm: "ecdsa-p256" },
  ],
  [["keygen", "5"], { command: "keygen", file: "5", format: "fragment", algorithm: "ed25519" }],
  [["keygen", "--", "-k"], { command: "keygen", file: "-k", format: "fragment", algorithm: "ed25519" }],
  [["pubkey", "k"], { command: "pubkey", file: "k", format: "fragment" }],
  [["pubkey", "--format", "public-key", "k"], { command: "pubkey", file: "k", format: "public-key" }],
  [["pubkey", "release"], { command: "pubkey", file: "release", format: "fragment" }],
  [["canonicalize"], { command: "canonicalize" }],
  [["canonicalize", "--"], { command: "canonicalize" }],
];

for (const [args, invocation] of READ) {
  pureTest(`parseCommandLine() reads ${JSON.stringify(args.join(" "))}`, () => {
    assertEquals(parseCommandLine(args, {}), invocation);
  });
}

pureTest("these tests give every option of every command", () => {
  const given = new Set(
    READ.flatMap(([[command, ...args]]) =>
      args.filter((arg) => arg.startsWith("--")).map((arg) => `${command} ${arg.split("=")[0]}`)
    ),
  );
  for (const [name, { options }] of Object.entries(COMMANDS)) {
    if (name === "release") continue;
    const ungiven = options.map(({ flag }) => flag).filter((flag) => !given.has(`${name} --${flag}`));
    assertEquals(ungiven, ["help", "version"], name);
  }
});

for (const name of Object.keys(COMMANDS) as CommandName[]) {
  pureTest(
    `parseCommandLine() gives the help of ${name}, and the version, whatever is missing or wrong`,
    () => {
      const help: Invocation = { command: "help", of: name };
      for (
        const args of [["help", name], [name, "--help"], [name, "-h"], [name, "-V", "-h"], [name, "-hh"]]
      ) {
        assertEquals(parseCommandLine(args, {}), help);
      }
      for (const args of [[name, "--version"], [name, "-V"]]) {
        assertEquals(parseCommandLine(args, {}), { command: "version" });
      }
    },
  );

  pureTest(`parseCommandLine() refuses an unknown option of ${name}, and says where they are listed`, () => {
    const help = name === "release" ? "--help" : `${name} --help`;
    for (const args of [["--bogus-setting"], ["--bogus-setting=x"], ["-h", "--bogus-setting"]]) {
      assertEquals(refusal(() => parseCommandLine([name, ...args], {})), {
        kind: "usage",
        message: 'Unknown option "--bogus-setting"',
        hint: `fleet-release ${help} lists the options`,
      });
    }
  });
}

pureTest("parseCommandLine() gives the help of the program for help alone", () => {
  assertEquals(parseCommandLine(["help"], {}), { command: "help", of: "release" });
  assertEquals(parseCommandLine(["verify", "--help", "--now", "x", "a", "b"], {}), {
    command: "help",
    of: "verify",
  });
});

pureTest("commandOf() is the command that comes first, or else release", () => {
  for (const name of Object.keys(COMMANDS)) {
    assertEquals(commandOf([name, "x"]), name);
    assertEquals(isCommandName(name), true);
  }
  for (const args of [[], ["--json"], ["--json", "verify"], ["help"], ["constructor"], [""]]) {
    assertEquals(commandOf(args), "release");
  }
  assertEquals([undefined, "", "help", "toString", "Verify"].filter(isCommandName), []);
});

const VALUE_HINT = (flag: string) => `write --${flag}=VALUE when the value begins with a dash`;
const HEX_HINT = "expected the 64 lower-case hex digits that the manifest's file is named by";

const REFUSED: [args: string[], said: Omit<Refusal, "kind">][] = [
  [["verify"], {
    message: "No keys to verify with: --trust-file is missing",
    hint: "`fleet-release pubkey KEY --format trust-file` writes one for a key that you hold",
  }],
  [["verify", "--trust-file"], { message: "--trust-file is empty", hint: VALUE_HINT("trust-file") }],
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
  ...["signature", "rollout-id"].map((flag): [string[], Omit<Refusal, "kind">] => [
    ["verify", TRUST, `--${flag}`, ID],
    { message: `--${flag} does not go with a directory` },
  ]),
  ...["artifact", "rollout-manifest"].flatMap((kind): [string[], Omit<Refusal, "kind">][] => [
    ...[[], [""]].map((file): [string[], Omit<Refusal, "kind">] => [["verify", TRUST, kind, ...file], {
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
    [["verify", TRUST, kind, "a", "--artifact-name", "f"], {
      message: "--artifact-name does not go with a file",
    }],
  ]),
  [["verify", TRUST, "artifact", "a", "--rollout-id", ID], {
    message: "--rollout-id does not go with an artifact",
  }],
  [["verify", TRUST, "rollout-manifest", "a"], { message: "--rollout-id is missing", hint: HEX_HINT }],
  ...[ID.slice(1), ID.toUpperCase(), `${ID}.json`, `${ID}\n`].map((id): [string[], Omit<Refusal, "kind">] => [
    ["verify", TRUST, "rollout-manifest", "a", "--rollout-id", id],
    { message: `Cannot read --rollout-id "${id}"`, hint: HEX_HINT },
  ]),
  ...["git", "artifact-name", "now", "freshness-window"].map((flag): [string[], Omit<Refusal, "kind">] => [
    ["verify", TRUST, `--${flag}=`],
    { message: `--${flag} is empty`, hint: VALUE_HINT(flag) },
  ]),
  [["verify", TRUST, "artifact", "a", "--signature="], {
    message: "--signature is empty",
    hint: VALUE_HINT("signature"),
  }],
  [["verify", TRUST, "--now", "today"], {
    message: 'Cannot read --now "today": expected an RFC 3339 time such as "2026-06-01T12:00:00Z"',
  }],
  ...["-1", "1.5", "1h", "1e3", "9".repeat(16)].map((window): [string[], Omit<Refusal, "kind">] => [
    ["verify", TRUST, `--freshness-window=${window}`],
    { message: `Cannot use --freshness-window ${window}: expected a whole number` },
  ]),
  [["verify", TRUST, "--json=yes"], {
    message: 'Cannot read --json "yes": expected true or false, or the option alone',
  }],
  ...[[], [""]].map((file): [string[], Omit<Refusal, "kind">] => [["keygen", ...file], {
    message: "keygen wants the file to write",
    hint: "write `fleet-release keygen FILE`",
  }]),
  ...["keygen", "pubkey"].map((command): [string[], Omit<Refusal, "kind">] => [[command, "a", "b"], {
    message: 'Unknown argument "b"',
    hint: `usage: fleet-release ${command} FILE [OPTION...]`,
  }]),
  ...["rsa", "", "ED25519"].map((name): [string[], Omit<Refusal, "kind">] => [
    ["keygen", "k", `--algorithm=${name}`],
    { message: `Cannot read --algorithm "${name}": expected ed25519 or ecdsa-p256` },
  ]),
  [["keygen", "k", "--algoritm", "rsa"], {
    message: 'Unknown option "--algoritm"',
    hint: "did you mean --algorithm?",
  }],
  ...["keygen", "pubkey"].map((command): [string[], Omit<Refusal, "kind">] => [
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
  ): [string[], Omit<Refusal, "kind">] => [["canonicalize", ...args], {
    message: 'Unknown argument "f.json"',
    hint: "usage: fleet-release canonicalize < FILE",
  }]),
];

for (const [args, said] of REFUSED) {
  pureTest(`parseCommandLine() refuses ${JSON.stringify(args.join(" "))}`, () => {
    assertEquals(refusal(() => parseCommandLine(args, {})), { kind: "usage", ...said });
  });
}

pureTest("parseCommandLine() reads no variable and no settings for a command other than release", () => {
  const env = Object.fromEntries(
    COMMANDS.release.options.flatMap(({ env }: { env?: string }) => env === undefined ? [] : [[env, "x"]]),
  );
  for (const [args, invocation] of READ) {
    assertEquals(
      parseCommandLine(args, env, () => {
        throw new Error("the settings are not to be read");
      }),
      invocation,
    );
  }
});

pureTest("parseCommandLine() refuses help of what is no command", () => {
  const refused: [args: string[], said: Omit<Refusal, "kind">][] = [
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
  for (const [args, said] of refused) {
    assertEquals(refusal(() => parseCommandLine(args, {})), { kind: "usage", ...said });
  }
});
