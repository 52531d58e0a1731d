import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { commitRelease } from "../../../src/adapters/git/commit.ts";
import { createGit } from "../../../src/adapters/git/git.ts";
import type { Warning } from "../../../src/model.ts";
import { bytesOf, DURABLE, FILTERS, GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";

/** How a release of one file is committed; its file is written. */
async function release({ fleet }: GitFleet, text = "{}") {
  await fleet.write({ "releases/fleet.resolved.json": text });
  const warnings: Warning[] = [];
  return {
    releaseDir: join(fleet.dir, "releases"),
    files: [{ path: "fleet.resolved.json", bytes: bytesOf(text) }],
    message: "release: one\n\nbody\n",
    identity: { name: undefined, email: undefined },
    onWarning: (warning: Warning) => warnings.push(warning),
    warnings,
    tempDir: join(fleet.root, "tmp"),
    signed: false,
  };
}

const HASH = [GIT, ...DURABLE, "hash-object", "-w", "--no-filters", "--stdin-paths"];
const ADD = [GIT, "update-index", "--add", "-z", "--index-info"];
const WRITE = [GIT, ...DURABLE, "write-tree", "--missing-ok"];

Deno.test("commitRelease() commits the files on top of HEAD, by these commands in this order", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const options = await release(world);
  const commit = await commitRelease(git, { root: fleet.dir, head }, options);
  const tree = await fleet.git("rev-parse", `${commit}^{tree}`);
  assertEquals(commands, [
    HASH,
    [GIT, "read-tree", head],
    ADD,
    WRITE,
    [GIT, "rev-parse", `${head}^{tree}`],
    [GIT, ...DURABLE, "commit-tree", tree, "-p", head],
    [GIT, ...DURABLE, "update-ref", "-m", "fleet-release: release: one", "HEAD", commit!, head],
    FILTERS,
    ADD,
  ]);
  assertEquals(await fleet.git("rev-parse", "HEAD", "HEAD^"), `${commit}\n${head}`);
  assertEquals(await fleet.git("status", "--porcelain"), "");
  assertEquals(options.warnings, []);
});

Deno.test("commitRelease() commits nothing when the files are there as they are", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  const options = await release(world);
  const head = await fleet.commit("by hand");
  assertEquals(await commitRelease(git, { root: fleet.dir, head }, options), null);
  const tree = [GIT, "rev-parse", `${head}^{tree}`];
  assertEquals(commands, [HASH, [GIT, "read-tree", head], ADD, WRITE, tree]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), head);
});

Deno.test("commitRelease() makes the first commit of a branch, of the release alone", async () => {
  await using world = await gitFleet();
  const { fleet, git, commands } = world;
  await fleet.git("checkout", "-q", "--orphan", "unborn");
  const commit = await commitRelease(git, { root: fleet.dir, head: null }, await release(world));
  const tree = await fleet.git("rev-parse", `${commit}^{tree}`);
  assertEquals(commands, [
    HASH,
    [GIT, "read-tree", "--empty"],
    ADD,
    WRITE,
    [GIT, ...DURABLE, "commit-tree", tree],
    [GIT, ...DURABLE, ...[
      "update-ref",
      "-m",
      "fleet-release: release: one",
      "HEAD",
      commit!,
      "0".repeat(40),
    ]],
    FILTERS,
    ADD,
  ]);
  const files = await fleet.git("ls-tree", "-r", "--name-only", "unborn");
  assertEquals(files, "releases/fleet.resolved.json");
});

Deno.test("commitRelease() gives a commit whose files the user's index could not be told of, and a warning", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const options = await release(world);
  await Deno.writeTextFile(join(fleet.dir, ".git/index.lock"), "");
  const commit = await commitRelease(git, { root: fleet.dir, head }, options);
  assertEquals(await fleet.git("rev-parse", "HEAD"), commit);
  assertEquals(options.warnings.map(({ code }) => code), ["stale-index"]);
});

Deno.test("createGit() commits and pushes a release", async () => {
  await using world = await gitFleet();
  const { fleet, shell, head } = world;
  const tempDir = join(fleet.root, "tmp");
  const git = createGit(shell, { env: fleet.env(), tempDir, hooks: false, sign: undefined });
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
