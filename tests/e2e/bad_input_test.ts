import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { which } from "../support/command.ts";
import { type Draft, FLAKE, type FleetOptions, TestFleet } from "../support/fleet.ts";
import { type Attempt, expectRefused, type Refusal, writeEarlierRelease } from "../support/refusal.ts";

/** Something that the program refuses: how the sample fleet or the command line differs, and what is said. */
interface Case {
  /** What is refused, for the test's name. */
  of: string;
  fleet?: FleetOptions;
  /** Changes the fleet on disk, and gives what the program is to be run with. */
  prepare?: (fleet: TestFleet) => Promise<Attempt | void>;
  attempt?: Attempt;
  refusal: Refusal;
}

/** Runs each case on a fleet that was never released, and again once there is a release from before. */
function testRefusals(cases: readonly Case[]): void {
  for (const { of, fleet: options, prepare, attempt, refusal } of cases) {
    Deno.test(`the program refuses ${of}, and writes nothing`, async () => {
      await using fleet = await TestFleet.create(options);
      const whole = { ...attempt, ...await prepare?.(fleet) };
      await expectRefused(fleet, whole, refusal);
      await writeEarlierRelease(fleet);
      await expectRefused(fleet, whole, refusal);
    });
  }
}

const SEE_HELP = "fleet-release --help lists the options";
const NAMES_WITH_COMMAS = 'give names with commas between them, or "auto" for all hosts of the flake';
const PUSH_TARGET = 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"';
const KNOWN_HOSTS = 'known hosts: "db", "web1", "web2"';

testRefusals([
  {
    of: "a run without anything to sign with",
    attempt: { onlyArgs: ["--git-commit"] },
    refusal: {
      message: "No way to sign: none of --sign-key, --sign-agent and --sign-cmd is given",
      hint: "`fleet-release keygen FILE` makes a key for --sign-key FILE; a --sign-cmd COMMAND, also from " +
        "NIXFLEET_SIGN_CMD, signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes",
    },
  },
  {
    of: "an unknown flag, and names the nearest one",
    attempt: { args: ["--revocation-attr", "fleet.revocations"] },
    refusal: { message: 'Unknown option "--revocation-attr"', hint: "did you mean --revocations-attr?" },
  },
  {
    of: "an unknown flag that is near to none",
    attempt: { args: ["--frobnicate=yes"] },
    refusal: { message: 'Unknown option "--frobnicate"', hint: SEE_HELP },
  },
  {
    of: "a command that there is not",
    attempt: { args: ["publish"] },
    refusal: {
      message: 'Unknown argument "publish"',
      hint: `a command comes first, and release takes options alone; ${SEE_HELP}`,
    },
  },
  {
    of: "the algorithm rsa",
    attempt: { args: ["--signature-algorithm", "rsa"] },
    refusal: { message: 'Unknown signature algorithm "rsa": expected ed25519 or ecdsa-p256' },
  },
  {
    of: "an algorithm of the environment that is nearly a known one",
    attempt: { env: { NIXFLEET_SIGNATURE_ALGORITHM: "ecdsa-p265" } },
    refusal: {
      message: 'Unknown signature algorithm "ecdsa-p265": expected ed25519 or ecdsa-p256',
      hint: 'did you mean "ecdsa-p256"?',
    },
  },
  {
    of: "--git-push without a colon",
    attempt: { args: ["--git-push", "origin"] },
    refusal: { message: 'Cannot read --git-push "origin": there is no colon in it', hint: PUSH_TARGET },
  },
  {
    of: "--git-push without a remote",
    attempt: { args: ["--git-push", ":main"] },
    refusal: { message: 'Cannot read --git-push ":main": the remote is empty', hint: PUSH_TARGET },
  },
  {
    of: "--git-push without a branch",
    attempt: { args: ["--git-push", "origin:"] },
    refusal: { message: 'Cannot read --git-push "origin:": the branch is empty', hint: PUSH_TARGET },
  },
  {
    of: "--git-push with what is no branch name",
    attempt: { args: ["--git-push", "origin:a b"] },
    refusal: { message: 'Cannot read --git-push "origin:a b": "a b" is no branch name', hint: PUSH_TARGET },
  },
  {
    of: "an option that is given twice",
    attempt: { args: ["--now", "2026-06-01T12:00:00Z", "--now", "2026-06-01T12:00:00Z"] },
    refusal: { message: "--now is given 2 times, expected once" },
  },
  {
    of: "a signing time without an offset",
    attempt: { args: ["--now", "2026-06-01T12:00:00"] },
    refusal: {
      message:
        'Cannot read --now "2026-06-01T12:00:00": expected an RFC 3339 time such as "2026-06-01T12:00:00Z"',
    },
  },
  {
    of: "a --smoke-verify that is neither true nor false",
    attempt: { args: ["--smoke-verify", "off"] },
    refusal: { message: 'Cannot read --smoke-verify "off": expected true or false' },
  },
  {
    of: "an attribute of another flake",
    attempt: { args: ["--fleet-resolved-attr", "github:org/fleet#fleet"] },
    refusal: {
      message:
        'Cannot read --fleet-resolved-attr "github:org/fleet#fleet": expected an attribute path of the flake',
      hint: 'as in "fleet.resolved" or ".#fleet.resolved"; the flake itself is given by --build-flake',
    },
  },
  ...([
    ["a/b.json", "is not a plain file name"],
    ["..", "is not a plain file name"],
    ["../fleet.json", "is not a plain file name"],
    ["revocations.json", "is the name of a sidecar"],
    ["bootstrap-nonces.json", "is the name of a sidecar"],
    ["rollouts", "is the name of the directory of the rollout manifests"],
    ["fleet.sig", "ends as a signature's name does"],
    [".fleet.json", "starts with a dot, as the program's own temporary files do"],
  ] as const).map(([name, problem]): Case => ({
    of: `the artifact name "${name}"`,
    attempt: { args: ["--artifact-name", name] },
    refusal: {
      message: `Cannot use --artifact-name "${name}": it ${problem}`,
      hint: 'give a file name such as "fleet.resolved.json"',
    },
  })),
]);

