// The command lines of a release that are read. Those that are refused: errors_test.ts.

import { assertEquals } from "@std/assert";
import { RELEASE } from "../../src/commands/release.ts";
import { type Asked, asked, type Output, releaseAsked } from "../support/asked.ts";
import { pureTest, rejection } from "../support/pure.ts";
import type { ReleaseConfig } from "../../src/config.ts";

const OPTIONS = Object.entries(RELEASE.options);

const KEY = ["--sign-key=k"];

/** What a release with `--sign-key=k` and no other option asks for, with a difference. */
function withKey(config: Partial<ReleaseConfig> = {}, output: Output = {}): Asked {
  return releaseAsked({ signKey: "k", ...config }, output);
}

pureTest("the command release needs no name, and what is not given has its default", async () => {
  assertEquals(await asked(KEY), withKey());
  assertEquals(await asked([...KEY, "--"]), withKey());
  assertEquals(await asked(["release", ...KEY]), withKey());
  assertEquals(await asked(["release", ...KEY, "--"]), withKey());
});

/** What an option needs beside it, its value, and what they come out as. */
type Valued = [beside: string[], value: string, asked: Asked];

const DER: Partial<ReleaseConfig> = { signCmd: "x", signatureAlgorithm: "ecdsa-p256" };

/** For each option that has a value, a value and what it comes out as. */
const VALUES: Record<string, Valued> = {
  "hosts": [KEY, "web2,web1", withKey({ hosts: { kind: "explicit", hosts: ["web2", "web1"] } })],
  "build-flake": [
    KEY,
    "git+file:///srv/fleet?dir=nix",
    withKey({ buildFlake: "git+file:///srv/fleet?dir=nix" }),
  ],
  "fleet-resolved-attr": [KEY, ".#a.b", withKey({ fleetResolvedAttr: ".#a.b" })],
  "revocations-attr": [KEY, "fleet.revocations", withKey({ revocationsAttr: "fleet.revocations" })],
  "bootstrap-nonces-attr": [KEY, "fleet.nonces", withKey({ bootstrapNoncesAttr: "fleet.nonces" })],
  "pin-source-url": [KEY, "git+ssh://h/f?dir=nix", withKey({ pinSourceUrl: "git+ssh://h/f?dir=nix" })],
  "now": [KEY, "2026-06-01T12:00:00Z", withKey({ now: "2026-06-01T12:00:00Z" })],
  "sign-cmd": [[], "sign --key k=v", releaseAsked({ signCmd: "sign --key k=v" })],
  "push-cmd": [KEY, "nix copy --to x", withKey({ pushCmd: "nix copy --to x" })],
  "push-all-cmd": [KEY, "nix copy --stdin --to x", withKey({ pushAllCmd: "nix copy --stdin --to x" })],
  "push-jobs": [KEY, "9", withKey({ pushJobs: 9 })],
  "push-retries": [KEY, "0", withKey({ pushRetries: 0 })],
  "hook-env": [KEY, "A,B_1", withKey({ hookEnv: ["A", "B_1"] })],
  "sign-key": [[], "release.pem", releaseAsked({ signKey: "release.pem" })],
  "sign-agent": [[], "release.pub", releaseAsked({ signAgent: "release.pub" })],
  "signature-encoding": [
    ["--sign-cmd=x", "--signature-algorithm=ecdsa-p256"],
    "der",
    releaseAsked({ ...DER, signatureEncoding: "der" }),
  ],
  "trust-file": [KEY, "trust.json", withKey({ trustFile: "trust.json" })],
  "trust-attr": [KEY, "fleet.trust", withKey({ trustAttr: "fleet.trust" })],
  "public-key": [KEY, "ed25519:AAAA", withKey({ publicKey: "ed25519:AAAA" })],
  "signature-algorithm": [KEY, "ecdsa-p256", withKey({ signatureAlgorithm: "ecdsa-p256" })],
  "release-dir": [KEY, "out/release", withKey({ releaseDir: "out/release" })],
  "artifact-name": [KEY, "f.json", withKey({ artifactName: "f.json" })],
  "git-push": [
    KEY,
    "origin:main",
    withKey({ gitPush: { remote: "origin", branch: "main" }, gitCommit: true }),
  ],
  "git-push-retries": [KEY, "0", withKey({ gitPushRetries: 0 })],
  "git-timeout": [KEY, "5", withKey({ gitTimeout: 5 })],
  "commit-template": [
    KEY,
    "release {sha}\n\nat {ts}",
    withKey({ commitTemplate: "release {sha}\n\nat {ts}" }),
  ],
  "git-user-name": [KEY, "Release Bot", withKey({ gitUserName: "Release Bot" })],
  "git-user-email": [KEY, "bot@example.com", withKey({ gitUserEmail: "bot@example.com" })],
  "smoke-verify": [KEY, "false", withKey({ smokeVerify: false })],
  "builders": [
    KEY,
    "ssh://a x86_64-linux ; ssh://b",
    withKey({ builders: "ssh://a x86_64-linux ; ssh://b" }),
  ],
  "max-jobs": [KEY, "auto", withKey({ maxJobs: "auto" })],
  "eval-max-memory": [KEY, "2048", withKey({ evalMaxMemory: 2048 })],
  "eval-workers": [KEY, "4", withKey({ evalWorkers: 4 })],
  "sign-jobs": [KEY, "2", withKey({ signJobs: 2 })],
  "keep-releases": [KEY, "4", withKey({ keepReleases: 4 })],
  "eval-timeout": [KEY, "4", withKey({ evalTimeout: 4 })],
  "build-timeout": [KEY, "4", withKey({ buildTimeout: 4 })],
  "hook-timeout": [KEY, "4", withKey({ hookTimeout: 4 })],
  "wait-lock": [KEY, "4", withKey({ waitLock: 4 })],
  "report": [KEY, "out/run.html", withKey({}, { report: "out/run.html" })],
  "log-format": [KEY, "json", withKey({}, { format: "json" })],
};

