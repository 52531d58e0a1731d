// From hosts to closures: no host is lost on the way, or takes the place of another.

import { assertEquals } from "@std/assert";
import type { StorePath } from "../../src/contract/store_path.ts";
import type { DerivedHost, HostDerivation, PinnedHost } from "../../src/model.ts";
import type { Nix } from "../../src/ports.ts";
import { buildHosts } from "../../src/stages/build.ts";
import { evaluateHosts } from "../../src/stages/evaluate.ts";
import type { FleetToRelease } from "../../src/stages/fleet.ts";
import type { Run } from "../../src/stages/run.ts";
import type { Source } from "../../src/stages/source.ts";
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
const flakeOf = (pinnedTo: string | null) =>
  pinnedTo === null
    ? new FakeWorld().flake
    : lockedAt(`git+ssh://host/fleet?allRefs=1&rev=${pinnedTo}`, pinnedTo);

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
    flake: flakeOf(host.pinnedTo),
    drvPath: drvOf(host.name),
    outPath: pathOf(host.name),
    outputName: "out",
  })),
);

/** What {@linkcode evaluateHosts} and {@linkcode buildHosts} read of a source and a fleet. */
const { source, fleet } = {
  source: { flake: new FakeWorld().flake } as Source,
  fleet: { hosts: HOSTS, storeDir: "/nix/store" } as FleetToRelease,
};

/** A run whose nix differs in this. */
function runWith(nix: Partial<Nix>): Run {
  const run = new FakeWorld().run(SOURCE);
  return { ...run, ports: { ...run.ports, nix: { ...run.ports.nix, ...nix } } };
}

pureTest(
  "evaluateHosts() gives every host with its own derivation, in the order of the release",
  async () => {
    const world = new FakeWorld();
    assertEquals(await evaluateHosts(world.run(SOURCE), source, fleet), [...DERIVED]);
    assertEquals(world.effects, [
      `lock git+ssh://host/fleet?allRefs=1&rev=${A}`,
      `lock git+ssh://host/fleet?allRefs=1&rev=${B}`,
      "evaluate web2 constructor 2 | __proto__ toString | 10",
    ]);
  },
);

pureTest("evaluateHosts() gives nix each host with the flake at its own commit", async () => {
  const given: [name: string, url: string][] = [];
  const run = runWith({
    evaluateHosts: (hosts) => {
      given.push(...hosts.map(({ name, flake }): [string, string] => [name, flake.url]));
      return Promise.resolve(hosts.map(derivationOf));
    },
  });
  await evaluateHosts(run, source, fleet);
  const pinned = (commit: string) => `git+ssh://host/fleet?allRefs=1&rev=${commit}`;
  assertEquals(given, [
    ["web2", source.flake.url],
    ["__proto__", pinned(A)],
    ["constructor", source.flake.url],
    ["10", pinned(B)],
    ["toString", pinned(A)],
    ["2", source.flake.url],
  ]);
});

const NOT_EVALUATED: Record<string, [give: (all: HostDerivation[]) => HostDerivation[], names: string]> = {
  "nothing": [() => [], '"web2", "__proto__", "constructor", "10", "toString", "2"'],
  "too few": [(all) => all.slice(0, -2), '"toString", "2"'],
  "undefined for one": [(all) => all.with(1, undefined!), '"__proto__"'],
  "one too few in the middle": [(all) => all.toSpliced(4, 1), '"toString", "2"'],
  "that of another host": [(all) => all.with(0, all[2]!), '"web2"'],
  "another order": [(all) => [all[1]!, all[0]!, ...all.slice(2)], '"web2", "__proto__"'],
};

for (const [what, [give, names]] of Object.entries(NOT_EVALUATED)) {
  pureTest(
    `evaluateHosts() refuses derivations of which nix gives ${what}, and names the hosts`,
    async () => {
      const run = runWith({ evaluateHosts: (hosts) => Promise.resolve(give(hosts.map(derivationOf))) });
      assertEquals(await rejection(evaluateHosts(run, source, fleet)), {
        kind: "evaluation",
        message: `Nothing was evaluated for host ${names}`,
      });
      assertEquals(run.notes.stages, []);
    },
  );
}

pureTest("buildHosts() gives every host with its own closure, in the order of the release", async () => {
  const world = new FakeWorld();
  assertEquals(
    await buildHosts(world.run(), fleet, DERIVED),
    DERIVED.map((host) => ({ ...host, storePath: pathOf(host.name), closureHash: hashOf(host.name) })),
  );
  assertEquals(world.effects, ["build web2 __proto__ constructor 10 toString 2"]);
});

const NOT_BUILT: Record<string, [give: (all: StorePath[]) => StorePath[], names: string]> = {
  "none": [() => [], '"web2", "__proto__", "constructor", "10", "toString", "2"'],
  "too few": [(all) => all.slice(0, -2), '"toString", "2"'],
  "undefined for one": [(all) => all.with(1, undefined!), '"__proto__"'],
};

for (const [what, [give, names]] of Object.entries(NOT_BUILT)) {
  pureTest(`buildHosts() refuses store paths of which nix gives ${what}, and names the hosts`, async () => {
    const run = runWith({ build: (hosts) => Promise.resolve(give(hosts.map(({ name }) => pathOf(name)))) });
    assertEquals(await rejection(buildHosts(run, fleet, DERIVED)), {
      kind: "build",
      message: `Nothing was built for host ${names}`,
    });
    assertEquals(run.notes.stages, []);
  });
}

pureTest("buildHosts() refuses what is no store path of the store that nix has", async () => {
  const path = "/gnu/store/x" as StorePath;
  const run = runWith({ build: (hosts) => Promise.resolve(hosts.map(() => path)) });
  assertEquals(await rejection(buildHosts(run, fleet, DERIVED)), {
    kind: "build",
    message: `Cannot take the closure hash of "${path}": expected a path in /nix/store`,
  });
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