testRefusals([
  {
    of: "--hosts= with nothing behind it",
    attempt: { args: ["--hosts="] },
    refusal: { message: 'Cannot read --hosts "": there is an empty name in it', hint: NAMES_WITH_COMMAS },
  },
  {
    of: "an empty text behind --hosts",
    attempt: { args: ["--hosts", ""] },
    refusal: { message: 'Cannot read --hosts "": there is an empty name in it', hint: NAMES_WITH_COMMAS },
  },
  {
    of: "an empty name in --hosts",
    attempt: { args: ["--hosts", "web1,,db"] },
    refusal: {
      message: 'Cannot read --hosts "web1,,db": there is an empty name in it',
      hint: NAMES_WITH_COMMAS,
    },
  },
  {
    of: "a host that --hosts names twice",
    attempt: { args: ["--hosts", "db,web1,db"] },
    refusal: { message: 'Cannot read --hosts "db,web1,db": it names "db" twice' },
  },
  {
    of: "an unknown host, and names the nearest one",
    attempt: { args: ["--hosts", "web1,wbe2"] },
    refusal: {
      message: 'The flake has no host "wbe2", which --hosts names',
      hint: `did you mean "web2"? ${KNOWN_HOSTS}`,
    },
  },
  {
    of: "an unknown name in auto:exclude=",
    attempt: { args: ["--hosts", "auto:exclude=database"] },
    refusal: { message: 'The flake has no host "database", which --hosts excludes', hint: KNOWN_HOSTS },
  },
  ...["auto", "web1,db"].map((spec): Case => ({
    of: `a host in both attribute sets under --hosts ${spec}`,
    fleet: { darwin: ["db"] },
    attempt: { args: ["--hosts", spec] },
    refusal: {
      message: 'Host "db" is in both nixosConfigurations and darwinConfigurations',
      hint: "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME",
    },
  })),
  ...[
    { fleet: { nixos: [] }, of: "a flake without hosts" },
    { attempt: { args: ["--hosts", "auto:exclude=web1,web2,db"] }, of: "a run that excludes every host" },
  ].map((rest): Case => ({
    ...rest,
    refusal: {
      message: "No hosts to release",
      hint:
        "the flake must have nixosConfigurations or darwinConfigurations with a host that is not excluded",
    },
  })),
]);

/** The flake of the sample fleet, with one piece of its code replaced. */
function flakeWith(piece: string, replacement: string): FleetOptions {
  assertEquals(FLAKE.split(piece).length, 2, `the flake has to have "${piece}" once`);
  return { files: { "flake.nix": FLAKE.replace(piece, () => replacement) } };
}

/** The sample fleet with another builder's script for each host; \${name} is the host's name. */
function builtBy(script: string): FleetOptions {
  return flakeWith(`"echo '\${hosts.content.\${name} or "one"}' > $out"`, script);
}

