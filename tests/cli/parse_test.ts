import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import type { NameIn, RELEASE_OPTIONS } from "../../src/cli/options.ts";
import { type Invocation, type OutputSettings, parseCommandLine } from "../../src/cli/parse.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { pureTest, type Refusal, refusal } from "../support/pure.ts";

type OptionName = NameIn<typeof RELEASE_OPTIONS>;
const ALL_OPTIONS = COMMANDS.release.options;

/** What a command line without arguments asks for, with a difference. */
function asked(
  settings: Partial<ReleaseConfig> = {},
  output: Partial<OutputSettings> = {},
): Invocation {
  return {
    command: "release",
    settings: {
      gitCommit: false,
      reuseUnchangedSignature: false,
      requireClean: false,
      strict: false,
      allowPreviousKey: false,
      signatureEncoding: "raw",
      nixOptions: [],
      ...settings,
    },
    output: { json: false, logFormat: "pretty", verbose: false, ...output },
  };
}

pureTest("parseCommandLine() leaves what is not given to validateConfig()", () => {
  assertEquals(parseCommandLine([], {}), asked());
  assertEquals(parseCommandLine(["--"], {}), asked());
  assertEquals(parseCommandLine(["release"], {}), asked());
  assertEquals(parseCommandLine(["release", "--"], {}), asked());
});

/** For each option that has a value, a value and what it comes out as. */
const VALUES: Partial<Record<OptionName, [value: string, invocation: Invocation]>> = {
  "hosts": ["web2,web1", asked({ hosts: { kind: "explicit", hosts: ["web2", "web1"] } })],
  "build-flake": ["git+file:///srv/fleet?dir=nix", asked({ buildFlake: "git+file:///srv/fleet?dir=nix" })],
  "fleet-resolved-attr": [".#a.b", asked({ fleetResolvedAttr: ".#a.b" })],
  "revocations-attr": ["fleet.revocations", asked({ revocationsAttr: "fleet.revocations" })],
  "bootstrap-nonces-attr": ["fleet.nonces", asked({ bootstrapNoncesAttr: "fleet.nonces" })],
  "pin-source-url": ["git+ssh://h/f?dir=nix", asked({ pinSourceUrl: "git+ssh://h/f?dir=nix" })],
  "now": ["2026-06-01T12:00:00Z", asked({ now: "2026-06-01T12:00:00Z" })],
  "sign-cmd": ["sign --key k=v", asked({ signCmd: "sign --key k=v" })],
  "push-cmd": ["nix copy --to x", asked({ pushCmd: "nix copy --to x" })],
  "hook-env": ["A,B_1", asked({ hookEnv: ["A", "B_1"] })],
  "sign-key": ["release.pem", asked({ signKey: "release.pem" })],
  "sign-agent": ["release.pub", asked({ signAgent: "release.pub" })],
  "signature-encoding": ["der", asked({ signatureEncoding: "der" })],
  "trust-file": ["trust.json", asked({ trustFile: "trust.json" })],
  "trust-attr": ["fleet.trust", asked({ trustAttr: "fleet.trust" })],
  "public-key": ["ed25519:AAAA", asked({ publicKey: "ed25519:AAAA" })],
  "signature-algorithm": ["ecdsa-p256", asked({ signatureAlgorithm: "ecdsa-p256" })],
  "release-dir": ["out/release", asked({ releaseDir: "out/release" })],
  "artifact-name": ["f.json", asked({ artifactName: "f.json" })],
  "git-push": ["origin:main", asked({ gitPush: { remote: "origin", branch: "main" } })],
  "commit-template": ["release {sha}\n\nat {ts}", asked({ commitTemplate: "release {sha}\n\nat {ts}" })],
  "git-user-name": ["Release Bot", asked({ gitUserName: "Release Bot" })],
  "git-user-email": ["bot@example.com", asked({ gitUserEmail: "bot@example.com" })],
  "smoke-verify": ["false", asked({ smokeVerify: false })],
  "builders": ["ssh://a x86_64-linux ; ssh://b", asked({ builders: "ssh://a x86_64-linux ; ssh://b" })],
  "max-jobs": ["auto", asked({ maxJobs: "auto" })],
  "eval-workers": ["4", asked({ evalWorkers: 4 })],
  "log-format": ["json", asked({}, { logFormat: "json" })],
};

