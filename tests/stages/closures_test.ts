// From hosts to closures: no host is lost on the way, or takes the place of another.

import { assertEquals, assertRejects } from "@std/assert";
import type { StorePath } from "../../src/contract/store_path.ts";
import { ReleaseError } from "../../src/errors.ts";
import type {
  BuiltHost,
  DerivedHost,
  HostDerivation,
  HostInFlake,
  LockedFlake,
  PinnedHost,
} from "../../src/model.ts";
import type { Nix } from "../../src/ports.ts";
import { buildHosts } from "../../src/stages/build.ts";
import { evaluateHosts } from "../../src/stages/evaluate.ts";
import type { FleetToRelease } from "../../src/stages/fleet.ts";
import { placeHosts } from "../../src/stages/pins.ts";
import type { Run } from "../../src/stages/run.ts";
import type { Source } from "../../src/stages/source.ts";
import { Stream } from "../../src/stages/stream.ts";
import { together } from "../../src/stages/together.ts";
import {
  addHost,
  COMMIT,
  derivationOf,
  drvOf,
  FakeWorld,
  hashOf,
  lockedAt,
  pathOf,
} from "../support/fake_ports.ts";
import { deepFreeze, pureTest, rejection } from "../support/pure.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const SOURCE = { pinSourceUrl: "git+ssh://host/fleet" };

/** The flake of each host, by the commit that it is pinned to. */
const FLAKES = new Map<string | null, LockedFlake>([
  [null, new FakeWorld().flake],
  ...[A, B].map((commit) =>
    [commit, lockedAt(`git+ssh://host/fleet?allRefs=1&rev=${commit}`, commit)] as const
  ),
]);

/** Pinned and unpinned in turns, with the names that an object's prototype has. */
const HOSTS: readonly PinnedHost[] = deepFreeze([
  { name: "web2", kind: "nixos", channel: "stable", pinnedTo: null },
  { name: "__proto__", kind: "nixos", channel: "stable", pinnedTo: A },
  { name: "constructor", kind: "nixos", channel: null, pinnedTo: null },
  { name: "10", kind: "darwin", channel: "edge", pinnedTo: B },
  { name: "toString", kind: "darwin", channel: "stable", pinnedTo: A },
  { name: "2", kind: "nixos", channel: "edge", pinnedTo: null },
]);

const DERIVED: readonly DerivedHost[] = deepFreeze(
  HOSTS.map((host) => ({
    ...host,
    flake: FLAKES.get(host.pinnedTo)!,
    drvPath: drvOf(host.name),
    outPath: pathOf(host.name),
    outputName: "out",
  })),
);

const IN_FLAKES: readonly HostInFlake[] = DERIVED.map((
  { drvPath: _, outPath: __, outputName: ___, ...host },
) => host);

/** What {@linkcode evaluateHosts} and {@linkcode buildHosts} read of a source and a fleet. */
const { source, fleet } = {
  source: { flake: FLAKES.get(null)!, repository: null } as Source,
  fleet: { hosts: IN_FLAKES, storeDir: "/nix/store" } as FleetToRelease,
};

/** A run whose nix differs in this. */
function runWith(nix: Partial<Nix>): Run {
  const run = new FakeWorld().run(SOURCE);
  return { ...run, ports: { ...run.ports, nix: { ...run.ports.nix, ...nix } } };
}

/** What evaluation hands on. */
async function derivedIn(run: Run): Promise<DerivedHost[]> {
  const derived = new Stream<DerivedHost>();
  await evaluateHosts(run, { source, fleet }, derived);
  return await Array.fromAsync(derived);
}

/** What is built of some hosts, and what is handed on meanwhile. */
async function builtIn(run: Run, hosts: readonly DerivedHost[] = DERIVED) {
  const built = new Stream<BuiltHost>();
  const all = await buildHosts(run, { fleet, derived: Stream.of(hosts), built });
  return { all, handed: await Array.fromAsync(built) };
}

pureTest("placeHosts() gives each host the flake at its own commit, and locks each commit once", async () => {
  const world = new FakeWorld();
  assertEquals(await placeHosts(world.run(SOURCE), source, HOSTS), [...IN_FLAKES]);
  assertEquals(world.effects, [
    `lock git+ssh://host/fleet?allRefs=1&rev=${A}`,
    `lock git+ssh://host/fleet?allRefs=1&rev=${B}`,
  ]);
});

pureTest("evaluateHosts() hands on every host with its own derivation", async () => {
  const world = new FakeWorld();
  const derived = await derivedIn(world.run(SOURCE));
  assertEquals(world.effects, ["evaluate web2 constructor 2 | __proto__ toString | 10"]);
  const order = ["web2", "constructor", "2", "__proto__", "toString", "10"];
  assertEquals(derived, order.map((name) => DERIVED.find((host) => host.name === name)!));
});