const CANNOT_EVALUATE = 'Cannot evaluate the fleet of "git+file://ROOT/fleet?rev=COMMIT": nix exited with 1';

testRefusals([
  {
    of: "a flake that is not there",
    attempt: { args: ["--build-flake", "../elsewhere"] },
    refusal: { message: 'Cannot read the flake "../elsewhere": nix exited with 1', including: ["elsewhere"] },
  },
  {
    of: "a flake with a syntax error",
    fleet: { files: { "flake.nix": "{ outputs = _: {" } },
    refusal: { message: 'Cannot read the flake ".": nix exited with 1', including: ["syntax error"] },
  },
  // The reference takes any failure with these words for an attribute set that is not there, and loses its hosts.
  ...["nixosConfigurations", "darwinConfigurations"].map((set): Case => ({
    of: `a flake whose ${set} throw a message with "has no attribute" in it`,
    fleet: flakeWith(
      `${set} = configurations`,
      `${set} = throw "the flake has no attribute '${set}'" configurations`,
    ),
    refusal: { message: CANNOT_EVALUATE, including: [`error: the flake has no attribute '${set}'`] },
  })),
  {
    of: 'a flake whose fleet throws a message with "has no attribute" in it',
    fleet: flakeWith("resolved = read", "resolved = throw \"it has no attribute 'fleet.resolved'\" read"),
    refusal: { message: CANNOT_EVALUATE, including: ["error: it has no attribute 'fleet.resolved'"] },
  },
  {
    of: 'a flake of which two hosts fail with "has no attribute", and tells the error of each',
    fleet: builtBy(`(
      if name == "web2" then throw "has no attribute 'toplevel'"
      else if name == "db" then {}.nothing
      else "echo > $out"
    )`),
    refusal: {
      message: 'Cannot evaluate 2 hosts: "db", "web2"',
      including: ['host "db":', "attribute 'nothing' missing", 'host "web2":', "has no attribute 'toplevel'"],
    },
  },
  ...([
    ["--fleet-resolved-attr", "fleet.nothing", []],
    ["--fleet-resolved-attr", ".#nothing.resolved", []],
    ["--revocations-attr", "fleet.revoked", []],
    ["--bootstrap-nonces-attr", ".#fleet.nonces", []],
  ] as const).map(([option, attribute]): Case => ({
    of: `a flake without the attribute that ${option} ${attribute} names`,
    attempt: { args: [option, attribute] },
    refusal: {
      message: `The flake has no attribute "${attribute}", which ${option} names`,
      at: attribute,
      hint: `add it to the flake's outputs, or give another ${option}`,
    },
  })),
  {
    of: "a flake without the fleet's attribute",
    fleet: flakeWith("resolved = read", "unresolved = read"),
    refusal: {
      message: 'The flake has no attribute ".#fleet.resolved", which --fleet-resolved-attr names',
      at: ".#fleet.resolved",
      hint: "add it to the flake's outputs, or give another --fleet-resolved-attr",
    },
  },
  {
    of: "a fleet that is null",
    fleet: { files: { "fleet.json": "null" } },
    refusal: {
      message: 'The flake has no attribute ".#fleet.resolved", which --fleet-resolved-attr names: it is null',
      at: ".#fleet.resolved",
      hint: "add it to the flake's outputs, or give another --fleet-resolved-attr",
    },
  },
]);

const INTEGER = "an integer from 0 to 4294967295";
const TIME = 'an RFC 3339 time such as "2026-06-01T12:00:00Z"';
const TIME_HINT =
  "write a full date, a full time with seconds, at most 9 digits of fraction, and Z or an offset " +
  "such as +02:00";

/** A fleet that is refused while it is read: where, and what is said of that place. */
function badFleet(
  of: string,
  edit: (fleet: Draft) => void,
  at: string,
  problem: string,
  more: Partial<Refusal> = {},
): Case {
  return {
    of: `a fleet with ${of}`,
    fleet: { edit },
    refusal: { message: `Cannot read the fleet: "${at}" ${problem}`, at, ...more },
  };
}

