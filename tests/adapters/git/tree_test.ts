import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  listReleaseTree,
  namesIn,
  onlyChange,
  readCommitted,
  readReleaseTree,
} from "../../../src/adapters/git/tree.ts";
import { expectRun } from "../../support/command.ts";
import { GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

/** Reads a release of the fleet from a commit. */
async function read(
  { shell, fleet }: GitFleet,
  { revision = "HEAD", dir = "releases", cwd = fleet.dir } = {},
) {
  const tree = await readReleaseTree(shell, fleet.env(), { cwd, revision, dir }, "fleet.resolved.json");
  return tree.files;
}

const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]);

const ID = "0123456789abcdef".repeat(4);

/** What a release has, and what lies beside it. */
const FILES = {
  "releases/README.md": "no",
  "releases/fleet.resolved.json": "{}\r\n",
  "releases/.hidden": "no",
  [`releases/rollouts/${ID}.json`]: "[]",
  "releases/rollouts/a.json": "no",
  "releases/rollouts/.hidden": "no",
  "releases/rollouts/deeper/b.json": "no",
  "releases/other/c.json": "no",
};

/** What of it is read, and the names that count. */
const READ = [
  ["fleet.resolved.json", "{}\r\n"],
  [`rollouts/${ID}.json`, "[]"],
  ["README.md", ""],
  ["rollouts/a.json", ""],
];

