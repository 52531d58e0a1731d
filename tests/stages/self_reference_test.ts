import { assertEquals } from "@std/assert";
import { ReleaseError } from "../../src/errors.ts";
import { COMMIT, FakeWorld } from "../support/fake_ports.ts";
import type { Draft } from "../support/fleet.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { pureTest, rejection } from "../support/pure.ts";

const PARENT = "a".repeat(40);
const GIT = { gitCommit: true };

/** A world in which the released commit is that of a release from the commit before it, with other closures. */
async function releasedOnce(edit: (fleet: Draft) => void = () => {}): Promise<FakeWorld> {
  const world = new FakeWorld();
  await world.release();
  const fleet = world.json();
  fleet["meta"].ciCommit = PARENT;
  for (const name of ["web1", "web2"]) fleet["hosts"][name].closureHash = `old-${name}`;
  edit(fleet);
  world.committedFiles.set(
    COMMIT,
    new Map([["releases/fleet.resolved.json", bytesOf(JSON.stringify(fleet))]]),
  );
  world.parentOfRelease = PARENT;
  world.warnings.length = 0;
  world.effects.length = 0;
  return world;
}

const codes = ({ warnings }: FakeWorld) =>
  warnings.map(({ code }) => code).filter((code) => code === "self-reference");

pureTest(
  "a run that commits warns once of hosts that change with each release, and names the way out",
  async () => {
    const world = await releasedOnce();
    await world.release(GIT);
    assertEquals(world.warnings.filter(({ code }) => code === "self-reference"), [{
      code: "self-reference",
      message:
        'The closures of "web1", "web2" have changed since the last release, and nothing was committed since but ' +
        'that release: the hosts read the flake\'s own revision, or its source with "releases" in it, so that each ' +
        "release commit makes new ones. Commit releases to a branch of their own, or give hosts a source without the " +
        "releases, as by lib.fileset. Where that release was made with changes that were not committed, they are what " +
        "is missing now",
    }]);
  },
);

const QUIET: [claim: string, prepare: (world: FakeWorld) => void, edit?: (fleet: Draft) => void][] = [
  ["changes more than the release", (world) => world.parentOfRelease = null],
  ["has a release of another commit", () => {}, (fleet) => fleet["meta"].ciCommit = "b".repeat(40)],
  ["has a release of no commit", () => {}, (fleet) => fleet["meta"].ciCommit = null],
  ["has no release", (world) => world.committedFiles.clear()],
  ["has a release that cannot be read", (world) => {
    world.committedFiles.set(COMMIT, new Map([["releases/fleet.resolved.json", bytesOf("{")]]));
  }],
  ["has a release of the same closures as the one before it", (world) => {
    world.committedFiles.set(PARENT, world.committedFiles.get(COMMIT)!);
  }],
];

for (const [claim, prepare, edit] of QUIET) {
  pureTest(`a run warns of no self-reference when the commit ${claim}`, async () => {
    const world = await releasedOnce(edit);
    prepare(world);
    await world.release(GIT);
    assertEquals(codes(world), []);
  });
}

pureTest("a run that commits nothing, or has no locked revision, looks for no self-reference", async () => {
  const world = await releasedOnce();
  await world.release();
  world.flake = { ...world.flake, revision: null, dirty: true };
  await world.release(GIT);
  assertEquals(world.effects.filter((effect) => effect.startsWith("ask whether cccccccc")), []);
});

pureTest(
  "a run goes on where git lacks what would tell a self-reference, and ends where something else fails",
  async () => {
    for (const kind of ["git", "io"] as const) {
      const world = await releasedOnce();
      world.onEffect = (effect) => {
        if (effect.startsWith("ask whether cccccccc")) throw new ReleaseError(kind, "missing");
      };
      if (kind === "git") await world.release(GIT);
      else assertEquals((await rejection(world.release(GIT))).kind, "io");
      assertEquals(codes(world), []);
    }
  },
);
