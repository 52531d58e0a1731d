import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { commitRelease } from "../../../src/adapters/git/commit.ts";
import { createGit } from "../../../src/adapters/git/git.ts";
import { bytesOf, DURABLE, FILTERS, GIT, type GitFleet, gitFleet, moveOf } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";

/** How a release of one file is committed; its file is written. */
async function release({ fleet, head }: GitFleet, text = "{}") {
  await fleet.write({ "releases/fleet.resolved.json": text });
  return {
    releaseDir: join(fleet.dir, "releases"),
    files: [{ path: "fleet.resolved.json", bytes: bytesOf(text) }],
    beside: [],
    removed: [] as string[],
    on: { parent: head as string | null, moves: true, stages: true },
    message: "release: one\n\nbody\n",
    identity: { name: undefined, email: undefined },
    tempDir: join(fleet.root, "tmp"),
    signed: false,
  };
}

const HASH = [GIT, ...DURABLE, "hash-object", "-w", "--no-filters", "--stdin-paths"];
const GONE = [GIT, "ls-files", "-z", "--deleted", "--", "releases"];
const ADD = [GIT, "update-index", "--add", "-z", "--index-info"];
/** What asks where the index and the branch are, and which trees there are. */
const located = (tree: string, ...more: string[]) => [
  ...[GIT, "rev-parse", "--git-common-dir", "--git-path", "index", `${tree}:releases`, ...more],
];
/** What puts a release into the user's own index. */
const STAGE = [FILTERS, [GIT, ...DURABLE, ...ADD.slice(1)]];
const WRITE = [GIT, ...DURABLE, "write-tree", "--missing-ok"];

Deno.test("commitRelease() commits the files on top of HEAD, by these commands in this order", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const options = await release(world);
  const commit = await commitRelease(git, { root: fleet.dir, head }, options);
  const tree = await fleet.git("rev-parse", `${commit}^{tree}`);
  assertEquals(commands, [
    HASH,
    GONE,
    [GIT, "read-tree", head],
    ADD,
    WRITE,
    located(tree, `${head}^{tree}`, "--symbolic-full-name", "HEAD"),
    [GIT, ...DURABLE, "commit-tree", tree, "-p", head],
    ...STAGE,
    moveOf("fleet-release: release: one", commit!, head),
  ]);
  assertEquals(await fleet.git("rev-parse", "HEAD", "HEAD^"), `${commit}\n${head}`);
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("commitRelease() commits nothing when the files are there as they are", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  const options = await release(world);
  const head = await fleet.commit("by hand");
  const on = { ...options.on, parent: head };
  assertEquals(await commitRelease(git, { root: fleet.dir, head }, { ...options, on }), null);
  const tree = await fleet.git("rev-parse", `${head}^{tree}`);
  const where = located(tree, `${head}^{tree}`, "--symbolic-full-name", "HEAD");
  assertEquals(commands, [HASH, GONE, [GIT, "read-tree", head], ADD, WRITE, where, ...STAGE]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), head);
});

Deno.test("commitRelease() makes the first commit of a branch, of the release alone", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  await fleet.git("checkout", "-q", "--orphan", "unborn");
  const options = await release(world);
  const on = { ...options.on, parent: null };
  const commit = await commitRelease(git, { root: fleet.dir, head: null }, { ...options, on });
  const tree = await fleet.git("rev-parse", `${commit}^{tree}`);
  assertEquals(commands, [
    HASH,
    GONE,
    [GIT, "read-tree", "--empty"],
    ADD,
    WRITE,
    located(tree),
    [GIT, "symbolic-ref", "HEAD"],
    [GIT, ...DURABLE, "commit-tree", tree],
    ...STAGE,
    moveOf("fleet-release: release: one", commit!, "0".repeat(40)),
  ]);
  const files = await fleet.git("ls-tree", "-r", "--name-only", "unborn");
  assertEquals(files, "releases/fleet.resolved.json");
});

