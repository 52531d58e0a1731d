// Whatever a repository is set to, a commit has exactly the bytes that were signed, and nothing else.

import { assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { join } from "@std/path";
import { commitRelease } from "../../../src/adapters/git/commit.ts";
import { gitContext } from "../../../src/adapters/git/context.ts";
import { firstIgnored } from "../../../src/adapters/git/repository.ts";
import type { Identity } from "../../../src/ports.ts";
import { run, which } from "../../support/command.ts";
import { type FleetOptions, TestFleet } from "../../support/fleet.ts";
import { bytesOf } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import {
  expectReleaseCommit,
  FILES,
  gitHook,
  makeHostile,
  STAGED,
  toCommit,
} from "../../support/release_commit.ts";
import { shell } from "../../support/releases.ts";
import { tracedShell } from "../../support/traced.ts";

/** A repository, its commit, and a commit of a release on top of that. */
async function repository(options: FleetOptions = {}) {
  const fleet = await TestFleet.create(options);
  const head = await fleet.head();
  const commit = async (
    options: Awaited<ReturnType<typeof toCommit>>,
    { env = {}, root = fleet.dir, from = head, hooks = false }: {
      env?: Record<string, string>;
      root?: string;
      from?: string;
      hooks?: boolean;
    } = {},
  ) => {
    const git = gitContext(tracedShell(fleet.root).shell, { ...fleet.env(), ...env }, { hooks });
    const on = { parent: from, moves: true, stages: true };
    return await commitRelease(git, { root, head: from }, { ...options, on });
  };
  return { fleet, head, commit, [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose]() };
}

Deno.test("commitRelease() leaves what the user staged and changed", async () => {
  await using world = await repository({ files: STAGED.files });
  const { fleet, head, commit } = world;
  await shell(fleet, STAGED.script);
  const before = await STAGED.look(fleet);
  assertEquals(before.status.split("\n").length, 11);
  const made = await commit(await toCommit(fleet));
  assertEquals(await STAGED.look(fleet), before);
  assertEquals(await fleet.head(), made);
  // The release files themselves are as committed, and so no change.
  assertEquals(await fleet.git("status", "--porcelain"), before.status);
  await shell(fleet, "rm releases/README releases/staged");
  await expectReleaseCommit(fleet, head);
});

Deno.test("commitRelease() commits on top of its own commit, and leaves the files of the release before", async () => {
  await using world = await repository();
  const { fleet, head, commit } = world;
  await commit(await toCommit(fleet));
  await expectReleaseCommit(fleet, head);
  const second = await fleet.head();
  const files = ["rollouts/c.json.sig", "rollouts/c.json", "fleet.resolved.json.sig", "fleet.resolved.json"]
    .map((path) => ({ path, bytes: bytesOf(`second ${path}`) }));
  await commit(await toCommit(fleet, { files }), { from: second });
  const changed = await fleet.git("diff-tree", "-r", "--name-status", "--no-commit-id", "HEAD");
  assertEquals(changed.split("\n"), [
    "M\treleases/fleet.resolved.json",
    "M\treleases/fleet.resolved.json.sig",
    "A\treleases/rollouts/c.json",
    "A\treleases/rollouts/c.json.sig",
  ]);
  assertEquals(await fleet.git("rev-parse", "HEAD~"), second);
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("commitRelease() commits the files of this release alone", async () => {
  await using world = await repository();
  const { fleet, commit } = world;
  await fleet.write({ "releases/revocations.json": "{}" });
  await commit(await toCommit(fleet));
  const committed = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases/");
  assertEquals(committed.split("\n"), FILES.map(({ path }) => `releases/${path}`).sort());
  assertEquals(await fleet.git("status", "--porcelain"), "?? releases/revocations.json");
});

Deno.test("commitRelease() makes no commit when a file is not what was signed", async () => {
  await using world = await repository();
  const { fleet, head, commit } = world;
  const options = await toCommit(fleet);
  // Something else writes to the release directory just before git reads the files.
  await shell(fleet, "echo >> releases/fleet.resolved.json");
  const { message } = await rejection(commit(options));
  assertEquals(message, 'Cannot commit "fleet.resolved.json": the file is not what was signed');
  assertEquals([await fleet.head(), await fleet.git("diff", "--cached", "--name-only")], [head, ""]);
});

/** Settings that make git change bytes on their way from the work tree to a commit. */
const FILTERS: [of: string, attributes: string, config: [string, string][]][] = [
  ["text eol=crlf", "text eol=crlf", []],
  ["text eol=lf", "text eol=lf", []],
  ["text=auto and core.autocrlf", "text=auto", [["core.autocrlf", "true"], ["core.safecrlf", "true"]]],
  ["ident", "text ident", []],
  ["working-tree-encoding", "text working-tree-encoding=UTF-16", []],
  ["a clean filter", "filter=upper", [["filter.upper.clean", "tr a-z A-Z"]]],
  ["a clean filter that fails", "filter=bad", [["filter.bad.clean", "false"], ["filter.bad.required", "1"]]],
];

for (const [of, attributes, config] of FILTERS) {
  Deno.test(`commitRelease() commits exactly the signed bytes under ${of}`, async () => {
    await using world = await repository({
      files: { "releases/.gitattributes": `*.json ${attributes}\n*.sig ${attributes}\n` },
    });
    const { fleet, head, commit } = world;
    for (const [key, value] of config) await fleet.git("config", key, value);
    await commit(await toCommit(fleet));
    const signature = "releases/fleet.resolved.json.sig";
    assertEquals((await Deno.readFile(join(fleet.dir, signature))).length, 64);
    // Git itself would have committed something else, or nothing.
    const plain = await run([which("git"), "hash-object", signature], { cwd: fleet.dir, env: fleet.env() });
    const hash = await fleet.git("rev-parse", `HEAD:${signature}`);
    assertEquals(plain.code === 0 && plain.stdout === `${hash}\n`, false);
    await Deno.remove(join(fleet.dir, "releases/.gitattributes"));
    await expectReleaseCommit(fleet, head);
  });
}

Deno.test("commitRelease() runs no commit hook, signs no commit with gpg, and uses no template of git's", async () => {
  await using world = await repository();
  const { fleet, head, commit } = world;
  await makeHostile(fleet);
  await commit(await toCommit(fleet));
  await expectReleaseCommit(fleet, head);
  assertEquals((await fleet.git("cat-file", "commit", "HEAD")).includes("gpgsig"), false);
  assertEquals(await exists(join(fleet.root, "home/hooks")), false);
});

Deno.test("commitRelease() says that a hook that may run refused the commit, and not that the branch moved", async () => {
  await using world = await repository();
  const { fleet, head, commit } = world;
  await gitHook(
    fleet,
    "reference-transaction",
    'test "$1" != prepared || { echo "closed today" >&2; exit 1; }',
  );
  const { lines, ...refused } = await rejection(commit(await toCommit(fleet), { hooks: true }));
  assertEquals(refused, {
    kind: "git",
    message: "Cannot move the branch to the release: git exited with 128",
  });
  assertEquals(lines!.includes("| closed today"), true);
  assertEquals(await fleet.head(), head);
});

/** Git may make up no name and no address. */
const NOBODY = {
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "user.useConfigOnly",
  GIT_CONFIG_VALUE_0: "true",
};

/** Where the identity comes from, and what author and committer come out as. */
const IDENTITIES: [
  of: string,
  identity: Partial<Identity>,
  env: Record<string, string>,
  author: string,
  committer?: string,
][] = [
  [
    "that it is given",
    { name: "Ünal, the bot", email: "bot@example.com" },
    NOBODY,
    "Ünal, the bot <bot@example.com>",
  ],
  ["of the name that it is given and the address of git", { name: "bot" }, {}, "bot <tester@example.com>"],
  ["of git's configuration", {}, {}, "tester <tester@example.com>"],
  [
    "that it is given before git's variables",
    { name: "bot", email: "bot@example.com" },
    {
      GIT_AUTHOR_NAME: "author",
      GIT_AUTHOR_EMAIL: "author@example.com",
      GIT_COMMITTER_NAME: "committer",
      GIT_COMMITTER_EMAIL: "committer@example.com",
    },
    "bot <bot@example.com>",
  ],
  [
    "of git's variables before git's configuration",
    {},
    { GIT_AUTHOR_NAME: "author", GIT_COMMITTER_NAME: "committer" },
    "author <tester@example.com>",
    "committer <tester@example.com>",
  ],
];

for (const [of, identity, env, author, committer = author] of IDENTITIES) {
  Deno.test(`commitRelease() commits with the identity ${of}, and leaves git's configuration as it was`, async () => {
    await using world = await repository();
    const { fleet, commit } = world;
    const config = join(fleet.dir, ".git/config");
    const before = await Deno.readTextFile(config);
    const options = await toCommit(fleet);
    await commit({ ...options, identity: { ...options.identity, ...identity } }, { env });
    const people = await fleet.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>");
    assertEquals(people.split("\n"), [author, committer]);
    assertEquals(await Deno.readTextFile(config), before);
    assertEquals(await exists(join(fleet.root, "home/.gitconfig")), false);
  });
}

/** Names of release directories that mean something to git, or to what reads its output. */
const DIRECTORIES = [
  "with blanks",
  "ünïcödé",
  "back\\slash",
  '"quoted"',
  "tab\there",
  "-dash",
  ":(top)magic",
  "[a-z]*",
  "..dots",
  ".",
  "a/b/../c/",
];

for (const directory of DIRECTORIES) {
  Deno.test(`commitRelease() commits the release directory ${JSON.stringify(directory)}`, async () => {
    await using world = await repository();
    const { fleet, head, commit } = world;
    const prefix = join(directory, ".").replace(/\/$/, "");
    const expected = FILES.map(({ path }) => join(prefix, path));
    const git = gitContext(tracedShell(fleet.root).shell, fleet.env(), {});
    assertEquals(await firstIgnored(git, fleet.dir, expected), null);
    await commit(await toCommit(fleet, { dir: directory }));
    const names = (await fleet.git("-c", "core.quotePath=off", "show", "--format=", "--name-only", "-z"))
      .split("\0").slice(0, -1);
    assertEquals(names.sort(), expected.sort());
    assertEquals([await fleet.git("rev-parse", "HEAD~"), await fleet.git("status", "--porcelain")], [
      head,
      "",
    ]);
  });
}

Deno.test("commitRelease() commits the files that a linked release directory leads to, by their own path", async () => {
  await using world = await repository();
  const { fleet, commit } = world;
  await ensureDir(join(fleet.dir, "deep/releases"));
  await Deno.symlink("deep/releases", join(fleet.dir, "out"));
  const parent = await fleet.commit("a link");
  await commit(await toCommit(fleet, { dir: "out" }), { from: parent });
  await expectReleaseCommit(fleet, parent, { releaseDir: "deep/releases" });
  assertEquals(await fleet.git("status", "--porcelain"), "");
});
