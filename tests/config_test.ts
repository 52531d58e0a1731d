import { assertEquals } from "@std/assert";
import { defaultConfig, validateConfig } from "../src/commands/release.ts";
import type { ReleaseConfig } from "../src/config.ts";
import { deepFreeze, pureTest, refusal } from "./support/pure.ts";

const DEFAULTS = defaultConfig();
const SIGN = { signCmd: "sign" };

pureTest("validateConfig() fills in the defaults of the contract", () => {
  assertEquals(validateConfig(SIGN), {
    signCmd: "sign",
    hosts: { kind: "auto", exclude: [] },
    buildFlake: ".",
    fleetResolvedAttr: ".#fleet.resolved",
    revocationsAttr: undefined,
    bootstrapNoncesAttr: undefined,
    pinSourceUrl: undefined,
    pushCmd: undefined,
    pushAllCmd: undefined,
    pushJobs: 4,
    pushRetries: 3,
    pushChanged: false,
    pushEarly: false,
    hookEnv: [],
    signJobs: 1,
    signKey: undefined,
    signAgent: undefined,
    signatureAlgorithm: undefined,
    signatureEncoding: "raw",
    trustFile: undefined,
    trustAttr: undefined,
    publicKey: undefined,
    allowPreviousKey: false,
    releaseDir: "releases",
    artifactName: "fleet.resolved.json",
    releaseIndex: false,
    keepReleases: 10,
    pruneSidecars: false,
    gitCommit: false,
    gitHooks: false,
    gitPushRetries: 5,
    gitTimeout: 60,
    gitSign: undefined,
    gitPush: undefined,
    commitTemplate: "chore(ci): release {sha:0:8} [skip ci]",
    gitUserName: undefined,
    gitUserEmail: undefined,
    smokeVerify: true,
    reuseUnchangedSignature: false,
    allowOlder: false,
    requireClean: false,
    strict: false,
    denyWarnings: false,
    confirm: false,
    now: undefined,
    nixOptions: [],
    acceptFlakeConfig: false,
    noAcceptFlakeConfig: false,
    noMemo: false,
    builders: undefined,
    maxJobs: undefined,
    evalWorkers: undefined,
    evalMaxMemory: undefined,
    evalTimeout: undefined,
    buildTimeout: undefined,
    hookTimeout: undefined,
    waitLock: undefined,
  });
});

pureTest("validateConfig() keeps every field that is given", () => {
  const config: ReleaseConfig = deepFreeze({
    signCmd: "sign",
    hosts: { kind: "explicit" as const, hosts: ["a"] },
    buildFlake: "git+file:///srv/fleet",
    fleetResolvedAttr: "a.b",
    revocationsAttr: "a.r",
    bootstrapNoncesAttr: "a.n",
    pinSourceUrl: "git+ssh://h/f",
    pushCmd: "push",
    pushAllCmd: undefined,
    pushJobs: 2,
    pushRetries: 0,
    pushChanged: true,
    pushEarly: true,
    hookEnv: ["TOKEN"],
    signJobs: 3,
    signKey: undefined,
    signAgent: undefined,
    signatureAlgorithm: "ecdsa-p256" as const,
    signatureEncoding: "der" as const,
    trustFile: "trust.json",
    trustAttr: undefined,
    publicKey: undefined,
    allowPreviousKey: true,
    releaseDir: "/srv/out",
    artifactName: "f.json",
    releaseIndex: true,
    keepReleases: 3,
    pruneSidecars: true,
    gitCommit: true,
    gitHooks: true,
    gitPushRetries: 0,
    gitTimeout: 9,
    gitSign: false,
    gitPush: { remote: "origin", branch: "main" },
    commitTemplate: "release",
    gitUserName: "bot",
    gitUserEmail: "bot@example.com",
    smokeVerify: false,
    reuseUnchangedSignature: true,
    allowOlder: true,
    requireClean: true,
    strict: true,
    denyWarnings: true,
    confirm: true,
    now: "2026-06-01T12:00:00Z",
    nixOptions: [["cores", "4"]] as const,
    acceptFlakeConfig: true,
    noAcceptFlakeConfig: false,
    noMemo: true,
    builders: "",
    maxJobs: "0",
    evalWorkers: 3,
    evalMaxMemory: 2048,
    evalTimeout: 5,
    buildTimeout: 6,
    hookTimeout: 7,
    waitLock: 8,
  });
  assertEquals(Object.keys(config).sort(), Object.keys(DEFAULTS).sort());
  assertEquals(validateConfig(config), config);
  assertEquals(validateConfig(validateConfig(config)), config);
});

