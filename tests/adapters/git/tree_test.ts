import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { listReleaseTree, readReleaseTree } from "../../../src/adapters/git/tree.ts";
import { GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

/** Reads a release of the fleet from a commit. */
function read({ shell, fleet }: GitFleet, { revision = "HEAD", dir = "releases", cwd = fleet.dir } = {}) {
  return readReleaseTree(shell, fleet.env(), { cwd, revision, dir });
}

const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]);

/** What a release has, and what lies beside it. */
const FILES = {
  "releases/fleet.resolved.json": "{}\r\n",
  "releases/.hidden": "no",
  "releases/rollouts/a.json": "[]",
  "releases/rollouts/.hidden": "no",
  "releases/rollouts/deeper/b.json": "no",
  "releases/other/c.json": "no",
};

/** What of it is read, in git's order. */
const READ = [["fleet.resolved.json", "{}\r\n"], ["rollouts/a.json", "[]"]];

Deno.test("readReleaseTree() reads the files of a release from a commit, by these commands", async () => {
  await using world = await gitFleet();
  const { fleet, commands } = world;
  await fleet.write(FILES);
  const commit = await fleet.commit("release");
  await fleet.write({ "releases/fleet.resolved.json": "changed" });
  assertEquals(texts(await read(world)), READ);
  assertEquals(commands, [
    [GIT, "rev-parse", "--quiet", "--verify", "--end-of-options", "HEAD^{commit}"],
    [GIT, "rev-parse", "--show-prefix"],
    [GIT, "ls-tree", "--full-tree", "-z", "-r", `${commit}:releases`],
    [GIT, "cat-file", "--batch"],
  ]);
});

Deno.test("readReleaseTree() reads a directory from below, the root, and a bare repository", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await fleet.write(FILES);
  await fleet.commit("release");
  assertEquals(texts(await read(world, { cwd: join(fleet.dir, "releases/rollouts"), dir: ".." })), READ);
  const names = [...(await read(world, { dir: "." })).keys()];
  assertEquals(names, ["flake.nix", "fleet.json", "hosts.json"]);
  const bare = join(fleet.root, "bare.git");
  await fleet.git("clone", "-q", "--bare", fleet.dir, bare);
  assertEquals(texts(await read(world, { cwd: bare })), READ);
});

Deno.test("readReleaseTree() reads what was committed, and no replacement of this clone", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await fleet.write(FILES);
  await fleet.commit("release");
  const [old, other] = ["fleet.resolved.json", "rollouts/a.json"].map((path) => `HEAD:releases/${path}`);
  await fleet.git("replace", await fleet.git("rev-parse", old!), await fleet.git("rev-parse", other!));
  assertEquals(texts(await read(world)), READ);
});

Deno.test("readReleaseTree() refuses a link in a release, also in the place of its rollouts, and a submodule", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const refused = (path: string) => ({
    kind: "git" as const,
    message: `Cannot verify "${path}" of HEAD: it is no regular file`,
  });
  await fleet.write({ "releases/a.json": "{}" });
  await Deno.symlink("/elsewhere", join(fleet.dir, "releases/rollouts"));
  await fleet.commit("a link");
  assertEquals(await rejection(read(world)), refused("rollouts"));
  await fleet.git("rm", "-q", "releases/rollouts");
  await fleet.git("update-index", "--add", "--cacheinfo", `160000,${head},releases/module`);
  await fleet.git("commit", "-q", "-m", "a submodule");
  assertEquals(await rejection(read(world)), refused("module"));
});

Deno.test("readReleaseTree() refuses a commit and a directory that are not there, and one outside", async () => {
  await using world = await gitFleet();
  const { lines: _, ...commit } = await rejection(read(world, { revision: "gone" }));
  assertEquals(commit, {
    kind: "git",
    message: 'Cannot find the commit "gone"',
    hint: "run it within the repository; a shallow checkout may lack the commit",
  });
  const { lines, ...directory } = await rejection(read(world));
  assertEquals(directory, { kind: "git", message: 'Cannot find the directory "releases" in HEAD' });
  assert(lines!.some((line) => line.includes("releases")), lines!.join("\n"));
  assertEquals(await rejection(read(world, { dir: "../elsewhere" })), {
    kind: "git",
    message: 'Cannot verify "../elsewhere": it is outside the repository',
    hint: "run it within the repository that the directory is in",
  });
});

Deno.test("readReleaseTree() names the file whose content the repository lacks", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await fleet.write(FILES);
  await fleet.commit("release");
  const id = await fleet.git("rev-parse", "HEAD:releases/rollouts/a.json");
  await Deno.remove(join(fleet.dir, ".git/objects", id.slice(0, 2), id.slice(2)));
  assertEquals(await rejection(read(world)), {
    kind: "git",
    message: `Cannot read "rollouts/a.json" from git: object ${id} is missing`,
    hint: "the checkout may be partial: fetch the whole commit",
  });
});

Deno.test("listReleaseTree() refuses a tree that has a name twice", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const blob = Uint8Array.fromHex(await fleet.git("rev-parse", `${head}:flake.nix`));
  const entry = new Uint8Array([...new TextEncoder().encode("100644 a.json\0"), ...blob]);
  const file = join(fleet.root, "home/tree");
  await Deno.writeFile(file, new Uint8Array([...entry, ...entry]));
  const tree = await fleet.git("hash-object", "-t", "tree", "-w", "--literally", file);
  const location = { cwd: fleet.dir, revision: "HEAD", dir: "." };
  assertEquals(await rejection(listReleaseTree(git, location, tree)), {
    kind: "git",
    message: 'Cannot verify "a.json" of HEAD: it is there twice',
  });
});
