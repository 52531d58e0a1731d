import { assertEquals } from "@std/assert";
import { expectGit, gitContext, runGit } from "../../../src/adapters/git/context.ts";
import { closeDoors } from "../../../src/adapters/git/doors.ts";
import { text } from "../../../src/adapters/process.ts";
import { GIT, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

Deno.test("gitContext() leaves out what would send git to another repository, closes the doors, and lets it ask nobody", async () => {
  await using world = await gitFleet();
  const env = { HOME: "/home/a", GIT_DIR: "/other/.git", GIT_INDEX_FILE: "/other/index", GIT_SSH: "ssh" };
  const kept = { HOME: "/home/a", GIT_SSH: "ssh" };
  for (const openings of [{}, { hooks: true, remote: true }]) {
    const git = gitContext(world.shell, env, openings);
    assertEquals([git.git, git.env], [GIT, { ...closeDoors(kept, openings), GIT_TERMINAL_PROMPT: "0" }]);
  }
});

Deno.test("runGit() runs git in a directory, feeds it, and gives also how it failed", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  const { code } = await runGit(git, ["rev-parse", "gone"], { cwd: fleet.dir });
  const hashed = await runGit(git, ["hash-object", "--stdin"], { cwd: fleet.dir, stdin: "" });
  assertEquals([code, text(hashed)], [128, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"]);
  assertEquals(commands, [[GIT, "rev-parse", "gone"], [GIT, "hash-object", "--stdin"]]);
});

Deno.test("expectGit() gives what git printed, and refuses a command that fails by what it was to do", async () => {
  await using world = await gitFleet();
  const cwd = world.fleet.dir;
  assertEquals(await expectGit(world.git, "look", ["rev-parse", "HEAD"], { cwd }), world.head);
  const { lines, ...refused } = await rejection(
    expectGit(world.git, "find the tree", ["cat-file", "-e", "gone"], { cwd }),
  );
  assertEquals(refused, { kind: "git", message: "Cannot find the tree: git exited with 128" });
  assertEquals(lines, ["| fatal: Not a valid object name gone"]);
});
