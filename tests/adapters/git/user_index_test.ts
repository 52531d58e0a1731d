import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { commitRelease } from "../../../src/adapters/git/commit.ts";
import { findGitFiles, type GitFiles, locksOfHead, syncHead } from "../../../src/adapters/git/git_files.ts";
import { storeFiles } from "../../../src/adapters/git/objects.ts";
import { holdIndex } from "../../../src/adapters/git/user_index.ts";
import { bytesOf, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { FILES, toCommit } from "../../support/release_commit.ts";
import { rejection } from "../../support/pure.ts";
import { shell } from "../../support/releases.ts";
import { STRACE } from "../../support/strace.ts";

/** The files of a repository that a commit changes. */
async function filesOf({ git, fleet, head }: GitFleet): Promise<GitFiles> {
  return (await findGitFiles(git, fleet.dir, { head, objects: [] })).files;
}

/** A file in the work tree, and what an index has for it. */
async function stored({ fleet, git }: GitFleet, path: string) {
  await fleet.write({ [path]: path });
  return await storeFiles(git, { root: fleet.dir, prefix: "" }, [{ path, bytes: bytesOf(path) }]);
}

/** What is in the index, with all that it keeps of the files. */
const look = ({ fleet }: GitFleet) => fleet.git("ls-files", "--stage", "--debug");

Deno.test("findGitFiles() gives where the index and the branch are, in a linked work tree too, and ids of objects", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const commonDir = join(fleet.dir, ".git");
  const tree = await fleet.git("rev-parse", "HEAD^{tree}");
  assertEquals(await findGitFiles(git, fleet.dir, { head, objects: [`${head}^{tree}`] }), {
    files: { commonDir, index: join(commonDir, "index"), ref: "refs/heads/main" },
    ids: [tree],
  });
  await fleet.git("worktree", "add", "-q", "--detach", "../linked");
  const linked = { commonDir, index: join(commonDir, "worktrees/linked/index"), ref: null };
  const asked = { head, objects: [] };
  assertEquals((await findGitFiles(git, join(fleet.root, "linked"), asked)).files, linked);
  await fleet.git("checkout", "-q", "--orphan", "a/b");
  assertEquals((await findGitFiles(git, fleet.dir, { head: null, objects: [] })).files.ref, "refs/heads/a/b");
});

Deno.test("syncHead() and locksOfHead() take a repository for what it is that has tables of references", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  // As git from 2.45 on lays it out.
  await shell(
    fleet,
    "rm -r .git/refs/heads && echo 'this repository uses the reftable format' > .git/refs/heads",
  );
  for (const ref of ["refs/heads/main", "refs/heads/a/b", null]) {
    const files = { commonDir: join(fleet.dir, ".git"), index: join(fleet.dir, ".git/index"), ref };
    syncHead(files);
    assertEquals(locksOfHead(files), [join(fleet.dir, ".git/reftable/tables.list.lock")]);
  }
});

Deno.test("syncObjects() and syncHead() bring to the disk what a git has left that syncs nothing", {
  ignore: STRACE === undefined,
}, async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const files = await filesOf(world);
  const script = `
    import { syncHead, syncObjects } from "${import.meta.resolve("../../../src/adapters/git/git_files.ts")}";
    syncObjects(${JSON.stringify(files)}, ["${head}"]);
    syncHead(${JSON.stringify(files)});`;
  const trace = join(fleet.root, "trace");
  await new Deno.Command(STRACE!, {
    args: [
      ...["-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync"],
      ...[Deno.execPath(), "eval", "--no-check", script],
    ],
    stdin: "null",
    stderr: "null",
  }).output();
  const text = await Deno.readTextFile(trace);
  // Deno syncs caches of its own.
  const synced = [...text.matchAll(/fsync\(\d+<(.*)>\)/g)].flatMap(([, path]) =>
    path!.startsWith(fleet.dir) ? [path!.slice(fleet.dir.length + 1)] : []
  );
  const object = `.git/objects/${head.slice(0, 2)}`;
  assertEquals(synced, [
    ...[`${object}/${head.slice(2)}`, object, ".git/objects"],
    ...[".git/refs/heads/main", ".git/refs/heads", ".git/refs", ".git", ".git"],
  ]);
});

Deno.test("holdIndex() keeps every git from the index, leaves the rest of it, and puts back what was there", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  await fleet.write({ "staged.txt": "staged", "intended.txt": "x" });
  await fleet.git("add", "staged.txt");
  await fleet.git("add", "--intent-to-add", "intended.txt");
  const entries = await stored(world, "a.json");
  const before = await look(world);
  {
    using index = await holdIndex(git, fleet.dir, await filesOf(world));
    await index.stage(entries);
    assertEquals(await shell(fleet, "git add . 2>/dev/null || echo refused"), "refused");
    assertEquals(await fleet.git("diff", "--cached", "--name-only"), "a.json\nstaged.txt");
    index.restore();
    assertEquals(await look(world), before);
    await index.stage(entries);
  }
  assertEquals(await fleet.git("diff", "--cached", "--name-only"), "a.json\nstaged.txt");
  assertEquals(await shell(fleet, "ls .git | grep -e lock -e fleet-release || true"), "");
  // Where there is no index yet, there is none afterwards.
  const left = [".git/index", ".git/fleet-release.index", ".git/fleet-release.index.lock"];
  await Deno.remove(join(fleet.dir, left[0]!));
  for (const path of left.slice(1)) await fleet.write({ [path]: "of a git that was killed" });
  {
    using index = await holdIndex(git, fleet.dir, await filesOf(world));
    await index.stage(entries);
    assertEquals(await fleet.git("ls-files"), "a.json");
    index.restore();
  }
  assertEquals(await shell(fleet, `ls ${left.join(" ")} 2>/dev/null || true`), "");
});

