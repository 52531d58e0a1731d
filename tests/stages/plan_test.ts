// What plan compares, and what it does for that. On real nix and git: tests/e2e/plan_test.ts.

import { assertEquals } from "@std/assert";
import { validateConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import type { ErrorKind } from "../../src/errors.ts";
import { plan } from "../../src/pipeline.ts";
import type { Nix, ReadableReleaseDir } from "../../src/ports.ts";
import type { Planned, PlanOptions } from "../../src/stages/plan.ts";
import { startPlanning } from "../../src/stages/run.ts";
import { FakeWorld, hashOf, pathOf } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";

const NOON = "2026-06-01T12:00:00Z";
const LATER = "2026-06-01T12:30:00Z";
const TRUST = { trustFile: "trust.json" };

/** A world with a release of noon, and a trust file with the key that has signed it. */
async function released(): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  world.inputs.set("trust.json", trustBytes({ current: world.signer.publicKey! }));
  world.inputs.set("other.json", trustBytes({ current: (await newSigner()).publicKey }));
  await world.release({ now: NOON });
  world.effects.length = 0;
  world.warnings.length = 0;
  return world;
}

/** Plans in a world where these directories are beside the release directory, and these paths are not in the store. */
async function planIn(
  world: FakeWorld,
  settings: Partial<ReleaseConfig> = {},
  { directories = {}, absent = [], ...asked }: Partial<PlanOptions> & {
    absent?: readonly string[];
    directories?: Record<string, ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
  } = {},
): Promise<Planned> {
  const directory = (path: string): ReadableReleaseDir => {
    const files = directories[path] ?? new Map();
    return {
      ...{ path, realPath: () => Promise.resolve({ path, existing: path }) },
      read: (path) => Promise.resolve(files.get(path) ?? null),
      has: (path) => Promise.resolve(files.has(path)),
    };
  };
  const config = validateConfig({ signCmd: "sign", now: LATER, ...settings });
  const ports = world.ports();
  const nix: Nix = {
    ...ports.nix,
    present: (paths) => Promise.resolve(new Set(paths.filter((path) => !absent.includes(path)))),
  };
  const run = startPlanning(config, { ...ports, nix, directory }, {}, []);
  return await plan(run, { against: undefined, build: false, diffClosures: false, ...asked });
}

/** The hosts that a plan changes. */
function changed({ changes }: Planned): string[] {
  return changes.hosts.filter(({ change }) => change !== "unchanged").map(({ name }) => name);
}

pureTest("plan evaluates the hosts, and builds, signs, writes, commits and pushes nothing", async () => {
  const world = await released();
  const files = new Map(world.files);
  world.fleet["hosts"].web1.tags.push("new");
  const planned = await planIn(world);
  assertEquals(changed(planned), ["web1"]);
  assertEquals(planned.against?.place, "on disk");
  assertEquals([...world.files], [...files]);
  assertEquals(
    world.effects.filter((effect) => !/^(read|resolve|ask|look for|real path|repository)/.test(effect)),
    [
      "lock .",
      "inventory fleet.resolved",
      "evaluate db web1 web2",
    ],
  );
  assertEquals(world.warnings.map(({ code }) => code), ["unverified-signatures"]);
});

pureTest("plan compares with the release that is named: a commit, or a directory", async () => {
  const world = await released();
  const old = new Map(world.files);
  world.fleet["hosts"].web1.tags.push("new");
  await world.release({ now: "2026-06-01T12:10:00Z" });
  const first = "1".repeat(40);
  world.commits.set("v1", first);
  world.committedFiles.set(first, new Map([...old].map(([path, bytes]) => [`releases/${path}`, bytes])));
  const found = async (against: string | undefined, settings: Partial<ReleaseConfig> = {}) => {
    const planned = await planIn(world, settings, { against, directories: { "../old": old, "old/": old } });
    return [changed(planned), planned.against?.place, planned.against?.verified];
  };
  assertEquals(await found(undefined), [[], "on disk", false]);
  assertEquals(await found("v1"), [["web1"], "in commit 11111111", false]);
  assertEquals(await found("v1", TRUST), [["web1"], "in commit 11111111", true]);
  assertEquals(await found("../old"), [["web1"], 'in "../old"', false]);
  assertEquals(await found("old/", TRUST), [["web1"], 'in "old/"', true]);
});

