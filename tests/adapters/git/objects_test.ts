import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { makeCommit, storeFiles } from "../../../src/adapters/git/objects.ts";
import { cleanCommitMessage } from "../../../src/plan/commit_message.ts";
import { expectRun } from "../../support/command.ts";
import { bytesOf, DURABLE, GIT, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

const HASH = [GIT, ...DURABLE, "hash-object", "-w", "--no-filters", "--stdin-paths"];

Deno.test("storeFiles() stores files as they are on disk, whatever git would make of them, by one command", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  const files = [["fleet.json", "{}\r\n"], ['rollouts/"a b".json', ""]] as const;
  await fleet.write({ ".gitattributes": "* text eol=lf\n" });
  for (const [path, text] of files) await fleet.write({ [`out/${path}`]: text });
  const entries = await storeFiles(
    git,
    { root: fleet.dir, prefix: "out" },
    files.map(([path, text]) => ({ path, bytes: bytesOf(text) })),
  );
  assertEquals(entries.map(({ path }) => path), files.map(([path]) => `out/${path}`));
  const stored = [];
  for (const { id } of entries) stored.push((await fleet.git("cat-file", "blob", id)).length);
  assertEquals(stored, ["{}\r".length, 0]);
  assertEquals(commands, [HASH]);
});

Deno.test("storeFiles() knows the ids of a repository that has SHA-256", async () => {
  await using world = await gitFleet();
  const root = join(world.fleet.root, "sha256");
  await world.fleet.git("init", "-q", "--object-format=sha256", root);
  await Deno.writeTextFile(join(root, "a.json"), "{}");
  const files = [{ path: "a.json", bytes: bytesOf("{}") }];
  const [entry] = await storeFiles(world.git, { root, prefix: "" }, files);
  assertEquals(entry!.id.length, 64);
});

Deno.test("storeFiles() refuses a file that has other bytes than were signed, and one that is gone", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  await fleet.write({ "out/a.json": "{}", "out/b.json": "[]" });
  const store = (...paths: string[]) =>
    rejection(
      storeFiles(
        git,
        { root: fleet.dir, prefix: "out" },
        paths.map((path) => ({ path, bytes: bytesOf("{}") })),
      ),
    );
  assertEquals(await store("a.json", "b.json"), {
    kind: "git",
    message: 'Cannot commit "b.json": the file is not what was signed',
    hint: "something else wrote to the release directory during the run; run again",
  });
  const { lines: _, ...gone } = await store("gone.json");
  assertEquals(gone, { kind: "git", message: "Cannot store the release files: git exited with 128" });
});

Deno.test("makeCommit() makes a commit of a tree that no branch names, with and without a parent", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const tree = await fleet.git("rev-parse", `${head}^{tree}`);
  commands.length = 0;
  const parts = {
    tree,
    message: "release: one\n\nbody\n",
    identity: { name: "ci", email: "ci@example.com" },
    signed: false,
  };
  const next = await makeCommit(git, fleet.dir, { ...parts, parent: head });
  const nobody = { name: undefined, email: undefined };
  const first = await makeCommit(git, fleet.dir, { ...parts, identity: nobody, parent: null });
  assertEquals(commands, [
    [GIT, ...DURABLE, "commit-tree", tree, "-p", head],
    [GIT, ...DURABLE, "commit-tree", tree],
  ]);
  const show = (commit: string) => fleet.git("show", "-s", "--format=%T|%P|%an %ae|%cn %ce|%B", commit);
  const ci = "ci ci@example.com";
  assertEquals(await show(next), `${tree}|${head}|${ci}|${ci}|release: one\n\nbody\n`);
  const tester = "tester tester@example.com";
  assertEquals(await show(first), `${tree}||${tester}|${tester}|release: one\n\nbody\n`);
  assertEquals(await fleet.git("rev-parse", "HEAD"), head);
});

Deno.test("makeCommit() takes a message as it is, whatever it begins with", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const tree = await fleet.git("rev-parse", `${head}^{tree}`);
  const messages = [
    "chore(ci): release 01234567 [skip ci]",
    "release 01234567\n\nSigned at 2026-06-01T12:00:00+00:00\n# not a comment\n{unknown}",
    "$(touch evil) `touch evil` 01234567",
    "-m evil",
    "ünïcödé 🦕 01234567",
  ];
  const identity = { name: undefined, email: undefined };
  const made: string[] = [];
  for (const message of messages) {
    const commit = await makeCommit(git, fleet.dir, { tree, parent: head, message, identity, signed: false });
    made.push((await fleet.git("log", "-1", "--format=%B", commit)).trimEnd());
  }
  assertEquals(made, messages);
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("cleanCommitMessage() does what git does with a message that nobody edits", async () => {
  const messages = [
    "release",
    "release\n",
    "\n \n  release \t\r\n\n \n\nSigned \u00a0\r\n# kept\n\n\n",
    "a\vb \f\n\n\n\nc",
    "ünïcödé 🦕  \n\ttab",
  ];
  const cleaned: string[] = [];
  for (const message of messages) {
    cleaned.push(await expectRun([GIT, "stripspace"], { stdin: bytesOf(message) }));
  }
  assertEquals(messages.map(cleanCommitMessage), cleaned);
});
