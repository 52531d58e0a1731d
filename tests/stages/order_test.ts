// No release goes back behind the one that is there.

import { assertEquals, assertThrows } from "@std/assert";
import type { ReleaseConfig } from "../../src/config.ts";
import { release } from "../../src/pipeline.ts";
import { ReleaseError } from "../../src/errors.ts";
import { afterLast } from "../../src/stages/clock.ts";
import { type Earlier, refuseOlder } from "../../src/stages/order.ts";
import { Interruption } from "../../src/stages/interruption.ts";
import type { Stage } from "../../src/ports.ts";
import { type Run, startRun } from "../../src/stages/run.ts";
import { validateConfig } from "../../src/commands/release.ts";
import { COMMIT, FakeWorld, UNVERIFIED } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";

const NOON = "2026-06-01T12:00:00Z";
/** The fakes' clock is at midnight after that. */
const ONE = "2026-06-01T13:00:00Z";

/** A world that signs with a key, in which there is a release of noon. */
async function released(settings: Partial<ReleaseConfig> = {}): Promise<FakeWorld> {
  const world = new FakeWorld();
  world.signWith(await newSigner());
  world.inputs.set("trust.json", trustBytes({ current: world.signer.publicKey! }));
  world.outputs.set("r", [{ hostname: "web1", notBefore: NOON }]);
  await world.release({ now: NOON, ...settings });
  return world;
}

/** Moves what is in the release directory into a commit. */
function moveToCommit(world: FakeWorld): void {
  const files = [...world.files].map(([path, content]) => [`releases/${path}`, content] as const);
  world.committedFiles.set(COMMIT, new Map(files));
  world.files.clear();
}

/** Releases, which is refused before anything is signed, and gives what is said and what was built until then. */
async function refused(world: FakeWorld, settings: Partial<ReleaseConfig>, epoch?: string) {
  world.effects.length = 0;
  const before = new Map(world.files);
  const said = await rejection(releaseAt(world, settings, epoch));
  const done = world.effects.filter((effect) => /^(evaluate|build|sign|publish)/.test(effect));
  assertEquals([...world.files], [...before]);
  return { ...said, done };
}

/** Releases by the clock, unless there is a time in the settings. */
function releaseAt(world: FakeWorld, settings: Partial<ReleaseConfig> = {}, epoch?: string) {
  return release(startRun(validateConfig({ signCmd: "sign", ...settings }), world.ports(), { epoch }));
}

const TELLS = "Cannot sign a release at 2026-06-01T11:59:59Z: the release";
const GIVE_LATER = "leave out --now and SOURCE_DATE_EPOCH, give a later time, or release nevertheless with " +
  "--allow-older";

pureTest("a release is not signed before the one on disk or in git, and nothing is built", async () => {
  for (const where of ["on disk", "in commit cccccccc"]) {
    for (const settings of [{}, { trustFile: "trust.json" }, { reuseUnchangedSignature: true }]) {
      const world = await released();
      if (where !== "on disk") moveToCommit(world);
      assertEquals(await refused(world, { now: "2026-06-01T11:59:59Z", ...settings }), {
        kind: "usage",
        message: `${TELLS} ${where} was signed later, at ${NOON}`,
        hint: GIVE_LATER,
        done: [],
      });
      const outcome = await world.release({ now: "2026-06-01T11:59:59Z", allowOlder: true, ...settings });
      assertEquals([outcome.outcome, world.json()["meta"].signedAt], ["released", "2026-06-01T11:59:59Z"]);
      // What comes later than both is fine.
      await world.release({ now: "2026-06-01T12:00:00.000000001Z", ...settings });
    }
  }
});

pureTest("a release that a wrong clock has signed in the future is told, with how to go on", async () => {
  const world = await released({ now: "2027-01-01T00:00:00Z" });
  const { message, hint, done } = await refused(world, {});
  assertEquals(
    message,
    "Cannot sign a release at 2026-06-02T00:00:00Z: the release on disk was signed later, at 2027-01-01T00:00:00Z",
  );
  assertEquals([hint, done], [
    "that is in the future: a wrong clock has stamped it, or this machine's clock is wrong. When this one is right, " +
    "release over it with --allow-older; when it is not, give the time with --now",
    [],
  ]);
  await releaseAt(world, { allowOlder: true });
  await releaseAt(world, { now: "2026-06-02T00:00:01Z" });
});