const SWITCHES: Record<string, [beside: string[], asked: Asked]> = {
  "reuse-unchanged-signature": [KEY, withKey({ reuseUnchangedSignature: true })],
  "release-index": [KEY, withKey({ releaseIndex: true })],
  "push-changed": [KEY, withKey({ pushChanged: true })],
  "no-memo": [KEY, withKey({ noMemo: true })],
  "push-early": [KEY, withKey({ pushEarly: true })],
  "prune-sidecars": [KEY, withKey({ pruneSidecars: true })],
  "git-commit": [KEY, withKey({ gitCommit: true })],
  "git-hooks": [KEY, withKey({ gitHooks: true })],
  "git-sign": [KEY, withKey({ gitSign: true })],
  "allow-older": [KEY, withKey({ allowOlder: true })],
  "require-clean": [KEY, withKey({ requireClean: true })],
  "strict": [KEY, withKey({ strict: true })],
  "deny-warnings": [KEY, withKey({ denyWarnings: true })],
  "confirm": [KEY, withKey({ confirm: true })],
  "accept-flake-config": [KEY, withKey({ acceptFlakeConfig: true })],
  "no-accept-flake-config": [KEY, withKey({ noAcceptFlakeConfig: true })],
  "allow-previous-key": [
    [...KEY, "--trust-file=t"],
    withKey({ trustFile: "t", allowPreviousKey: true }),
  ],
  "json": [KEY, withKey({}, { json: true })],
  "verbose": [KEY, withKey({}, { verbose: true })],
  "help": [[], { kind: "help", of: "release" }],
  "version": [[], { kind: "version" }],
};

pureTest("this test knows every option, and whether it has a value", () => {
  const flags = (wanted: (kind: string) => boolean) =>
    OPTIONS.filter(([, { kind }]) => wanted(kind)).map(([flag]) => flag).sort();
  assertEquals(flags((kind) => kind !== "switch" && kind !== "pairs"), Object.keys(VALUES).sort());
  assertEquals(flags((kind) => kind === "switch"), Object.keys(SWITCHES).sort());
  assertEquals(flags((kind) => kind === "pairs"), ["option"]);
});

