import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import type { LockedFlake } from "../../../src/model.ts";
import { TestFleet } from "../../support/fleet.ts";
import { expectRun, run, SYSTEM, which } from "../../support/command.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import { SYSTEM_CLOCK } from "../../../src/world.ts";
import { applyTo, DECLARED, FETCH } from "../../../src/adapters/nix/expressions.ts";
import { GIT } from "../../support/git_fleet.ts";
import { EVALUATOR, FLAGS, NIX, nixFleet, NO_FLAGS, withRegistry } from "../../support/nix_fleet.ts";

/** A reference to a copy in the store. */
const SNAPSHOT = /^path:\/nix\/store\/[0-9a-z]{32}-[^/?]+\?lastModified=\d+&narHash=sha256-[^&]+(&dir=sub)?$/;

/** The command that applies nix code to data. */
const evaluating = (options: string[], code: string, data: unknown) => [
  ...[...EVALUATOR, ...options, "eval", "--json", "--expr"],
  applyTo(code, data),
];
const LOOSE = ["--option", "pure-eval", "false", "--option", "restrict-eval", "false"];
const PURE = ["--option", "pure-eval", "true"];

const LOCK_HINT = "an input that is not locked is refused: run `nix flake lock`, and commit flake.lock";

/** The hash of what was fetched, as the command that read it was given it. */
const narHashIn = (argv: readonly string[] = []) => /sha256-[A-Za-z0-9+/]+=*/.exec(argv.at(-1) ?? "")?.[0];

/** Of a locked flake what says where it comes from. */
const placeOf = ({ revision, dirty, localDir }: LockedFlake) => ({ revision, dirty, localDir });

Deno.test("lockFlake() fixes a committed flake to its commit by the source alone, and holds it against the commit", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, commands } = world;
  const head = await fleet.git("rev-parse", "HEAD");
  const flake = await lockFlake(nix, fleet.dir);
  const url = `git+file://${fleet.dir}`;
  const [found, fetched, ...compared] = commands;
  assertEquals([found, fetched], [
    [GIT, "rev-parse", "--show-toplevel", "HEAD^{commit}"],
    evaluating(LOOSE, FETCH, url),
  ]);
  const declared = {
    path: flake.storePath,
    narHash: narHashIn(compared.find(([program]) => program === NIX)),
    dir: "",
  };
  assertEquals(compared.filter(([program]) => program === NIX), [evaluating(PURE, DECLARED, declared)]);
  assertEquals(placeOf(flake), { revision: head, dirty: false, localDir: fleet.dir });
  assertEquals(flake.opened, { url: `${url}?rev=${head}`, info: null, system: SYSTEM });
  assertEquals([flake.url, flake.repositoryUrl, flake.differing], [flake.opened.url, url, []]);
});

Deno.test("lockFlake() fixes a changed flake to the copy in the store, and a later change is not in it", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "fleet.json": "{}" });
  const { url, opened, storePath, differing, ...flake } = await lockFlake(nix, fleet.dir);
  assertEquals(placeOf({ ...flake, url, opened, storePath, differing }), {
    revision: null,
    dirty: true,
    localDir: fleet.dir,
  });
  assertEquals(differing, ["fleet.json"]);
  assert(SNAPSHOT.test(url), url);
  assertEquals(opened.url, url);
  await fleet.write({ "fleet.json": "[]" });
  assertEquals((await lockFlake(nix, url)).url, url);
  assertEquals(await Deno.readTextFile(join(storePath, "fleet.json")), "{}");
});

Deno.test("lockFlake() gives a flake outside git no revision, and does not call it changed", async () => {
  await using fleet = await TestFleet.create({ git: false });
  const nix = nixContext(tracedShell(fleet.root).shell, fleet.env(), NO_FLAGS);
  const flake = await lockFlake(nix, `path:${fleet.dir}`);
  assertEquals(placeOf(flake), { revision: null, dirty: false, localDir: fleet.dir });
  assert(SNAPSHOT.test(flake.url), flake.url);
  assertEquals(flake.opened, { url: flake.url, info: null, system: SYSTEM });
});

Deno.test("lockFlake() finds the directory of a flake below the root of its repository", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "sub/flake.nix": "{ outputs = _: {}; }" });
  const head = await fleet.commit("a flake below");
  const flake = await lockFlake(nix, `git+file://${fleet.dir}?dir=sub`);
  assertEquals(placeOf(flake), { revision: head, dirty: false, localDir: join(fleet.dir, "sub") });
  assertEquals(flake.opened.url, `git+file://${fleet.dir}?rev=${head}&dir=sub`);
});