pureTest("a committed fleet that is too large to be one keeps nobody from a release", async () => {
  const world = await released();
  const { git } = world.ports();
  const failing = (error: Error) => {
    const run = startRun(validateConfig({ signCmd: "sign", now: "2026-06-01T11:00:00Z" }), world.ports());
    const readCommitted = () => Promise.reject(error);
    world.files.clear();
    return release({ ...run, ports: { ...run.ports, git: { ...git, readCommitted } } });
  };
  await failing(new ReleaseError("io", "too large"));
  assertEquals((await rejection(failing(new ReleaseError("git", "missing")))).message, "missing");
});

pureTest("the same release at the same time is no change, and another one is refused", async () => {
  for (const move of [false, true]) {
    const world = await released({ revocationsAttr: "r" });
    if (move) moveToCommit(world);
    const same = await world.release({ now: NOON, revocationsAttr: "r" });
    assertEquals(same.outcome, move ? "released" : "no-change");
    world.fleet["hosts"].db.tags.push("other");
    if (move) world.files.clear();
    const place = move ? "in commit cccccccc" : "on disk";
    assertEquals(await refused(world, { now: NOON, revocationsAttr: "r" }), {
      kind: "usage",
      message:
        `Cannot sign another release at ${NOON}: "fleet.resolved.json" ${place} was signed at that time, and differs`,
      hint: "leave out --now and SOURCE_DATE_EPOCH, give a later time, keep an unchanged one with " +
        "--reuse-unchanged-signature, or replace it with --allow-older",
      done: ["evaluate db web1 web2", "build db web1 web2"],
    });
    await world.release({ now: NOON, revocationsAttr: "r", allowOlder: true });
    assertEquals(world.json()["hosts"].db.tags, ["db", "other"]);
  }
});

pureTest("a release on disk is not kept over a later one in git", async () => {
  const settings = { reuseUnchangedSignature: true };
  const world = await released();
  const first = new Map(world.files);
  const tags = world.fleet["hosts"].db.tags;
  world.fleet["hosts"].db.tags = ["other"];
  await world.release({ now: "2026-06-01T12:10:00Z" });
  moveToCommit(world);
  // The release and the fleet are taken back, and not the commit.
  world.fleet["hosts"].db.tags = tags;
  first.forEach((content, path) => world.files.set(path, content));
  const { signedAt } = await world.release({ now: "2026-06-01T12:15:00Z", ...settings });
  assertEquals(signedAt, "2026-06-01T12:15:00Z");
  const kept = await world.release({ now: "2026-06-01T12:16:00Z", ...settings });
  assertEquals([kept.signedAt, kept.outcome], [signedAt, "no-change"]);
  // The same one in git is no later one.
  const files = new Map(world.files);
  moveToCommit(world);
  files.forEach((content, path) => world.files.set(path, content));
  assertEquals((await world.release({ now: "2026-06-01T12:17:00Z", ...settings })).signedAt, signedAt);
});

pureTest("other revocations with the stamp of those that are there are refused", async () => {
  const world = await released({ revocationsAttr: "r" });
  world.outputs.set("r", []);
  const settings = { now: NOON, revocationsAttr: "r" };
  assertEquals(
    (await refused(world, settings)).message,
    `Cannot sign another release at ${NOON}: "revocations.json" on disk was signed at that time, and differs`,
  );
  // One of an earlier release is replaced.
  await world.release({ now: ONE });
  await world.release({ now: ONE, revocationsAttr: "r" });
  assertEquals(world.json("revocations.json")["revocations"], []);
});

pureTest("a release on disk that nobody who counts has signed stops none, with a warning", async () => {
  const later = async (world: FakeWorld) => {
    const stranger = new FakeWorld();
    stranger.signWith(await newSigner());
    await stranger.release({ now: "2026-06-01T20:00:00Z" });
    stranger.files.forEach((content, path) => world.files.set(path, content));
  };
  const forge = (world: FakeWorld) => {
    const text = new TextDecoder().decode(world.files.get("fleet.resolved.json"));
    world.files.set("fleet.resolved.json", new TextEncoder().encode(text.replaceAll("T12:00", "T20:00")));
  };
  const emptied = (world: FakeWorld) => world.files.set("fleet.resolved.json", new Uint8Array());
  const unsigned = (world: FakeWorld) => world.files.delete("fleet.resolved.json.sig");
  for (const change of [later, forge, emptied, unsigned]) {
    const world = await released();
    await change(world);
    const { warnings } = await world.release({ now: ONE, trustFile: "trust.json" });
    assertEquals(warnings.slice(0, 1), [{
      code: "untrusted-release",
      message:
        '"fleet.resolved.json" on disk is replaced whatever it says: it is damaged, signed with a key that is not known ' +
        "here, or rejected by the trust file",
      path: "fleet.resolved.json",
    }]);
    assertEquals(world.json()["meta"].signedAt, ONE);
    assertEquals((await world.release({ now: "2026-06-01T14:00:00Z" })).warnings, [UNVERIFIED]);
  }
});