pureTest(
  "evaluateHosts() hands on what it has before another host fails, and no more comes then",
  async () => {
    const failure = new ReleaseError("evaluation", "no");
    const derived = new Stream<DerivedHost>();
    const run = runWith({
      evaluateHosts: (hosts, { onDerived }) => {
        onDerived(hosts[2]!, derivationOf(hosts[2]!));
        return Promise.reject(failure);
      },
    });
    assertEquals((await rejection(evaluateHosts(run, { source, fleet }, derived))).message, "no");
    assertEquals(await Array.fromAsync(derived), [DERIVED[2]!]);
  },
);

const NOT_EVALUATED: Record<
  string,
  [give: (all: HostDerivation[]) => (HostDerivation | undefined)[], names: string]
> = {
  "nothing": [() => [], '"web2", "__proto__", "constructor", "10", "toString", "2"'],
  "too few": [(all) => all.slice(0, -2), '"toString", "2"'],
  "none for one": [(all) => all.with(1, undefined!), '"__proto__"'],
  "that of another host": [(all) => all.with(0, all[2]!), '"web2"'],
  "another order": [(all) => [all[1]!, all[0]!, ...all.slice(2)], '"web2", "__proto__"'],
};

for (const [what, [give, names]] of Object.entries(NOT_EVALUATED)) {
  pureTest(
    `evaluateHosts() refuses derivations of which nix gives ${what}, and names the hosts`,
    async () => {
      const run = runWith({
        evaluateHosts: (hosts, { onDerived }) => {
          const given = give(hosts.map(derivationOf));
          given.forEach((derivation, index) => derivation && onDerived(hosts[index]!, derivation));
          return Promise.resolve();
        },
      });
      assertEquals(await rejection(derivedIn(run)), {
        kind: "evaluation",
        message: `Nothing was evaluated for host ${names}`,
      });
      assertEquals(run.notes.stages, []);
    },
  );
}

pureTest(
  "buildHosts() gives every host with its own closure, in the order of the fleet, and hands each on as it is built",
  async () => {
    const world = new FakeWorld();
    const came = DERIVED.toReversed();
    const closureOf = (host: DerivedHost) => ({
      ...host,
      storePath: pathOf(host.name),
      closureHash: hashOf(host.name),
    });
    assertEquals(await builtIn(world.run(), came), {
      all: DERIVED.map(closureOf),
      handed: came.map(closureOf),
    });
    assertEquals(world.effects, ["build 2 toString 10 constructor __proto__ web2"]);
  },
);

pureTest("buildHosts() begins nothing when no host comes", async () => {
  const world = new FakeWorld();
  const run = world.run();
  assertEquals(await builtIn(run, []), { all: [], handed: [] });
  assertEquals([world.effects, run.notes.stages], [[], []]);
});

const NOT_BUILT: Record<string, [builds: (host: DerivedHost, index: number) => boolean, names: string]> = {
  "none": [() => false, '"web2", "__proto__", "constructor", "10", "toString", "2"'],
  "too few": [(_, index) => index < 4, '"toString", "2"'],
  "none for one": [(_, index) => index !== 1, '"__proto__"'],
};

for (const [what, [builds, names]] of Object.entries(NOT_BUILT)) {
  pureTest(`buildHosts() refuses store paths of which nix gives ${what}, and names the hosts`, async () => {
    const run = runWith({
      build: async (derived, { onBuilt }) => {
        const hosts = await Array.fromAsync(derived);
        hosts.filter(builds).forEach((host) => onBuilt(host, pathOf(host.name)));
      },
    });
    assertEquals(await rejection(builtIn(run)), {
      kind: "build",
      message: `Nothing was built for host ${names}`,
    });
    assertEquals(run.notes.stages, []);
  });
}

pureTest("buildHosts() refuses what is no store path of the store that nix has", async () => {
  const path = "/gnu/store/x" as StorePath;
  const run = runWith({
    build: async (derived, { onBuilt }) => {
      for await (const host of derived) onBuilt(host, path);
    },
  });
  assertEquals(await rejection(builtIn(run)), {
    kind: "build",
    message: `Cannot take the closure hash of "${path}": expected a path in /nix/store`,
  });
});