for (const [flag, [beside, value, expected]] of Object.entries(VALUES)) {
  pureTest(`--${flag} is read with its value behind it or behind =`, async () => {
    assertEquals(await asked([...beside, `--${flag}`, value]), expected);
    assertEquals(await asked([...beside, `--${flag}=${value}`]), expected);
    assertEquals(await asked(["release", `--${flag}`, value, ...beside]), expected);
  });

  pureTest(`a second --${flag} is refused`, async () => {
    assertEquals(await rejection(asked([...beside, `--${flag}=${value}`, `--${flag}`, value])), {
      kind: "usage",
      message: `--${flag} is given 2 times, expected once`,
    });
  });
}

for (const [flag, [beside, expected]] of Object.entries(SWITCHES)) {
  pureTest(`--${flag} is read, given once or twice`, async () => {
    assertEquals(await asked([...beside, `--${flag}`]), expected);
    assertEquals(await asked([`--${flag}`, ...beside, `--${flag}`]), expected);
  });
}

pureTest("a value with = in it is read to its end", async () => {
  assertEquals(
    await asked(["--sign-cmd=a=b=c", "--push-cmd", "x=y", "--commit-template==="]),
    releaseAsked({ signCmd: "a=b=c", pushCmd: "x=y", commitTemplate: "==" }),
  );
});

pureTest("a value that begins with a dash is read behind =", async () => {
  assertEquals(
    await asked(["--sign-cmd=--help", "--commit-template=-"]),
    releaseAsked({ signCmd: "--help", commitTemplate: "-" }),
  );
});

pureTest("no value is taken for a number or a truth", async () => {
  assertEquals(
    await asked(["--hosts", "5", "--max-jobs=007", "--sign-cmd", "true", "--release-dir", "1e3"]),
    releaseAsked({
      hosts: { kind: "explicit", hosts: ["5"] },
      maxJobs: "007",
      signCmd: "true",
      releaseDir: "1e3",
    }),
  );
});

pureTest("-v, -h and -V are read, also together", async () => {
  const short: [args: string[], asked: Asked][] = [
    [[...KEY, "-v"], withKey({}, { verbose: true })],
    [["-h"], { kind: "help", of: "release" }],
    [["-V"], { kind: "version" }],
    [["-vh"], { kind: "help", of: "release" }],
    [["-vV"], { kind: "version" }],
    [["-V", "-h"], { kind: "help", of: "release" }],
    [["-v", "--json", ...KEY], withKey({}, { verbose: true, json: true })],
  ];
  for (const [args, expected] of short) assertEquals(await asked(args), expected, args.join(" "));
});

pureTest("help and the version are given whatever known options are given", async () => {
  assertEquals(await asked(["--hosts", "a", "--hosts", "b", "--git-push", "x", "--help"]), {
    kind: "help",
    of: "release",
  });
  assertEquals(await asked(["--version", "--log-format", "xml"]), { kind: "version" });
  assertEquals((await rejection(asked(["--help", "--hots"]))).message, 'Unknown option "--hots"');
});

/** The variables of the contract. */
const FROM_ENV: Record<string, string> = {
  "push-cmd": "NIXFLEET_PUSH_CMD",
  "push-all-cmd": "NIXFLEET_PUSH_ALL_CMD",
  "sign-cmd": "NIXFLEET_SIGN_CMD",
  "signature-algorithm": "NIXFLEET_SIGNATURE_ALGORITHM",
  "git-user-name": "NIXFLEET_GIT_USER_NAME",
  "git-user-email": "NIXFLEET_GIT_USER_EMAIL",
};

pureTest("the environment variables are those of the contract", () => {
  assertEquals(
    Object.fromEntries(OPTIONS.flatMap(([flag, { env }]) => env === undefined ? [] : [[flag, env]])),
    FROM_ENV,
  );
});

for (const [flag, env] of Object.entries(FROM_ENV)) {
  const [beside, value, expected] = VALUES[flag]!;

  pureTest(`${env} is read when --${flag} is not given`, async () => {
    assertEquals(await asked(beside, { env: { [env]: value } }), expected);
    assertEquals(await asked([...beside, `--${flag}`, value], { env: { [env]: "other" } }), expected);
  });

  pureTest(`an empty ${env} is none`, async () => {
    assertEquals(await asked(KEY, { env: { [env]: "" } }), withKey());
    assertEquals(await asked([...beside, `--${flag}`, value], { env: { [env]: "" } }), expected);
  });
}

