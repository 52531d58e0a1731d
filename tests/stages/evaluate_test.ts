// What the flake says: its attributes, its hosts and its pins.

import type { LockedFlake } from "../../src/model.ts";
import { assertEquals } from "@std/assert";
import { COMMIT, drvOf, FakeWorld, hashOf, lockedAt, pathOf, UNVERIFIED } from "../support/fake_ports.ts";
import { ADOPTING, SMALLEST_FLEET } from "../../src/plan/smallest_fleet.ts";
import { pureTest, rejection } from "../support/pure.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const SOURCE = { pinSourceUrl: "git+ssh://host/fleet" };

const ATTRIBUTES: [option: string, setting: object, path: string][] = [
  ["--fleet-resolved-attr", { fleetResolvedAttr: ".#a.b" }, ".#a.b"],
  ["--revocations-attr", { revocationsAttr: "a.b" }, "a.b"],
  ["--bootstrap-nonces-attr", { bootstrapNoncesAttr: "a.b" }, "a.b"],
  ["--trust-attr", { trustAttr: "a.b" }, "a.b"],
];

for (const [option, setting, path] of ATTRIBUTES) {
  pureTest(`the program refuses a flake without what ${option} names, or with null there`, async () => {
    for (const [value, more] of [[undefined, ""], [null, ": it is null"]] as const) {
      const world = new FakeWorld();
      if (value === null) world.outputs.set("a.b", null);
      const isNew = option === "--fleet-resolved-attr" && value === undefined;
      assertEquals(await rejection(world.release(setting)), {
        kind: "evaluation",
        message: `The flake has no attribute "${path}", which ${option} names${more}`,
        path,
        ...(isNew
          ? { lines: ["the smallest that is valid:", ...SMALLEST_FLEET.map((line) => `  ${line}`)] }
          : {}),
        hint: `add it to the flake's outputs, or give another ${option}${
          isNew ? `; ${ADOPTING} explains it` : ""
        }`,
      });
      assertEquals(world.effects.filter((effect) => /^(evaluate|build|publish)/.test(effect)), []);
    }
  });
}

pureTest("the program reads the fleet and its sidecars where the options say", async () => {
  const world = new FakeWorld();
  world.outputs.set("a.fleet", world.fleet).set("a.r", []).set("n", []);
  await world.release({ fleetResolvedAttr: "a.fleet", revocationsAttr: ".#a.r", bootstrapNoncesAttr: "n" });
  assertEquals(world.effects[2], "inventory a.fleet a.r n");
  assertEquals([world.json("revocations.json")["revocations"], world.json("bootstrap-nonces.json")], [[], {
    schemaVersion: 1,
    bootstrapNonces: [],
    meta: world.json()["meta"],
  }]);
});

/** A world in which `fleet` and `./` are the directory of the flake, `other` is one beside it, and `alias` is none. */
function worldOfDirectories(): FakeWorld {
  const world = new FakeWorld();
  const directories = new Map([[".", "/fleet"], ["./", "/fleet"], ["../fleet", "/fleet"], [
    "./other",
    "/other",
  ]]);
  world.referTo = (text) => ({
    text: directories.get(text) ?? text,
    directory: directories.get(text) ?? null,
  });
  world.outputs.set("r", []).set("n", []);
  return world;
}

pureTest(
  "the program asks the flake that an attribute names, and the one that it releases once",
  async () => {
    const sidecars = { revocationsAttr: "./#r", bootstrapNoncesAttr: "../fleet#n" };
    const own = worldOfDirectories();
    await own.release(sidecars);
    assertEquals(
      own.effects.filter((effect) => /^(lock|inventory|attributes)/.test(effect)),
      ["lock /fleet", "inventory fleet.resolved r n"],
    );
    // A reference counts as it is written where it is no directory.
    const alias = worldOfDirectories();
    await alias.release({ buildFlake: "alias", ...sidecars, bootstrapNoncesAttr: "alias#n" });
    assertEquals(alias.effects.filter((effect) => /^(lock|inventory|attributes)/.test(effect)), [
      ...["lock alias", "inventory fleet.resolved n", "lock /fleet", `attributes of ${alias.flake.url}: r`],
    ]);
    const both = worldOfDirectories();
    await both.release({ revocationsAttr: "./other#r", bootstrapNoncesAttr: "./other#n" });
    assertEquals(both.effects.filter((effect) => /^(lock|inventory|attributes)/.test(effect)), [
      ...["lock /fleet", "inventory fleet.resolved", "lock /other", `attributes of ${both.flake.url}: r n`],
    ]);
    assertEquals(both.json("revocations.json")["revocations"], []);
    // A bare name is an alias of a registry, whatever directory has that name.
    const bare = worldOfDirectories();
    await bare.release({ revocationsAttr: "other#r" });
    assertEquals(bare.effects.filter((effect) => effect.startsWith("lock")), ["lock /fleet", "lock other"]);
  },
);