pureTest("validateConfig() takes undefined for absent, and leaves its defaults as they are", () => {
  const nothing = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, undefined]));
  assertEquals(validateConfig({ ...nothing, ...SIGN }), { ...DEFAULTS, ...SIGN });
});

pureTest("validateConfig() commits what it is to push", () => {
  const gitPush = { remote: "origin", branch: "main" };
  assertEquals(validateConfig({ ...SIGN, gitPush }), { ...DEFAULTS, ...SIGN, gitPush, gitCommit: true });
  assertEquals(validateConfig({ ...SIGN, gitPush, gitCommit: false }).gitCommit, true);
  const { gitPush: full } = validateConfig({ ...SIGN, gitPush: { ...gitPush, branch: "refs/heads/main" } });
  assertEquals(full, gitPush);
  const { message } = refusal(() =>
    validateConfig({ ...SIGN, gitPush: { ...gitPush, branch: "refs/tags/v1" } })
  );
  assertEquals(
    message,
    'Cannot read --git-push "origin:refs/tags/v1": "refs/tags/v1" is not the name of a branch',
  );
});

pureTest("validateConfig() brings --now into the normal form", () => {
  assertEquals(
    validateConfig({ ...SIGN, now: "2026-06-01 14:00:00.000000001+02:00" }).now,
    "2026-06-01T12:00:00.000000001Z",
  );
});

pureTest("validateConfig() takes any one way to sign", () => {
  for (const way of [{ signCmd: "sign" }, { signKey: "env:KEY" }, { signAgent: "key.pub" }]) {
    assertEquals(validateConfig(way), { ...DEFAULTS, ...way });
  }
});

const SIGN_HINT =
  "`fleet-release keygen FILE` makes a key for --sign-key FILE; a --sign-cmd COMMAND, also from NIXFLEET_SIGN_CMD, " +
  "signs $NIXFLEET_INPUT into $NIXFLEET_OUTPUT, 64 raw bytes";

pureTest("validateConfig() refuses a run without a way to sign", () => {
  const ways: [settings: Partial<ReleaseConfig>, problem: string][] = [
    [{}, "none of --sign-key, --sign-agent and --sign-cmd is given"],
    [{ signCmd: "" }, "--sign-cmd is empty"],
    [{ signCmd: " \n" }, "--sign-cmd is empty"],
    [{ signKey: "" }, "--sign-key is empty"],
    [{ signAgent: " " }, "--sign-agent is empty"],
  ];
  for (const [settings, problem] of ways) {
    assertEquals(refusal(() => validateConfig(settings)), {
      kind: "usage",
      message: `No way to sign: ${problem}`,
      hint: SIGN_HINT,
    });
  }
});

pureTest("validateConfig() refuses two ways to sign, even when one is empty", () => {
  const two: [settings: Partial<ReleaseConfig>, message: string][] = [
    [{ signCmd: "sign", signKey: "k" }, "Two ways to sign: --sign-cmd and --sign-key"],
    [{ signCmd: "", signAgent: "k.pub" }, "Two ways to sign: --sign-cmd and --sign-agent"],
    [{ signKey: "k", signAgent: "k.pub" }, "Two ways to sign: --sign-key and --sign-agent"],
    [{ signCmd: "sign", signKey: "k", signAgent: "p" }, "Two ways to sign: --sign-cmd and --sign-key"],
  ];
  for (const [settings, message] of two) {
    assertEquals(refusal(() => validateConfig(settings)), {
      kind: "usage",
      message,
      hint: "give one of them",
    });
  }
});

pureTest("validateConfig() takes DER only of a command that makes ecdsa-p256", () => {
  const der = { signatureEncoding: "der" } as const;
  const ecdsa = { ...der, signatureAlgorithm: "ecdsa-p256" } as const;
  assertEquals(validateConfig({ ...SIGN, ...ecdsa }), { ...DEFAULTS, ...SIGN, ...ecdsa });
  const wrong: Partial<ReleaseConfig>[] = [
    { ...SIGN, ...der },
    { ...SIGN, ...der, signatureAlgorithm: "ed25519" },
    { signKey: "k", ...ecdsa },
    { signAgent: "k.pub", ...ecdsa },
  ];
  for (const settings of wrong) {
    assertEquals(refusal(() => validateConfig(settings)), {
      kind: "usage",
      message: "--signature-encoding der is for a --sign-cmd that makes ecdsa-p256",
      hint: "add --signature-algorithm ecdsa-p256, or leave it out",
    });
  }
  assertEquals(validateConfig({ signKey: "k", signatureEncoding: "raw" }).signatureEncoding, "raw");
});