const SWITCHES: Partial<Record<OptionName, Invocation>> = {
  "reuse-unchanged-signature": asked({ reuseUnchangedSignature: true }),
  "git-commit": asked({ gitCommit: true }),
  "require-clean": asked({ requireClean: true }),
  "strict": asked({ strict: true }),
  "allow-previous-key": asked({ allowPreviousKey: true }),
  "json": asked({}, { json: true }),
  "verbose": asked({}, { verbose: true }),
  "help": { command: "help", of: "release" },
  "version": { command: "version" },
};

pureTest("this test knows every option, and whether it has a value", () => {
  const withValue = ALL_OPTIONS.filter(({ value, repeatable }) => value !== undefined && repeatable !== true);
  assertEquals(withValue.map(({ flag }) => flag).sort(), Object.keys(VALUES).sort());
  const switches = ALL_OPTIONS.filter(({ value }) => value === undefined);
  assertEquals(switches.map(({ flag }) => flag).sort(), Object.keys(SWITCHES).sort());
  assertEquals(ALL_OPTIONS.filter(({ repeatable }) => repeatable).map(({ flag }) => flag), ["option"]);
});

for (const [flag, [value, invocation]] of Object.entries(VALUES)) {
  pureTest(`parseCommandLine() reads --${flag} with its value behind it or behind =`, () => {
    assertEquals(parseCommandLine([`--${flag}`, value], {}), invocation);
    assertEquals(parseCommandLine([`--${flag}=${value}`], {}), invocation);
    assertEquals(parseCommandLine(["release", `--${flag}`, value], {}), invocation);
  });

  pureTest(`parseCommandLine() refuses a second --${flag}`, () => {
    assertEquals(refusal(() => parseCommandLine([`--${flag}=${value}`, `--${flag}`, value], {})), {
      kind: "usage",
      message: `--${flag} is given 2 times, expected once`,
    });
  });
}

for (const [flag, invocation] of Object.entries(SWITCHES)) {
  pureTest(`parseCommandLine() reads --${flag}, given once or twice`, () => {
    assertEquals(parseCommandLine([`--${flag}`], {}), invocation);
    assertEquals(parseCommandLine([`--${flag}`, `--${flag}`], {}), invocation);
  });
}

pureTest("parseCommandLine() reads a value with = in it, to its end", () => {
  assertEquals(
    parseCommandLine(["--sign-cmd=a=b=c", "--push-cmd", "x=y", "--commit-template==="], {}),
    asked({ signCmd: "a=b=c", pushCmd: "x=y", commitTemplate: "==" }),
  );
});

pureTest("parseCommandLine() reads a value that begins with a dash behind =", () => {
  assertEquals(
    parseCommandLine(["--sign-cmd=--help", "--commit-template=-"], {}),
    asked({ signCmd: "--help", commitTemplate: "-" }),
  );
});

pureTest("parseCommandLine() takes no value for a number or a truth", () => {
  assertEquals(
    parseCommandLine(["--hosts", "5", "--max-jobs=007", "--sign-cmd", "true", "--release-dir", "1e3"], {}),
    asked({ hosts: { kind: "explicit", hosts: ["5"] }, maxJobs: "007", signCmd: "true", releaseDir: "1e3" }),
  );
});

pureTest("parseCommandLine() reads -v, -h and -V, also together", () => {
  const short: [args: string[], invocation: Invocation][] = [
    [["-v"], asked({}, { verbose: true })],
    [["-h"], { command: "help", of: "release" }],
    [["-V"], { command: "version" }],
    [["-vh"], { command: "help", of: "release" }],
    [["-vV"], { command: "version" }],
    [["-V", "-h"], { command: "help", of: "release" }],
    [["-v", "--json"], asked({}, { verbose: true, json: true })],
  ];
  assertEquals(short.map(([args]) => [args, parseCommandLine(args, {})]), short);
});

pureTest("parseCommandLine() gives help and the version whatever known options are given", () => {
  assertEquals(parseCommandLine(["--hosts", "a", "--hosts", "b", "--git-push", "x", "--help"], {}), {
    command: "help",
    of: "release",
  });
  assertEquals(parseCommandLine(["--version", "--log-format", "xml"], {}), { command: "version" });
  assertEquals(
    refusal(() => parseCommandLine(["--help", "--hots"], {})).message,
    'Unknown option "--hots"',
  );
});

