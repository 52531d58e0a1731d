// Wherever a run ends in its publication, the next one finds a way out of it. That a run does end there, by a signal at
// each system call, is tested in tests/faults.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { identityOf } from "../../src/adapters/disk.ts";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { finishSwitch, placesOf, readJournal, type Step, takeBack } from "../../src/adapters/journal.ts";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { JOURNAL_FILE } from "../../src/contract/layout.ts";
import { type Files, inOrder, interrupt, textsIn, textsOf, writeFiles } from "../support/interrupted.ts";
import { bytesOf } from "../support/git_fleet.ts";
import { rejection } from "../support/pure.ts";
import { replaced } from "../support/replaced.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** A release, whose first manifest is of no other release. */
function release(text: string): Files {
  const [own, same] = [text, "same"].map((name) => `rollouts/${sha256Hex(bytesOf(name))}.json`) as [
    string,
    string,
  ];
  const paths = [own, same, "revocations.json", "fleet.resolved.json"];
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

/** A release as it is published. */
const filesOf = (files: Files) => inOrder(files).map((path) => ({ path, bytes: files.get(path)! }));

Deno.test("publish() ends what an interrupted run has begun once its own files have their places", async () => {
  await using world = await interrupted(OLD, 3);
  const changed = world.steps.slice(0, 3).map(({ path }) => path);
  assertEquals((await world.releases.publish(filesOf(OLD))).written, changed.filter((path) => OLD.has(path)));
  const [own] = inOrder(NEW);
  assertEquals(await textsIn(world.releases.path), {
    ...textsOf(
      new Map([...NEW].filter(([path]) => path.replace(/\.sig$/, "") === own!.replace(/\.sig$/, ""))),
    ),
    ...textsOf(OLD),
  });
  // Also when it has nothing to write.
  await interrupt(world.releases.path, OLD, 0);
  assertEquals((await world.releases.publish(filesOf(OLD))).written, []);
  assertEquals(await world.releases.recover(), null);
  assertEquals(Object.keys(await textsIn(world.releases.path)).filter((path) => path.includes(".tmp")), []);
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
  Deno.test(`recover() leaves a publication as it is until another has succeeded when ${of}`, async () => {
    await using world = await interrupted(OLD, 4);
    const root = world.releases.path;
    spoil(root, world.steps);
    const before = await textsIn(root);
    for (let run = 0; run < 2; run++) {
      assertEquals(await world.releases.recover(), "left");
      assertEquals(await textsIn(root), before);
      // One that fails, since no file can have such a name, loses nothing of it.
      await assertRejects(() => world.releases.publish([{ path: "x".repeat(300), bytes: bytesOf("x") }]));
      assertEquals(await textsIn(root), before);
    }
    await world.releases.publish(filesOf(NEW));
    assertEquals(await textsIn(root), { ...textsOf(OLD), ...textsOf(NEW) });
    assertEquals(await world.releases.recover(), null);
  });
}

Deno.test("recover() keeps what was left before a publication that it takes back, and not before one that it finishes", async () => {
  for (const spoiled of [false, true]) {
    await using world = await interrupted(OLD, 4);
    const root = world.releases.path;
    await Deno.writeTextFile(join(root, "revocations.json"), "another");
    const before = await textsIn(root);
    const steps = await interrupt(root, release("third"), 5);
    if (spoiled) await Deno.remove(placesOf(root, steps.at(-1)!).next);
    assertEquals(await world.releases.recover(), spoiled ? "left" : "finished");
    const third = { ...before, ...textsOf(release("third")) };
    const visible = Object.entries(third).filter(([path]) => !/(^|\/)\.fleet-release\./.test(path));
    const after = await textsIn(root);
    if (!spoiled) assertEquals(after, Object.fromEntries(visible));
    else {
      assertEquals(after, { ...before, [JOURNAL_FILE]: after[JOURNAL_FILE]! });
      assertEquals(readJournal(root), [world.steps]);
    }
  }
});

Deno.test("a publication that fails in the middle keeps what was left before it", async () => {
  await using world = await interrupted(OLD, 4);
  const root = world.releases.path;
  await Deno.writeTextFile(join(root, "revocations.json"), "another");
  const before = await textsIn(root);
  const { renameSync } = Deno;
  let renames = 0;
  using _ = replaced("renameSync", (from, to) => {
    if (++renames === 5) throw new Error("no");
    renameSync(from, to);
  });
  await assertRejects(() => world.releases.publish(filesOf(release("third"))), Error, "no");
  assertEquals(await textsIn(root), before);
  assertEquals(readJournal(root), [world.steps]);
});

Deno.test("a publication that can neither end nor be taken back leaves all that is there to the next run", async () => {
  for (const faults of [["syncSync"], ["syncSync", "renameSync"]]) {
    await using dir = await TemporaryDirectory.create();
    const releases = createReleaseDir("releases", dir.path);
    const root = releases.path;
    await releases.publish(filesOf(OLD));
    const { renameSync } = Deno;
    let [isAside, later] = [false, 0];
    using _rename = replaced("renameSync", (from, to) => {
      // The journal is not put back, nor is the third file.
      const fails = isAside && (to === join(root, JOURNAL_FILE) || ++later === 3);
      if (fails && faults.includes("renameSync")) throw new Error("no rename");
      renameSync(from, to);
      isAside ||= String(from) === join(root, JOURNAL_FILE);
    });
    const { syncSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.syncSync = function () {
      if (isAside) throw new Error("no sync");
      syncSync.call(this);
    };
    try {
      const { lines } = await rejection(releases.publish(filesOf(NEW)));
      assertEquals(lines?.length, 1);
    } finally {
      Deno.FsFile.prototype.syncSync = syncSync;
    }
    isAside = false;
    const names = Object.keys(await textsIn(root));
    assertEquals(names.some((name) => name.includes(".fleet-release.")), true, `${names}`);
    const isBack = faults.length === 1;
    assertEquals(await releases.recover(), isBack ? "taken-back" : null);
    assertEquals(await textsIn(root), isBack ? textsOf(OLD) : { ...textsOf(OLD), ...textsOf(NEW) });
  }
});

Deno.test("finishSwitch() fails when another run has removed a new file, and takes nothing for it", async () => {
  for (const spoil of [Deno.removeSync, (path: string) => Deno.writeTextFileSync(path, "half")]) {
    await using world = await interrupted(OLD, 2);
    const root = world.releases.path;
    spoil(placesOf(root, world.steps.at(-1)!).next);
    const error = assertThrows(() => finishSwitch(root, world.steps), Error);
    assertEquals(String(error).includes("its new bytes are not there any more"), true, String(error));
    takeBack(root, [world.steps]);
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
  "another directory below": { path: "other/fleet.json" },
  "a manifest of another name": { path: "rollouts/mine.json" },
  "a file of git's": { path: ".git" },
  "attributes of git's": { path: ".gitattributes" },
  "the journal": { path: ".fleet-release.journal" },
  "a temporary file": { path: ".fleet-release.mine.tmp" },
  "a name elsewhere for the new file": { next: ".fleet-release./../../victim.tmp" },
  "a name that is no temporary file's": { next: "mine" },
  "a kind of file in the place of a hash": { sha256: "a directory" },
  "a fleet that goes": { path: "fleet.resolved.json", sha256: null },
  "nothing that goes": { sha256: null, replaces: null },
  "a name elsewhere for the old file": { kept: "../.fleet-release.1.tmp" },
};

for (const [of, change] of Object.entries(HOSTILE)) {
  Deno.test(`recover() does nothing for a journal with ${of}`, async () => {
    await using world = await interrupted(OLD, 0);
    const root = world.releases.path;
    await Deno.writeTextFile(join(root, "../victim"), "the user's own");
    await Deno.writeTextFile(join(root, "mine"), "the user's own");
    const steps = world.steps.map((step, index) => index === 0 ? { ...step, ...change } : step);
    await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify([steps]));
    const before = await textsIn(root);
    assertEquals(await world.releases.recover(), "left");
    assertEquals(await textsIn(root), before);
    assertEquals(await Deno.readTextFile(join(root, "../victim")), "the user's own");
  });
}

Deno.test("recover() does nothing for a journal that names a file twice, which is read for each time", async () => {
  await using world = await interrupted(OLD, 0);
  const root = world.releases.path;
  const journal = JSON.stringify([[...world.steps, world.steps[0]]]);
  await Deno.writeTextFile(join(root, ".fleet-release.journal"), journal);
  assertEquals(await world.releases.recover(), "left");
});

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
  await Deno.writeTextFile(join(root, ".fleet-release.journal"), JSON.stringify([steps]));
  assertEquals(await world.releases.recover(), "left");
  assertEquals((await Deno.stat(join(root, "fleet.resolved.json"))).isDirectory, true);
});

Deno.test("recover() tells of a directory in the place of the journal, and takes what is too large for none of ours", async () => {
  await using dir = await TemporaryDirectory.create();
  const releases = createReleaseDir("releases", dir.path);
  await releases.publish(filesOf(OLD));
  const journal = join(releases.path, JOURNAL_FILE);
  await Deno.mkdir(journal);
  const { message } = await rejection(releases.recover());
  assertEquals(message.includes(`"${JOURNAL_FILE}" is a directory`), true, message);
  await Deno.remove(journal);
  await Deno.writeTextFile(journal, "");
  await Deno.truncate(journal, 2 ** 27);
  assertEquals(await releases.recover(), "left");
  await releases.publish(filesOf(NEW));
  assertEquals(await textsIn(releases.path), { ...textsOf(OLD), ...textsOf(NEW) });
});

Deno.test("recover() finishes the publication of a fleet of any name", async () => {
  for (const artifactName of ["other.json", ".fleet", "a fleet"]) {
    await using world = await interrupted(OLD, 0);
    const root = world.releases.path;
    await world.releases.recover();
    const other = new Map([artifactName, `${artifactName}.sig`].map((path) => [path, bytesOf(path)]));
    await interrupt(root, other, 1);
    assertEquals(await world.releases.recover(), "finished");
    assertEquals((await textsIn(root))[artifactName], artifactName);
  }
});
