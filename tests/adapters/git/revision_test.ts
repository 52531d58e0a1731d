import { assertEquals } from "@std/assert";
import { findCommit } from "../../../src/adapters/git/revision.ts";
import { type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

/** Two commits after the first, and a name for each. */
async function history(): Promise<GitFleet & { good: string; bad: string }> {
  const world = await gitFleet();
  const good = await world.fleet.commit("good");
  const bad = await world.fleet.commit("bad");
  return { ...world, good, bad };
}

const find = ({ git, fleet }: GitFleet, revision: string) => findCommit(git, { cwd: fleet.dir, revision });

/** What can stand beside the branch "main", which is at the bad commit, and how git is told of it. */
const SHADOWS: Record<string, (good: string) => string[]> = {
  "refs/tags/main": (good) => ["tag", "main", good],
  "refs/remotes/main": (good) => ["update-ref", "refs/remotes/main", good],
  "refs/remotes/main/HEAD": (good) => ["update-ref", "refs/remotes/main/HEAD", good],
  "refs/main": (good) => ["update-ref", "refs/main", good],
};

for (const [shadow, make] of Object.entries(SHADOWS)) {
  Deno.test(`findCommit() refuses a branch's name that may mean ${shadow}, too, and takes both in full`, async () => {
    await using world = await history();
    const { fleet, good, bad } = world;
    await fleet.git(...make(good));
    // Git says nothing of it.
    await fleet.git("config", "core.warnAmbiguousRefs", "false");
    const lines = [["refs/heads/main", bad], [shadow, good]].sort().map(([ref, id]) =>
      `${ref}, which is ${id}`
    );
    const [mend] = ["refs/heads/main", shadow].sort();
    const expected = { kind: "git" as const, message: 'The name "main" may mean 2 things', lines };
    for (const more of ["", "~0", "^{commit}", "@{0}"]) {
      const hint = `write the one that you mean in full, as in ${mend}${more}`;
      assertEquals(await rejection(find(world, `main${more}`)), { ...expected, hint });
    }
    assertEquals([await find(world, "refs/heads/main"), await find(world, shadow)], [bad, good]);
    assertEquals(await find(world, "heads/main"), bad);
    assertEquals([await find(world, "HEAD"), await find(world, "@"), await find(world, "HEAD~1")], [
      bad,
      bad,
      good,
    ]);
  });
}

Deno.test("findCommit() takes a remote's branch, and refuses a branch or a tag of the same name", async () => {
  await using world = await history();
  const { fleet, good, bad } = world;
  await fleet.git("update-ref", "refs/remotes/origin/main", good);
  assertEquals([await find(world, "main"), await find(world, "origin/main")], [bad, good]);
  await fleet.git("branch", "origin/main", bad);
  assertEquals(await rejection(find(world, "origin/main")), {
    kind: "git",
    message: 'The name "origin/main" may mean 2 things',
    lines: [`refs/heads/origin/main, which is ${bad}`, `refs/remotes/origin/main, which is ${good}`],
    hint: "write the one that you mean in full, as in refs/heads/origin/main",
  });
});

Deno.test("findCommit() refuses a name that begins an object's id, also as git describe gives it", async () => {
  await using world = await history();
  const { fleet, good, bad } = world;
  const short = good.slice(0, 8);
  for (const name of [short, `v1-2-g${short}`]) {
    assertEquals(await find(world, name), good);
    await fleet.git("update-ref", `refs/heads/${name}`, bad);
    assertEquals(await rejection(find(world, name)), {
      kind: "git",
      message: `The name "${name}" may mean 2 things`,
      lines: [`refs/heads/${name}, which is ${bad}`, `the commit ${good}`],
      hint: `write the one that you mean in full, as in refs/heads/${name}`,
    });
    assertEquals(await find(world, `refs/heads/${name}`), bad);
  }
  // A full id is a full spelling, whatever has it for a name.
  await fleet.git("update-ref", `refs/tags/${good}`, bad);
  assertEquals([await find(world, good), await find(world, good.toUpperCase())], [good, good]);
});

Deno.test("findCommit() gives the commit of a tag, and refuses what is no one commit", async () => {
  await using world = await history();
  const { fleet, good } = world;
  await fleet.git("tag", "-a", "-m", "one", "v1", good);
  const tag = await fleet.git("rev-parse", "refs/tags/v1");
  assertEquals([await find(world, "v1"), await find(world, tag), await find(world, tag.slice(0, 10))], [
    good,
    good,
    good,
  ]);
  for (
    const revision of ["gone", "--all", "v1..main", "^v1", "v1:fleet.json", "", "mai*", "refs/heads/gone"]
  ) {
    const { kind, message } = await rejection(find(world, revision));
    assertEquals([kind, message], ["git", `Cannot find the commit "${revision}"`]);
  }
});

Deno.test("findCommit() takes no tag for a full name that is not there", async () => {
  await using world = await history();
  const { fleet, good } = world;
  await fleet.git("update-ref", "refs/tags/refs/heads/release", good);
  const { kind, message } = await rejection(find(world, "refs/heads/release"));
  assertEquals([kind, message], ["git", 'Cannot find the commit "refs/heads/release"']);
});