Deno.test("readReleaseTree() reads the documents of a release from a commit, by these commands", async () => {
  await using world = await gitFleet();
  const { fleet, commands, shell } = world;
  await fleet.write(FILES);
  const commit = await fleet.commit("release");
  await fleet.write({ "releases/fleet.resolved.json": "changed" });
  const location = { cwd: fleet.dir, revision: "HEAD", dir: "releases" };
  const tree = await readReleaseTree(shell, fleet.env(), location, "fleet.resolved.json");
  assertEquals([tree.commit, texts(tree.files)], [commit, READ]);
  const size = [GIT, "cat-file", "--batch-check=%(objectsize)"];
  assertEquals(commands, [
    [GIT, "rev-parse", "--quiet", "--verify", "--end-of-options", "HEAD^{commit}"],
    [GIT, "rev-parse", "--show-prefix"],
    size,
    [GIT, "ls-tree", "--full-tree", "-z", `${commit}:releases`],
    size,
    [GIT, "ls-tree", "--full-tree", "-z", await fleet.git("rev-parse", "HEAD:releases/rollouts")],
    size,
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
  const [old, other] = ["fleet.resolved.json", `rollouts/${ID}.json`].map((path) => `HEAD:releases/${path}`);
  await fleet.git("replace", await fleet.git("rev-parse", old!), await fleet.git("rev-parse", other!));
  assertEquals(texts(await read(world)), READ);
});

Deno.test("readReleaseTree() refuses a link in a release, also in the place of its rollouts, and a submodule", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const refused = (path: string) => ({
    kind: "git" as const,
    message: `Cannot read "${path}" of HEAD: it is no regular file`,
  });
  await fleet.write({ "releases/a.json": "{}" });
  await Deno.symlink("/elsewhere", join(fleet.dir, "releases/rollouts"));
  await fleet.commit("a link");
  assertEquals(await rejection(read(world)), refused("rollouts"));
  await fleet.git("rm", "-q", "releases/rollouts");
  await fleet.git("update-index", "--add", "--cacheinfo", `160000,${head},releases/module.json`);
  await fleet.git("commit", "-q", "-m", "a submodule");
  assertEquals(await rejection(read(world)), refused("module.json"));
  // What no release has may be anything.
  await fleet.git("rm", "-q", "--cached", "releases/module.json");
  await fleet.git("update-index", "--add", "--cacheinfo", `160000,${head},releases/module`);
  await fleet.git("commit", "-q", "-m", "a submodule beside the release");
  assertEquals([...(await read(world)).keys()], ["a.json", "module"]);
});

Deno.test("readReleaseTree() refuses a commit and a directory that are not there, and one outside", async () => {
  await using world = await gitFleet();
  const { lines: _, ...commit } = await rejection(read(world, { revision: "gone" }));
  assertEquals(commit, {
    kind: "git",
    message: 'Cannot find the commit "gone"',
    hint: "run it within the repository; a clone that is shallow, or of one branch, lacks others: " +
      "`git fetch origin BRANCH` brings one, as FETCH_HEAD",
  });
  const { lines, ...directory } = await rejection(read(world));
  assertEquals(directory, {
    kind: "git",
    message: 'Cannot find the directory "releases" in HEAD',
    hint: "it is relative to the current directory in a commit, too",
  });
  assert(lines!.some((line) => line.includes("releases")), lines!.join("\n"));
  assertEquals(await rejection(read(world, { dir: "../elsewhere" })), {
    kind: "git",
    message: 'Cannot read "../elsewhere" from git: it is outside the repository',
    hint: "run it within the repository that the directory is in",
  });
});

Deno.test("readReleaseTree() names the file whose content the repository lacks", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await fleet.write(FILES);
  await fleet.commit("release");
  const id = await fleet.git("rev-parse", `HEAD:releases/rollouts/${ID}.json`);
  await Deno.remove(join(fleet.dir, ".git/objects", id.slice(0, 2), id.slice(2)));
  assertEquals(await rejection(read(world)), {
    kind: "git",
    message: `Cannot read "rollouts/${ID}.json" from git: object ${id} is missing`,
    hint: "the clone may be partial: `git fetch --refetch --no-filter` brings what it lacks",
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
  assertEquals(await rejection(listReleaseTree(git, location, tree, "fleet.json")), {
    kind: "git",
    message: 'Cannot read "a.json" of HEAD: it is there twice',
  });
});

Deno.test("listReleaseTree() does not look below what no release has, which may be without end", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  const hash = async (file: string, type: string) => {
    const out = join(fleet.root, "home/object");
    await Deno.writeTextFile(out, file);
    return await fleet.git("hash-object", "-t", type, "-w", "--literally", out);
  };
  let id = await hash("{}", "blob");
  // Ten trees within each other, each with ten of the one below: 10 KB that name ten thousand million files.
  for (let level = 0; level < 10; level++) {
    const entries = Array.from({ length: 10 }, (_, name) => {
      const type = level === 0 ? "100644 blob" : "040000 tree";
      return `${type} ${id}\t${level === 9 && name === 0 ? "rollouts" : `d${name}`}\n`;
    });
    const stdin = new TextEncoder().encode(entries.join(""));
    id = (await expectRun([GIT, "-C", fleet.dir, "mktree"], { env: fleet.env(), stdin })).trim();
  }
  assertEquals(
    await listReleaseTree(git, { cwd: fleet.dir, revision: "HEAD", dir: "." }, id, "fleet.json"),
    [],
  );
});

Deno.test("readReleaseTree() asks for the sizes, and reads nothing that is too large", async () => {
  await using world = await gitFleet();
  const { fleet, commands } = world;
  await Deno.mkdir(join(fleet.dir, "releases"));
  using file = await Deno.create(join(fleet.dir, "releases/fleet.resolved.json"));
  await file.truncate(64 * 2 ** 20 + 1);
  await fleet.commit("large");
  assertEquals(await rejection(read(world)), {
    kind: "io",
    message:
      'Cannot read "fleet.resolved.json": it has 65 MiB, and no file of a release has more than 64 MiB',
  });
  assertEquals(commands.at(-1), [GIT, "cat-file", "--batch-check=%(objectsize)"]);
});

Deno.test("readReleaseTree() reads more than one process gives at once, each file whole", async () => {
  await using world = await gitFleet();
  const { fleet, commands } = world;
  const files = Object.fromEntries(
    Array.from(
      { length: 5 },
      (_, file) => [`releases/rollouts/${`${file}`.repeat(64)}.json`, `${file}`.repeat(5e6)],
    ),
  );
  await fleet.write(files);
  await fleet.commit("many");
  assertEquals((await read(world)).size, 5);
  for (const [path, bytes] of await read(world)) {
    assertEquals(new TextDecoder().decode(bytes) === files[`releases/${path}`], true, path);
  }
  assertEquals(commands.filter((command) => command.includes("--batch")).length, 4);
});

Deno.test("readCommitted() gives the bytes of regular files in a commit, and nothing of what is none", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  await fleet.write({ "a/*.json": "{}\r\n", "a/b.json": "later", "a/new\nline": "\0" });
  await Deno.symlink("b.json", join(fleet.dir, "a/link"));
  const commit = await fleet.commit("files");
  await fleet.write({ "a/*.json": "changed" });
  const read = async (...paths: string[]) =>
    [...await readCommitted(git, fleet.dir, commit, paths)].map((
      [path, bytes],
    ) => [path, new TextDecoder().decode(bytes)]);
  assertEquals(await read("a/b.json", "a/*.json", "gone", "a/new\nline"), [
    ["a/*.json", "{}\r\n"],
    ["a/b.json", "later"],
    ["a/new\nline", "\0"],
  ]);
  assertEquals(commands.slice(0, 3), [
    [GIT, "ls-tree", "-z", "--full-tree", commit, "--", "a/"],
    [GIT, "ls-tree", "-z", "--full-tree", commit],
    [GIT, "cat-file", "--batch-check=%(objectsize)"],
  ]);
  assertEquals(await read("a/link", "a", "gone", "a/?.json", "none/b.json"), []);
  // More than a command takes arguments.
  const many = Array.from({ length: 20_000 }, (_, index) => `a/${index}${"x".repeat(200)}`);
  assertEquals(await read(...many, "a/b.json"), [["a/b.json", "later"]]);
});

