// What `doctor` makes of a world in which something is missing: each is told, and none keeps the others from it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ReleaseConfig } from "../../src/config.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { Diagnosis } from "../../src/model.ts";
import type { Machine, Parts } from "../../src/ports.ts";
import { type Check, CHECKS, examine } from "../../src/stages/doctor/checks.ts";
import { beginVisit, good, portsOf, type Visit } from "../../src/stages/doctor/visit.ts";
import { startLook } from "../../src/stages/run.ts";
import { COMMIT, FakeWorld } from "../support/fake_ports.ts";
import { pureTest } from "../support/pure.ts";

const GIB = 2 ** 30;

/** A machine on which all is well. */
const SOUND: Machine = {
  nixVersion: () => Promise.resolve({ path: "/bin/nix", version: "2.26.3" }),
  nixFacts: () =>
    Promise.resolve({ storeDir: "/nix/store", lacks: [], store: "auto", builders: "", buildUsers: "nixbld" }),
  openStore: () => Promise.resolve(null),
  isStoreClosed: () => Promise.resolve(false),
  lacksBuildUsers: () => Promise.resolve(false),
  textOf: () => Promise.resolve(null),
  checkReport: () => {},
  canWrite: () => Promise.resolve(true),
  freeIn: () => Promise.resolve(100 * GIB),
  freeMemory: () => Promise.resolve(8 * GIB),
  missing: () => Promise.resolve([]),
  canParse: () => Promise.resolve(true),
  isSet: () => true,
  holder: () => Promise.resolve(undefined),
  release: () => Promise.resolve({ files: new Map(), interrupted: false }),
  gitDirs: ["/fleet/.git"],
};

/** How a visit differs from one on which all is well. */
interface Difference {
  readonly machine?: Partial<Machine>;
  readonly parts?: Partial<Parts>;
  readonly config?: Partial<ReleaseConfig>;
  readonly report?: string;
  readonly world?: (world: FakeWorld) => void;
}

function visit({ machine = {}, parts = {}, config = {}, report, world = () => {} }: Difference): Visit {
  const fake = new FakeWorld();
  fake.tracked = ["flake.nix"];
  world(fake);
  const { nix, git, signer, releaseDir, inputs, log, clock } = fake.ports();
  const all: Parts = {
    ...{ temporary: { there: "/tmp/x" }, nix: { there: nix }, git: { there: git } },
    ...{ signer: { there: signer }, releaseDir: { there: releaseDir }, ...parts },
  };
  const ports = portsOf(all, { inputs, log, clock });
  const run = { ...startLook(fake.run(config).config, ports), ports };
  return beginVisit(run, { parts: all, machine: { ...SOUND, ...machine }, tempDir: "/tmp", report });
}

async function examined(
  difference: Difference,
  checks: readonly Check[] = CHECKS,
  signal = new AbortController().signal,
): Promise<Diagnosis[]> {
  const found: Diagnosis[] = [];
  await examine(visit(difference), (one) => void found.push(one), signal, checks);
  return found;
}

/** What is not good, in short; a command signs, and nobody says which keys are trusted. */
async function problems(difference: Difference): Promise<string[]> {
  const found = (await examined(difference)).filter(({ state }) => state !== "good");
  const usual = ["unknown key:", "warning trust:", "unknown last-release: only a command"];
  return found.map(({ state, check, message }) => `${state} ${check}: ${message}`)
    .filter((line) => !usual.some((start) => line.startsWith(start)));
}

const ORIGIN = { gitPush: { remote: "origin", branch: "main" }, pushCmd: "true" };
const free = (bytes: number, in_: string) => (dir: string) =>
  Promise.resolve(dir === in_ ? bytes : 100 * GIB);

