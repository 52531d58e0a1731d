// The command lines of verify, keygen, pubkey, canonicalize and help. Those of a release: release_line_test.ts.

import { assertEquals } from "@std/assert";
import { nameIn, readCommandLine } from "../../src/cli/command_line.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { defaultConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import type { DiffSettings } from "../../src/commands/diff.ts";
import type { LogSettings } from "../../src/commands/log.ts";
import type { StatusSettings } from "../../src/commands/status.ts";
import type { VerifySettings } from "../../src/commands/verify.ts";
import { ALL, type Asked, asked } from "../support/asked.ts";
import { pureTest } from "../support/pure.ts";

const ID = "0123456789abcdef".repeat(4);

/** What `verify --trust-file t` asks for, with a difference. */
function verify(difference: Partial<VerifySettings> = {}): Asked {
  return {
    command: "verify",
    settings: {
      subject: { kind: "directory", dir: "releases", git: undefined },
      trustFile: "t",
      artifactName: "fleet.resolved.json",
      now: undefined,
      freshnessWindowSeconds: undefined,
      requireIndex: false,
      json: false,
      ...difference,
    },
  };
}

/** A pruning that differs in this from one that is told nothing. */
const prune = (difference: Record<string, unknown> = {}): Asked => ({
  command: "prune",
  settings: {
    dir: "releases",
    trustFile: undefined,
    artifactName: "fleet.resolved.json",
    keepReleases: 10,
    pruneSidecars: false,
    waitLock: undefined,
    dryRun: false,
    json: false,
    ...difference,
  },
});

/** What `status --trust-file t` asks for, with a difference. */
const status = (difference: Partial<StatusSettings> = {}): Asked => ({
  command: "status",
  settings: {
    place: { dir: "releases", git: undefined },
    trustFile: "t",
    publicKey: undefined,
    artifactName: "fleet.resolved.json",
    now: undefined,
    json: false,
    ...difference,
  },
});

/** What `log` asks for, with a difference. */
const log = (difference: Partial<LogSettings> = {}): Asked => ({
  command: "log",
  settings: {
    dir: "releases",
    revision: "HEAD",
    trustFile: undefined,
    publicKey: undefined,
    artifactName: "fleet.resolved.json",
    limit: 20,
    withChanges: false,
    json: false,
    ...difference,
  },
});

/** What `diff v1` asks for, with a difference. */
const diff = (difference: Partial<DiffSettings> = {}): Asked => ({
  command: "diff",
  settings: {
    before: { name: "v1", dir: "releases", git: "v1" },
    after: { name: "releases", dir: "releases", git: undefined },
    trustFile: undefined,
    publicKey: undefined,
    artifactName: "fleet.resolved.json",
    exitCode: false,
    json: false,
    ...difference,
  },
});

const keygen = (file: string, format = "fragment", algorithm = "ed25519"): Asked => ({
  command: "keygen",
  settings: { file, format, algorithm },
});

const pubkey = (file: string, format = "fragment"): Asked => ({
  command: "pubkey",
  settings: { file, format },
});

const TRUST = "--trust-file=t";