const NAMES = 'a release has "fleet.resolved.json"; --artifact-name says another name';

/** What is named, and why it is not compared with. */
const REFUSED: [against: string, kind: ErrorKind, message: string, hint: string][] = [
  ["./none", "usage", 'Cannot compare with "./none": there is no release in "./none"', NAMES],
  ["v0", "usage", 'Cannot compare with "v0": there is no release in commit 22222222', NAMES],
  ["none", "git", 'Cannot find the commit "none"', "fetch it; a directory is written as ./none"],
];

for (const [against, kind, message, hint] of REFUSED) {
  pureTest(`plan refuses --against ${against}: ${message}`, async () => {
    const world = await released();
    world.commits.set("v0", "2".repeat(40));
    assertEquals(await rejection(planIn(world, {}, { against })), { kind, message, hint });
  });
}

pureTest("plan says once that nothing was released before, and that it compares with nothing", async () => {
  const world = await released();
  world.files.clear();
  await planIn(world, TRUST);
  const said = (name: string) => world.logged.findLast((line) => line.startsWith(`end ${name}: `));
  assertEquals([said("earlier"), said("against"), said("changes")], [
    "end earlier: Found no earlier release",
    "end against: Found nothing to compare with",
    "end changes: Compared with nothing: first release, of 3 hosts",
  ]);
});

pureTest(
  "plan that comes between the files of a release that is being written reads them again",
  async () => {
    const world = await released();
    const before = new Map(world.files);
    await world.release({ now: LATER });
    const after = new Map(world.files);
    before.forEach((content, path) => world.files.set(path, content));
    world.warnings.length = 0;
    // Each file has its place at once, and the fleet has been read by then.
    const { get } = world.files;
    let reads = 0;
    world.files.get = (path) => {
      const bytes = get.call(world.files, path);
      if (path === "fleet.resolved.json" && reads++ === 0) {
        after.forEach((content, path) => world.files.set(path, content));
      }
      return bytes;
    };
    const { against } = await planIn(world, { ...TRUST, now: "2026-06-01T13:00:00Z" });
    assertEquals([against?.release.fleet.meta.signedAt, world.warnings], [LATER, []]);
  },
);

pureTest("plan makes nothing of what no trusted key has signed", async () => {
  const world = await released();
  const other = { trustFile: "other.json" };
  const planned = await planIn(world, other);
  assertEquals([planned.against, planned.changes.first], [null, true]);
  assertEquals(world.warnings.map(({ code }) => code), ["untrusted-release"]);
  const directories = { "./old": world.files };
  const { kind, message, hint } = await rejection(planIn(world, other, { against: "./old", directories }));
  assertEquals([kind, message, hint], [
    "smoke-verify",
    'Cannot compare with "./old": consumers would refuse the release in "./old"',
    "another key may have signed it: give that, too, or none, so that nothing is verified",
  ]);
});

pureTest(
  "plan makes nothing of a sidecar that nobody has signed, or that an earlier release has left",
  async () => {
    const world = await released();
    const [revocationsAttr, now] = ["revoked", "2026-06-01T12:10:00Z"];
    const revoke = (hostname: string) => world.outputs.set("revoked", [{ hostname, notBefore: NOON }]);
    revoke("web1");
    await world.release({ now, revocationsAttr });
    const parts = async (settings: Partial<ReleaseConfig>) =>
      (await planIn(world, { ...TRUST, ...settings })).changes.parts.map(({ path }) => path);
    assertEquals([await parts({ revocationsAttr }), await parts({})], [[], ["revocations"]]);
    const signed = world.files.get("revocations.json")!;
    const text = new TextDecoder().decode(signed);
    revoke("web2");
    assertEquals(await parts({ revocationsAttr }), ["revocations.0", "revocations.0"]);
    world.files.set("revocations.json", new TextEncoder().encode(text.replace("web1", "web2")));
    assertEquals(await parts({ revocationsAttr }), ["revocations"]);
    world.files.set("revocations.json", signed);
    await world.release({ now: "2026-06-01T12:20:00Z" });
    assertEquals(await parts({}), []);
  },
);