const TRUST = { trustFile: "trust.json", trustAttr: "trust", publicKey: "ed25519:AAAA" };

pureTest("validateConfig() takes trusted keys from any one place", () => {
  for (const [name, value] of Object.entries(TRUST)) {
    const settings = { ...SIGN, [name]: value };
    assertEquals(validateConfig(settings), { ...DEFAULTS, ...settings });
  }
});

pureTest("validateConfig() refuses trusted keys from two places", () => {
  const { trustFile, trustAttr, publicKey } = TRUST;
  const two: [settings: Partial<ReleaseConfig>, options: string][] = [
    [{ trustFile, trustAttr }, "--trust-file and --trust-attr"],
    [{ trustFile, publicKey }, "--trust-file and --public-key"],
    [{ trustAttr, publicKey }, "--trust-attr and --public-key"],
    [TRUST, "--trust-file and --trust-attr"],
  ];
  for (const [settings, options] of two) {
    assertEquals(refusal(() => validateConfig({ ...SIGN, ...settings })), {
      kind: "usage",
      message: `Two sources of trusted keys: ${options}`,
      hint: "give one of them",
    });
  }
});

pureTest("validateConfig() allows a previous key only where a previous key can be named", () => {
  const { trustFile, trustAttr, publicKey } = TRUST;
  for (const source of [{ trustFile }, { trustAttr }]) {
    const settings = { ...SIGN, ...source, allowPreviousKey: true };
    assertEquals(validateConfig(settings), { ...DEFAULTS, ...settings });
  }
  for (const source of [{}, { publicKey }]) {
    assertEquals(refusal(() => validateConfig({ ...SIGN, ...source, allowPreviousKey: true })), {
      kind: "usage",
      message: "--allow-previous-key is given without keys of which one is the previous",
      hint: "give --trust-file or --trust-attr",
    });
  }
});

