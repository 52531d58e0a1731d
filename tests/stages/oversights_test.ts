// What is told before anything is built, since its user may not have meant it.

import { assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import type { ReleaseConfig } from "../../src/config.ts";
import { FakeWorld, UNVERIFIED } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";

/** The codes of the warnings of a release that had to be there before anything was evaluated. */
async function warnedEarly(world: FakeWorld, settings: Partial<ReleaseConfig> = {}): Promise<string[]> {
  let early: string[] = [];
  world.onEffect = (effect) => {
    if (effect.startsWith("inventory ")) early = world.warnings.map(({ code }) => code);
  };
  await world.release(settings);
  assertEquals(world.warnings.slice(early.length), [UNVERIFIED]);
  return early;
}

const GIT_PUSH = { remote: "origin", branch: "main" };

pureTest("a release that is pushed without its closures is warned of, before anything is built", async () => {
  assertEquals(await warnedEarly(new FakeWorld(), { gitPush: GIT_PUSH }), ["closures-not-pushed"]);
  assertEquals(await warnedEarly(new FakeWorld(), { gitPush: GIT_PUSH, pushCmd: "true" }), []);
  assertEquals(await warnedEarly(new FakeWorld(), { gitCommit: true }), []);
});

/** A world in which a release goes to a directory, the flake is in another, and git tracks some files. */
function worldIn(path: string, { localDir = "/fleet", tracked = ["releases/fleet.resolved.json"] } = {}) {
  const world = new FakeWorld();
  world.realPath = { path, existing: dirname(path) };
  world.flake = { ...world.flake, localDir };
  world.tracked = tracked;
  return world;
}

const ELSEWHERE: [
  claim: string,
  world: () => FakeWorld,
  warned: boolean,
  settings?: Partial<ReleaseConfig>,
][] = [
  ["below the top of the repository, where there is one", () => worldIn("/fleet/web/releases"), true],
  ["at the top", () => worldIn("/fleet/releases"), false],
  ["of another name", () => worldIn("/fleet/web/releases", { tracked: ["out/fleet.resolved.json"] }), false],
  [
    "below the top of the flake, where there is one",
    () =>
      worldIn("/fleet/sub/web/releases", { localDir: "/fleet/sub", tracked: ["sub/releases/fleet.json"] }),
    true,
    { artifactName: "fleet.json" },
  ],
  [
    "at the top of the flake and not of the repository, where there is one",
    () => worldIn("/fleet/sub/releases", { localDir: "/fleet/sub" }),
    false,
  ],
  ["outside of the repository", () => worldIn("/home/me/releases"), true],
  ["by its absolute path", () => worldIn("/fleet/web/releases"), false, {
    releaseDir: "/fleet/web/releases",
  }],
  ["where one was before", () => {
    const world = worldIn("/fleet/web/releases");
    world.files.set("fleet.resolved.json", new Uint8Array());
    return world;
  }, false],
  ["outside of git", () => {
    const world = worldIn("/fleet/web/releases");
    world.repositoryOf = () => null;
    return world;
  }, false],
];

for (const [where, world, warned, settings] of ELSEWHERE) {
  pureTest(`a new release ${where} is ${warned ? "" : "not "}warned of`, async () => {
    assertEquals(await warnedEarly(world(), settings), warned ? ["release-dir-elsewhere"] : []);
  });
}

/** What a release that is told to deny warnings is refused with, and whether anything was evaluated before. */
async function denied(world: FakeWorld, settings: Partial<ReleaseConfig> = {}) {
  const refused = await rejection(world.release({ denyWarnings: true, ...settings }));
  const isBegun = world.effects.some((effect) => /^(evaluate|build|sign|publish)/.test(effect));
  return { ...refused, isBegun };
}

pureTest("with --deny-warnings whatever is warned of keeps a release from being built", async () => {
  const world = new FakeWorld();
  assertEquals(await denied(world, { gitPush: GIT_PUSH }), {
    kind: "contract",
    message: "Cannot release with --deny-warnings: 2 warnings",
    lines: [...world.warnings.map(({ message }) => message)],
    hint: "`fleet-release check` tells all that is found of a fleet, and how to mend it",
    isBegun: false,
  });
  assertEquals(world.warnings.map(({ code }) => code), ["closures-not-pushed", UNVERIFIED.code]);
});

pureTest("with --deny-warnings what a release would warn of later is denied before it is built", async () => {
  const world = new FakeWorld();
  world.fleet["hosts"].db.channel = "nightly";
  const { lines, isBegun } = await denied(world);
  assertEquals([lines?.at(-1)?.split(",")[0], isBegun], ['Host "db" is on channel "nightly"', false]);
});