Deno.test("commitRelease() commits what is removed, and what sidecars and manifests the work tree lacks, and nothing else", async () => {
  for (const [format, dir] of [["sha1", "releases"], ["sha256", "releases"], ["sha1", "."]]) {
    await using world = await gitFleet();
    const { fleet, git } = world;
    await Deno.remove(join(fleet.dir, ".git"), { recursive: true });
    await fleet.git("init", "-q", "-b", "main", `--object-format=${format}`);
    const manifests = ["1", "2", "3", "4"].map((digit) => `rollouts/${digit.repeat(64)}.json`);
    const [first, second, , left] = manifests;
    const sidecars = ["bootstrap-nonces.json", "revocations.json", "release-index.json"];
    const others = ["notes.json", "rollouts/README"];
    const signed = [...manifests, ...sidecars].flatMap((path) => [path, `${path}.sig`]);
    const all = [...signed, ...others].map((path) => join(dir!, path));
    await fleet.write(Object.fromEntries([...all, "elsewhere/rollouts/x"].map((path) => [path, path])));
    const head = await fleet.commit("before");
    // By this run, by earlier ones, and by somebody.
    const removed = [first, second, ...sidecars.slice(0, 2)].flatMap((path) => [path!, `${path}.sig`]);
    for (const path of [...removed, ...others]) await Deno.remove(join(fleet.dir, dir!, path));
    await Deno.remove(join(fleet.dir, "elsewhere/rollouts/x"));
    // What the user leaves out of the checkout is removed only when that is said, and so is what is not in the index.
    const [index, indexSignature] = ["release-index.json", "release-index.json.sig"];
    for (const path of [left, index]) {
      await fleet.git("update-index", "--skip-worktree", join(dir!, path!));
      await Deno.remove(join(fleet.dir, dir!, path!));
    }
    await fleet.git("rm", "-q", join(dir!, indexSignature!));
    const options = {
      ...await release(world),
      releaseDir: join(fleet.dir, dir!),
      removed: [first!, `${first}.sig`, index!, indexSignature!, "never-there.json"],
    };
    await fleet.write({ [join(dir!, "fleet.resolved.json")]: "{}" });
    const on = { ...options.on, parent: head };
    await commitRelease(git, { root: fleet.dir, head }, { ...options, on });
    const changes = (await fleet.git("show", "--name-status", "--format=", "HEAD")).split("\n");
    assertEquals(
      changes,
      [
        `A\t${join(dir!, "fleet.resolved.json")}`,
        ...[...removed, index, indexSignature].map((path) => `D\t${join(dir!, path!)}`),
      ].sort((a, b) => a.slice(2) < b.slice(2) ? -1 : 1),
    );
    const status = await fleet.git("status", "--porcelain", "--untracked-files=no");
    assertEquals(
      status.split("\n").map((line) => line.trim()).sort(),
      [...others.map((path) => `D ${join(dir!, path)}`), "D elsewhere/rollouts/x"].sort(),
    );
  }
});

Deno.test("commitRelease() moves no branch that the user's index cannot follow, and names the lock", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const options = await release(world);
  const lock = join(fleet.dir, ".git/index.lock");
  await Deno.writeTextFile(lock, "");
  const { lines: _, ...refused } = await rejection(commitRelease(git, { root: fleet.dir, head }, options));
  assertEquals(refused, {
    kind: "git",
    message: `Cannot commit the release: another git holds the index of "${fleet.dir}"`,
    hint:
      `run again when it has ended. When none is at work, one that was killed has left its lock: remove "${lock}"`,
  });
  assertEquals(await fleet.head(), head);
  // Nobody's lock is removed.
  await Deno.remove(lock);
  // One that is only held for a moment is waited for.
  await Deno.writeTextFile(lock, "");
  setTimeout(() => Deno.removeSync(lock), 500);
  const commit = await commitRelease(git, { root: fleet.dir, head }, options);
  assertEquals([await fleet.head(), await fleet.git("status", "--porcelain")], [commit, ""]);
});

Deno.test("commitRelease() leaves an index as it was when the branch has moved meanwhile", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const options = await release(world);
  await fleet.write({
    "releases/fleet.resolved.json": "staged by the user",
    "releases/b.json": "{}",
    "x": "x",
  });
  await fleet.git("add", "releases/fleet.resolved.json", "x");
  await fleet.git("add", "--intent-to-add", "releases/b.json");
  await fleet.write({ "releases/fleet.resolved.json": "{}" });
  const before = await fleet.git("status", "--porcelain");
  await fleet.git(
    "update-ref",
    "HEAD",
    await fleet.git("commit-tree", "-p", head, "-m", "theirs", "HEAD^{tree}"),
  );
  const refused = await rejection(commitRelease(git, { root: fleet.dir, head }, options));
  assertEquals(refused.message, "Cannot commit the release: the branch moved while the release was made");
  assertEquals(await fleet.git("status", "--porcelain"), before);
  // The next commit of the user takes nothing away, and has no more of the release than was staged.
  await fleet.git("reset", "-q", "--", "releases/fleet.resolved.json");
  await rejection(commitRelease(git, { root: fleet.dir, head }, options));
  assertEquals((await fleet.git("status", "--porcelain")).includes("?? releases/fleet.resolved.json"), true);
});

Deno.test("createGit() commits and pushes a release", async () => {
  await using world = await gitFleet();
  const { fleet, shell, head } = world;
  const tempDir = join(fleet.root, "tmp");
  const git = createGit(shell, { env: fleet.env(), tempDir, hooks: false, sign: undefined, timeout: 60 });
  const repository = await git.repositoryOf(fleet.dir);
  assertEquals(repository, { root: fleet.dir, head });
  await git.checkIdentity(repository!, { name: undefined, email: undefined });
  assertEquals(await git.resolveCommit(repository!, "main"), head);
  assertEquals(await git.firstIgnored(repository!, ["releases/fleet.resolved.json"]), null);
  const commit = await git.commit(repository!, await release(world));
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", remote);
  await git.push(repository!, commit!, { remote, branch: "main" });
  assertEquals(await fleet.git("ls-remote", remote), `${commit}\trefs/heads/main`);
});
