import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { buildHosts, type BuildOptions } from "../../../src/adapters/nix/build.ts";
import { buildFailure } from "../../../src/adapters/nix/build_failure.ts";
import { BuildLog } from "../../../src/adapters/nix/build_log.ts";
import { AS_EVENTS } from "../../../src/adapters/nix/events.ts";
import { realise } from "../../../src/adapters/nix/realise.ts";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { StoreServer } from "../../../src/adapters/nix/store_server.ts";
import { Stream } from "../../../src/stages/stream.ts";
import { SYSTEM_CLOCK } from "../../../src/world.ts";
import type { DerivedHost } from "../../../src/model.ts";
import type { BuildProgress, Builds } from "../../../src/ports.ts";
import { rejection } from "../../support/pure.ts";
import {
  derivationsOf,
  FLAGS,
  NIX_STORE,
  type NixFleet,
  nixFleet,
  NO_FLAGS,
} from "../../support/nix_fleet.ts";

const STORE = "/nix/store";
const SILENT: BuildProgress = { onHost() {}, onBuilds() {} };

/** Builds in a directory of its own, and tells what it was told. */
async function build(
  { nix, fleet }: NixFleet,
  derivations: readonly DerivedHost[],
  options: Partial<BuildOptions> = {},
) {
  const told: string[] = [];
  const built = new Map<string, string>();
  const tempDir = await Deno.makeTempDir({ dir: join(fleet.root, "tmp") });
  await using store = new StoreServer(nix);
  await buildHosts(nix, Stream.of(derivations), {
    ...{ storeDir: STORE, tempDir, settings: [], store, clock: SYSTEM_CLOCK },
    again: () => Promise.reject(new Error("all derivations are there")),
    progress: { onHost: (name, state) => told.push(`${name} ${state}`), onBuilds() {} },
    onBuilt: ({ name }, path) => built.set(name, path),
    ...options,
  });
  return { built, told };
}

/** The targets of each process that has built. */
const targetsOf = ({ commands }: NixFleet) =>
  commands.filter((argv) => argv.includes("--realise")).map((argv) =>
    argv.filter((word) => word.includes("!"))
  );

const withoutHashes = (lines: readonly string[] = []) =>
  lines.map((line) => line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, "STORE/"));

Deno.test("buildHosts() builds a derivation of two hosts once, and tells of both", async () => {
  await using world = await nixFleet(
    `let same = host (build "same" "echo > $out"); in { a = same; b = same; }`,
  );
  const derivations = await derivationsOf(world, "a", "b");
  const [{ drvPath, outPath }] = derivations;
  const built = new Map([["a", outPath], ["b", outPath]]);
  assertEquals(await build(world, derivations), {
    built,
    told: ["a started", "b started", "a done", "b done"],
  });
  assertEquals(targetsOf(world), [[`${drvPath}!out`]]);
  // What is there already is done, and was never begun.
  assertEquals(await build(world, derivations), { built, told: ["a done", "b done"] });
});

