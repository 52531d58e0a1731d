// Each payload leaves a mark by its own name. That it could is shown by a plain git, which runs it.

import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { closeDoors, closeDoorsOfNix } from "../../../src/adapters/git/doors.ts";
import { createGit } from "../../../src/adapters/git/git.ts";
import { readReleaseTree } from "../../../src/adapters/git/tree.ts";
import { FLEET_FILE } from "../../../src/contract/layout.ts";
import { run } from "../../support/command.ts";
import { bytesOf, GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { pureTest, rejection } from "../../support/pure.ts";

const RELEASE = { "releases/fleet.resolved.json": "{}", "releases/rollouts/a.json": "[]" };

/** A way for a repository's configuration to have something run, and the plain git command that goes it. */
interface Payload {
  /** Settings by their names; `MARK` stands for the payload. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Absent where git itself does not go this way, in a terminal alone, or in later versions. */
  readonly plain?: readonly string[];
}

const MISSING = ["cat-file", "-p", "HEAD:releases/fleet.resolved.json"];

const PAYLOADS: Readonly<Record<string, Payload>> = {
  "ssh": { settings: { "core.sshCommand": "MARK", "remote.a.url": "ssh://nowhere/x" }, plain: MISSING },
  "ext": { settings: { "protocol.ext.allow": "always", "remote.b.url": "ext::MARK" }, plain: MISSING },
  "proxy": { settings: { "core.gitProxy": "MARK", "remote.c.url": "git://nowhere/x" }, plain: MISSING },
  "uploadpack": { settings: { "remote.d.uploadpack": "MARK", "remote.d.url": "ROOT/fleet" }, plain: MISSING },
  "fsmonitor": { settings: { "core.fsmonitor": "MARK" }, plain: ["status"] },
  "post-index-change": { plain: ["read-tree", "HEAD"] },
  "reference-transaction": { plain: ["update-ref", "refs/heads/plain", "HEAD"] },
  "pre-push": { plain: ["push", "ROOT/remote.git", "HEAD~:refs/heads/plain"] },
  "a hook of git 2.54": {
    settings: { "hook.mark.command": "MARK", "hook.mark.event": "reference-transaction" },
  },
  "clean": { settings: { "filter.mark.clean": "MARK" }, plain: ["hash-object", "releases/rollouts/a.json"] },
  "smudge": {
    settings: { "filter.mark.smudge": "MARK" },
    plain: ["cat-file", "--filters", "HEAD:releases/rollouts/a.json"],
  },
  "textconv": {
    settings: { "diff.mark.textconv": "MARK" },
    plain: ["cat-file", "--textconv", "HEAD:releases/rollouts/a.json"],
  },
  "diff": {
    settings: { "diff.mark.command": "MARK" },
    plain: ["diff", "HEAD~", "HEAD", "releases/rollouts/a.json"],
  },
  "editor": { settings: { "core.editor": "MARK" }, plain: ["commit", "--allow-empty"] },
  "askPass": { settings: { "core.askPass": "MARK" }, plain: ["credential", "fill"] },
  "credentials": { settings: { "credential.helper": "MARK" }, plain: ["credential", "fill"] },
  "gpg": {
    settings: { "gpg.program": "MARK", "commit.gpgSign": "true", "push.gpgSign": "if-asked" },
    plain: ["commit-tree", "-S", "-m", "plain", "HEAD^{tree}"],
  },
  "alternates": {
    settings: { "core.alternateRefsCommand": "MARK" },
    plain: ["rev-list", "--no-walk", "--alternate-refs"],
  },
  "pager": { settings: { "core.pager": "MARK", "pager.rev-parse": "MARK", "pager.ls-tree": "MARK" } },
  "alias": { settings: { "alias.rev-parse": "!MARK", "alias.cat-file": "!MARK", "alias.push": "!MARK" } },
  "pack": { settings: { "uploadpack.packObjectsHook": "MARK" } },
};

/** A partial clone that has all payloads in its configuration, and lacks an object of its release. */
class Trap {
  readonly #world: GitFleet;
  readonly #marks: string;

  constructor(world: GitFleet) {
    this.#world = world;
    this.#marks = join(world.fleet.root, "marks");
  }

  /** Commits a release, and sets the traps. */
  async set(): Promise<void> {
    const { fleet } = this.#world;
    await fleet.write({ ...RELEASE, ".gitattributes": "releases/** filter=mark diff=mark\n" });
    await fleet.commit("release");
    await fleet.git("init", "-q", "--bare", join(fleet.root, "remote.git"));
    await ensureDir(this.#marks);
    await ensureDir(join(fleet.root, "hooks"));
    await Deno.writeTextFile(
      join(fleet.dir, ".git/objects/info/alternates"),
      join(fleet.root, "remote.git/objects"),
    );
    // Settings in a file that the configuration includes are the repository's own, too.
    const included = join(fleet.root, "included");
    await fleet.git("config", "include.path", included);
    const set = (name: string, value: string) => fleet.git("config", "-f", included, name, value);
    await set("core.hooksPath", join(fleet.root, "hooks"));
    for (const [payload, { settings }] of Object.entries(PAYLOADS)) {
      const mark = await this.#payload(payload);
      for (const [name, value] of Object.entries(settings ?? {})) {
        await set(name, value.replace("MARK", mark).replace("ROOT", fleet.root));
      }
    }
    // Git writes traces where the operator's own files say, and not where a repository does.
    for (const name of ["normalTarget", "perfTarget", "eventTarget"]) {
      await set(`trace2.${name}`, join(this.#marks, `trace2.${name}`));
    }
    for (const remote of ["a", "b", "c", "d"]) await set(`remote.${remote}.promisor`, "true");
    await fleet.git("config", "core.repositoryFormatVersion", "1");
    await fleet.git("config", "extensions.partialClone", "a");
    const id = (await this.plain("rev-parse", "HEAD:releases/fleet.resolved.json")).stdout.trim();
    await Deno.remove(join(fleet.dir, ".git/objects", id.slice(0, 2), id.slice(2)));
    await this.marks();
  }

  /** Writes what is run in place of a hook or a command. */
  async #payload(name: string): Promise<string> {
    const path = join(this.#world.fleet.root, "hooks", name.replaceAll(" ", "-"));
    await Deno.writeTextFile(path, `#!/bin/sh\ntouch '${join(this.#marks, name)}'\nexit 1\n`, {
      mode: 0o755,
    });
    return path;
  }

  /** Runs git as anybody would. It may fail: the payloads do. */
  plain(...args: string[]) {
    const { fleet } = this.#world;
    const input = args[0] === "credential" ? { stdin: bytesOf("url=https://nowhere/\n\n") } : {};
    const argv = [GIT, ...args.map((arg) => arg.replace("ROOT", fleet.root))];
    return run(argv, { cwd: fleet.dir, env: fleet.env(), ...input });
  }

  /** What has run, and is forgotten. */
  async marks(): Promise<string[]> {
    const found = [...Deno.readDirSync(this.#marks)].map(({ name }) => name).sort();
    for (const name of found) await Deno.remove(join(this.#marks, name));
    return found;
  }
}

Deno.test("a plain git runs what a repository's configuration says", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const ran: string[] = [];
  const expected = Object.entries(PAYLOADS).filter(([, { plain }]) => plain !== undefined);
  for (const [payload, { plain = [] }] of expected) {
    await trap.plain(...plain);
    if ((await trap.marks()).includes(payload)) ran.push(payload);
  }
  assertEquals(ran, expected.map(([payload]) => payload));
});

Deno.test("reading a release from a commit runs nothing of it, fetches nothing, and says what is missing", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const { fleet, shell } = world;
  // The first names an object by what is in the index.
  for (const revision of [":releases", "HEAD", "main~0"]) {
    await rejection(
      readReleaseTree(shell, fleet.env(), { cwd: fleet.dir, revision, dir: "releases" }, FLEET_FILE),
    );
  }
  const { message, hint } = await rejection(
    readReleaseTree(shell, fleet.env(), { cwd: fleet.dir, revision: "HEAD", dir: "releases" }, FLEET_FILE),
  );
  assertEquals([message.replace(/[0-9a-f]{40}/, "ID"), hint], [
    'Cannot read "fleet.resolved.json" from git: object ID is missing',
    "the clone may be partial: `git fetch --refetch --no-filter` brings what it lacks",
  ]);
  assertEquals(await trap.marks(), []);
});

/** Commits a release in a trap, and pushes it. */
async function commitAndPush({ fleet, shell, head: first }: GitFleet, hooks: boolean) {
  const tempDir = join(fleet.root, "tmp");
  const git = createGit(shell, { env: fleet.env(), tempDir, hooks, sign: false, timeout: 60 });
  const repository = (await git.repositoryOf(fleet.dir))!;
  await git.checkIdentity(repository, { name: undefined, email: undefined });
  await git.resolveCommit(repository, "gone");
  await git.firstIgnored(repository, ["releases/b.json"]);
  await fleet.write({ "releases/b.json": "{}" });
  const commit = await git.commit(repository, {
    releaseDir: join(fleet.dir, "releases"),
    files: [{ path: "b.json", bytes: bytesOf("{}") }],
    beside: [],
    removed: [],
    message: "release",
    identity: { name: undefined, email: undefined },
    on: { parent: repository.head, moves: true, stages: true },
  });
  assertEquals(first === commit, false);
  // Its objects are all there.
  await git.push(repository, first, { remote: join(fleet.root, "remote.git"), branch: "main" });
}

Deno.test("committing and pushing a release runs nothing of the repository's, in a partial clone too", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  await commitAndPush(world, false);
  assertEquals(await trap.marks(), []);
});

Deno.test("with --git-hooks a release runs the repository's hooks, and nothing else of it", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const { message } = await rejection(commitAndPush(world, true));
  assertEquals(message, "Cannot move the branch to the release: git exited with 128");
  assertEquals(await trap.marks(), ["post-index-change", "reference-transaction"]);
  await Deno.remove(join(world.fleet.root, "hooks/reference-transaction"));
  const { kind } = await rejection(commitAndPush(world, true));
  assertEquals([kind, await trap.marks()], ["git", ["post-index-change", "pre-push"]]);
});

Deno.test("a commit is signed by the program that a repository names with --git-sign, and not because it says so", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const { fleet, shell } = world;
  const tempDir = join(fleet.root, "tmp");
  const check = (sign: boolean | undefined) => {
    const git = createGit(shell, { env: fleet.env(), tempDir, hooks: false, sign, timeout: 60 });
    const nobody = { name: undefined, email: undefined };
    return rejection(git.checkSigning({ root: fleet.dir, head: world.head }, nobody));
  };
  assertEquals([(await check(undefined)).kind, await trap.marks()], ["usage", []]);
  assertEquals([(await check(true)).kind, await trap.marks()], ["git", ["gpg"]]);
});

Deno.test("a push goes by the remotes, commands and credentials that the repository has", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const { fleet, shell, head } = world;
  const git = createGit(shell, {
    env: fleet.env(),
    tempDir: join(fleet.root, "tmp"),
    hooks: false,
    sign: undefined,
    timeout: 60,
  });
  await rejection(git.push({ root: fleet.dir, head }, head, { remote: "a", branch: "main" }));
  assertEquals(await trap.marks(), ["ssh"]);
});

Deno.test("the git that nix runs has no file monitor and no hooks", async () => {
  await using world = await gitFleet();
  const trap = new Trap(world);
  await trap.set();
  const { fleet } = world;
  // Below a git that was given settings with -c, these come behind all others.
  const given = ["core.hooksPath", "core.fsmonitor"].map((name) =>
    `'${name}'='${join(fleet.root, "hooks", name === "core.fsmonitor" ? "fsmonitor" : "")}'`
  );
  const below = { ...fleet.env(), GIT_CONFIG_PARAMETERS: given.join(" ") };
  for (const env of [closeDoorsOfNix(fleet.env()), closeDoorsOfNix(below)]) {
    for (const args of [["status"], ["read-tree", "HEAD"], ["update-ref", "refs/heads/nix", "HEAD"]]) {
      await run([GIT, ...args], { cwd: fleet.dir, env });
    }
  }
  // Filters make what nix reads, as with git-lfs: they stay.
  assertEquals((await trap.marks()).filter((mark) => mark !== "clean"), []);
});

Deno.test("readReleaseTree() goes by the commits, and not by grafts or by git's cache of them", async () => {
  await using world = await gitFleet();
  const { fleet, shell } = world;
  const commits: string[] = [];
  for (const text of ["first", "second", "third"]) {
    await fleet.write({ "releases/fleet.resolved.json": text });
    commits.push(await fleet.commit(text));
  }
  const [, second, third] = commits as [string, string, string];
  const grandparent = async () => {
    const location = { cwd: fleet.dir, revision: `${third}~2`, dir: "releases" };
    const { files } = await readReleaseTree(shell, fleet.env(), location, FLEET_FILE);
    return new TextDecoder().decode(files.get("fleet.resolved.json"));
  };
  const believed = () => fleet.git("rev-parse", `${third}~2`);
  const grafts = join(fleet.dir, ".git/info/grafts");
  await Deno.writeTextFile(grafts, `${second} ${world.head}\n`);
  assertEquals([await believed(), await grandparent()], [world.head, "first"]);
  await Deno.remove(grafts);

  // In the cache a commit's tree stands before the place of its parent among all commits.
  await fleet.git("commit-graph", "write", "--reachable");
  const graph = join(fleet.dir, ".git/objects/info/commit-graph");
  const tree = await fleet.git("rev-parse", `${second}^{tree}`);
  const place = [world.head, ...commits].sort().indexOf(world.head).toString(16).padStart(8, "0");
  const forged = (await Deno.readFile(graph)).toHex().replace(new RegExp(`${tree}.{8}`), tree + place);
  await Deno.remove(graph);
  await Deno.writeFile(graph, Uint8Array.fromHex(forged));
  assertEquals([await believed(), await grandparent()], [world.head, "first"]);
});

/** The settings in an environment. */
function settingsOf(env: Readonly<Record<string, string>>): Record<string, string> {
  const count = Number(env["GIT_CONFIG_COUNT"]);
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      env[`GIT_CONFIG_KEY_${index}`]!,
      env[`GIT_CONFIG_VALUE_${index}`]!,
    ]),
  );
}