Deno.test("namesIn() gives what a commit has in a directory, whatever the index and its name are", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const dir = '-a [b]* "ü"';
  await fleet.write({ [`${dir}/x`]: "x", [`${dir}/sub/y`]: "y", [`${dir}x/z`]: "z" });
  const commit = await fleet.commit("names");
  await fleet.write({ [`${dir}/staged`]: "s" });
  await fleet.git("add", ".");
  assertEquals(await namesIn(git, fleet.dir, commit, dir), ["sub", "x"]);
  assertEquals(await namesIn(git, fleet.dir, head, dir), []);
});

Deno.test("onlyChange() gives the parent of a commit that changes one directory alone, and of no other", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const dir = "deep/:(top)[a-z]*";
  const files = { [`${dir}/a.json`]: "1", [`${dir}/rollouts/b.json`]: "1" };
  await fleet.write(files);
  const release = await fleet.commit("release");
  commands.length = 0;
  assertEquals(await onlyChange(git, fleet.dir, release, dir), head);
  assertEquals(commands, [
    [GIT, "rev-list", "--parents", "--max-count=1", release],
    [
      ...[GIT, "diff-tree", "-r", "--quiet", "--ignore-submodules=none", head, release],
      "--",
      `:(exclude,literal)${dir}`,
    ],
  ]);
  // A directory that it lies in, and others.
  assertEquals(await onlyChange(git, fleet.dir, release, "deep"), head);
  for (const other of [`${dir}/rollouts`, "dee", "releases", ""]) {
    assertEquals(await onlyChange(git, fleet.dir, release, other), null, other);
  }
  await fleet.write({ [`${dir}/a.json`]: "2", "hosts.json": "{}" });
  assertEquals(await onlyChange(git, fleet.dir, await fleet.commit("more"), dir), null);
  assertEquals(await onlyChange(git, fleet.dir, head, dir), null);
  await fleet.git("checkout", "-q", "-b", "side", release);
  await fleet.git("merge", "-q", "--no-ff", "-s", "ours", "main");
  assertEquals(await onlyChange(git, fleet.dir, await fleet.head(), dir), null);
});

Deno.test("onlyChange() knows nothing of the parent in a shallow clone, and asks no remote in a partial one", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  await fleet.write({ "releases/a.json": "1" });
  const release = await fleet.commit("release");
  await fleet.git("config", "uploadpack.allowFilter", "true");
  for (const [how, name] of [["--depth=1", "shallow"], ["--filter=tree:0", "treeless"]] as const) {
    await fleet.git("clone", "-q", how, `file://${fleet.dir}`, `../${name}`);
  }
  assertEquals(await onlyChange(git, join(fleet.root, "shallow"), release, "releases"), null);
  const { kind } = await rejection(onlyChange(git, join(fleet.root, "treeless"), release, "releases"));
  assertEquals(kind, "git");
});