testRefusals([
  badFleet(
    "a text for a list",
    (fleet) => fleet.hosts.web1.tags = "web",
    "hosts.web1.tags",
    'is "web", expected a list',
  ),
  badFleet("a list for an object", (fleet) => fleet.hosts = [], "hosts", "is a list, expected an object"),
  badFleet(
    "a number for a text",
    (fleet) => fleet.hosts.db.channel = 7,
    "hosts.db.channel",
    "is 7, expected a string",
  ),
  badFleet(
    "a text for a number",
    (fleet) => fleet.waves.stable[1].soakMinutes = "30",
    "waves.stable.1.soakMinutes",
    `is "30", expected ${INTEGER}`,
  ),
  {
    of: "a fleet that is a list",
    fleet: { files: { "fleet.json": "[]" } },
    refusal: { message: "Cannot read the fleet: it is a list, expected an object", at: "fleet" },
  },
  badFleet("no waves", (fleet) => delete fleet.waves, "waves", "is missing"),
  badFleet(
    "a channel without a freshness window",
    (fleet) => delete fleet.channels.stable.freshnessWindow,
    "channels.stable.freshnessWindow",
    "is missing",
  ),
  ...[1.5, 4294967296, -1].map((value) =>
    badFleet(
      `the integer ${value}`,
      (fleet) => fleet.channels.stable.freshnessWindow = value,
      "channels.stable.freshnessWindow",
      `is ${value}, expected ${INTEGER}`,
    )
  ),
  ...["2026-02-30T00:00:00Z", "2026-06-01T12:00:00", "tomorrow"].map((expiresAt) =>
    badFleet(
      `a pin that expires at ${expiresAt}`,
      (fleet) => fleet.hosts.db.pin = { commit: "v1", reason: "audit", expiresAt },
      "hosts.db.pin.expiresAt",
      `is "${expiresAt}", expected ${TIME}`,
      { hint: TIME_HINT },
    )
  ),
  badFleet(
    "schema version 2",
    (fleet) => fleet.schemaVersion = 2,
    "schemaVersion",
    "is 2, expected 1, the only schema version that this program knows",
  ),
  badFleet(
    "an unknown reaction to a failure",
    (fleet) => fleet.rolloutPolicies.all.onHealthFailure = "stop",
    "rolloutPolicies.all.onHealthFailure",
    'is "stop", expected "halt" or "rollback-and-halt"',
  ),
  badFleet(
    "several faults, and lists them",
    (fleet) => Object.assign(fleet.hosts, { "web.example.com": { system: 1, channel: "edge" } }),
    'hosts."web.example.com".system',
    "is 1, expected a string",
    { lines: ['also: "hosts."web.example.com".tags" is missing'] },
  ),
  {
    of: "a fleet with a channel whose policy is missing",
    fleet: { edit: (fleet) => delete fleet["rolloutPolicies"].all },
    refusal: {
      message: 'Channel "edge" names the rollout policy "all", which the fleet does not have',
      at: "channels.edge.rolloutPolicy",
      hint: "add rolloutPolicies.all, or name a policy that is there",
    },
  },
  {
    of: "a revocation with a bad time",
    fleet: { files: { "revocations.json": JSON.stringify([{ hostname: "db", notBefore: "2026-06-01" }]) } },
    attempt: { args: ["--revocations-attr", "fleet.revocations"] },
    refusal: {
      message: `Cannot read the revocations: "revocations.0.notBefore" is "2026-06-01", expected ${TIME}`,
      at: "revocations.0.notBefore",
      hint: TIME_HINT,
    },
  },
  {
    of: "bootstrap nonces that are no list",
    fleet: { files: { "bootstrap-nonces.json": "{}" } },
    attempt: { args: ["--bootstrap-nonces-attr", "fleet.bootstrapNonces"] },
    refusal: {
      message: 'Cannot read the bootstrap nonces: "bootstrapNonces" is an object, expected a list',
      at: "bootstrapNonces",
    },
  },
  ...["and", "not"].map((key): Case => ({
    of: `a disruption budget that chooses hosts by "${key}" under --strict`,
    fleet: {
      edit: (fleet) =>
        fleet.disruptionBudgets = [
          { selector: { all: true }, maxInFlight: 1 },
          { selector: { tags: ["web"], [key]: [{ tags: ["db"] }] }, maxInFlight: 1 },
        ],
    },
    attempt: { args: ["--strict"] },
    refusal: {
      message:
        `Disruption budget 1 chooses hosts by "${key}", which consumers cannot understand: it protects ` +
        "other hosts than its author meant",
      at: `disruptionBudgets.1.selector.${key}`,
      hint: "choose the hosts by tags, tagsAny, hosts, channel or all, or leave out --strict",
    },
  })),
]);