pureTest("together() waits for all stages, and tells by one error all that has failed", async () => {
  const order: string[] = [];
  const ends = async (name: string, error?: unknown) => {
    await Promise.resolve();
    order.push(name);
    if (error !== undefined) throw error;
    return name;
  };
  assertEquals(await together(ends("a"), ends("b")), ["a", "b"]);
  const evaluation = new ReleaseError("evaluation", "a is wrong", {
    lines: ["line 3"],
    hosts: ["a"],
    hint: "look",
  });
  const build = new ReleaseError("build", "b fails", { lines: ["| no"], hosts: ["b", "a"], hint: "look" });
  assertEquals(await rejection(together(ends("c", evaluation), ends("d"), ends("e", build))), {
    kind: "evaluation",
    message: "a is wrong",
    lines: ["line 3", "b fails", "  | no"],
    hint: "look",
  });
  assertEquals(order, ["a", "b", "c", "d", "e"]);
  assertEquals((await rejection(together(ends("f"), ends("g", build)))).message, "b fails");
  // What nobody foresees goes over all.
  const bug = new TypeError("no function");
  await assertRejects(() => together(ends("h", build), ends("i", bug)), TypeError, "no function");
});

pureTest(
  "a release keeps every host and its order from the flake to its files, whatever their names",
  async () => {
    const world = new FakeWorld();
    world.names = { nixos: ["web2", "web1", "db", "__proto__", "constructor"], darwin: ["toString", "10"] };
    addHost(world.fleet, "__proto__", { pin: { commit: A, reason: "audit" } });
    addHost(world.fleet, "constructor", { pin: { commit: COMMIT, reason: "audit" } });
    addHost(world.fleet, "toString", { pin: { commit: B, reason: "audit" } });
    addHost(world.fleet, "10");
    const { hosts, artifacts } = await world.release(SOURCE);
    const order = ["__proto__", "constructor", "db", "web1", "web2", "10", "toString"];
    assertEquals(hosts.map(({ name, closureHash, pinnedTo }) => [name, closureHash, pinnedTo]), [
      ["__proto__", hashOf("__proto__"), A],
      ["constructor", hashOf("constructor"), null],
      ["db", hashOf("db"), null],
      ["web1", hashOf("web1"), null],
      ["web2", hashOf("web2"), null],
      ["10", hashOf("10"), null],
      ["toString", hashOf("toString"), B],
    ]);
    assertEquals(world.effects.filter((effect) => effect.startsWith("build")), [`build ${order.join(" ")}`]);
    const written = Object.entries<{ closureHash: string }>(world.json()["hosts"]);
    assertEquals(
      new Map(written.map(([name, { closureHash }]) => [name, closureHash])),
      new Map(order.map((name) => [name, hashOf(name)])),
    );
    const stable = world.json(artifacts.at(-1)!.path)["hostSet"] as {
      hostname: string;
      targetClosure: string;
    }[];
    assertEquals(
      new Map(stable.map(({ hostname, targetClosure }) => [hostname, targetClosure])),
      new Map(order.filter((name) => name !== "db").map((name) => [name, hashOf(name)])),
    );
  },
);

pureTest(
  "a release gives each host's channel, and none for a host that the fleet does not know",
  async () => {
    const world = new FakeWorld();
    world.names = { ...world.names, darwin: ["air"] };
    world.fleet["hosts"].db.pin = { commit: "v1", reason: "audit" };
    world.commits.set("v1", A);
    const { hosts } = await world.release(SOURCE);
    assertEquals(hosts.map(({ name, kind, channel, pinnedTo }) => ({ name, kind, channel, pinnedTo })), [
      { name: "db", kind: "nixos", channel: "edge", pinnedTo: A },
      { name: "web1", kind: "nixos", channel: "stable", pinnedTo: null },
      { name: "web2", kind: "nixos", channel: "stable", pinnedTo: null },
      { name: "air", kind: "darwin", channel: null, pinnedTo: null },
    ]);
  },
);

pureTest("buildHosts() is given as long as it may take from the end of the evaluation on", async () => {
  const run = new FakeWorld().run(SOURCE);
  const config = { ...run.config, buildTimeout: 0.001 };
  const [derived, built] = [new Stream<DerivedHost>(), new Stream<BuiltHost>()];
  const later = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
  const nix: Nix = {
    ...run.ports.nix,
    async build(hosts) {
      for await (const _ of hosts);
      await new Promise(() => {});
    },
  };
  const ports = { ...run.ports, nix };
  const building = buildHosts({ ...run, config, ports }, { fleet, derived, built });
  let isOver = false;
  const refused = building.catch((error) => (isOver = true, error));
  derived.push(DERIVED[0]!);
  await later(20);
  assertEquals(isOver, false);
  derived.end();
  assertEquals((await refused).message, "Building 6 hosts took longer than 0.001 s");
});