const NO_HOOKS = {
  "core.hooksPath": "/dev/null",
  "hook.post-checkout.enabled": "false",
  "hook.post-index-change.enabled": "false",
  "hook.pre-auto-gc.enabled": "false",
  "hook.pre-push.enabled": "false",
  "hook.reference-transaction.enabled": "false",
};

pureTest("closeDoors() closes all that is not asked for", () => {
  const closed: [openings: Parameters<typeof closeDoors>[1], settings: Record<string, string>][] = [
    [undefined, { "core.fsmonitor": "", ...NO_HOOKS, "core.commitGraph": "false" }],
    [{ hooks: true }, { "core.fsmonitor": "", "core.commitGraph": "false" }],
    [{ remote: true }, { "core.fsmonitor": "", ...NO_HOOKS }],
    [{ hooks: true, remote: true }, { "core.fsmonitor": "" }],
  ];
  for (const [openings, settings] of closed) {
    const env = closeDoors({ HOME: "/h" }, openings);
    assertEquals(settingsOf(env), settings);
    const others = Object.entries(env).filter(([name]) => !name.startsWith("GIT_CONFIG_"));
    assertEquals(Object.fromEntries(others), {
      HOME: "/h",
      ...openings?.remote ? {} : {
        GIT_ALLOW_PROTOCOL: "none",
        GIT_GRAFT_FILE: "/dev/null/none",
        GIT_NO_LAZY_FETCH: "1",
        GIT_NO_REPLACE_OBJECTS: "1",
      },
    });
  }
  assertEquals(settingsOf(closeDoorsOfNix({})), { "core.fsmonitor": "", ...NO_HOOKS });
});

pureTest("closeDoors() keeps the settings that the environment has, before its own", () => {
  const given = {
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "user.name",
    GIT_CONFIG_VALUE_0: "ci",
    GIT_CONFIG_KEY_1: "core.fsmonitor",
    GIT_CONFIG_VALUE_1: "payload",
  };
  const env = closeDoors(given, { hooks: true, remote: true });
  assertEquals(env, {
    ...given,
    GIT_CONFIG_COUNT: "3",
    GIT_CONFIG_KEY_2: "core.fsmonitor",
    GIT_CONFIG_VALUE_2: "",
  });
});

for (const count of ["x", "-1", "1.5", " 1", "99999999999"]) {
  pureTest(`closeDoors() refuses to count ${JSON.stringify(count)} settings`, async () => {
    assertEquals(await rejection(Promise.try(() => closeDoors({ GIT_CONFIG_COUNT: count }))), {
      kind: "usage",
      message: `Cannot use GIT_CONFIG_COUNT "${count}": expected a whole number`,
      hint: "unset it, or set it to how many pairs of GIT_CONFIG_KEY_<n> and GIT_CONFIG_VALUE_<n> there are",
    });
  });
}