const OTHER_COMMIT = "0123456789abcdef0123456789abcdef01234567";

testRefusals([
  {
    of: "pins to another commit without --pin-source-url, and lists their hosts",
    fleet: {
      edit: ({ hosts }) => {
        for (const name of ["web2", "db"]) hosts[name].pin = { commit: OTHER_COMMIT, reason: "audit" };
      },
    },
    refusal: {
      message:
        'No source for pinned hosts: --pin-source-url is missing, and "db", "web2" are pinned to another commit',
      at: "hosts.db.pin",
      hint:
        "give --pin-source-url with a flake reference of the fleet's repository, such as git+ssh://host/fleet",
    },
  },
  {
    of: "a pin to a name that is no commit",
    fleet: { edit: ({ hosts }) => hosts.db.pin = { commit: "v9", reason: "audit" } },
    attempt: { args: ["--pin-source-url", "git+file:///nowhere"] },
    refusal: {
      message: 'Cannot resolve the pin of host "db": "v9" names no commit',
      at: "hosts.db.pin.commit",
      hint: "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
    },
  },
  {
    of: "builds that fail, and tells which and the last lines of each log",
    fleet: builtBy(`(
      if name == "db" then "echo > $out"
      else "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do echo \${name} line $i; done; exit 4"
    )`),
    refusal: {
      message: 'Cannot build host "web1", "web2": nix-store exited with 100',
      lines: ["web1", "web2"].flatMap((name) => [
        `host "${name}": STORE/nixos-system-${name}-26.05.drv`,
        ...Array.from({ length: 15 }, (_, index) => `  | ${name} line ${index + 3}`),
      ]),
    },
  },
  {
    of: "--git-commit of a flake outside git",
    fleet: { git: false },
    refusal: {
      message: 'Cannot commit the release: "." is not in a local git repository',
      hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
    },
  },
]);

/** A release directory that cannot be committed to: made by `make`, and named by `--release-dir`. */
function badReleaseDir(of: string, dir: string, make: (fleet: TestFleet) => Promise<unknown>): Case {
  return {
    of: `to commit a release directory that is ${of}`,
    prepare: async (fleet) => void await make(fleet),
    attempt: { args: ["--release-dir", dir] },
    refusal: {
      message: `Cannot commit "${dir}": it is outside the repository of the flake`,
      hint: "give a --release-dir within ROOT/fleet, or leave out --git-commit and --git-push",
    },
  };
}

testRefusals([
  badReleaseDir("beside the repository", "../out", () => Promise.resolve()),
  badReleaseDir("a link out of the repository", "out", async ({ root, dir }) => {
    await ensureDir(join(root, "out"));
    await Deno.symlink("../out", join(dir, "out"));
  }),
  badReleaseDir("in a repository of its own", "out/releases", (fleet) => fleet.git("init", "-q", "out")),
  ...([
    [".gitignore", "releases/\n", "releases/fleet.resolved.json"],
    [".gitignore", "*.sig\n", "releases/fleet.resolved.json.sig"],
    [".git/info/exclude", "rollouts\n", "releases/rollouts/manifest.json"],
  ] as const).map(([file, rule, ignored]): Case => ({
    of: `to commit what ${file} ignores by ${rule.trim()}`,
    prepare: async (fleet) => {
      await fleet.write({ [file]: rule });
      await fleet.commit("ignore");
    },
    refusal: {
      message: `Cannot commit "releases": git ignores "${ignored}"`,
      hint: "take it out of .gitignore, or give another --release-dir",
    },
  })),
]);

const PROGRAMS = ["nix", "nix-store", "git", "sh"];
const INSTALL_NIX = "install Nix (https://nixos.org/download), or add its bin directory to PATH";

testRefusals(([
  ["nix", "on PATH", INSTALL_NIX],
  ["nix-store", 'beside "ROOT/bin/nix"', INSTALL_NIX],
  ["git", "on PATH", "install git, or add the directory that it is in to PATH"],
  ["sh", "on PATH", "install sh, or add the directory that it is in to PATH"],
] as const).map(([missing, where, hint]): Case => ({
  of: `to run without ${missing}`,
  prepare: async ({ root }) => {
    const bin = join(root, "bin");
    await ensureDir(bin);
    for (const program of PROGRAMS.filter((program) => program !== missing)) {
      await Deno.symlink(which(program), join(bin, program));
    }
    return { env: { PATH: bin } };
  },
  refusal: { message: `Cannot find "${missing}" ${where}`, hint },
})));
