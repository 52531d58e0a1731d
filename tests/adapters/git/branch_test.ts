import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { moveHead, pushCommit } from "../../../src/adapters/git/branch.ts";
import { makeCommit, treeOf } from "../../../src/adapters/git/objects.ts";
import { DURABLE, GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

/** A commit on top of the first one, which no branch names. What that runs is not kept. */
async function nextCommit({ fleet, git, head, commands }: GitFleet, message: string): Promise<string> {
  const identity = { name: undefined, email: undefined };
  const tree = await treeOf(git, fleet.dir, head);
  const commit = await makeCommit(git, fleet.dir, { tree, parent: head, message, identity });
  commands.length = 0;
  return commit;
}

Deno.test("moveHead() moves the branch by one command, and says why in the reflog", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const commit = await nextCommit(world, "next");
  await moveHead(git, fleet.dir, { commit, from: head, reason: "fleet-release: next" });
  assertEquals(commands, [
    [GIT, ...DURABLE, "update-ref", "-m", "fleet-release: next", "HEAD", commit, head],
  ]);
  assertEquals(await fleet.git("rev-parse", "main"), commit);
  assertEquals(await fleet.git("reflog", "-1", "--format=%gs", "main"), "fleet-release: next");
});

Deno.test("moveHead() moves a branch that has no commit yet, and no other one from nothing", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const move = { commit: head, from: null, reason: "first" };
  const { kind, message } = await rejection(moveHead(git, fleet.dir, move));
  const moved = "Cannot commit the release: the branch moved while the release was made";
  assertEquals([kind, message], ["git", moved]);
  await fleet.git("checkout", "-q", "--orphan", "unborn");
  commands.length = 0;
  await moveHead(git, fleet.dir, move);
  const argv = ["update-ref", "-m", "first", "HEAD", head, "0".repeat(40)];
  assertEquals(commands, [[GIT, ...DURABLE, ...argv]]);
  assertEquals(await fleet.git("rev-parse", "unborn"), head);
});

Deno.test("moveHead() refuses a branch that moved meanwhile, and leaves it where it is", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const commit = await nextCommit(world, "next");
  const other = await fleet.commit("somebody else's");
  const { lines: _, ...refused } = await rejection(
    moveHead(git, fleet.dir, { commit, from: head, reason: "next" }),
  );
  assertEquals(refused, {
    kind: "git",
    message: "Cannot commit the release: the branch moved while the release was made",
    hint: "the release files are written; run again to release the commit that the branch is at now",
  });
  assertEquals(commands.at(-1), [GIT, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), other);
});

Deno.test("moveHead() says of a branch that is locked that it cannot be moved", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const commit = await nextCommit(world, "next");
  await Deno.writeTextFile(join(fleet.dir, ".git/refs/heads/main.lock"), "");
  const { kind, message } = await rejection(
    moveHead(git, fleet.dir, { commit, from: head, reason: "next" }),
  );
  assertEquals([kind, message], ["git", "Cannot move the branch to the release: git exited with 128"]);
});

Deno.test("pushCommit() pushes one commit to one branch, and no tag", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", remote);
  await fleet.git("tag", "-a", "-m", "v1", "v1");
  await fleet.git("config", "push.followTags", "true");
  await pushCommit(git, fleet.dir, { commit: head, remote, branch: "release/a" });
  assertEquals(commands, [[
    ...[GIT, "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--"],
    ...[remote, `${head}:refs/heads/release/a`],
  ]]);
  assertEquals(await fleet.git("ls-remote", remote), `${head}\trefs/heads/release/a`);
});

Deno.test("pushCommit() refuses when the remote has gone on, and says what the remote says", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", remote);
  const commit = await nextCommit(world, "next");
  await pushCommit(git, fleet.dir, { commit, remote, branch: "main" });
  const { lines, ...refused } = await rejection(
    pushCommit(git, fleet.dir, { commit: head, remote, branch: "main" }),
  );
  assertEquals(refused, {
    kind: "git",
    message: `Cannot push the release to "main" of "${remote}"`,
    hint: "the release is written and committed here; push it, or run again on top of what the remote has",
  });
  assert(lines!.some((line) => line.includes("(non-fast-forward)")), lines!.join("\n"));
});

Deno.test("pushCommit() shows no password of a remote", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const remote = "https://me:hunter2@127.0.0.1:1/fleet.git";
  const refused = await rejection(pushCommit(git, fleet.dir, { commit: head, remote, branch: "main" }));
  assertEquals(
    refused.message,
    'Cannot push the release to "main" of "https://***@127.0.0.1:1/fleet.git"',
  );
  assert(!JSON.stringify(refused).includes("hunter2"), refused.lines?.join("\n"));
});
