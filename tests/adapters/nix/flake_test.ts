import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { TestFleet } from "../../support/fleet.ts";
import { expectRun, run, which } from "../../support/command.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { applyTo, FETCH, LOCKED } from "../../../src/adapters/nix/expressions.ts";
import { GIT } from "../../support/git_fleet.ts";
import { FLAGS, NIX, nixFleet, NO_FLAGS, withRegistry } from "../../support/nix_fleet.ts";

/** A reference to a copy in the store. */
const SNAPSHOT = /^path:\/nix\/store\/[0-9a-z]{32}-[^/?]+\?lastModified=\d+&narHash=sha256-[^&]+(&dir=sub)?$/;

/** The command that applies nix code to data. */
const evaluating = (options: string[], code: string, data: unknown) => [
  ...[NIX, ...FLAGS, ...options, "eval", "--json", "--expr"],
  applyTo(code, data),
];
const LOOSE = ["--option", "pure-eval", "false", "--option", "restrict-eval", "false"];
const PURE = ["--option", "pure-eval", "true"];

const LOCK_HINT = "an input that is not locked is refused: run `nix flake lock`, and commit flake.lock";

Deno.test("lockFlake() fixes a committed flake to its commit, and has its inputs looked at only when they are locked", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, commands } = world;
  const head = await fleet.git("rev-parse", "HEAD");
  const { url, ...flake } = await lockFlake(nix, fleet.dir);
  const snapshot = /"(path:\/nix\/store[^"\\]*)/.exec(commands[2]!.at(-1)!)![1]!;
  assertEquals(commands, [
    [GIT, "rev-parse", "--show-toplevel", "HEAD^{commit}"],
    evaluating(LOOSE, FETCH, `git+file://${fleet.dir}?shallow=1`),
    evaluating(PURE, LOCKED, snapshot),
    [NIX, ...FLAGS, "flake", "metadata", "--json", "--no-write-lock-file", fleet.dir],
  ]);
  assertEquals(flake, { revision: head, dirty: false, localDir: fleet.dir });
  const { protocol, pathname, searchParams } = new URL(url);
  assertEquals([protocol, pathname, searchParams.get("rev")], ["git+file:", fleet.dir, head]);
});

Deno.test("lockFlake() fixes a changed flake to the copy in the store, and a later change is not in it", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "fleet.json": "{}" });
  const { url, ...flake } = await lockFlake(nix, fleet.dir);
  assertEquals(flake, { revision: null, dirty: true, localDir: fleet.dir });
  assert(SNAPSHOT.test(url), url);
  await fleet.write({ "fleet.json": "[]" });
  assertEquals((await lockFlake(nix, url)).url, url);
  assertEquals(await Deno.readTextFile(join(url.slice("path:".length).split("?")[0]!, "fleet.json")), "{}");
});

Deno.test("lockFlake() gives a flake outside git no revision, and does not call it changed", async () => {
  await using fleet = await TestFleet.create({ git: false });
  const nix = nixContext(tracedShell(fleet.root).shell, fleet.env(), NO_FLAGS);
  const { url, ...flake } = await lockFlake(nix, `path:${fleet.dir}`);
  assertEquals(flake, { revision: null, dirty: false, localDir: fleet.dir });
  assert(SNAPSHOT.test(url), url);
});

Deno.test("lockFlake() finds the directory of a flake below the root of its repository", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "sub/flake.nix": "{ outputs = _: {}; }" });
  const head = await fleet.commit("a flake below");
  const { url, ...flake } = await lockFlake(nix, `git+file://${fleet.dir}?dir=sub`);
  assertEquals(flake, { revision: head, dirty: false, localDir: join(fleet.dir, "sub") });
  const { searchParams } = new URL(url);
  assertEquals([searchParams.get("dir"), searchParams.get("rev")], ["sub", head]);
});

Deno.test("lockFlake() refuses what is no flake, with what nix says", async () => {
  await using dir = await TemporaryDirectory.create();
  await using world = await nixFleet("{}");
  const { lines, ...refused } = await rejection(lockFlake(world.nix, `path:${dir.path}`));
  assertEquals(refused, {
    kind: "evaluation",
    message: `Cannot read the flake "path:${dir.path}": nix exited with 1`,
  });
  assert(lines!.some((line) => line.includes("flake.nix")), lines!.join("\n"));
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
    assertEquals(loose, [evaluating(LOOSE, FETCH, `git+file://${fleet.dir}?shallow=1`)]);
    assertEquals(commands.length, 4);
  }
});

Deno.test("lockFlake() gives no hint about inputs where the flake has none, or cannot be read", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  for (const text of ['{ outputs = _: throw "no"; }', "{ outputs = { self }: {}; }}", "{ inputs.k.url = 3"]) {
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
  const { url, ...flake } = await lockFlake(nix, "myfleet");
  assertEquals(flake, { revision: head, dirty: false, localDir: join(fleet.dir, "infra") });
  const { searchParams } = new URL(url);
  assertEquals([searchParams.get("dir"), searchParams.get("rev")], ["infra", head]);
});

Deno.test("lockFlake() refuses a source that is another one than what was checked", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, shell } = world;
  const run = shell.run.bind(shell);
  shell.run = async (argv, options) => {
    if (argv.includes("metadata")) await fleet.write({ "flake.nix": "{ outputs = _: {}; }" });
    return await run(argv, options);
  };
  assertEquals(await rejection(lockFlake(nix, fleet.dir)), {
    kind: "evaluation",
    message: `Cannot read the flake "${fleet.dir}": it has changed meanwhile`,
    hint: "run it again when nothing else writes to it; if the flake sets inputs.self.submodules, give its " +
      "reference with ?submodules=1",
  });
});