pureTest(
  "the program refuses another flake without what an option names, without a commit, or with the key in it",
  async () => {
    const missing = worldOfDirectories();
    assertEquals((await rejection(missing.release({ trustAttr: "./other#gone" }))).path, "./other#gone");

    const dirty = worldOfDirectories();
    dirty.lockPin = () => ({ ...dirty.flake, revision: null });
    const settings = { revocationsAttr: "path:/keys?rev=x#r", requireClean: true };
    assertEquals(await rejection(dirty.release(settings)), {
      kind: "usage",
      message: 'Cannot release --revocations-attr "path:/keys?rev=x#r" with --require-clean: ' +
        "nix cannot lock its flake to a commit",
      hint: "commit or stash changes that it has, or give a flake reference that nix locks to a commit",
    });

    const { warnings } = await dirty.release({ ...settings, requireClean: false });
    assertEquals(warnings.filter(({ code }) => code === "no-commit").map(({ message }) => message), [
      'The flake of --revocations-attr "path:/keys?rev=x#r" has no locked revision',
    ]);

    const exposed = worldOfDirectories();
    exposed.sourceOf = (reference) =>
      reference === "/other" ? { root: "/keys", inGit: false, revision: null } : null;
    exposed.realPaths.set("key.pem", "/keys/key.pem");
    const { message } = await rejection(
      exposed.release({ signCmd: undefined, signKey: "key.pem", revocationsAttr: "./other#r" }),
    );
    assertEquals(
      message.split(",")[0],
      'The signing key "key.pem" is part of the source of the flake "/other"',
    );
  },
);

pureTest("the program refuses a wrong fleet, and wrong hosts, before it evaluates a host", async () => {
  const prepared: [prepare: (world: FakeWorld) => void, kind: string][] = [
    [(world) => world.fleet["schemaVersion"] = 2, "contract"],
    [(world) => world.fleet["channels"].edge.rolloutPolicy = "gone", "contract"],
    [(world) => world.names = { nixos: [], darwin: [] }, "usage"],
    [(world) => world.names = { nixos: ["db"], darwin: ["db"] }, "usage"],
  ];
  for (const [prepare, kind] of prepared) {
    const world = new FakeWorld();
    prepare(world);
    assertEquals((await rejection(world.release())).kind, kind);
    assertEquals(world.effects.at(-1), "inventory fleet.resolved");
  }
});

/** A world whose hosts are pinned. */
function pinned(pins: Record<string, string>): FakeWorld {
  const world = new FakeWorld();
  for (const [host, commit] of Object.entries(pins)) {
    world.fleet["hosts"][host].pin = { commit, reason: "audit" };
  }
  return world;
}

pureTest("the program evaluates pinned hosts from their commit, one flake for each commit", async () => {
  const world = pinned({ web1: A, db: B });
  world.names = { ...world.names, darwin: ["mini"] };
  world.fleet["hosts"].mini = world.fleet["hosts"].web1;
  const { hosts } = await world.release(SOURCE);
  const db = { name: "db", kind: "nixos", channel: "edge", pinnedTo: B } as const;
  const web1 = { name: "web1", kind: "nixos", channel: "stable", pinnedTo: A } as const;
  const web2 = { name: "web2", kind: "nixos", channel: "stable", pinnedTo: null } as const;
  const mini = { name: "mini", kind: "darwin", channel: "stable", pinnedTo: A } as const;
  assertEquals(world.evaluated, [
    { url: `git+ssh://host/fleet?allRefs=1&rev=${B}`, hosts: [db] },
    { url: `git+ssh://host/fleet?allRefs=1&rev=${A}`, hosts: [web1, mini] },
    { url: world.flake.url, hosts: [web2] },
  ]);
  assertEquals(
    hosts,
    [db, web1, web2, mini].map((host) => ({
      ...host,
      derivation: drvOf(host.name),
      storePath: pathOf(host.name),
      closureHash: hashOf(host.name),
      seconds: { evaluate: 0, build: 0 },
    })),
  );
});

pureTest("the program signs the full commit of a pin that names a tag or less", async () => {
  const world = pinned({ web1: "v1", db: "v1", web2: "aaaa" });
  world.commits.set("v1", B).set("aaaa", A);
  await world.release(SOURCE);
  const { hosts } = world.json();
  assertEquals([hosts.web1.pin, hosts.web2.pin, hosts.db.pin], [
    { commit: B, reason: "audit" },
    { commit: A, reason: "audit" },
    { commit: B, reason: "audit" },
  ]);
  assertEquals(world.effects.filter((effect) => effect.startsWith("resolve")), [
    "resolve v1",
    "resolve aaaa",
  ]);
});

pureTest("the program signs the commit that a tag leads to when a pin gives the tag's full id", async () => {
  const world = pinned({ db: "f".repeat(40) });
  world.commits.set("f".repeat(40), A);
  await world.release(SOURCE);
  assertEquals(world.json()["hosts"].db.pin.commit, A);
});