Deno.test("buildHosts() tells how far all builds have come, and counts for a host what was built for it before it", async () => {
  await using world = await nixFleet(`{
    web = host (build "web" "echo \${build "kernel" "echo > $out"} > $out");
    db = host (build "db" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "web", "db");
  const told: [host: string, state: string, since: number | undefined][] = [];
  const seen: Builds[] = [];
  let now = 0;
  await build(world, derivations, {
    progress: {
      onHost: (...args) => void told.push([args[0], args[1], args[2]]),
      onBuilds: (builds) => void seen.push(builds),
    },
    // Time goes by whenever somebody looks.
    clock: { ...SYSTEM_CLOCK, monotonic: () => now++ },
  });
  // Both begin with their process.
  const [since] = told.flatMap(([, state, since]) => state === "started" ? [since!] : []);
  assertEquals(told.filter(([, state]) => state === "started").sort(), [
    ["db", "started", since],
    ["web", "started", since],
  ]);
  assertEquals(told.filter(([, state]) => state === "done").map(([host]) => host).sort(), ["db", "web"]);
  assertEquals(seen.at(-1)!.derivations, { done: 3, failed: 0, expected: 3 });
  const running = new Set(seen.flatMap((builds) => builds.running));
  assertEquals([...running].sort(), ["db", "kernel", "web"]);
});

Deno.test("buildHosts() refuses with the hosts that were not built, and the log of what failed them, and hands on the others", async () => {
  await using world = await nixFleet(`let kernel = build "kernel" "echo no space >&2; exit 6"; in {
    web = host (build "web" "echo \${kernel} > $out");
    good = host (build "good" "echo > $out");
  }`);
  const handed: string[] = [];
  const told: string[] = [];
  const { lines, ...refused } = await rejection(build(world, await derivationsOf(world, "good", "web"), {
    onBuilt: ({ name }) => handed.push(name),
    progress: { onHost: (name, state) => state === "done" && told.push(name), onBuilds() {} },
  }));
  assertEquals([handed, told], [["good"], ["good"]]);
  assertEquals(refused, { kind: "build", message: 'Cannot build host "web": nix-store exited with 100' });
  assertEquals(withoutHashes(lines), [
    'derivation STORE/kernel.drv failed, which host "web" needs',
    "  | no space",
    "  | error: builder for 'STORE/kernel.drv' failed with exit code 6",
  ]);
});

Deno.test("buildHosts() names none that is built where nix-store says of none what it lacks", async () => {
  await using world = await nixFleet(`{
    there = host (build "there" "echo > $out");
    hook = host (build "hook" "echo > $out");
  }`);
  const [there, hook] = await derivationsOf(world, "there", "hook") as [DerivedHost, DerivedHost];
  await build(world, [there]);
  const lacking = { ...hook, outputName: "lacking" };
  const { message } = await rejection(build(world, [there, lacking]));
  assertEquals(message, 'Cannot build host "hook": nix-store exited with 1');
  const { fleet, shell } = world;
  // What has failed is nix's own hook, when all was built.
  const options = [["post-build-hook", "/bin/false"]] as const;
  const own = { ...world, nix: nixContext(shell, fleet.env(), { ...NO_FLAGS, options }) };
  const failed = await rejection(build(own, [there, hook]));
  assertEquals(failed.message, 'Cannot build hosts "there", "hook": nix-store exited with 1');
});

Deno.test("buildFailure() asks the store once what was not built, and of each that failed who needs it", async () => {
  await using world = await nixFleet(`let bad = build "bad" "echo its own fault; exit 1"; in {
    bad = host bad;
    good = host (build "good" "echo > $out");
    middle = host (build "top" "echo \${build "middle" "echo \${bad} > $out"} > $out");
  }`);
  const derivations = await derivationsOf(world, "good", "bad", "middle");
  const [good, bad, middle] = derivations as [DerivedHost, DerivedHost, DerivedHost];
  const targets = derivations.map(({ drvPath }) => `${drvPath}!out`);
  const log = new BuildLog();
  const process = log.open();
  const realised = await realise(world.nix, targets, {
    root: join(world.fleet.root, "tmp/kept"),
    settings: [],
    begin: () => ({ add: (line) => process.add(line), end() {} }),
  });
  if (!("failure" in realised)) throw new Error("it was built");
  world.commands.length = 0;
  const failure = { derivations, log, result: realised.failure };
  const { kind, message, lines } = await buildFailure(world.nix, failure);
  const logs = [`derivation ${bad.drvPath} failed, which 2 hosts need: "bad", "middle"`, "  | its own fault"];
  const end = `  | error: builder for '${bad.drvPath}' failed with exit code 1`;
  assertEquals({ kind, message, lines }, {
    kind: "build",
    message: 'Cannot build hosts "bad", "middle": nix-store exited with 100',
    lines: [...logs, end],
  });
  assertEquals(world.commands, [
    [
      ...[NIX_STORE, "--realise", "--dry-run", ...log.started(), ...targets],
      ...[...FLAGS, "--option", "substitute", "false", ...AS_EVENTS],
    ],
    [NIX_STORE, "--query", "--referrers-closure", bad.drvPath, ...FLAGS],
  ]);
  assertEquals(log.started().toSorted(), [bad.drvPath, good.drvPath].toSorted());
  // By way of its daemon, nix does not say what kind of failure it was, and repeats logs. What is left is of its own.
  process.add(`@nix ${
    JSON.stringify({
      action: "msg",
      level: 0,
      msg: `error: '${bad.drvPath}' failed;\n   last 1 log lines:\n   > its own fault\n` +
        `   For full logs, run 'nix log ${bad.drvPath}'.\nerror: ${middle.drvPath} needs it`,
    })
  }`);
  const { lines: more } = await buildFailure(world.nix, {
    ...failure,
    result: { ...realised.failure, code: 1 },
  });
  assertEquals(more.slice(0, 2), logs);
  assertEquals(more.slice(2).filter((line) => !line.startsWith(`| error: b`)), [
    `| error: '${bad.drvPath}' failed;`,
  ]);
});

Deno.test("createNix() goes from a fleet's reference to what is built of its hosts", async () => {
  await using world = await nixFleet(`{ web = host (build "web" "echo > $out"); }`);
  const { fleet, shell } = world;
  await using nix = createNix(shell, {
    ...NO_FLAGS,
    env: fleet.env(),
    tempDir: join(fleet.root, "tmp"),
    evalWorkers: 2,
    clock: SYSTEM_CLOCK,
  });
  const flake = await nix.lock(fleet.dir);
  const { storeDir, hosts: names } = await nix.inventory(flake, new Map(), {
    warn: () => {},
    hosts: { kind: "auto", exclude: [] },
  });
  const hosts = names.nixos.map((name) => ({
    name,
    kind: "nixos" as const,
    channel: null,
    pinnedTo: null,
    flake,
  }));
  const derived = new Stream<DerivedHost>();
  const progress = () => {};
  await nix.evaluateHosts(hosts, {
    progress,
    warn: () => {},
    onDerived: (host, derivation) => derived.push({ ...host, ...derivation }),
  });
  derived.end();
  const built: string[][] = [];
  await nix.build(derived, {
    ...{ hosts, storeDir, progress: SILENT },
    onBuilt: ({ name, outPath }, path) => built.push([name, outPath, path]),
  });
  const [[, outPath]] = built as [string[]];
  assertEquals(built, [["web", outPath!, outPath!]]);
  assertEquals(
    world.commands.flatMap(([, ...words]) =>
      words.find((word) => /^(eval|--realise|--serve)$/.test(word)) ?? []
    ),
    ["eval", "eval", "eval", "--serve", "--realise"],
  );
});

Deno.test("createNix() has builds go by the settings of all flakes, and those of the released one have the last word", async () => {
  await using world = await nixFleet(`{ web = host (build "web" "echo > $out"); }`);
  const [web] = await derivationsOf(world, "web");
  const setting = (value: string, name = "max-silent-time") => ({
    ...web.flake,
    nixConfig: { used: [[name, value] as const], passedOver: [] },
  });
  const [current, pinned] = [setting("1"), setting("2")];
  const hosts: DerivedHost[] = [
    { ...web, flake: current },
    { ...web, flake: pinned, pinnedTo: "a".repeat(40) },
    { ...web, flake: current },
  ];
  world.commands.length = 0;
  await using nix = createNix(world.shell, {
    ...NO_FLAGS,
    env: world.fleet.env(),
    tempDir: join(world.fleet.root, "tmp"),
    evalWorkers: 2,
    clock: SYSTEM_CLOCK,
  });
  await nix.build(Stream.of(hosts), { hosts, storeDir: STORE, progress: SILENT, onBuilt: () => {} });
  const argv = world.commands.find((argv) => argv.includes("--realise"))!;
  const values = argv.flatMap((word, index) => argv[index - 1] === "max-silent-time" ? [word] : []);
  assertEquals(values, ["2", "1"]);
});

/** The targets of each process that has built, and how many it builds at once. */
const windowsOf = ({ commands }: NixFleet) =>
  commands.filter((argv) => argv.includes("--realise") && !argv.includes("--dry-run")).map((argv) => [
    argv.filter((word) => word.includes("!")),
    argv[argv.lastIndexOf("--max-jobs") + 1],
  ]);

/** The same fleet, whose nix builds so many at once. */
function withJobs(world: NixFleet, maxJobs: string): NixFleet {
  world.commands.length = 0;
  return { ...world, nix: nixContext(world.shell, world.fleet.env(), { ...NO_FLAGS, maxJobs }) };
}

Deno.test("buildHosts() builds the first window alone, and two at once then, which share the jobs, and keeps all of them", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = host (build "b" "echo > $out");
    c = host (build "c" "exit 3");
    d = host (build "d" "echo > $out");
    e = host (build "e" "echo > $out");
    f = host (build "f" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "a", "b", "c", "d", "e", "f");
  const targets = derivations.map(({ drvPath }) => `${drvPath}!out`);
  const [first, tempDir] = await Promise.all(
    [1, 2].map(() => Deno.makeTempDir({ dir: join(world.fleet.root, "tmp") })),
  ) as [string, string];
  const { message } = await rejection(
    build(withJobs(world, "3"), derivations, { window: 2, tempDir: first }),
  );
  assertEquals(message, 'Cannot build host "c": nix-store exited with 100');
  // What is behind the window with the one that fails is built, too.
  assertEquals(windowsOf(world), [
    [targets.slice(0, 2), "2"],
    [targets.slice(2, 4), "2"],
    [targets.slice(4), "1"],
  ]);
  const good = derivations.filter(({ name }) => name !== "c");
  const { env } = world.nix;
  // What is there already would be built by nobody.
  await Deno.remove(first, { recursive: true });
  await world.shell.run([NIX_STORE, "--delete", ...good.map(({ outPath }) => outPath)], { env });
  const { built } = await build(withJobs(world, "1"), good, { window: 2, tempDir });
  assertEquals(windowsOf(world).map(([, jobs]) => jobs), ["1", "1", "1"]);
  assertEquals([...built].sort(), good.map(({ name, outPath }) => [name, outPath]));
  const links = ["host", "host-2", "host.1", "host.1-2", "host.2"];
  const kept = links.map((link) => Deno.readLinkSync(join(tempDir, "roots", link)));
  assertEquals(kept, good.map(({ outPath }) => outPath));
  world.commands.length = 0;
  assertEquals(await build(world, []), { built: new Map(), told: [] });
  assertEquals(world.commands, []);
});

Deno.test("buildHosts() begins to build while more hosts come, and what has come meanwhile is one window", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = host (build "b" "echo > $out");
    c = host (build "c" "echo > $out");
  }`);
  const [a, b, c] = await derivationsOf(world, "a", "b", "c") as [DerivedHost, DerivedHost, DerivedHost];
  const derived = new Stream<DerivedHost>();
  const built = Promise.withResolvers<void>();
  derived.push(a);
  const own = withJobs(world, "4");
  const tempDir = await Deno.makeTempDir({ dir: join(world.fleet.root, "tmp") });
  await using store = new StoreServer(own.nix);
  const building = buildHosts(own.nix, derived, {
    ...{ storeDir: STORE, tempDir, settings: [], store, clock: SYSTEM_CLOCK },
    again: () => Promise.reject(new Error("all derivations are there")),
    progress: SILENT,
    onBuilt: () => built.resolve(),
  });
  await built.promise;
  derived.push(b);
  derived.push(c);
  derived.end();
  await building;
  // The last one has all jobs.
  assertEquals(windowsOf(world), [[[`${a.drvPath}!out`], "2"], [
    [b, c].map(({ drvPath }) => `${drvPath}!out`),
    "4",
  ]]);
});