const FROM_ENV = ALL_OPTIONS.filter(({ env }) => env !== undefined);

pureTest("the environment variables are those of the contract", () => {
  assertEquals(Object.fromEntries(FROM_ENV.map(({ flag, env }) => [flag, env])), {
    "sign-cmd": "NIXFLEET_SIGN_CMD",
    "push-cmd": "NIXFLEET_PUSH_CMD",
    "signature-algorithm": "NIXFLEET_SIGNATURE_ALGORITHM",
    "git-user-name": "NIXFLEET_GIT_USER_NAME",
    "git-user-email": "NIXFLEET_GIT_USER_EMAIL",
  });
});

for (const { flag, env } of FROM_ENV) {
  const [value, invocation] = VALUES[flag as OptionName]!;

  pureTest(`parseCommandLine() reads ${env} when --${flag} is not given`, () => {
    assertEquals(parseCommandLine([], { [env!]: value }), invocation);
    assertEquals(parseCommandLine([`--${flag}`, value], { [env!]: "other" }), invocation);
  });

  pureTest(`parseCommandLine() takes an empty ${env} for none`, () => {
    assertEquals(parseCommandLine([], { [env!]: "" }), asked());
    assertEquals(parseCommandLine([`--${flag}`, value], { [env!]: "" }), invocation);
  });
}

pureTest(
  "parseCommandLine() takes no command from NIXFLEET_SIGN_CMD when it is told to sign in another way",
  () => {
    const env = { NIXFLEET_SIGN_CMD: "sign" };
    assertEquals(parseCommandLine(["--sign-key", "k"], env), asked({ signKey: "k" }));
    assertEquals(parseCommandLine(["--sign-agent", "k.pub"], env), asked({ signAgent: "k.pub" }));
    assertEquals(
      parseCommandLine(["--sign-cmd=x", "--sign-key=k"], env),
      asked({ signCmd: "x", signKey: "k" }),
    );
  },
);

pureTest("parseCommandLine() reads the names of --hook-env without the blanks around them", () => {
  assertEquals(parseCommandLine(["--hook-env", " A,\tB_1 "], {}), asked({ hookEnv: ["A", "B_1"] }));
});

pureTest("parseCommandLine() reads no other variable", () => {
  const env = Object.fromEntries(
    ALL_OPTIONS.flatMap(({ flag, env }) => {
      const name = flag.toUpperCase().replaceAll("-", "_");
      return [`NIXFLEET_${name}`, name].filter((variable) => variable !== env);
    }).map((variable) => [variable, "x"]),
  );
  assertEquals(parseCommandLine([], env), asked());
});

pureTest("parseCommandLine() gives an empty --sign-cmd on, for validateConfig() to refuse", () => {
  for (const args of [["--sign-cmd="], ["--sign-cmd", ""], ["--sign-cmd"]]) {
    assertEquals(parseCommandLine(args, { NIXFLEET_SIGN_CMD: "sign" }), asked({ signCmd: "" }));
  }
});

pureTest("parseCommandLine() takes empty --builders for no builders", () => {
  assertEquals(parseCommandLine(["--builders", ""], {}), asked({ builders: "" }));
});

const FILLED: OptionName[] = [
  "build-flake",
  "fleet-resolved-attr",
  "revocations-attr",
  "bootstrap-nonces-attr",
  "pin-source-url",
  "now",
  "push-cmd",
  "hook-env",
  "sign-key",
  "sign-agent",
  "trust-file",
  "trust-attr",
  "public-key",
  "release-dir",
  "commit-template",
  "git-user-name",
  "git-user-email",
  "max-jobs",
  "eval-workers",
];

pureTest("parseCommandLine() refuses an option that is empty or has nothing behind it", () => {
  for (const flag of FILLED) {
    for (const args of [[`--${flag}=`], [`--${flag}`, ""], [`--${flag}`], [`--${flag}`, "--json"]]) {
      assertEquals(refusal(() => parseCommandLine(args, { NIXFLEET_PUSH_CMD: "push" })), {
        kind: "usage",
        message: `--${flag} is empty`,
        hint: `write --${flag}=VALUE when the value begins with a dash`,
      });
    }
  }
});

const UNKNOWN_ARGUMENT =
  "a command comes first, and release takes options alone; fleet-release --help lists the options";