pureTest("the program takes a full commit that the repository here lacks as it is", async () => {
  for (const inGit of [true, false]) {
    const world = pinned({ web1: A, db: "0".repeat(64) });
    if (!inGit) world.repositoryOf = () => null;
    await world.release(SOURCE);
    const { hosts } = world.json();
    assertEquals([hosts.web1.pin.commit, hosts.db.pin.commit], [A, "0".repeat(64)]);
    assertEquals(world.effects.filter((effect) => effect.startsWith("resolve")).length, inGit ? 2 : 0);
  }
});

pureTest("the program builds a pin to the current commit from here, and wants no source for it", async () => {
  const world = pinned({ db: "main", web1: COMMIT });
  world.commits.set("main", COMMIT);
  const { hosts } = await world.release();
  assertEquals(hosts.map(({ pinnedTo }) => pinnedTo), [null, null, null]);
  assertEquals(world.evaluated.length, 1);
});

pureTest("the program drops a pin that expires at this instant, and says so", async () => {
  const world = pinned({ db: A });
  world.fleet["hosts"].db.pin.expiresAt = "2026-06-01T12:00:00Z";
  const { hosts, warnings } = await world.release();
  assertEquals(hosts[0]!.pinnedTo, null);
  assertEquals(world.json()["hosts"].db.pin, undefined);
  assertEquals(warnings, [{
    code: "expired-pin",
    message: 'The pin of "db" has expired: released from the current commit',
    path: "hosts.db.pin",
  }, UNVERIFIED]);
});

pureTest("the program refuses a pin that names no commit, before it evaluates a host", async () => {
  const hints: [inGit: boolean, hint: string][] = [
    [
      true,
      "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
    ],
    [false, "the flake is not in a local git repository: give the full commit"],
  ];
  for (const [inGit, hint] of hints) {
    const world = pinned({ db: "v2" });
    if (!inGit) world.repositoryOf = () => null;
    assertEquals(await rejection(world.release(SOURCE)), {
      kind: "usage",
      message: 'Cannot resolve the pin of host "db": "v2" names no commit',
      path: "hosts.db.pin.commit",
      hint,
    });
    assertEquals(world.effects.filter((effect) => effect.startsWith("evaluate")), []);
  }
});

pureTest("the program refuses a pin without a source, before it evaluates a host", async () => {
  const world = pinned({ db: A });
  assertEquals((await rejection(world.release())).message.startsWith("No source for pinned hosts"), true);
  assertEquals(world.effects.at(-1), `resolve ${A}`);
});

pureTest("the program refuses a pin source that gives another revision, or none", async () => {
  for (const [revision, given] of [[B, B], [null, "no commit"]] as const) {
    const world = pinned({ db: A, web1: A });
    world.lockPin = (url) => lockedAt(url, revision);
    assertEquals(await rejection(world.release(SOURCE)), {
      kind: "evaluation",
      message: `The pin source gives ${given} instead of ${A}, which "db", "web1" are pinned to`,
      path: "hosts.db.pin.commit",
      hint: `--pin-source-url must lead to a git repository: git+ssh://host/fleet?allRefs=1&rev=${A}`,
    });
    assertEquals(world.effects.filter((effect) => /^(evaluate|build)/.test(effect)), []);
  }
});

pureTest("the program refuses a budget that consumers cannot understand with --strict", async () => {
  const world = new FakeWorld();
  world.fleet["disruptionBudgets"] = [{ selector: { all: true, not: { tags: ["web"] } }, maxInFlight: 1 }];
  assertEquals((await world.release()).warnings.map(({ code }) => code), [
    "inexpressible-selector",
    "unverified-signatures",
  ]);
  const { kind, path } = await rejection(world.release({ strict: true }));
  assertEquals({ kind, path }, { kind: "contract", path: "disruptionBudgets.0.selector.not" });
});

pureTest(
  "the program builds a pin to HEAD from the commit when the tree has changes, and asks no pin source for it",
  async () => {
    const trees: [flake: Partial<LockedFlake>, reference: string][] = [
      [
        { repositoryUrl: "git+file:///fleet?submodules=1" },
        `git+file:///fleet?submodules=1&allRefs=1&rev=${COMMIT}`,
      ],
      // As a plain directory within its repository.
      [{ localDir: "/fleet/a b" }, `git+file:///fleet?dir=a%20b&allRefs=1&rev=${COMMIT}`],
    ];
    for (const [flake, reference] of trees) {
      const world = new FakeWorld();
      world.flake = { ...lockedAt("path:/nix/store/x-source", null, "/fleet"), dirty: true, ...flake };
      world.commits.set("HEAD", COMMIT);
      world.fleet["hosts"].db.pin = { commit: "HEAD", reason: "audit" };
      const { hosts } = await world.release({ pinSourceUrl: "git+ssh://host/fleet" });
      assertEquals(hosts.map(({ name, pinnedTo }) => [name, pinnedTo]), [
        ["db", COMMIT],
        ["web1", null],
        ["web2", null],
      ]);
      assertEquals(world.effects.filter((effect) => effect.startsWith("lock")), [
        "lock .",
        `lock ${reference}`,
      ]);
    }
  },
);