Deno.test("holdIndex() does not let git take a file for unchanged that was written with the index", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  await fleet.write({ "racy.txt": "1\n" });
  await fleet.git("add", "racy.txt");
  // As long as before, and within the second of the index.
  await fleet.write({ "racy.txt": "2\n" });
  const time = new Date(Math.floor(Date.now() / 1000) * 1000);
  for (const path of ["racy.txt", ".git/index"]) await Deno.utime(join(fleet.dir, path), time, time);
  await shell(fleet, "git update-index --refresh >/dev/null || true");
  const entries = await stored(world, "a.json");
  {
    using index = await holdIndex(git, fleet.dir, await filesOf(world));
    await index.stage(entries);
  }
  assertEquals(await fleet.git("diff", "--name-only"), "racy.txt");
});

Deno.test("holdIndex() removes what a run of ours left that was killed, and what no other git left", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  const files = await filesOf(world);
  const entries = await stored(world, "a.json");
  const lock = join(fleet.dir, ".git/index.lock");
  const script = `
    import { holdIndex } from "${import.meta.resolve("../../../src/adapters/git/user_index.ts")}";
    await holdIndex({}, "", ${JSON.stringify(files)});
    console.log("held");
    setTimeout(() => {}, 60000);`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  // As long as it lives, it is one that another has.
  assertEquals((await rejection(holdIndex(git, fleet.dir, files))).kind, "git");
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  // Locks that were there before it came are another's.
  await fleet.write({ ".git/HEAD.lock": "", ".git/refs/heads/main.lock": "" });
  await Deno.utime(join(fleet.dir, ".git/HEAD.lock"), 1, 1);
  {
    using index = await holdIndex(git, fleet.dir, files);
    await index.stage(entries);
  }
  assertEquals(await shell(fleet, "cd .git && find . -name '*.lock'"), "./HEAD.lock");
  // One with anything else in it is never removed, whoever is alive.
  await Deno.writeTextFile(lock, "");
  assertEquals((await rejection(holdIndex(git, fleet.dir, files))).kind, "git");
  assertEquals(await Deno.readTextFile(lock), "");
});

/** What can go wrong with the lock, and whether the index can be held all the same. */
const LOCK_FAULTS: readonly [what: string, call: string, fault: string, isHeld: boolean][] = [
  ["a kill before the lock is marked", "write", "signal=KILL:error=EIO", false],
  ["a kill when it has its name", "unlink", "signal=KILL:error=EIO", false],
  ["a full disk", "write", "error=ENOSPC", false],
  ["a file system without locks", "flock", "error=ENOLCK", true],
  ["a file system without links", "link,linkat", "error=EPERM", true],
];

for (const [what, call, fault, isHeld] of LOCK_FAULTS) {
  Deno.test(`holdIndex() leaves an index that can be held after ${what}`, {
    ignore: STRACE === undefined,
  }, async () => {
    await using world = await gitFleet();
    const { fleet, git } = world;
    const files = await filesOf(world);
    const script = `
      import { holdIndex } from "${import.meta.resolve("../../../src/adapters/git/user_index.ts")}";
      using index = await holdIndex({}, "", ${JSON.stringify(files)});
      console.log("held");`;
    const locks = ["index.lock", "fleet-release.index.lock"].flatMap((name) => [
      ...["-P", join(fleet.dir, ".git", name)],
    ]);
    const { stdout } = await new Deno.Command(STRACE!, {
      args: [
        ...["-f", "-qq", "-o", "/dev/null", ...locks, "-e", `trace=${call}`, "-e", `inject=${call}:${fault}`],
        ...[Deno.execPath(), "eval", "--no-check", script],
      ],
      stdin: "null",
      stderr: "null",
    }).output();
    assertEquals(new TextDecoder().decode(stdout), isHeld ? "held\n" : "");
    {
      using _index = await holdIndex(git, fleet.dir, files);
    }
    assertEquals(await shell(fleet, "cd .git && find . -name '*.lock'"), "");
  });
}

/** Ways in which git keeps an index. */
const KEPT: readonly [kind: string, script: string][] = [
  ["split", "git update-index --split-index"],
  [
    "of version 4, with a cache of what is not tracked",
    "git update-index --index-version 4 --untracked-cache",
  ],
  ["sparse", "git sparse-checkout set --cone --sparse-index releases"],
  ["shared with a group", "git config core.sharedRepository 0660 && chmod 660 .git/index"],
];

for (const [kind, script] of KEPT) {
  Deno.test(`commitRelease() commits to an index that is ${kind}, and keeps all that is in it`, async () => {
    await using world = await gitFleet();
    const { fleet, git } = world;
    await fleet.write({ "other/a.txt": "a", "staged.txt": "1" });
    const head = await fleet.commit("before");
    await fleet.write({ "staged.txt": "2" });
    await fleet.git("add", "staged.txt");
    await shell(fleet, script);
    const options = { ...await toCommit(fleet), on: { parent: head, moves: true, stages: true } };
    const commit = await commitRelease(git, { root: fleet.dir, head }, options);
    assertEquals(await fleet.git("diff", "--name-only", head, commit!, "--", ":!releases"), "");
    assertEquals(await fleet.git("status", "--porcelain"), "M  staged.txt");
    assertEquals((await fleet.git("ls-files")).split("\n").length, 3 + 2 + FILES.length);
    assertEquals(await shell(fleet, "git fsck --strict 2>&1 | grep -v ^dangling || true"), "");
    if (kind.startsWith("shared")) assertEquals(await shell(fleet, "stat -c %a .git/index"), "660");
  });
}