const READ: [args: string[], asked: Asked][] = [
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
  [
    ["verify", "f.json", TRUST],
    verify({
      subject: { kind: "directory", dir: ".", git: undefined, fleet: "f.json" },
      artifactName: "f.json",
    }),
  ],
  [
    ["verify", TRUST, "a/f.json.sig", "--git=v1", "--artifact-name=f.json"],
    verify({
      subject: { kind: "directory", dir: "a", git: "v1", fleet: "f.json" },
      artifactName: "f.json",
    }),
  ],
  [
    ["verify", "out.json/", TRUST],
    verify({ subject: { kind: "directory", dir: "out.json/", git: undefined } }),
  ],
  [
    ["verify", TRUST, "a/revocations.json"],
    verify({
      subject: {
        kind: "artifact",
        file: "a/revocations.json",
        signature: "a/revocations.json.sig",
        document: "revocations",
      },
    }),
  ],
  [
    ["verify", TRUST, "f.json", "--signature=s"],
    verify({ subject: { kind: "artifact", file: "f.json", signature: "s", document: "fleet" } }),
  ],
  [
    ["verify", TRUST, "f.json", "--kind=revocations"],
    verify({
      subject: { kind: "artifact", file: "f.json", signature: "f.json.sig", document: "revocations" },
    }),
  ],
  [
    ["verify", TRUST, `a/${ID}.json`],
    verify({
      subject: {
        kind: "rollout-manifest",
        file: `a/${ID}.json`,
        signature: `a/${ID}.json.sig`,
        rolloutId: ID,
      },
    }),
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
    verify({ subject: { kind: "artifact", file: "f.json", signature: "f.json.sig", document: "fleet" } }),
  ],
  [
    ["verify", TRUST, "artifact", "f.json", "--signature", "s"],
    verify({ subject: { kind: "artifact", file: "f.json", signature: "s", document: "fleet" } }),
  ],
  ...(["revocations", "bootstrap-nonces", "release-index"] as const).map((document): [string[], Asked] => [
    ["verify", "artifact", `out/${document}.json`, "--signature=s", TRUST],
    verify({ subject: { kind: "artifact", file: `out/${document}.json`, signature: "s", document } }),
  ]),
  [
    ["verify", "artifact", "revocations.json", "--kind", "fleet", "--signature=s", TRUST],
    verify({ subject: { kind: "artifact", file: "revocations.json", signature: "s", document: "fleet" } }),
  ],
  [["verify", TRUST, "--require-index"], verify({ requireIndex: true })],
  [
    ["verify", "rollout-manifest", "m", "--rollout-id", ID, TRUST, "--signature=s", "--json"],
    verify({ subject: { kind: "rollout-manifest", file: "m", signature: "s", rolloutId: ID }, json: true }),
  ],
  [
    ["verify", TRUST, `--rollout-id=${ID}`, "--", "rollout-manifest", "m"],
    verify({ subject: { kind: "rollout-manifest", file: "m", signature: "m.sig", rolloutId: ID } }),
  ],
  [["status", TRUST], status()],
  [["status", "out", TRUST, "--git", "v1"], status({ place: { dir: "out", git: "v1" } })],
  [["status", "--public-key=ed25519:x"], status({ trustFile: undefined, publicKey: "ed25519:x" })],
  [["status", TRUST, "--artifact-name=f.json", "--json"], status({ artifactName: "f.json", json: true })],
  [["status", TRUST, "--now", "2026-06-01T14:00:00+02:00"], status({ now: "2026-06-01T12:00:00Z" })],
  [["log"], log()],
  [["log", "out", "--git", "v1"], log({ dir: "out", revision: "v1" })],
  [["log", TRUST, "--artifact-name=f.json"], log({ trustFile: "t", artifactName: "f.json" })],
  [["log", "--public-key=ed25519:x", "--json"], log({ publicKey: "ed25519:x", json: true })],
  [["log", "-n5", "-p"], log({ limit: 5, withChanges: true })],
  [["log", "--limit=0", "--changes"], log({ limit: undefined, withChanges: true })],
  [["diff", "v1"], diff()],
  [
    ["diff", "v1", "origin/main"],
    diff({ after: { name: "origin/main", dir: "releases", git: "origin/main" } }),
  ],
  ...["./a", "../a", "/a", "a/", ".", ".."].map((dir): [string[], Asked] => [
    ["diff", "v1", dir],
    diff({ after: { name: dir, dir, git: undefined } }),
  ]),
  [
    ["diff", "v1", "--release-dir=out", "--artifact-name=f.json"],
    diff({
      before: { name: "v1", dir: "out", git: "v1" },
      after: { name: "out", dir: "out", git: undefined },
      artifactName: "f.json",
    }),
  ],
  [["diff", "v1", TRUST, "--exit-code"], diff({ trustFile: "t", exitCode: true })],
  [["diff", "v1", "--public-key=ed25519:x", "--json"], diff({ publicKey: "ed25519:x", json: true })],
  [["prune"], prune()],
  [["prune", "out", "--dry-run"], prune({ dir: "out", dryRun: true })],
  [["prune", "--wait-lock", "4"], prune({ waitLock: 4 })],
  [["prune", "--json"], prune({ json: true })],
  [["prune", "--keep-releases=3", "--prune-sidecars"], prune({ keepReleases: 3, pruneSidecars: true })],
  [["prune", TRUST, "--artifact-name", "f.json"], prune({ trustFile: "t", artifactName: "f.json" })],
  [["keygen", "k"], keygen("k")],
  [
    ["keygen", "--algorithm", "ecdsa-p256", "k", "--format=trust-file"],
    keygen("k", "trust-file", "ecdsa-p256"),
  ],
  [["keygen", "5"], keygen("5")],
  [["keygen", "--", "-k"], keygen("-k")],
  [["pubkey", "k"], pubkey("k")],
  [["pubkey", "--format", "public-key", "k"], pubkey("k", "public-key")],
  [["pubkey", "release"], pubkey("release")],
  [["pubkey", "--json", "k"], pubkey("k", "json")],
  [["keygen", "k", "--json"], keygen("k", "json")],
  [["canonicalize"], { command: "canonicalize", settings: {} }],
  [["canonicalize", "--"], { command: "canonicalize", settings: {} }],
  ...["bash", "zsh", "fish"].map((shell): [string[], Asked] => [
    ["completions", shell],
    { command: "completions", settings: { shell } },
  ]),
  [["man"], { command: "man", settings: {} }],
];

for (const [args, expected] of READ) {
  pureTest(`${JSON.stringify(args.join(" "))} is read`, async () => {
    assertEquals(await asked(args), expected);
  });
}