Deno.test("buildHosts() has a host evaluated again whose derivation is gone, and refuses one that stays away", async () => {
  await using world = await nixFleet(`{
    here = host (build "here" "echo > $out");
    gone = host (build "gone" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "here", "gone");
  const [, gone] = derivations as [DerivedHost, DerivedHost];
  const remove = () => world.shell.run([NIX_STORE, "--delete", gone.drvPath], { env: world.fleet.env() });
  await remove();
  const asked: string[][] = [];
  const again = async (hosts: readonly DerivedHost[]) => {
    asked.push(hosts.map(({ name }) => name));
    await derivationsOf(world, "gone");
  };
  const tempDir = await Deno.makeTempDir({ dir: join(world.fleet.root, "tmp") });
  const { built } = await build(world, derivations, { again, tempDir });
  assertEquals(built, new Map(derivations.map(({ name, outPath }) => [name, outPath])));
  await Deno.remove(tempDir, { recursive: true });
  await world.shell.run([NIX_STORE, "--delete", gone.outPath], { env: world.fleet.env() });
  await remove();
  const { lines, ...refused } = await rejection(
    build(world, derivations, {
      again: (hosts) => {
        asked.push(hosts.map(({ name }) => name));
        return Promise.resolve();
      },
    }),
  );
  assertEquals(refused, {
    kind: "build",
    message: 'Cannot build host "gone": its derivation is not in the store',
  });
  assertEquals(lines, [gone.drvPath]);
  assertEquals(asked, [["gone"], ["gone"]]);
});

Deno.test("StoreServer keeps what it holds from garbage collection, and tells what is there", async () => {
  await using world = await nixFleet(
    `{ a = host (build "kept" "echo > $out"); b = host (build "b" "echo > $out"); }`,
  );
  const [a, b] = await derivationsOf(world, "a", "b") as [DerivedHost, DerivedHost];
  const env = world.fleet.env();
  const remove = async ({ drvPath }: DerivedHost) =>
    (await world.shell.run([NIX_STORE, "--delete", drvPath], { env })).code;
  const none = `${STORE}/${"0".repeat(32)}-none.drv`;
  {
    await using store = new StoreServer(world.nix);
    const [first, second] = await Promise.all([store.hold([a.drvPath]), store.hold([b.drvPath, none])]);
    assertEquals(new Set([...first, ...second]), new Set([a.drvPath, b.drvPath]));
    const many = Array.from(
      { length: 20_000 },
      (_, index) => `${STORE}/${String(index).padStart(32, "0")}-none.drv`,
    );
    assertEquals(await store.hold([...many, a.drvPath]), new Set([a.drvPath]));
    await remove(a);
    assertEquals((await Deno.stat(a.drvPath)).isFile, true);
  }
  await remove(a);
  assertEquals(await Deno.stat(a.drvPath).catch((error) => error instanceof Deno.errors.NotFound), true);
  assertEquals(world.commands.filter((argv) => argv.includes("--serve")).length, 1);
});

Deno.test("buildHosts() takes fewer hosts at once when there is much to do, and all when there is nothing", async () => {
  await using world = await nixFleet(`builtins.listToAttrs (map (index: rec {
    name = "h\${toString index}";
    value = host (build "\${name}-${crypto.randomUUID()}" "echo > $out");
  }) (builtins.genList (index: index) 160))`);
  const derivations = await derivationsOf(world, ...Array.from({ length: 160 }, (_, index) => `h${index}`));
  const sizesOf = async () => {
    await build(withJobs(world, "1"), derivations);
    return targetsOf(world).map(({ length }) => length);
  };
  assertEquals(await sizesOf(), [100, 50, 10]);
  // All is there.
  assertEquals(await sizesOf(), []);
});

Deno.test("buildHosts() starts no process for what is built already, hands it on before the rest, and keeps it", async () => {
  await using world = await nixFleet(`{
    new = host (build "new-${crypto.randomUUID()}" "echo > $out");
    old = host (build "old" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "new", "old");
  const [unbuilt, old] = derivations as [DerivedHost, DerivedHost];
  await build(world, [old]);
  world.commands.length = 0;
  const handed: string[] = [];
  const told: string[] = [];
  const { env } = world.nix;
  const tempDir = await Deno.makeTempDir({ dir: join(world.fleet.root, "tmp") });
  await using store = new StoreServer(world.nix);
  await buildHosts(world.nix, Stream.of(derivations), {
    ...{ storeDir: STORE, tempDir, settings: [], store, clock: SYSTEM_CLOCK },
    again: () => Promise.reject(new Error("all derivations are there")),
    progress: { onHost: (name, state) => told.push(`${name} ${state}`), onBuilds() {} },
    onBuilt: ({ name }, path) => handed.push(`${name} ${path}`),
  });
  assertEquals(handed, [`old ${old.outPath}`, `new ${unbuilt.outPath}`]);
  assertEquals([told[0], told.at(-1)], ["old done", "new done"]);
  assertEquals(targetsOf(world), [[`${unbuilt.drvPath}!out`]]);
  const { code } = await world.shell.run([NIX_STORE, "--delete", old.outPath], { env });
  assertEquals([code === 0, (await Deno.stat(old.outPath)).isFile], [false, true]);
});

Deno.test("buildHosts() gives what a derivation is built as, whatever its flake says of its output", async () => {
  await using world = await nixFleet(`{
    a = host (build "what-it-is" "echo > $out");
    b = host (build "what-it-says" "echo > $out");
  }`);
  const [a, b] = await derivationsOf(world, "a", "b") as [DerivedHost, DerivedHost];
  const forged = { ...a, outPath: b.outPath };
  for (const state of ["unbuilt", "built"]) {
    await build(world, [b]);
    assertEquals((await build(world, [forged])).built, new Map([["a", a.outPath]]), state);
  }
});

Deno.test("what a StoreServer holds is held by another process when its own is lost", async () => {
  await using world = await nixFleet(`{ a = host (build "lost-and-held" "echo > $out"); }`);
  const [a] = await derivationsOf(world, "a") as [DerivedHost];
  const [nixStore, started] = ["nix-store", "started"].map((name) => join(world.fleet.root, name)) as [
    string,
    string,
  ];
  await Deno.writeTextFile(nixStore, `#!/bin/sh\necho $$ >>${started}\nexec ${NIX_STORE} "$@"\n`, {
    mode: 0o755,
  });
  const processes = async () => (await Deno.readTextFile(started)).trimEnd().split("\n").map(Number);
  await using store = new StoreServer({ ...world.nix, nixStore });
  assertEquals(await store.hold([a.drvPath]), new Set([a.drvPath]));
  const [lost] = await processes() as [number];
  Deno.kill(lost, "SIGKILL");
  for (let looks = 0; (await processes()).length < 2; looks++) {
    assert(looks < 500, "no other process has begun");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Once it has answered, what was held before is held.
  await store.hold([a.outPath]);
  await world.shell.run([NIX_STORE, "--delete", a.drvPath], { env: world.nix.env });
  assertEquals((await Deno.stat(a.drvPath)).isFile, true);
});