const REFUSED: [args: string[], said: Omit<Refusal, "kind">][] = [
  [["--hots", "a"], { message: 'Unknown option "--hots"', hint: "did you mean --hosts?" }],
  [["--signcmd=secret"], { message: 'Unknown option "--signcmd"', hint: "did you mean --sign-cmd?" }],
  [["-hosts"], { message: 'Unknown option "-hosts"', hint: "did you mean --hosts?" }],
  [["--no-git-commit"], { message: 'Unknown option "--no-git-commit"', hint: "did you mean --git-commit?" }],
  [["--bogus-setting"], {
    message: 'Unknown option "--bogus-setting"',
    hint: "fleet-release --help lists the options",
  }],
  [["-x"], { message: 'Unknown option "-x"', hint: "fleet-release --help lists the options" }],
  [["--__proto__", "x"], {
    message: 'Unknown option "--__proto__"',
    hint: "fleet-release --help lists the options",
  }],
  [["--constructor"], {
    message: 'Unknown option "--constructor"',
    hint: "fleet-release --help lists the options",
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
  [["--hook-env=A=x"], { message: 'Cannot read --hook-env "A=x": "A=x" is no name of a variable' }],
  [["--smoke-verify", "no"], { message: 'Cannot read --smoke-verify "no": expected true or false' }],
  [["--smoke-verify=TRUE"], { message: 'Cannot read --smoke-verify "TRUE": expected true or false' }],
  [["--smoke-verify"], { message: 'Cannot read --smoke-verify "": expected true or false' }],
];

for (const [args, said] of REFUSED) {
  pureTest(`parseCommandLine() refuses ${JSON.stringify(args.join(" "))}`, () => {
    assertEquals(refusal(() => parseCommandLine(args, {})), { kind: "usage", ...said });
  });
}

pureTest("parseCommandLine() refuses what --hosts and --git-push refuse", () => {
  for (const [flag, value] of [["hosts", "a,,b"], ["hosts", ""], ["git-push", "origin"], ["git-push", ""]]) {
    const { kind, message } = refusal(() => parseCommandLine([`--${flag}`, value!], {}));
    assertEquals(kind, "usage");
    assertEquals(message.startsWith(`Cannot read --${flag} "${value}": `), true, message);
  }
});

pureTest("parseCommandLine() takes true and false behind a switch's =, and refuses all else", () => {
  assertEquals(parseCommandLine(["--git-commit=true", "--strict=false"], {}), asked({ gitCommit: true }));
  for (const value of ["no", "0", "off", ""]) {
    assertEquals(refusal(() => parseCommandLine([`--git-commit=${value}`], {})), {
      kind: "usage",
      message: `Cannot read --git-commit "${value}": expected true or false, or the option alone`,
    });
  }
});

pureTest("parseCommandLine() reads every --option NAME VALUE, in their order, with any value", () => {
  const nixOptions = [["cores", "4"], ["substituters", ""], ["cores", "5"], [
    "builders",
    "@/etc/a b",
  ]] as const;
  assertEquals(
    parseCommandLine(["--json", ...nixOptions.flatMap((option) => ["--option", ...option]), "-v"], {}),
    asked({ nixOptions }, { json: true, verbose: true }),
  );
  assertEquals(parseCommandLine(["--option", "x", "-1"], {}), asked({ nixOptions: [["x", "-1"]] }));
});

const BAD_OPTIONS: Record<string, string[][]> = {
  "without a name or without a value": [
    ["--option"],
    ["--option", "cores"],
    ["--option", "", "4"],
    ["--option", "--json", "4"],
    ["--option", "cores", "--json"],
  ],
  "with = behind it": [["--option=cores"], ["--option=cores=4"], ["--option="]],
};

for (const [claim, lines] of Object.entries(BAD_OPTIONS)) {
  pureTest(`parseCommandLine() refuses an --option ${claim}`, () => {
    for (const args of lines) {
      assertEquals(refusal(() => parseCommandLine(args, {})), {
        kind: "usage",
        message: "--option wants a name and a value, as in --option cores 4",
      });
    }
  });
}

pureTest("parseCommandLine() repeats what was given for --eval-workers when it is no number", () => {
  for (const workers of ["many", "-1", "1.5"]) {
    assertEquals(refusal(() => parseCommandLine([`--eval-workers=${workers}`], {})), {
      kind: "usage",
      message: `Cannot use --eval-workers ${workers}: expected a whole number above 0`,
    });
  }
});