const BROKEN: Record<string, [difference: Difference, found: string[]]> = {
  "nothing": [{}, []],
  "nothing that is pushed": [{ config: ORIGIN }, []],
  "closures that nothing brings to the machines": [
    { config: { gitPush: ORIGIN.gitPush } },
    [
      "warning hooks: The release is pushed, but the closures that it names are not: machines that find them nowhere " +
      "else cannot follow it. Give --push-cmd, or --push-cmd true when something else brings the closures to them",
    ],
  ],
  "a release that is begun beside another": [
    {
      world: (world) => {
        world.referTo = (text) => ({ text, directory: "/flake" });
        world.repositoryOf = (dir) => dir === "/flake" ? { root: "/flake", head: COMMIT } : null;
        world.sourceOf = () => ({ root: "/flake", inGit: true, revision: null });
        world.tracked = ["flake.nix", "releases/fleet.resolved.json"];
      },
    },
    [
      'warning release-directory: The release goes to "/fleet/releases", where none was before, and git has one in ' +
      '"/flake/releases": a relative --release-dir is relative to the current directory',
    ],
  ],
  "a release that is begun below the flake that has one": [
    {
      world: (world) => {
        world.referTo = (text) => ({ text, directory: "/fleet/web/hosts" });
        world.flakeDir = "web";
        world.realPath = { path: "/fleet/web/hosts/releases", existing: "/fleet/web/hosts" };
        world.tracked = ["web/flake.nix", "web/releases/fleet.resolved.json"];
      },
    },
    [
      'warning release-directory: The release goes to "/fleet/web/hosts/releases", where none was before, and git ' +
      'has one in "/fleet/web/releases": a relative --release-dir is relative to the current directory',
    ],
  ],
  "a flake above, which git does not know": [
    {
      world: (world) => {
        world.referTo = (text) => ({ text, directory: "/fleet/hosts" });
        world.realPaths.set("/fleet/flake.nix", "/fleet/flake.nix");
        world.tracked = ["hosts/web1.nix"];
      },
    },
    ['bad flake: git does not track "/fleet/flake.nix", and nix sees nothing else'],
  ],
  "no flake": [
    {
      config: { signKey: "/keys/release.pem", signCmd: undefined },
      world: (world) => {
        world.referTo = () => {
          throw new ReleaseError("usage", "there is no flake");
        };
      },
    },
    ["bad flake: there is no flake", "unknown key-place: it is not known without the flake"],
  ],
  "a nix without flakes": [
    { machine: { nixFacts: async () => ({ ...await SOUND.nixFacts(), lacks: ["getFlake"] }) } },
    ['bad nix-features: nix has no "getFlake"'],
  ],
  "a nix that does not answer": [
    { machine: { nixFacts: () => Promise.reject(new ReleaseError("evaluation", "nix is ill")) } },
    [
      "bad nix-features: nix is ill",
      "unknown store: it is not known without what nix says of itself",
      "unknown builders: it is not known without what nix says of itself",
      "unknown disk: it is not known without what nix says of itself",
    ],
  ],
  "a store that this user cannot write": [
    { machine: { isStoreClosed: () => Promise.resolve(true) } },
    [`bad store: "/nix/store" cannot be written, and nix is no daemon's client here`],
  ],
  "a group of build users that is not there": [
    { machine: { lacksBuildUsers: (group) => Promise.resolve(group === "nixbld") } },
    ['bad store: Builds run as users of the group "nixbld", and there are none'],
  ],
  "a file of builders of which one is silent": [
    {
      machine: {
        nixFacts: async () => ({ ...await SOUND.nixFacts(), builders: "@/etc/nix/machines" }),
        textOf: (path) => Promise.resolve(path === "/etc/nix/machines" ? "one\nssh://two x /key\n" : null),
        openStore: (url) => Promise.resolve(url?.startsWith("ssh://two") ? ["refused"] : null),
      },
    },
    ['bad builders: The builder "ssh://two" cannot be reached'],
  ],
  "a file of builders that names itself": [
    {
      machine: {
        nixFacts: async () => ({ ...await SOUND.nixFacts(), builders: "@/x" }),
        textOf: () => Promise.resolve("@/x"),
      },
    },
    [],
  ],
  "a flake that git does not track": [
    {
      world: (world) => {
        world.tracked = [];
        world.referTo = (text) => ({ text, directory: "/fleet" });
        world.realPaths.set("/fleet/flake.nix", "/fleet/flake.nix");
      },
    },
    ['bad flake: git does not track "/fleet/flake.nix", and nix sees nothing else'],
  ],
  "a part of a flake": [
    { config: { buildFlake: ".#web1" } },
    ['bad flake: Cannot use --build-flake ".#web1": "#web1" names an attribute, expected a flake'],
  ],
  "a flake outside of git": [
    { world: (world) => world.sourceOf = () => ({ root: "/fleet", inGit: false, revision: null }) },
    ['warning flake: "." is read as a plain directory, of which no commit is known'],
  ],
  "a flake outside of git where that is refused": [
    {
      config: { requireClean: true },
      world: (world) => world.sourceOf = () => ({ root: "/fleet", inGit: false, revision: null }),
    },
    ['bad flake: "." is read as a plain directory, of which no commit is known, and --require-clean wants one'],
  ],
  "a commit that is not there": [
    { world: (world) => world.sourceOf = () => ({ root: "/fleet", inGit: true, revision: "v1" }) },
    ['bad flake: "." names "v1", which is not in "/fleet"'],
  ],
  "changes that are not committed": [
    { world: (world) => world.changed = ["hosts.nix", "releases/fleet.resolved.json"] },
    [
      'warning flake: There are changes that are not committed: "hosts.nix", and 1 release file that a run has left: ' +
      `a release names commit ${COMMIT.slice(0, 8)}, which need not contain them`,
    ],
  ],
  "changes where there are to be none": [
    { config: { requireClean: true }, world: (world) => world.changed = ["hosts.nix"] },
    [
      'bad flake: There are changes that are not committed: "hosts.nix", and --require-clean wants none',
    ],
  ],
  "a release that could not be committed": [
    { config: { requireClean: true }, world: (world) => world.changed = ["releases/fleet.resolved.json"] },
    [
      'warning flake: There are changes that are not committed: "releases/fleet.resolved.json": ' +
      `what is released is commit ${COMMIT.slice(0, 8)}`,
    ],
  ],
  "no repository to commit to": [
    { config: { gitCommit: true }, world: (world) => world.realPath = { path: "/out", existing: "/out" } },
    [
      'bad repository: "releases" is in no git repository, in which its release would be committed',
      "unknown identity: it is not known without a repository",
      "unknown commit-signing: it is not known without a repository",
      `bad release-directory: Cannot commit "releases": it is outside the repository of the flake`,
    ],
  ],
  "a flake of another machine that is to be committed": [
    { config: { gitCommit: true }, world: (world) => world.sourceOf = () => null },
    ['bad release-directory: "." is in no git repository on this machine'],
  ],
  "a repository that cannot be written": [
    {
      config: { gitCommit: true },
      machine: { canWrite: (dir) => Promise.resolve(dir !== "/fleet/.git") },
    },
    ['bad repository: "/fleet/.git" cannot be written'],
  ],
  "a branch that is not there": [
    { config: ORIGIN, world: (world) => world.remoteBranch = null },
    ['warning remote: "main" of "origin" is not there: the first push makes it'],
  ],
  "a branch with commits that are not here": [
    { config: ORIGIN, world: (world) => world.remoteBranch = "a".repeat(40) },
    ['warning remote: "main" of "origin", at aaaaaaaa, has commits that are not here'],
  ],
  "a branch that has gone another way": [
    {
      config: ORIGIN,
      world: (world) => {
        world.remoteBranch = "a".repeat(40);
        world.commits.set("a".repeat(40), "a".repeat(40));
      },
    },
    [
      'bad remote: "main" of "origin", at aaaaaaaa, has gone another way than cccccccc, which is checked out',
    ],
  ],
  "a branch that has gone on": [
    {
      config: ORIGIN,
      world: (world) => {
        world.remoteBranch = "a".repeat(40);
        world.commits.set("a".repeat(40), "a".repeat(40));
        world.histories.set("a".repeat(40), [COMMIT]);
      },
    },
    [],
  ],
  "a branch for releases": [
    {
      config: ORIGIN,
      world: (world) => {
        world.remoteBranch = "a".repeat(40);
        world.follows = false;
      },
    },
    [],
  ],
  "keys that are an attribute": [
    { config: { trustAttr: "keys" } },
    ["unknown trust: the keys of --trust-attr are known when the flake is evaluated"],
  ],
  "a program of each hook, and a variable": [
    {
      config: { pushCmd: "push it", hookEnv: ["A", "B"] },
      machine: {
        missing: (programs) => Promise.resolve(programs),
        isSet: (name) => name === "A",
      },
    },
    [
      'bad hooks: The command of --push-cmd runs "push", which cannot be found',
      'bad hooks: The command of --sign-cmd runs "sign", which cannot be found',
      'warning hooks: Hooks are to get "B" (--hook-env), which is not set',
    ],
  ],
  "a full disk of the store": [
    { machine: { freeIn: free(GIB / 4, "/nix/store") } },
    ['bad disk: 256 MiB free for the store ("/nix/store"), expected 512 MiB at least'],
  ],
  "a disk of the store that is nearly full": [
    { machine: { freeIn: free(GIB, "/nix/store") } },
    ['warning disk: 1024 MiB free for the store ("/nix/store"), of which 3172 MiB are better'],
  ],
  "a full disk of temporary files": [
    { machine: { freeIn: free(2 ** 20, "/tmp") } },
    ['bad disk: 1 MiB free for temporary files ("/tmp"), expected 16 MiB at least'],
  ],
  "a full disk of releases": [
    {
      machine: {
        freeIn: free(4 * 2 ** 20, "/fleet"),
        release: () =>
          Promise.resolve({ files: new Map([["x", new Uint8Array(2 ** 21)]]), interrupted: false }),
      },
      world: (world) => world.files.set("fleet.resolved.json", new Uint8Array(1)),
    },
    [
      'bad disk: 4 MiB free for releases ("/fleet"), expected 5 MiB at least',
      "unknown clock: only a command knows what signed it: --trust-file or --public-key say it",
    ],
  ],
  "a disk of which nothing tells": [
    { machine: { freeIn: () => Promise.resolve(null) } },
    [
      'unknown disk: how much is free in "/nix/store" cannot be told',
      'unknown disk: how much is free in "/tmp" cannot be told',
      'unknown disk: how much is free in "/fleet" cannot be told',
    ],
  ],
  "no memory": [
    { machine: { freeMemory: () => Promise.resolve(GIB / 4) } },
    ["bad memory: 256 MiB may be taken, expected 512 MiB at least"],
  ],
  "less memory than processes may take": [
    { config: { evalMaxMemory: 8192 } },
    ["warning memory: 8192 MiB may be taken, of which 8704 MiB are better"],
  ],
  "memory of which nothing tells": [
    { machine: { freeMemory: () => Promise.resolve(null) } },
    ["unknown memory: the system does not tell how much memory may be taken"],
  ],
  "a page that cannot take its place": [
    {
      report: "/srv/key.pem",
      machine: {
        checkReport(file) {
          throw new ReleaseError("io", `Cannot write "${file}": it is a file, and no page`);
        },
      },
    },
    ['bad report: Cannot write "/srv/key.pem": it is a file, and no page'],
  ],
  "a page where nothing can be written": [
    { report: "/srv/run.html", machine: { canWrite: (dir) => Promise.resolve(dir !== "/srv") } },
    ['bad report: "/srv" is not there, or cannot be written'],
  ],
  "a release directory that cannot be written": [
    {
      machine: { canWrite: () => Promise.resolve(false) },
      world: (world) => {
        world.realPath = { path: "/fleet/releases", existing: "/fleet/releases" };
        world.files.set("rollouts", new Uint8Array());
      },
    },
    [
      'bad release-directory: "/fleet/releases" cannot be written',
      'bad release-directory: "/fleet/releases/rollouts" cannot be written',
    ],
  ],
};