pureTest(
  "plan lets hosts that are left out keep what the last release gives, by the rules of a release",
  async () => {
    const world = await released();
    const some = { hosts: { kind: "explicit" as const, hosts: ["web1"] } };
    for (const settings of [some, { ...some, ...TRUST }]) {
      const { changes } = await planIn(world, settings);
      assertEquals(changes.hosts.map(({ after }) => after?.closureHash), ["db", "web1", "web2"].map(hashOf));
    }
    const { kind, message } = await rejection(planIn(world, { ...some, trustFile: "other.json" }));
    assertEquals([kind, message.startsWith("Cannot keep the closures of other hosts: ")], [
      "smoke-verify",
      true,
    ]);
    const stale = { ...some, ...TRUST, now: "2026-07-01T12:00:00Z" };
    assertEquals((await rejection(planIn(world, stale))).kind, "smoke-verify");
    assertEquals(changed(await planIn(world, { ...stale, allowOlder: true })), []);
  },
);

pureTest("plan refuses with --deny-warnings what a release would, before it evaluates a host", async () => {
  const world = await released();
  world.fleet["rolloutPolicies"].spare = world.fleet["rolloutPolicies"].all;
  const denyWarnings = true;
  for (const settings of [{ denyWarnings }, { ...TRUST, denyWarnings }]) {
    const { message } = await rejection(planIn(world, settings));
    assertEquals(message, (await rejection(world.release(settings))).message);
  }
  assertEquals(world.effects.filter((effect) => effect.startsWith("evaluate")), []);
  delete world.fleet["rolloutPolicies"].spare;
  world.files.set("fleet.resolved.json.sig", new Uint8Array(64));
  await planIn(world, { ...TRUST, denyWarnings });
  assertEquals((await world.release({ ...TRUST, denyWarnings })).outcome, "released");
});

pureTest(
  "plan builds, where it is told to, what would change and is not in the store, and nothing else",
  async () => {
    const world = await released();
    const release = world.json();
    release["hosts"].web2.closureHash = hashOf("before");
    // What is there already need not be built.
    release["hosts"].db.closureHash = hashOf("before");
    const directories = {
      "./old": new Map([["fleet.resolved.json", new TextEncoder().encode(JSON.stringify(release))]]),
    };
    const asked = { against: "./old", directories, absent: [pathOf("web1"), pathOf("web2")] };
    assertEquals((await planIn(world, {}, asked)).closures.missing, ["web1", "web2"]);
    const { closures } = await planIn(world, {}, { ...asked, build: true });
    assertEquals(closures.missing, ["web1"]);
    assertEquals(world.effects.filter((effect) => effect.startsWith("build")), ["build web2"]);
  },
);

pureTest("plan says when the release directory is between two releases", async () => {
  const world = await released();
  world.files.set(".fleet-release.journal", new Uint8Array());
  await planIn(world);
  assertEquals(world.warnings.map(({ code }) => code), ["unverified-signatures", "interrupted-publication"]);
});

pureTest(
  "plan refuses a time before the last release's, as a release does, and says so of a damaged one",
  async () => {
    const world = await released();
    const settings = { ...TRUST, now: "2026-06-01T11:59:59Z" };
    const refused = await rejection(planIn(world, settings));
    assertEquals([refused.kind, refused], ["usage", await rejection(world.release(settings))]);
    assertEquals(changed(await planIn(world, { ...settings, allowOlder: true })), []);

    world.warnings.length = 0;
    world.files.set("fleet.resolved.json", new TextEncoder().encode("{"));
    assertEquals((await planIn(world)).against, null);
    assertEquals(world.warnings.map(({ code }) => code), ["unverified-signatures", "untrusted-release"]);
    const some = { hosts: { kind: "explicit" as const, hosts: ["web1"] } };
    const { kind, message } = await rejection(planIn(world, some));
    assertEquals([kind, message], [
      "smoke-verify",
      'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk is damaged',
    ]);
  },
);

pureTest("plan with --git-commit compares with what is committed, as a release does", async () => {
  const world = await released();
  const committed = new Map([...world.files].map(([path, bytes]) => [`releases/${path}`, bytes]));
  world.fleet["hosts"].web1.tags.push("new");
  const later = { now: "2026-06-01T12:10:00Z" };
  await world.release(later);
  world.committedFiles.set("c".repeat(40), committed);
  assertEquals(changed(await planIn(world, TRUST)), []);
  assertEquals(changed(await planIn(world, { ...TRUST, gitCommit: true })), ["web1"]);
});