Deno.test("lockFlake() refuses what is no flake, and says what is missing", async () => {
  await using dir = await TemporaryDirectory.create();
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await Deno.mkdir(join(fleet.root, "empty"));
  await fleet.git("clone", "-q", "--bare", fleet.dir, join(fleet.root, "bare.git"));
  await fleet.write({ "sub/flake.nix": "{ outputs = _: {}; }" });
  const where = "name the directory of its flake.nix";
  const fleets = ": with --build-flake the fleet's";
  const cases: [reference: string, problem: string, hint: string][] = [
    [`path:${dir.path}`, 'there is no "flake.nix" in its source', `${where}${fleets}`],
    [
      `path:${join(dir.path, "gone")}`,
      `there is no directory "${join(dir.path, "gone")}"`,
      `${where}, or the repository that has it at its root${fleets}`,
    ],
    [
      join(fleet.root, "empty"),
      `there is no flake.nix in "${join(fleet.root, "empty")}", nor above it in its repository`,
      `${where}, or the repository that has it at its root${fleets}`,
    ],
    [
      join(fleet.root, "bare.git"),
      `there is no flake.nix in "${join(fleet.root, "bare.git")}", nor above it in its repository`,
      `it is a bare git repository: give it as git+file://${join(fleet.root, "bare.git")}?ref=BRANCH`,
    ],
    [
      join(fleet.dir, "sub"),
      'there is no "sub/flake.nix" in its source',
      "nix sees what git tracks: if it is there, `git add sub/flake.nix` shows it to nix",
    ],
  ];
  for (const [reference, problem, hint] of cases) {
    assertEquals(await rejection(lockFlake(nix, reference)), {
      kind: "evaluation",
      message: `Cannot read the flake "${reference}": ${problem}`,
      hint,
    });
  }
});

/** A secret that nobody else may read, beside the flake, and whether a copy of it is in the store. */
async function secretBeside(fleet: TestFleet) {
  const [dir, text] = [join(fleet.root, "keys"), crypto.randomUUID()];
  await Deno.mkdir(dir, { mode: 0o700 });
  await Deno.writeTextFile(join(dir, "flake.nix"), `{ outputs = _: { text = "${text}"; }; }`, {
    mode: 0o600,
  });
  const copies = async () => {
    const script =
      `cat /nix/store/*-source/flake.nix /nix/store/*-keys/flake.nix 2>/dev/null | grep -c ${text}`;
    return Number((await run([which("sh"), "-c", script], { env: fleet.env() })).stdout);
  };
  return { dir, copies };
}

/** Flakes that name a directory which their lock file does not have. */
const UNLOCKED: [claim: string, inputs: (dir: string) => string, outputs: string][] = [
  ["a source that is no flake", (dir) => `inputs.k = { url = "path:${dir}"; flake = false; };`, "_: {}"],
  ["a flake", (dir) => `inputs.k.url = "path:${dir}";`, "{ self, k }: {}"],
];

for (const [claim, inputs, outputs] of UNLOCKED) {
  Deno.test(`lockFlake() refuses an input that is not locked and is ${claim}, before nix copies it`, async () => {
    await using world = await nixFleet("{}");
    const { fleet, nix } = world;
    const { dir, copies } = await secretBeside(fleet);
    const text = `{ ${inputs(dir)} outputs = ${outputs}; }`;
    await fleet.write({ "flake.nix": text, "sub/flake.nix": text });
    const references = [
      fleet.dir,
      `path:${fleet.dir}`,
      join(fleet.dir, "sub"),
      `git+file://${fleet.dir}?ref=main`,
    ];
    await fleet.commit("an input");
    for (const reference of references) {
      const { lines, ...refused } = await rejection(lockFlake(nix, reference));
      assertEquals(refused, {
        kind: "evaluation",
        message: `Cannot read the flake "${reference}": nix exited with 1`,
        hint: LOCK_HINT,
      });
      assert(lines!.some((line) => line.includes("input 'k' in pure mode")), lines!.join("\n"));
    }
    // Nor by what begins meanwhile.
    {
      await using commands = createNix(world.shell, {
        ...{
          ...NO_FLAGS,
          env: fleet.env(),
          tempDir: join(fleet.root, "tmp"),
          evalWorkers: 1,
          clock: SYSTEM_CLOCK,
        },
      });
      const likely = { attributes: new Map(), hosts: { kind: "auto", exclude: [] } } as const;
      assertEquals((await rejection(commands.lock(fleet.dir, likely))).hint, LOCK_HINT);
    }
    await world.shell.idle();
    await fleet.write({ "fleet.json": "{}" });
    assertEquals((await rejection(lockFlake(nix, fleet.dir))).hint, LOCK_HINT);
    assertEquals(await copies(), 0);
  });
}

