// Wherever a run ends in its publication, the next one finds a way out of it. That a run does end there, by a signal at
// each system call, is tested in tests/faults.

import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { identityOf } from "../../src/adapters/disk.ts";
import { finishSwitch, placesOf, type Step, takeBack } from "../../src/adapters/journal.ts";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { type Files, inOrder, interrupt, textsIn, textsOf, writeFiles } from "../support/interrupted.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** A release, whose first manifest is of no other release. */
function release(text: string): Files {
  const paths = [`rollouts/${text}.json`, "rollouts/same.json", "revocations.json", "fleet.resolved.json"];
  return new Map(
    paths.flatMap((path) => [path, `${path}.sig`]).map((path) => [path, bytesOf(`${text} ${path}`)]),
  );
}

const [OLD, NEW] = [release("old"), release("new")];
const COUNT = NEW.size;

/** Interrupts a publication after so many files, over a release or on nothing. */
async function interrupted(before: Files, count: number) {
  const dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await writeFiles(releases.path, before);
  const steps = await interrupt(releases.path, NEW, count);
  return { dir, releases, steps, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

for (const [what, before] of [["over a release", OLD], ["of a first release", new Map()]] as const) {
  Deno.test(`recover() finishes a publication ${what}, however far it has come, and leaves nothing else`, async () => {
    for (let count = 0; count <= COUNT; count++) {
      await using world = await interrupted(before, count);
      assertEquals(await world.releases.recover(), "finished", `${count}`);
      assertEquals(await textsIn(world.releases.path), { ...textsOf(before), ...textsOf(NEW) }, `${count}`);
      assertEquals(await world.releases.recover(), null);
    }
  });

  Deno.test(`recover() takes a publication ${what} back when one of its files is gone or damaged`, async () => {
    for (let count = 0; count < COUNT; count++) {
      for (const spoil of [Deno.removeSync, (path: string) => Deno.writeTextFileSync(path, "half")]) {
        await using world = await interrupted(before, count);
        spoil(placesOf(world.releases.path, world.steps.at(-1)!).next);
        assertEquals(await world.releases.recover(), "taken-back", `${count}`);
        assertEquals(await textsIn(world.releases.path), textsOf(before), `${count}`);
      }
    }
  });
}

Deno.test("publish() finishes what another run has begun, and then has its own way", async () => {
  await using world = await interrupted(OLD, 3);
  const files = inOrder(OLD).map((path) => ({ path, bytes: OLD.get(path)! }));
  const written = await world.releases.publish(files);
  assertEquals(written, files.map(({ path }) => path).filter((path) => NEW.has(path)));
  assertEquals(await textsIn(world.releases.path), { ...textsOf(NEW), ...textsOf(OLD) });
});

/** What leaves no way out, done in the release directory. */
const LOST: Record<string, (root: string, steps: readonly Step[]) => void> = {
  "another file has come in the place of one": (root) =>
    Deno.writeTextFileSync(join(root, "revocations.json"), "another"),
  "what is kept of the last release is gone, too": (root, steps) => {
    Deno.removeSync(placesOf(root, steps[2]!).kept);
    Deno.removeSync(placesOf(root, steps.at(-1)!).next);
  },
  "its journal is cut short": (root) => Deno.truncateSync(join(root, ".fleet-release.journal"), 100),
  "its journal is a link": (root) => {
    Deno.renameSync(join(root, ".fleet-release.journal"), join(root, "..", "journal"));
    Deno.symlinkSync("../journal", join(root, ".fleet-release.journal"));
  },
};

for (const [of, spoil] of Object.entries(LOST)) {
  Deno.test(`recover() leaves the files of a publication as they are when ${of}`, async () => {
    await using world = await interrupted(OLD, 4);
    const root = world.releases.path;
    spoil(root, world.steps);
    const before = await textsIn(root);
    assertEquals(await world.releases.recover(), "left");
    const visible = Object.entries(before).filter(([path]) => !/(^|\/)\.fleet-release\./.test(path));
    assertEquals(await textsIn(root), Object.fromEntries(visible));
    assertEquals(await world.releases.recover(), null);
  });
}

Deno.test("finishSwitch() fails when another run has removed a new file, and takes nothing for it", async () => {
  for (const spoil of [Deno.removeSync, (path: string) => Deno.writeTextFileSync(path, "half")]) {
    await using world = await interrupted(OLD, 2);
    const root = world.releases.path;
    spoil(placesOf(root, world.steps.at(-1)!).next);
    const error = assertThrows(() => finishSwitch(root, world.steps), Error);
    assertEquals(String(error).includes("its new bytes are not there any more"), true, String(error));
    takeBack(root, world.steps);
    assertEquals(await world.releases.recover(), null);
    assertEquals((await textsIn(root))["revocations.json"], textsOf(OLD)["revocations.json"]);
  }
});

Deno.test("recover() moves nothing over a new file that is there", async () => {
  await using world = await interrupted(OLD, COUNT);
  const root = world.releases.path;
  await Deno.writeTextFile(placesOf(root, world.steps[2]!).next, "not what the journal says");
  assertEquals(await world.releases.recover(), "finished");
  assertEquals(await textsIn(root), { ...textsOf(OLD), ...textsOf(NEW) });
});

/** What a journal can say that anybody has put there. */
const HOSTILE: Record<string, Partial<Step>> = {
  "another directory": { path: "../victim" },
  "a directory below": { path: "rollouts/../../victim" },
  "a name elsewhere for the new file": { next: ".fleet-release./../../victim.tmp" },
  "a name that is no temporary file's": { next: "mine" },
  "a kind of file in the place of a hash": { sha256: "a directory" },
  "a name elsewhere for the old file": { kept: "../.fleet-release.1.tmp" },
};

for (const [of, change] of Object.entries(HOSTILE)) {
  Deno.test(`recover() does nothing for a journal with ${of}`, async () => {
    await using world = await interrupted(OLD, 0);
    const root = world.releases.path;
    await Deno.writeTextFile(join(root, "../victim"), "the user's own");
    await Deno.writeTextFile(join(root, "mine"), "the user's own");
    const steps = world.steps.map((step, index) => index === 0 ? { ...step, ...change } : step);
    await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify(steps));
    assertEquals(await world.releases.recover(), "left");
    assertEquals(await textsIn(root), { ...textsOf(OLD), mine: "the user's own" });
    assertEquals(await Deno.readTextFile(join(root, "../victim")), "the user's own");
  });
}

Deno.test("recover() leaves directories that are named like temporary files, which no run has made", async () => {
  await using world = await interrupted(OLD, 4);
  const root = world.releases.path;
  for (const name of [".fleet-release.mine.tmp", "rollouts/.fleet-release.mine.tmp"]) {
    await Deno.mkdir(join(root, name));
    await Deno.writeTextFile(join(root, name, "mine"), "the user's own");
  }
  assertEquals(await world.releases.recover(), "finished");
  assertEquals(await textsIn(root), {
    ...textsOf(OLD),
    ...textsOf(NEW),
    ".fleet-release.mine.tmp/mine": "the user's own",
    "rollouts/.fleet-release.mine.tmp/mine": "the user's own",
  });
});

Deno.test("recover() puts nothing in the place of a directory, though a journal says that it was there", async () => {
  await using world = await interrupted(OLD, 4);
  const root = world.releases.path;
  await Deno.remove(join(root, "fleet.resolved.json"));
  await Deno.mkdir(join(root, "fleet.resolved.json"));
  const steps = world.steps.map((step) =>
    step.path === "fleet.resolved.json" ? { ...step, replaces: identityOf(join(root, step.path)) } : step
  );
  await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify(steps));
  assertEquals(await world.releases.recover(), "left");
  assertEquals((await Deno.stat(join(root, "fleet.resolved.json"))).isDirectory, true);
});
