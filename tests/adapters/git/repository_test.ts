import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  committedAt,
  findRepository,
  firstIgnored,
  resolveCommit,
  tracks,
} from "../../../src/adapters/git/repository.ts";
import { expectRun, which } from "../../support/command.ts";
import type { TestFleet } from "../../support/fleet.ts";
import { GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { shell } from "../../support/releases.ts";

/** Only root can give a directory to somebody else. */
const IS_ROOT = await expectRun([which("id"), "-u"]) === "0\n";

let world: GitFleet;
Deno.test.beforeAll(async () => {
  world = await gitFleet();
});
Deno.test.beforeEach(() => {
  world.commands.length = 0;
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

const BOTH = [GIT, "rev-parse", "--show-toplevel", "HEAD^{commit}"];
const ROOT = [GIT, "rev-parse", "--show-toplevel"];
const TRUSTING = [GIT, "-c", "safe.directory=*", "rev-parse", "--show-toplevel"];

Deno.test("findRepository() gives the root and the commit of HEAD from a directory below, by one command", async () => {
  const { fleet, git, head, commands } = world;
  await Deno.mkdir(join(fleet.dir, "below/it"), { recursive: true });
  await Deno.symlink(fleet.dir, join(fleet.root, "link"));
  for (const dir of ["fleet", "fleet/below/it", "link", "link/below"]) {
    assertEquals(await findRepository(git, join(fleet.root, dir)), { root: fleet.dir, head }, dir);
  }
  assertEquals(commands, [BOTH, BOTH, BOTH, BOTH]);
});

Deno.test("findRepository() asks once for what is asked at the same time, and anew afterwards", async () => {
  const { fleet, git, head, commands } = world;
  const ask = () => findRepository(git, fleet.dir);
  assertEquals(await Promise.all([ask(), ask()]), [{ root: fleet.dir, head }, { root: fleet.dir, head }]);
  assertEquals(commands, [BOTH]);
  await fleet.git("commit", "-q", "--allow-empty", "-m", "another");
  const another = await fleet.git("rev-parse", "HEAD");
  assertEquals([await ask(), another === head], [{ root: fleet.dir, head: another }, false]);
  await fleet.git("reset", "-q", "--soft", "HEAD~1");
});

Deno.test("findRepository() gives no commit on a branch without one", async () => {
  const { fleet, git, commands } = world;
  const dir = join(fleet.root, "unborn\nhead");
  await fleet.git("init", "-q", dir);
  assertEquals(await findRepository(git, dir), { root: dir, head: null });
  assertEquals(commands, [BOTH, ROOT]);
});

Deno.test("findRepository() gives null where there is no work tree", async () => {
  const { fleet, git, commands } = world;
  assertEquals(await findRepository(git, fleet.root), null);
  assertEquals(commands, [BOTH, ROOT, TRUSTING]);
  const bare = join(fleet.root, "bare.git");
  await fleet.git("init", "-q", "--bare", bare);
  for (const dir of [bare, join(fleet.dir, ".git"), join(fleet.dir, ".git/refs")]) {
    assertEquals(await findRepository(git, dir), null);
  }
});

Deno.test({
  name: "findRepository() does not take another user's repository for none",
  ignore: !IS_ROOT,
  fn: async () => {
    const { fleet, git, commands } = world;
    const dir = join(fleet.root, "stranger");
    await fleet.git("init", "-q", dir);
    for (const path of [dir, join(dir, ".git")]) await Deno.chown(path, 12_345, 12_345);
    const { lines, ...refused } = await rejection(findRepository(git, dir));
    const message = `Cannot read the repository of "${dir}": git exited with 128`;
    assertEquals(refused, { kind: "git", message });
    assert(lines!.some((line) => line.includes("dubious ownership")), lines!.join("\n"));
    assertEquals(commands, [BOTH, ROOT, TRUSTING]);
  },
});

Deno.test("resolveCommit() gives the commit of a short commit, a tag or a branch, and null for no commit", async () => {
  const { fleet, git, head, commands } = world;
  await fleet.git("tag", "-a", "-m", "v1", "v1");
  await fleet.git("tag", "tree", "HEAD^{tree}");
  const named: [name: string, commit: string | null][] = [
    [head.slice(0, 10), head],
    ["v1", head],
    ["main", head],
    ["tree", null],
    ["gone", null],
    ["--all", null],
    ["^main", null],
  ];
  const found: typeof named = [];
  for (const [name] of named) found.push([name, await resolveCommit(git, fleet.dir, name)]);
  assertEquals(found, named);
  const options = ["--quiet", "--verify", "--end-of-options"];
  assertEquals(commands, named.map(([name]) => [GIT, "rev-parse", ...options, `${name}^{commit}`]));
});

Deno.test("resolveCommit() resolves names as git does, and a tag before a branch", async () => {
  await using world = await gitFleet();
  const { fleet, git, head: first } = world;
  await fleet.commit("second");
  await shell(
    fleet,
    `git tag v1 ${first} && git tag -a -m annotated v1-annotated ${first} && git branch old/branch ${first}
     git tag both ${first} && git branch both HEAD && git update-ref refs/remotes/origin/main ${first}`,
  );
  const names = [
    ...[first.slice(0, 8), first.toUpperCase(), "v1", "v1-annotated", "old/branch", "origin/main", "both"],
    ...["HEAD~1", await fleet.git("rev-parse", "v1-annotated")],
  ];
  const found: [string, string | null][] = [];
  for (const name of names) found.push([name, await resolveCommit(git, fleet.dir, name)]);
  assertEquals(found, names.map((name) => [name, first]));
});

Deno.test("resolveCommit() gives null for a short commit that several commits begin with", async () => {
  await using world = await gitFleet();
  assertEquals(await resolveCommit(world.git, world.fleet.dir, await ambiguousPrefix(world.fleet)), null);
});

/** Makes so many commits that some of them begin with the same four digits, and gives such a beginning. */
async function ambiguousPrefix(fleet: TestFleet): Promise<string> {
  const commits = Array.from(
    { length: 2000 },
    (_, index) =>
      `commit refs/heads/many\nmark :${
        index + 1
      }\ncommitter tester <tester@example.com> ${index} +0000\ndata 0\n`,
  );
  await Deno.writeTextFile(join(fleet.root, "home/stream"), commits.join("\n"));
  await shell(fleet, "git fast-import --quiet --export-marks=../home/marks < ../home/stream");
  const marks = await Deno.readTextFile(join(fleet.root, "home/marks"));
  const seen = new Set<string>();
  for (const [, prefix = ""] of marks.matchAll(/^:\d+ ([0-9a-f]{4})/gm)) {
    if (seen.has(prefix)) return prefix;
    seen.add(prefix);
  }
  throw new Error("of 2000 commits no two begin with the same four digits");
}

Deno.test("firstIgnored() gives the first path that git ignores, as it is, or null", async () => {
  const { fleet, git, commands } = world;
  await fleet.write({ ".gitignore": "*.sig\n" });
  assertEquals(await firstIgnored(git, fleet.dir, ["a.json", "ü b.sig", "c.sig"]), "ü b.sig");
  assertEquals(await firstIgnored(git, fleet.dir, ["a.json"]), null);
  const argv = [GIT, "check-ignore", "-z", "--stdin"];
  assertEquals(commands, [argv, argv]);
});

Deno.test("firstIgnored() refuses to answer where git cannot", async () => {
  const { lines, ...refused } = await rejection(firstIgnored(world.git, world.fleet.root, ["a.json"]));
  const message = "Cannot ask which files are ignored: git exited with 128";
  assertEquals(refused, { kind: "git", message });
  assert(lines!.some((line) => line.includes("not a git repository")), lines!.join("\n"));
});

Deno.test("tracks() tells what git tracks in the work tree, staged or not, from what a commit has", async () => {
  const { fleet, git, head, commands } = world;
  await fleet.write({
    ".gitignore": "ignored*\n",
    "staged": "",
    "untracked": "",
    "ignored": "",
    "ignored *": "",
  });
  await fleet.git("add", "-f", "staged", "ignored *");
  const said: [path: string, now: boolean, before: boolean][] = [
    ["flake.nix", true, true],
    ["staged", true, false],
    ["untracked", false, false],
    ["ignored", false, false],
    // A path is no pattern.
    ["ignored *", true, false],
    ["*.nix", false, false],
    [":/", false, false],
  ];
  const found: typeof said = [];
  commands.length = 0;
  for (const [path] of said) {
    found.push([path, await tracks(git, fleet.dir, path, null), await tracks(git, fleet.dir, path, "HEAD")]);
  }
  assertEquals(found, said);
  assertEquals(commands.slice(0, 4), [
    [GIT, "ls-files", "-z", "--", "flake.nix"],
    [GIT, "rev-parse", "--quiet", "--verify", "--end-of-options", "refs/heads/HEAD^{commit}"],
    [GIT, "rev-parse", "--quiet", "--verify", "--end-of-options", "HEAD^{commit}"],
    [GIT, "ls-tree", "-z", "--full-tree", head, "--", "flake.nix"],
  ]);
  assertEquals(await tracks(git, fleet.dir, "flake.nix", "gone"), false);
  // Git takes the name of a tag and a branch for the tag, and nix for the branch.
  await fleet.git("tag", "both", "HEAD");
  await fleet.commit("more");
  await fleet.git("branch", "both", "HEAD");
  assertEquals(await tracks(git, fleet.dir, "staged", "both"), true);
  await fleet.git("tag", "-f", "both", "HEAD");
  await fleet.git("branch", "-f", "both", head);
  assertEquals(await tracks(git, fleet.dir, "staged", "both"), true);
  assertEquals(await tracks(git, fleet.dir, "staged", head), false);
});

Deno.test("committedAt() gives the time of a commit, whatever number git has for one", async () => {
  const { fleet, git } = world;
  const times = [
    ["0", "1970-01-01T00:00:00Z"],
    ["1780315200", "2026-06-01T12:00:00Z"],
    ["253402300800", "9999-12-31T23:59:59Z"],
    ["18446744073709551614", "9999-12-31T23:59:59Z"],
  ] as const;
  for (const [seconds, expected] of times) {
    const made = ["commit-tree", "-m", "x", "HEAD^{tree}"];
    const env = { ...fleet.env(), GIT_COMMITTER_DATE: `@${seconds} +0200` };
    const commit = (await expectRun([GIT, ...made], { cwd: fleet.dir, env })).trim();
    assertEquals(await committedAt(git, fleet.dir, commit), expected);
  }
});