pureTest("where only a command knows what it signs with, nothing that is there counts", async () => {
  const world = await released();
  world.signer = { ...world.signer, publicKey: null };
  const { warnings } = await world.release({ now: "2026-06-01T11:00:00Z" });
  // Its manifests are the later ones.
  assertEquals(warnings.map(({ code }) => code), ["unverified-signatures", "damaged-manifests"]);
});

/** Does something while every wait takes no time, or never ends, and gives how many milliseconds each would have taken. */
async function withoutWaiting(body: () => Promise<unknown>, ends = true): Promise<number[]> {
  const waits: number[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((done: () => void, milliseconds: number) => {
    waits.push(milliseconds);
    return ends ? setTimeout(done, 0) : 0;
  }) as typeof setTimeout;
  try {
    await body();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return waits;
}

const PLACES: [where: string, settings: Partial<ReleaseConfig>][] = [
  ["on disk", {}],
  ["on disk", { allowOlder: true }],
  ["in git", {}],
  ["by whom only a command knows", {}],
];

pureTest(
  "a release by the clock waits until it is later than the last, as far as clocks differ",
  async () => {
    // The fakes' clock is at 00:00:00.987654321.
    const cases: [last: string, signedAt: string, waits: number[]][] = [
      ["2026-06-01T23:59:59.999Z", "2026-06-02T00:00:00Z", []],
      ["2026-06-02T00:00:00Z", "2026-06-02T00:00:01Z", [13]],
      ["2026-06-02T00:00:00.5Z", "2026-06-02T00:00:01Z", [13]],
      ["2026-06-02T00:00:07Z", "2026-06-02T00:00:08Z", [7013]],
      ["2026-06-02T00:01:00.5Z", "2026-06-02T00:01:01Z", [60013]],
    ];
    for (const [last, signedAt, expected] of cases) {
      for (const [where, settings] of PLACES) {
        const world = await released({ now: last });
        world.fleet["hosts"].db.tags.push("other");
        if (where === "in git") moveToCommit(world);
        if (where === "by whom only a command knows") world.signer = { ...world.signer, publicKey: null };
        const waits = await withoutWaiting(() => releaseAt(world, settings));
        assertEquals([world.json()["meta"].signedAt, waits], [signedAt, expected]);
        const told = world.logged.filter((line) => line.endsWith(" wait") || line.startsWith("end wait"));
        const end = `end wait: Waited until ${signedAt}, behind the last release`;
        assertEquals(told, expected[0]! > 1000 ? ["start wait", end] : []);
        // A time that is given is taken as it is.
        const given = () => releaseAt(world, { now: signedAt, allowOlder: true });
        assertEquals(await withoutWaiting(given), []);
      }
    }
  },
);

pureTest("a release that nobody who counts has signed is not waited for", async () => {
  const world = await released({ now: "2026-06-02T00:00:07Z" });
  world.signWith(await newSigner());
  assertEquals(await withoutWaiting(() => releaseAt(world)), []);
});

pureTest("a run that waits for a time can be interrupted", async () => {
  const world = await released({ now: "2026-06-02T00:00:01Z" });
  const interruption = new Interruption();
  const ports = world.ports();
  const start = (stage: Stage) => {
    if (stage.name !== "wait") return;
    queueMicrotask(() => interruption.now(new ReleaseError("interrupted", "enough")));
  };
  const log = { ...ports.log, start };
  const run = startRun(validateConfig({ signCmd: "sign" }), { ...ports, log }, { interruption });
  world.effects.length = 0;
  const ended = async () => assertEquals((await rejection(release(run))).message, "enough");
  assertEquals(await withoutWaiting(ended, false), [1013]);
  assertEquals(world.effects.filter((effect) => /^(evaluate|build|sign|publish)/.test(effect)), []);
});

pureTest("a release that was made while this one began is not ahead of it", async () => {
  const world = await released({ now: "2026-06-02T00:00:05Z" });
  let now = "2026-06-02T00:00:00Z";
  const clock = { now: () => Temporal.Instant.from(now), monotonic: () => 0 };
  const run = startRun(validateConfig({ signCmd: "sign" }), { ...world.ports(), clock });
  now = "2026-06-02T02:00:00Z";
  const waits = await withoutWaiting(() => release(run));
  assertEquals([world.json()["meta"].signedAt, waits.filter((wait) => wait > 0)], [
    "2026-06-02T00:00:06Z",
    [],
  ]);
});

pureTest("the clock must not be before the commit that is checked out, unless that is allowed", async () => {
  const world = await released();
  world.committedAt = "2026-06-02T00:01:00Z";
  await releaseAt(world);
  world.committedAt = "2026-06-02T00:01:02Z";
  assertEquals(await refused(world, {}), {
    kind: "usage",
    message:
      "Cannot sign a release at 2026-06-02T00:00:00Z: commit cccccccc, which is checked out, was made later, at " +
      "2026-06-02T00:01:02Z",
    hint:
      "this machine's clock is wrong, or was when it was committed: give the time with --now, or --allow-older",
    done: [],
  });
  await releaseAt(world, { allowOlder: true });
  await releaseAt(world, { now: "2026-06-02T00:00:30Z" });
});

const UNSET =
  "it is set for builds, say: unset it, or give the time with --now; --allow-older signs at that time";

pureTest("SOURCE_DATE_EPOCH counts like --now, which goes over it", async () => {
  const world = await released();
  assertEquals((await releaseAt(world, {}, ONE)).signedAt, ONE);
  assertEquals((await refused(world, {}, NOON)).hint, GIVE_LATER);
  const given = await releaseAt(world, { now: "2026-06-01T15:00:00Z" }, NOON);
  assertEquals([given.signedAt, given.warnings], ["2026-06-01T15:00:00Z", [UNVERIFIED]]);
});

pureTest("SOURCE_DATE_EPOCH before the commit is no time for a release", async () => {
  const world = await released();
  world.committedAt = "2026-06-01T14:02:00Z";
  const epoch = "2026-06-01T14:00:00Z";
  assertEquals(await refused(world, {}, epoch), {
    kind: "usage",
    message:
      `Cannot sign a release at ${epoch}, as SOURCE_DATE_EPOCH says: commit cccccccc, which is checked out, was made ` +
      "later, at 2026-06-01T14:02:00Z",
    hint: UNSET,
    done: [],
  });
  assertEquals((await releaseAt(world, { allowOlder: true }, epoch)).signedAt, epoch);
});

pureTest("SOURCE_DATE_EPOCH of a shell of nix says nothing of a release, which a warning tells", async () => {
  const at = (await releaseAt(new FakeWorld())).signedAt;
  for (const shells of ["1980-01-01T00:00:00Z", "1970-01-01T00:00:01Z", "1980-12-31T23:59:59Z"]) {
    const { signedAt, warnings } = await releaseAt(new FakeWorld(), {}, shells);
    assertEquals(signedAt, at);
    assertEquals(warnings, [{
      code: "epoch-of-builds",
      message:
        `SOURCE_DATE_EPOCH says ${shells}, which shells of nix set for builds: the clock says when this is signed`,
    }, UNVERIFIED]);
    assertEquals((await releaseAt(new FakeWorld(), { now: shells }, shells)).warnings, [UNVERIFIED]);
  }
  const empty = new FakeWorld();
  empty.repositoryOf = () => null;
  const later = await releaseAt(empty, {}, "1981-01-01T00:00:00Z");
  assertEquals([later.signedAt, later.warnings], ["1981-01-01T00:00:00Z", [UNVERIFIED]]);
});

pureTest("afterLast() waits for no time that has passed since the run began", async () => {
  const run = new FakeWorld().run();
  const clock = { ...run.ports.clock, now: () => Temporal.Instant.from("2026-06-02T00:00:05Z") };
  const begun: Run = {
    ...run,
    ...{ now: "2026-06-02T00:00:00Z", timeFrom: "clock" },
    ports: { ...run.ports, clock },
  };
  const real = globalThis.setTimeout;
  const waits: (number | undefined)[] = [];
  const noting = (action: () => void, milliseconds?: number) => (waits.push(milliseconds), real(action, 0));
  try {
    Object.assign(globalThis, { setTimeout: noting });
    assertEquals((await afterLast(begun, "2026-06-02T00:00:00Z")).now, "2026-06-02T00:00:01Z");
  } finally {
    Object.assign(globalThis, { setTimeout: real });
  }
  assertEquals(waits, [0]);
});

pureTest("by the clock a run may still wait for what clocks differ by, and is refused when it has", () => {
  const run: Run = { ...new FakeWorld().run(), now: "2026-06-02T00:00:00Z", timeFrom: "clock" };
  const signed = (signedAt: string): Earlier => ({
    onDisk: { place: "on disk", bytes: new Uint8Array(), signedAt, sidecars: new Map() },
    ...{ committed: null, untrusted: false },
  });
  const soon = signed("2026-06-02T00:00:30Z");
  refuseOlder(run, soon);
  for (const [earlier, hasWaited] of [[soon, true], [signed("2026-06-02T00:10:00Z"), false]] as const) {
    assertThrows(() => refuseOlder(run, earlier, hasWaited), ReleaseError, "was signed later");
  }
});