pureTest(
  "no command is taken from NIXFLEET_SIGN_CMD by a run that is told to sign in another way",
  async () => {
    const layers = { env: { NIXFLEET_SIGN_CMD: "sign" } };
    assertEquals(await asked(["--sign-key", "k"], layers), releaseAsked({ signKey: "k" }));
    assertEquals(await asked(["--sign-agent", "k.pub"], layers), releaseAsked({ signAgent: "k.pub" }));
    assertEquals(await rejection(asked(["--sign-cmd=x", "--sign-key=k"], layers)), {
      kind: "usage",
      message: "Two ways to sign: --sign-cmd and --sign-key",
      hint: "give one of them",
    });
  },
);

pureTest("the names of --hook-env are read without the blanks around them", async () => {
  assertEquals(await asked([...KEY, "--hook-env", " A,\tB_1 "]), withKey({ hookEnv: ["A", "B_1"] }));
});

pureTest("no other variable is read", async () => {
  const env = Object.fromEntries(
    OPTIONS.flatMap(([flag, { env }]) => {
      const name = flag.toUpperCase().replaceAll("-", "_");
      return [`NIXFLEET_${name}`, name].filter((variable) => variable !== env);
    }).map((variable) => [variable, "x"]),
  );
  assertEquals(await asked(KEY, { env }), withKey());
});

pureTest("an empty --sign-cmd is no way to sign, whatever NIXFLEET_SIGN_CMD says", async () => {
  for (const args of [["--sign-cmd="], ["--sign-cmd", ""], ["--sign-cmd"]]) {
    const { kind, message } = await rejection(asked(args, { env: { NIXFLEET_SIGN_CMD: "sign" } }));
    assertEquals([kind, message], ["usage", "No way to sign: --sign-cmd is empty"]);
  }
});

pureTest("an empty text that none is as safe as is not given, and its variable counts", async () => {
  const flags = [
    ...["pin-source-url", "now", "push-cmd", "hook-env", "git-user-name", "git-user-email"],
    ...["max-jobs", "eval-workers", "eval-timeout", "build-timeout", "hook-timeout", "wait-lock"],
  ];
  assertEquals(await asked([...KEY, ...flags.flatMap((flag) => [`--${flag}`, ""])]), withKey());
  assertEquals(await asked([...KEY, ...flags.map((flag) => `--${flag}=`)]), withKey());
  const env = { NIXFLEET_PUSH_CMD: "push" };
  assertEquals(await asked([...KEY, "--push-cmd", ""], { env }), withKey({ pushCmd: "push" }));
});

pureTest("--log-format text is pretty, as the reference calls it", async () => {
  assertEquals(await asked([...KEY, "--log-format", "text"]), withKey());
});

pureTest("empty --builders are no builders", async () => {
  assertEquals(await asked([...KEY, "--builders", ""]), withKey({ builders: "" }));
});

pureTest("true and false are taken behind a switch's =", async () => {
  assertEquals(await asked([...KEY, "--git-commit=true", "--strict=false"]), withKey({ gitCommit: true }));
  // Not given, it is git's configuration that decides.
  assertEquals(await asked([...KEY, "--git-sign=false"]), withKey({ gitSign: false }));
});

pureTest("every --option NAME VALUE is read, in their order, with any value", async () => {
  const nixOptions: [string, string][] = [
    ["cores", "4"],
    ["substituters", ""],
    ["cores", "5"],
    ["builders", "@/etc/a b"],
  ];
  assertEquals(
    await asked([...KEY, "--json", ...nixOptions.flatMap((option) => ["--option", ...option]), "-v"]),
    withKey({ nixOptions }, { json: true, verbose: true }),
  );
  assertEquals(await asked([...KEY, "--option", "x", "-1"]), withKey({ nixOptions: [["x", "-1"]] }));
});