for (const [what, [difference, expected]] of Object.entries(BROKEN)) {
  pureTest(`doctor names ${what}`, async () => {
    assertEquals(await problems(difference), expected);
  });
}

pureTest("what cannot be opened is bad once, and what wants it is not known", async () => {
  const problem = new ReleaseError("io", "it is gone", { hint: "get it back" });
  const parts = { nix: { problem }, git: { problem }, signer: { problem }, releaseDir: { problem } };
  const found = await examined({
    config: { ...ORIGIN, pushCmd: "push" },
    parts: { ...parts, temporary: { problem } },
    machine: { nixVersion: () => Promise.reject(problem) },
  });
  const of = (state: Diagnosis["state"]) =>
    found.filter((one) => one.state === state).map(({ check }) => check);
  assertEquals(of("bad"), ["nix", "repository", "key", "temporary-files", "release-directory"]);
  // That nobody says which keys are trusted is so whatever signs.
  assertEquals(of("warning"), ["trust"]);
  assert(found.filter(({ state }) => state === "bad").every(({ mend }) => mend === "get it back"), "no mend");
  assertEquals(of("good"), ["hooks", "memory"]);
});

pureTest("a check that throws is a bad line of its own, whatever it throws", async () => {
  const failing: Check[] = [
    {
      name: "one",
      look: () => {
        throw new TypeError("at once");
      },
    },
    {
      name: "two",
      look: () => Promise.reject(new ReleaseError("git", "later", { lines: ["| said"], hint: "do" })),
    },
    { name: "three", look: () => null },
    {
      name: "four",
      look({ run }) {
        run.warn({ code: "x", message: "mind" });
        return good("all is well");
      },
    },
  ];
  assertEquals(await examined({}, failing), [
    { check: "one", state: "bad", message: "It cannot be looked at: at once", mend: null, lines: [] },
    { check: "two", state: "bad", message: "later", mend: "do", lines: ["| said"] },
    { check: "four", state: "warning", message: "mind", mend: null, lines: [] },
  ]);
});

pureTest("what ends the run is no line", async () => {
  const controller = new AbortController();
  const checks: Check[] = [{
    name: "one",
    look: () => {
      controller.abort(new Error("enough"));
      return Promise.reject(controller.signal.reason);
    },
  }];
  await assertRejects(() => examined({}, checks, controller.signal), Error, "enough");
});

Deno.test("every check is in the manual and in the schema, in their order", async () => {
  const names = CHECKS.map(({ name }) => name);
  const manual = await Deno.readTextFile(new URL("../../docs/operating.md", import.meta.url));
  const section = manual.slice(manual.indexOf("## Is everything there?"), manual.indexOf("## Is it fresh?"));
  assertEquals([...section.matchAll(/^\| `([a-z-]+)` /gm)].map(([, name]) => name!), names);
  const schema = await Deno.readTextFile(new URL("../../docs/schemas/doctor.schema.json", import.meta.url));
  assertEquals(JSON.parse(schema).properties.checks.items.properties.check.enum, names);
});