/** A check that differs in this from one that is told nothing. */
const check = (config: Partial<ReleaseConfig>, difference: Record<string, unknown> = {}): Asked => ({
  command: "check",
  settings: {
    config: { ...defaultConfig(), ...config },
    format: "text",
    ...difference,
  },
  log: { format: "pretty", verbose: false },
});

const CHECKED: [args: string[], asked: Asked][] = [
  [[], check({})],
  [
    ["--build-flake=../x", "--fleet-resolved-attr=a", "--revocations-attr=b", "--bootstrap-nonces-attr=c"],
    check({
      ...{ buildFlake: "../x", fleetResolvedAttr: "a", revocationsAttr: "b", bootstrapNoncesAttr: "c" },
    }),
  ],
  [["--hosts=auto:exclude=iso"], check({ hosts: { kind: "auto", exclude: ["iso"] } })],
  [["--now=2026-06-01T14:00:00+02:00"], check({ now: "2026-06-01T12:00:00Z" })],
  [
    ["--deny-warnings", "--no-memo", "--eval-timeout=4"],
    check({ denyWarnings: true, noMemo: true, evalTimeout: 4 }),
  ],
  [["--option", "cores", "4"], check({ nixOptions: [["cores", "4"]] })],
  [["--accept-flake-config"], check({ acceptFlakeConfig: true })],
  [["--no-accept-flake-config"], check({ noAcceptFlakeConfig: true })],
  [["--json"], check({}, { format: "json" })],
  [["--json", "--format=json"], check({}, { format: "json" })],
  [["--format=sarif"], check({}, { format: "sarif" })],
  [["--annotations"], { ...check({}), log: { format: "pretty", verbose: false, forCi: true } } as Asked],
  [
    ["--annotations=false", "--log-format=json", "--verbose"],
    { ...check({}), log: { format: "json", verbose: true, forCi: false } } as Asked,
  ],
  [["--log-format=text"], check({})],
];

pureTest("these tests give every option of every command", () => {
  const given = new Set(
    [...READ.map(([args]) => args), ...CHECKED.map(([args]) => ["check", ...args])].flatMap((
      [command, ...args],
    ) => args.filter((arg) => arg.startsWith("--")).map((arg) => `${command} ${arg.split("=")[0]}`)),
  );
  for (const { name, options } of ALL) {
    // Those of a release, and of what takes most of these, are in tests of their own.
    if (["release", "plan", "doctor", "resign"].includes(name)) continue;
    const ungiven = Object.keys(options).filter((flag) => !given.has(`${name} --${flag}`));
    assertEquals(ungiven, ["help", "version"], name);
  }
});

for (const name of Object.keys(COMMANDS)) {
  pureTest(`the help of ${name}, and the version, are given whatever is missing or wrong`, async () => {
    const help = { kind: "help", of: name } as const;
    for (
      const args of [["help", name], [name, "--help"], [name, "-h"], [name, "-V", "-h"], [name, "-hh"]]
    ) {
      assertEquals(await asked(args), help);
    }
    for (const args of [[name, "--version"], [name, "-V"]]) {
      assertEquals(await asked(args), { kind: "version" });
    }
  });
}

pureTest("help alone is the help of the program", async () => {
  assertEquals(await asked(["help"]), { kind: "help", of: "release" });
  assertEquals(await asked(["verify", "--help", "--now", "x", "a", "b"]), { kind: "help", of: "verify" });
});

pureTest("every command has the name that it is listed by", () => {
  assertEquals(ALL.map(({ name }) => name), [
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
  ]);
  assertEquals(Object.keys(COMMANDS), ALL.map(({ name }) => name));
});

for (const [args, expected] of CHECKED) {
  pureTest(`check ${args.join(" ")} is read`, async () => {
    assertEquals(await asked(["check", ...args]), expected);
  });
}

pureTest("nameIn() is the command that comes first, or else release", () => {
  for (const name of Object.keys(COMMANDS)) assertEquals(nameIn(COMMANDS, [name, "x"]), name);
  const others = [[], ["--json"], ["--json", "verify"], ["help"], ["constructor"], [""], ["toString"], [
    "Verify",
  ]];
  for (const args of others) assertEquals(nameIn(COMMANDS, args), "release");
});

pureTest("no variable and no settings are read for a command that is about no release to come", async () => {
  const variables = ALL.flatMap(({ options }) => Object.values(options).flatMap(({ env }) => env ?? []));
  const env = Object.fromEntries(variables.map((variable) => [variable, "x"]));
  const settings = () => Promise.reject(new Error("the settings are not to be read"));
  for (const [args, expected] of READ) {
    const invocation = await readCommandLine(COMMANDS, args, { env, settings });
    if (invocation.kind !== "request") throw new Error(`Unexpected ${invocation.kind}`);
    const { command, request } = invocation;
    assertEquals<Asked>({ command: command.name, settings: request.settings }, expected);
  }
  assertEquals(ALL.filter(({ takesSettings }) => takesSettings).map(({ name }) => name), [
    "release",
    "plan",
    "doctor",
    "resign",
  ]);
});