Deno.test("lockFlake() refuses an input whose URL is no longer the one that was locked, before nix copies it", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  const { dir, copies } = await secretBeside(fleet);
  const inputOf = (dir: string) => `{ inputs.k = { url = "path:${dir}"; flake = false; }; outputs = _: {}; }`;
  await Deno.mkdir(join(fleet.root, "harmless"));
  await fleet.write({ "flake.nix": inputOf(join(fleet.root, "harmless")) });
  await expectRun([NIX, ...FLAGS, "flake", "lock", fleet.dir], { env: fleet.env() });
  await fleet.commit("locked");
  assertEquals((await lockFlake(nix, fleet.dir)).revision, await fleet.git("rev-parse", "HEAD"));
  await fleet.write({ "flake.nix": inputOf(dir) });
  await fleet.commit("changed");
  assertEquals((await rejection(lockFlake(nix, fleet.dir))).hint, LOCK_HINT);
  // Whatever the operator has allowed.
  const loose = nixContext(world.shell, fleet.env(), { ...NO_FLAGS, options: [["pure-eval", "false"]] });
  assertEquals((await rejection(lockFlake(loose, fleet.dir))).hint, LOCK_HINT);
  assertEquals(await copies(), 0);
});

Deno.test("lockFlake() runs no code of a flake outside of a pure evaluation, and prints nothing that it reads", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, commands } = world;
  const [secret, text] = [join(fleet.root, "secret"), crypto.randomUUID()];
  await Deno.writeTextFile(secret, text);
  const leak = `builtins.trace "LEAK \${builtins.readFile "${secret}"}"`;
  for (
    const code of [`${leak} { inputs = {}; outputs = _: {}; }`, `{ inputs = ${leak} {}; outputs = _: {}; }`]
  ) {
    await fleet.write({ "flake.nix": code });
    commands.length = 0;
    const refused = await rejection(lockFlake(nix, fleet.dir));
    assertEquals([refused.kind, refused.hint], ["evaluation", undefined], code);
    assert(!JSON.stringify(refused).includes(text) && !JSON.stringify(refused).includes("LEAK"), code);
    const loose = commands.filter((argv) => argv.includes("pure-eval") && argv.includes("false"));
    assertEquals(loose, [evaluating(LOOSE, FETCH, `git+file://${fleet.dir}`)]);
    // Found, fetched, and read: once by nix, and held against the commit by git.
    assertEquals(commands.filter(([program]) => program === NIX).length, 2);
  }
});

Deno.test("lockFlake() gives no hint about inputs where the flake has none, or cannot be read", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  for (const text of ["{ outputs = { self }: {}; }}", "{ inputs.k.url = 3"]) {
    await fleet.write({ "flake.nix": text });
    assertEquals((await rejection(lockFlake(nix, fleet.dir))).hint, undefined, text);
  }
});

Deno.test("lockFlake() fixes an alias whose entry names a directory", async () => {
  await using world = await nixFleet("{}");
  const { fleet } = world;
  await fleet.write({ "infra/flake.nix": "{ outputs = _: {}; }" });
  await Deno.remove(join(fleet.dir, "flake.nix"));
  const head = await fleet.commit("a flake below");
  const nix = await withRegistry(world, {
    myfleet: { type: "git", url: `file://${fleet.dir}?dir=infra`, dir: "infra" },
  });
  const flake = await lockFlake(nix, "myfleet");
  assertEquals(placeOf(flake), { revision: head, dirty: false, localDir: join(fleet.dir, "infra") });
  const { searchParams } = new URL(flake.url);
  assertEquals([searchParams.get("dir"), searchParams.get("rev")], ["infra", head]);
});

Deno.test("lockFlake() fetches a flake once more, with what it says of how it is to be fetched", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, commands } = world;
  const text = (declared: string) => `{ inputs.self = { ${declared} }; outputs = _: {}; }`;
  const fetched = () =>
    commands.filter((argv) => argv.at(-1)!.includes("fetchTree tree")).map((argv) => argv.at(-1));
  const url = `git+file://${fleet.dir}`;
  const cases: [declared: string, reference: string, trees: string[]][] = [
    ["submodules = true; lfs = false;", fleet.dir, [url, `${url}?submodules=1`]],
    ["submodules = true;", `${url}?ref=main`, [`${url}?ref=main`, `${url}?ref=main&submodules=1`]],
    // What the reference says counts.
    ["submodules = true;", `${url}?submodules=0`, [`${url}?submodules=0`]],
    ["submodules = false;", fleet.dir, [url]],
  ];
  for (const [declared, reference, trees] of cases) {
    await fleet.write({ "flake.nix": text(declared) });
    await fleet.commit("declared");
    commands.length = 0;
    // Nix before 2.27 knows no such input, and refuses it.
    await lockFlake(nix, reference).catch(() => {});
    assertEquals(fetched(), trees.map((tree) => applyTo(FETCH, tree)), declared);
  }
});