pureTest("validateConfig() refuses an unknown signature algorithm, and names the nearest", () => {
  const algorithms: [name: string, hint?: string][] = [
    ["rsa"],
    [""],
    ["toString"],
    ["ed25518", 'did you mean "ed25519"?'],
    ["Ed25519", 'did you mean "ed25519"?'],
    ["ecdsa"],
    ["ecdsa-p384", 'did you mean "ecdsa-p256"?'],
  ];
  for (const [name, hint] of algorithms) {
    const signatureAlgorithm = name as ReleaseConfig["signatureAlgorithm"];
    assertEquals(refusal(() => validateConfig({ ...SIGN, signatureAlgorithm })), {
      kind: "usage",
      message: `Unknown signature algorithm "${name}": expected ed25519 or ecdsa-p256`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
});

pureTest("validateConfig() refuses an empty list of hosts", () => {
  assertEquals(refusal(() => validateConfig({ ...SIGN, hosts: { kind: "explicit", hosts: [] } })), {
    kind: "usage",
    message: "No hosts to release: --hosts names none",
    hint: 'give names with commas between them, or "auto" for all hosts of the flake',
  });
});

const ARTIFACT_NAMES: Record<string, string[]> = {
  "is empty": [""],
  "is not a plain file name": [".", "..", "a/b", "/etc/x", "../x", "a\\b", "rollouts/x.json", "x/"],
  "has a control character in it": ["a\nb", "\0", "a\x7f", "a\tb"],
  "is a name of the program's own temporary files": [".fleet-release.x.tmp", ".fleet-release..tmp"],
  "is the name of a sidecar": ["revocations.json", "bootstrap-nonces.json"],
  "is the name of the release index": ["release-index.json"],
  "is the name of the directory of the rollout manifests": ["rollouts"],
  "ends as a signature's name does": ["fleet.json.sig", "revocations.json.sig", "bootstrap-nonces.json.sig"],
};

for (const [problem, names] of Object.entries(ARTIFACT_NAMES)) {
  pureTest(`validateConfig() refuses an artifact name that ${problem}`, () => {
    for (const artifactName of names) {
      assertEquals(refusal(() => validateConfig({ ...SIGN, artifactName })), {
        kind: "usage",
        message: `Cannot use --artifact-name "${artifactName}": it ${problem}`,
        hint: 'give a file name such as "fleet.resolved.json"',
      });
    }
  });
}

pureTest("validateConfig() takes any other plain file name", () => {
  const plain = ["f", "fleet", "fleet.json", "a b.json", "ü.json", "a..b", "Revocations.json"];
  const dotted = [".fleet.json", "...", ".fleet-release.json", ".fleet-release.x.tmp.json"];
  for (const artifactName of [...plain, ...dotted]) {
    assertEquals(validateConfig({ ...SIGN, artifactName }).artifactName, artifactName);
  }
});

pureTest("validateConfig() takes an empty text for none where none would be as safe", () => {
  const empty = { pinSourceUrl: "", now: "", pushCmd: "", gitUserName: "", gitUserEmail: "", maxJobs: "" };
  assertEquals(validateConfig({ ...SIGN, ...empty }), validateConfig(SIGN));
  assertEquals(validateConfig({ ...SIGN, builders: "" }).builders, "");
});

const TIME_FORM = 'an RFC 3339 time such as "2026-06-01T12:00:00Z"';

const REFUSED: [settings: Partial<ReleaseConfig>, message: string][] = [
  [{ releaseDir: "" }, "--release-dir is empty"],
  [{ releaseDir: "  " }, "--release-dir is empty"],
  [{ gitUserName: " " }, "--git-user-name is empty"],
  [{ gitUserEmail: " " }, "--git-user-email is empty"],
  ...["", " \n\t "].map((commitTemplate): [Partial<ReleaseConfig>, string] => [
    { commitTemplate },
    "--commit-template is blank: a commit has to have a message",
  ]),
  [{ now: "now" }, `Cannot read --now "now": expected ${TIME_FORM}`],
  [{ now: "2026-02-30T00:00:00Z" }, `Cannot read --now "2026-02-30T00:00:00Z": expected ${TIME_FORM}`],
  [{ now: "2026-06-01T12:00:00" }, `Cannot read --now "2026-06-01T12:00:00": expected ${TIME_FORM}`],
  ...[0, -1, 1.5, NaN, Infinity].map((evalWorkers): [Partial<ReleaseConfig>, string] => [
    { evalWorkers },
    `Cannot use --eval-workers ${evalWorkers}: expected a whole number above 0`,
  ]),
  [{ evalTimeout: 0 }, "Cannot use --eval-timeout 0: expected a whole number above 0"],
  [{ buildTimeout: -1 }, "Cannot use --build-timeout -1: expected a whole number above 0"],
  [{ hookTimeout: 1.5 }, "Cannot use --hook-timeout 1.5: expected a whole number above 0"],
  [{ gitTimeout: 0 }, "Cannot use --git-timeout 0: expected a whole number above 0"],
  [{ waitLock: NaN }, "Cannot use --wait-lock NaN: expected a whole number above 0"],
];

for (const [settings, message] of REFUSED) {
  pureTest(`validateConfig() refuses ${Deno.inspect(settings)}`, () => {
    const { kind, message: said } = refusal(() => validateConfig({ ...SIGN, ...settings }));
    assertEquals({ kind, said }, { kind: "usage", said: message });
  });
}

pureTest("validateConfig() refuses names that no file system, no git and no process takes", () => {
  const refused: [settings: Partial<ReleaseConfig>, message: string, hint?: string][] = [
    ...["x".repeat(252), "\u00e9".repeat(126)].map((
      artifactName,
    ): [Partial<ReleaseConfig>, string, string] => [
      { artifactName },
      `Cannot use --artifact-name "${artifactName}": it has no room for ".sig" within the 255 bytes that a name may have`,
      'give a file name such as "fleet.resolved.json"',
    ]),
    [{ buildFlake: "a\0b" }, "Cannot use --build-flake: it has a null character in it"],
    [{ nixOptions: [["cores", "\0"]] }, "Cannot use --option: it has a null character in it"],
    [{ gitPush: { remote: "o\0", branch: "main" } }, "Cannot use --git-push: it has a null character in it"],
    [
      { commitTemplate: "x".repeat(100_001) },
      "Cannot use --commit-template: it has 100001 bytes, expected at most 100000",
    ],
  ];
  for (const [settings, message, hint] of refused) {
    const said = { kind: "usage" as const, message, ...(hint === undefined ? {} : { hint }) };
    assertEquals(refusal(() => validateConfig({ ...SIGN, ...settings })), said);
  }
  assertEquals(validateConfig({ ...SIGN, artifactName: "x".repeat(251) }).artifactName.length, 251);
});
