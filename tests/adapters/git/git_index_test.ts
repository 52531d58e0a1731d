import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { addToIndex, firstUntrackable, readTree, writeTree } from "../../../src/adapters/git/git_index.ts";
import { storeFiles } from "../../../src/adapters/git/objects.ts";
import { bytesOf, DURABLE, GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

const ADD = [GIT, "update-index", "--add", "-z", "--index-info"];

/** A file of the work tree, in git's store. What that runs is not kept. */
async function stored({ fleet, git, commands }: GitFleet, path: string) {
  await fleet.write({ [path]: "{}" });
  const entries = await storeFiles(git, { root: fleet.dir, prefix: "" }, [{ path, bytes: bytesOf("{}") }]);
  commands.length = 0;
  return entries;
}

Deno.test("readTree(), addToIndex() and writeTree() make a tree beside what is staged", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  await fleet.write({ "staged.txt": "staged" });
  await fleet.git("add", "staged.txt");
  const entries = await stored(world, 'releases/a "b".json');
  const index = { root: fleet.dir, file: join(fleet.root, "tmp/index") };
  await readTree(git, index, head);
  await addToIndex(git, index, entries);
  const tree = await writeTree(git, index);
  assertEquals(commands, [[GIT, "read-tree", head], ADD, [GIT, ...DURABLE, "write-tree", "--missing-ok"]]);
  const names = (await fleet.git("ls-tree", "-rz", "--name-only", tree)).split("\0");
  assertEquals(names, ["flake.nix", "fleet.json", "hosts.json", 'releases/a "b".json', ""]);
  assertEquals(await fleet.git("diff", "--cached", "--name-only"), "staged.txt");
});

Deno.test("readTree() of no commit leaves nothing in an index", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const index = { root: fleet.dir, file: join(fleet.root, "tmp/index") };
  await readTree(git, index, head);
  await readTree(git, index, null);
  assertEquals(commands.at(-1), [GIT, "read-tree", "--empty"]);
  assertEquals(await writeTree(git, index), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
});

Deno.test("readTree(), addToIndex() and writeTree() say which of them failed", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  const index = { root: fleet.dir, file: join(fleet.root, "gone/index") };
  const entries = [{ id: "0".repeat(40), path: "a" }];
  const messages = [];
  for (
    const failing of [
      () => readTree(git, index, "gone"),
      () => addToIndex(git, index, entries),
      () => writeTree(git, index),
    ]
  ) messages.push((await rejection(failing())).message.replace(/\d+$/, "N"));
  assertEquals(messages, [
    "Cannot read the current commit: git exited with N",
    "Cannot add the release files: git exited with N",
    "Cannot write the tree: git exited with N",
  ]);
});

Deno.test("firstUntrackable() gives the first path that git never tracks on any system, or null", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  const first = async (...paths: string[]) => {
    const index = { root: fleet.dir, file: join(fleet.root, "tmp", crypto.randomUUID()) };
    return await firstUntrackable(git, index, paths);
  };
  const untrackable = [
    ...[
      ".git/x",
      ".GIT/x",
      "a/.git/x",
      "git~1/x",
      "a/GIT~1",
      ".git",
      ".git /x",
      ".git./x",
      ".git::$INDEX_ALLOCATION/x",
    ],
    ...[".g\u200cit/x", "a\\.git\\x", "../x", "./x", "a//x"],
  ];
  for (const path of untrackable) assertEquals(await first("a/b.json", path, "c"), path, path);
  commands.length = 0;
  assertEquals(await first("a/b.json", ".gitx/y", "git~2/x", "a\nb", 'a "b".json', "ü", "*"), null);
  assertEquals(commands, [
    [GIT, "hash-object", "--stdin"],
    [GIT, "-c", "core.protectHFS=true", "-c", "core.protectNTFS=true", ...ADD.slice(1)],
    [GIT, "ls-files", "-z"],
  ]);
  // Nothing of it is left in the user's own index.
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("firstUntrackable() answers in a repository of SHA-256, without a commit yet", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  const root = join(fleet.root, "new");
  await fleet.git("init", "-q", "--object-format=sha256", root);
  const paths = ["a.json", ".git/b.json"];
  assertEquals(
    await firstUntrackable(git, { root, file: join(fleet.root, "tmp/names") }, paths),
    ".git/b.json",
  );
});
