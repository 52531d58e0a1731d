import { assert, assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { join } from "@std/path";
import { expectRun, PROJECT, run, which } from "../support/command.ts";
import { SIGN, TestFleet } from "../support/fleet.ts";
import { expectRefused } from "../support/refusal.ts";
import {
  contents,
  expectRelease,
  flakeOf,
  nixFollowedBy,
  NOW,
  releaseBelow,
  shell,
  SIDECARS,
} from "../support/releases.ts";

/** What the error of the program says in its first line. */
function errorIn(stderr: string): string {
  return stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
}

/** Git in another directory of the test, with what it printed in lines. */
async function gitIn(fleet: TestFleet, dir: string, ...args: string[]): Promise<string[]> {
  const cwd = join(fleet.root, dir);
  return (await expectRun([which("git"), ...args], { cwd, env: fleet.env() })).trimEnd().split("\n");
}

/**
 * Asserts that HEAD is one commit on top of another, which changes exactly the files of the release, each as a plain
 * file with exactly the bytes that are on disk.
 *
 * @param dir The work tree's directory, below the test's
 * @param releaseDir The release directory, relative to the work tree's
 */
async function expectReleaseCommit(
  fleet: TestFleet,
  parent: string,
  { dir = "fleet", releaseDir = "releases" } = {},
): Promise<void> {
  assertEquals(await gitIn(fleet, dir, "rev-list", "--parents", "-1", "HEAD"), [
    `${(await gitIn(fleet, dir, "rev-parse", "HEAD"))[0]} ${parent}`,
  ]);
  const files = await fleet.files(join(fleet.root, dir, releaseDir));
  assert(files.size >= 6, `there is no release: ${[...files.keys()]}`);
  const paths = [...files.keys()].map((path) => join(releaseDir, path));
  const hashes = await gitIn(fleet, dir, "hash-object", "--no-filters", ...paths);
  const changes = await gitIn(fleet, dir, "diff-tree", "-r", "--no-renames", "--no-abbrev", "HEAD~", "HEAD");
  // ":OLD-MODE NEW-MODE OLD-HASH NEW-HASH KIND<tab>PATH"
  const changed = changes.map((line) => {
    const [, mode, , hash, , path] = line.split(/[ \t]/);
    return [path, mode, hash];
  });
  assertEquals(changed.sort(), paths.map((path, index) => [path, "100644", hashes[index]]).sort());
}

Deno.test("the program commits the release files alone, and leaves what the user staged and changed", async () => {
  const texts = ["staged", "modified", "removed", "renamed", "both", "executable"];
  await using fleet = await TestFleet.create({
    files: Object.fromEntries(texts.map((name) => [`${name}.txt`, `${name}\n`])),
  });
  await shell(
    fleet,
    `echo more >> staged.txt; git add staged.txt
     echo more >> modified.txt
     git rm -q removed.txt
     git mv renamed.txt new-name.txt
     echo once >> both.txt; git add both.txt; echo twice >> both.txt
     chmod +x executable.txt; git add executable.txt
     echo new > added.txt; git add added.txt
     echo intended > intended.txt; git add -N intended.txt
     echo untracked > untracked.txt; echo ignored > ignored.txt; echo ignored.txt > .git/info/exclude
     mkdir -p releases; echo mine > releases/README; echo own > releases/staged; git add releases/staged`,
  );
  const parent = await fleet.git("rev-parse", "HEAD");
  const own = [".", ":!releases/*.json", ":!releases/*.sig"];
  const look = async () => ({
    status: await fleet.git("status", "--porcelain", "--", ...own),
    cached: await fleet.git("diff", "--cached", "--binary", "--", ...own),
    unstaged: await fleet.git("diff", "--binary", "--", ...own),
    index: await fleet.git("ls-files", "--stage", "--debug", "--", ...own),
  });
  const before = await look();
  assertEquals(before.status.split("\n").length, 11);
  const { releaseCommit } = await expectRelease(fleet, ["--git-commit"]);
  assertEquals(await look(), before);
  assertEquals(await fleet.git("rev-parse", "HEAD"), releaseCommit);
  // The release files themselves are as committed, and so no change.
  assertEquals((await fleet.git("status", "--porcelain")).split("\n"), before.status.split("\n"));
  await shell(fleet, "rm releases/README releases/staged");
  await expectReleaseCommit(fleet, parent);
});

Deno.test("the program commits on top of its own commit, with the files of the release before", async () => {
  await using fleet = await TestFleet.create();
  const first = await fleet.git("rev-parse", "HEAD");
  await expectRelease(fleet, ["--git-commit", "--now", NOW]);
  await expectReleaseCommit(fleet, first);
  const second = await fleet.git("rev-parse", "HEAD");
  await expectRelease(fleet, ["--git-commit", "--now", NOW]);
  const changed = await fleet.git("diff-tree", "-r", "--name-status", "--no-commit-id", "HEAD");
  assertEquals(changed.split("\n").map((line) => line.replace(/[0-9a-f]{64}/, "HASH")).sort(), [
    "A\treleases/rollouts/HASH.json",
    "A\treleases/rollouts/HASH.json",
    "A\treleases/rollouts/HASH.json.sig",
    "A\treleases/rollouts/HASH.json.sig",
    "M\treleases/fleet.resolved.json",
    "M\treleases/fleet.resolved.json.sig",
  ]);
  assertEquals(await fleet.git("rev-parse", "HEAD~"), second);
  assertEquals((await fleet.json())["meta"].ciCommit, second);
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

/** A sign command whose signature has all that git likes to change: line ends of both kinds and a keyword. */
const CRLF_SIGN =
  `printf 'a\\r\\nb\\nc\\r\\n$Id: x$ ' > "$NIXFLEET_OUTPUT"; printf '%047d\\n' 7 >> "$NIXFLEET_OUTPUT"`;

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
  Deno.test(`the program commits exactly the signed bytes under ${of}`, async () => {
    await using fleet = await TestFleet.create({
      files: { "releases/.gitattributes": `*.json ${attributes}\n*.sig ${attributes}\n` },
    });
    for (const [key, value] of config) await fleet.git("config", key, value);
    const parent = await fleet.git("rev-parse", "HEAD");
    const { code, stderr } = await fleet.run(["--sign-cmd", CRLF_SIGN, "--git-commit"]);
    assertEquals(code, 0, stderr);
    const signature = "releases/fleet.resolved.json.sig";
    assertEquals((await Deno.readFile(join(fleet.dir, signature))).length, 64);
    // Git itself would have committed something else, or nothing.
    const plain = await run([which("git"), "hash-object", signature], { cwd: fleet.dir, env: fleet.env() });
    const hash = await fleet.git("rev-parse", `HEAD:${signature}`);
    assertEquals(plain.code === 0 && plain.stdout === `${hash}\n`, false);
    await Deno.remove(join(fleet.dir, "releases/.gitattributes"));
    await expectReleaseCommit(fleet, parent);
  });
}

/** Makes a hook of the repository that notes its name, and then runs a script. */
async function gitHook({ root, dir }: TestFleet, name: string, script: string): Promise<void> {
  const path = join(dir, ".git/hooks", name);
  await ensureDir(join(dir, ".git/hooks"));
  await Deno.writeTextFile(path, `#!/bin/sh\necho ${name} >> '${root}/home/hooks'\n${script}\n`);
  await Deno.chmod(path, 0o755);
}

Deno.test("the program runs no commit hook, signs no commit with gpg, and uses no template of git's", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await gitHook(fleet, "pre-commit", "echo changed >> releases/fleet.resolved.json; git add -A");
  await gitHook(fleet, "prepare-commit-msg", 'echo changed > "$1"');
  await gitHook(fleet, "commit-msg", "exit 1");
  await gitHook(fleet, "post-commit", "git commit -q --allow-empty -m another");
  const config = {
    "commit.gpgsign": "true",
    "gpg.program": "/bin/false",
    "commit.template": "/nowhere",
    "core.editor": "/bin/false",
    "commit.cleanup": "verbatim",
  };
  for (const [key, value] of Object.entries(config)) await fleet.git("config", key, value);
  await expectRelease(fleet, ["--git-commit"]);
  await expectReleaseCommit(fleet, parent);
  assertEquals((await fleet.git("cat-file", "commit", "HEAD")).includes("gpgsig"), false);
  assertEquals(await exists(join(fleet.root, "home/hooks")), false);
});

Deno.test("the program says that a hook refused the commit, and not that the branch moved", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await gitHook(
    fleet,
    "reference-transaction",
    'test "$1" != prepared || { echo "closed today" >&2; exit 1; }',
  );
  const { code, stderr } = await fleet.release(["--git-commit"]);
  assertEquals(code, 1);
  assertEquals(await fleet.git("rev-parse", "HEAD"), parent);
  assertEquals([stderr.includes("closed today"), errorIn(stderr).includes("moved")], [true, false], stderr);
});

/** No name and no address to commit with, and none that git may make up. */
const NOBODY = {
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "user.useConfigOnly",
  GIT_CONFIG_VALUE_0: "true",
};

for (const args of [[], ["--git-user-name", "release bot"], ["--git-user-email", "bot@example.com"]]) {
  Deno.test(
    `the program refuses to commit with ${
      args[0] === undefined ? "no identity" : `${args[0]} alone`
    } before it builds anything, and writes nothing`,
    async () => {
      await using fleet = await TestFleet.create({
        files: { "flake.nix": flakeOf(`{ db = host (build "db" "exit 1"); }`) },
      });
      await expectRefused(fleet, { args, env: NOBODY }, {
        message: "Cannot commit: git has no name and address to commit with",
        including: ["auto-detection is disabled"],
        hint: "give --git-user-name and --git-user-email, or configure user.name and user.email",
      });
    },
  );
}

/** Where the identity comes from, and what author and committer come out as. */
const IDENTITIES: [
  of: string,
  args: string[],
  env: Record<string, string>,
  author: string,
  committer?: string,
][] = [
  [
    "its options",
    ["--git-user-name", "Ünal, the bot", "--git-user-email", "bot@example.com"],
    NOBODY,
    "Ünal, the bot <bot@example.com>",
  ],
  [
    "its variables",
    [],
    { ...NOBODY, NIXFLEET_GIT_USER_NAME: "env bot", NIXFLEET_GIT_USER_EMAIL: "env@example.com" },
    "env bot <env@example.com>",
  ],
  [
    "the name of its option and the address of git",
    ["--git-user-name", "bot"],
    {},
    "bot <tester@example.com>",
  ],
  ["git's configuration", [], {}, "tester <tester@example.com>"],
  [
    "its options before git's variables",
    ["--git-user-name", "bot", "--git-user-email", "bot@example.com"],
    {
      GIT_AUTHOR_NAME: "author",
      GIT_AUTHOR_EMAIL: "author@example.com",
      GIT_COMMITTER_NAME: "committer",
      GIT_COMMITTER_EMAIL: "committer@example.com",
    },
    "bot <bot@example.com>",
  ],
  [
    "git's variables before git's configuration",
    [],
    { GIT_AUTHOR_NAME: "author", GIT_COMMITTER_NAME: "committer" },
    "author <tester@example.com>",
    "committer <tester@example.com>",
  ],
];

for (const [of, args, env, author, committer = author] of IDENTITIES) {
  Deno.test(`the program commits with the identity of ${of}, and leaves git's configuration as it was`, async () => {
    await using fleet = await TestFleet.create();
    const config = join(fleet.dir, ".git/config");
    const before = await Deno.readTextFile(config);
    const { code, stderr } = await fleet.release(["--git-commit", ...args], { env });
    assertEquals(code, 0, stderr);
    assertEquals((await fleet.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>")).split("\n"), [
      author,
      committer,
    ]);
    assertEquals(await Deno.readTextFile(config), before);
    assertEquals(await exists(join(fleet.root, "home/.gitconfig")), false);
  });
}

for (
  const [template, message] of [
    [undefined, "chore(ci): release SHA8 [skip ci]"],
    ["{sha} {sha:0:8} {ts}", "SHA SHA8 2026-06-01T12:00:00+00:00"],
    ["release {sha:0:8}\n\nSigned at {ts}\n# not a comment\n{unknown}", undefined],
    ["$(touch evil) `touch evil` {sha:0:8}", undefined],
    ["-m evil", undefined],
    ["ünïcödé 🦕 {sha:0:8}", undefined],
  ] as const
) {
  Deno.test(
    `the program's commit message is made from ${
      template === undefined ? "its own template" : `the template ${JSON.stringify(template)}`
    }`,
    async () => {
      await using fleet = await TestFleet.create();
      const sha = await fleet.git("rev-parse", "HEAD");
      const args = template === undefined ? [] : [`--commit-template=${template}`];
      await expectRelease(fleet, ["--git-commit", "--now", NOW, ...args]);
      const expected = message?.replace("SHA8", sha.slice(0, 8)).replace("SHA", sha) ??
        template!.replace("{sha:0:8}", sha.slice(0, 8)).replace("{ts}", "2026-06-01T12:00:00+00:00");
      assertEquals((await fleet.git("log", "-1", "--format=%B")).trimEnd(), expected);
      assertEquals(await fleet.git("status", "--porcelain"), "");
    },
  );
}

/** How a bare remote is called: REMOTE stands for its path, which has a colon in it. */
const REMOTES: [of: string, target: string, branch: string][] = [
  ["a relative path with a colon", "../re:mote.git:main", "main"],
  ["an absolute path with a colon", "REMOTE:main", "main"],
  ["a file:// URL with a colon", "file://REMOTE:main", "main"],
  ["a named remote", "origin:main", "main"],
  ["a branch that the remote does not have", "origin:release/2026-06", "release/2026-06"],
  ["a branch by its full name", "origin:refs/heads/production", "production"],
];

for (const [of, target, branch] of REMOTES) {
  for (const detached of [false, true]) {
    Deno.test(`the program pushes its commit from ${detached ? "a detached HEAD" : "a branch"} to ${of}`, async () => {
      await using fleet = await TestFleet.create();
      const remote = join(fleet.root, "re:mote.git");
      await fleet.git("init", "-q", "--bare", remote);
      await fleet.git("remote", "add", "origin", remote);
      const parent = await fleet.git("rev-parse", "HEAD");
      if (detached) await fleet.git("checkout", "-q", "--detach");
      const result = await expectRelease(fleet, ["--git-push", target.replace("REMOTE", remote)]);
      const head = await fleet.git("rev-parse", "HEAD");
      assertEquals([result["releaseCommit"], result["pushedTo"].branch], [head, branch]);
      assertEquals(await gitIn(fleet, ".", "--git-dir", remote, "for-each-ref"), [
        `${head} commit\trefs/heads/${branch}`,
      ]);
      await expectReleaseCommit(fleet, parent);
      // A detached HEAD stays one, and the branch stays where it was.
      assertEquals(await fleet.git("rev-parse", "main"), detached ? parent : head);
      assertEquals(await fleet.git("rev-parse", "--abbrev-ref", "HEAD"), detached ? "HEAD" : "main");
    });
  }
}

Deno.test("the program pushes one branch, whatever else git is configured to push", async () => {
  await using fleet = await TestFleet.create();
  await shell(
    fleet,
    `git init -q --bare ../remote.git && git remote add origin ../remote.git
     git branch private && git tag -a -m private private-tag
     git config push.followTags true && git config push.default matching
     git config --add remote.origin.push 'refs/heads/*:refs/heads/*'`,
  );
  await expectRelease(fleet, ["--git-push", "origin:main"]);
  assertEquals(await gitIn(fleet, ".", "--git-dir", "remote.git", "for-each-ref"), [
    `${await fleet.git("rev-parse", "HEAD")} commit\trefs/heads/main`,
  ]);
});

/** Remotes that refuse a push, and what git says of it. */
const REFUSALS: [of: string, script: string, reason: string][] = [
  [
    "has commits that are not here",
    "git clone -q ../remote.git ../other && cd ../other && git commit -q --allow-empty -m theirs && git push -q",
    "[rejected]",
  ],
  [
    "has a pre-receive hook that says no",
    `mkdir -p ../remote.git/hooks && cd ../remote.git/hooks
     printf '#!/bin/sh\\necho "closed until Monday" >&2\\nexit 1\\n' > pre-receive && chmod +x pre-receive`,
    "closed until Monday",
  ],
  ["is gone", "rm -r ../remote.git", "does not appear to be a git repository"],
];

for (const [of, script, reason] of REFUSALS) {
  Deno.test(`the program exits 1 and keeps its commit when the remote ${of}`, async () => {
    await using fleet = await TestFleet.create();
    await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
    await fleet.git("remote", "add", "origin", "../remote.git");
    const parent = await fleet.git("rev-parse", "HEAD");
    await shell(fleet, script);
    const refs = () => shell(fleet, "test ! -d ../remote.git || git --git-dir ../remote.git for-each-ref");
    const before = await refs();
    const { code, stdout, stderr } = await fleet.release(["--git-push", "origin:main"]);
    assertEquals([code, stdout], [1, ""], stderr);
    assertEquals(errorIn(stderr), 'error: Cannot push the release to "main" of "origin"');
    assert(stderr.includes(reason), stderr);
    const hint =
      "hint: the release is written and committed here; push it, or run again on top of what the remote has\n";
    assert(stderr.endsWith(hint), stderr);
    await expectReleaseCommit(fleet, parent);
    assertEquals([await refs(), await fleet.git("status", "--porcelain")], [before, ""]);
  });
}

Deno.test("the program never shows the password of a remote's URL", async () => {
  await using fleet = await TestFleet.create();
  const url = "nowhere://bot:s3cret@example.com/fleet.git";
  for (const more of [[], ["-v"], ["--log-format", "json", "-v"]]) {
    const { code, stdout, stderr } = await fleet.release(["--git-push", `${url}:main`, ...more]);
    assertEquals(code, 1);
    assertEquals(`${stdout}${stderr}`.split("\n").filter((line) => line.includes("s3cret")), []);
  }
});

Deno.test("the program ignores the repository and index that inherited variables of git name", async () => {
  await using fleet = await TestFleet.create();
  await shell(fleet, "git init -q -b main ../other && cd ../other && git commit -q --allow-empty -m other");
  const parent = await fleet.git("rev-parse", "HEAD");
  const other = join(fleet.root, "other");
  const env = {
    GIT_DIR: join(other, ".git"),
    GIT_COMMON_DIR: join(other, ".git"),
    GIT_WORK_TREE: other,
    GIT_INDEX_FILE: join(other, "index"),
    GIT_OBJECT_DIRECTORY: join(other, "objects"),
    GIT_NAMESPACE: "other",
    GIT_PREFIX: "other/",
    GIT_CEILING_DIRECTORIES: fleet.root,
    GIT_DEFAULT_HASH: "sha256",
    GIT_LITERAL_PATHSPECS: "1",
  };
  const look = () =>
    shell(fleet, "cd ../other; find . -not -path './.git/objects/*' | sort; git log --format=%H");
  const before = await look();
  const { code, stderr } = await releaseBelow(fleet, [], ["--git-commit"], { env });
  assertEquals(code, 0, stderr);
  await expectReleaseCommit(fleet, parent);
  assertEquals((await fleet.json())["meta"].ciCommit, parent);
  assertEquals(await contents(fleet), [["db", "one"], ["web1", "one"], ["web2", "one"]]);
  assertEquals(await look(), before);
});

Deno.test("the program can be run from a hook of another repository", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await shell(fleet, "git init -q -b main ../other && mkdir -p ../other/.git/hooks");
  const program = [Deno.execPath(), "run", "-A", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  const command = [...program, "--sign-cmd", SIGN, "--git-commit"].map((word) => `'${word}'`).join(" ");
  // Git tells a hook its index, and that is the other repository's.
  const script = `#!/bin/sh\ntest -n "$GIT_INDEX_FILE" || exit 9\ncd '${fleet.dir}' && ${command}\n`;
  await Deno.writeTextFile(join(fleet.root, "other/.git/hooks/pre-commit"), script, { mode: 0o755 });
  await shell(fleet, "cd ../other && echo > file && git add file && git commit -q -m other");
  await expectReleaseCommit(fleet, parent);
  assertEquals(await gitIn(fleet, "other", "ls-tree", "-r", "--name-only", "HEAD"), ["file"]);
});

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
  Deno.test(`the program commits the release directory ${JSON.stringify(directory)}`, async () => {
    await using fleet = await TestFleet.create();
    const parent = await fleet.git("rev-parse", "HEAD");
    await ensureDir(join(fleet.dir, "a/b"));
    const result = await expectRelease(fleet, ["--git-commit", `--release-dir=${directory}`]);
    const names = (await fleet.git("-c", "core.quotePath=off", "show", "--format=", "--name-only", "-z"))
      .split("\0").slice(0, -1);
    const prefix = join(directory, ".").replace(/\/$/, "");
    const expected = result["artifacts"].flatMap(({ path }: { path: string }) => [
      join(prefix, path),
      join(prefix, `${path}.sig`),
    ]);
    assertEquals(names.sort(), expected.sort());
    assertEquals([await fleet.git("rev-parse", "HEAD~"), await fleet.git("status", "--porcelain")], [
      parent,
      "",
    ]);
  });
}

Deno.test("the program commits the files that a linked release directory leads to, by their own path", async () => {
  await using fleet = await TestFleet.create();
  await ensureDir(join(fleet.dir, "deep/releases"));
  await Deno.symlink("deep/releases", join(fleet.dir, "out"));
  const parent = await fleet.commit("a link");
  await expectRelease(fleet, ["--git-commit", "--release-dir", "out"]);
  await expectReleaseCommit(fleet, parent, { releaseDir: "deep/releases" });
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("the program commits in a repository that is reached by a link", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await Deno.symlink("fleet", join(fleet.root, "checkout"));
  await expectRelease(fleet, ["--git-commit"], { cwd: join(fleet.root, "checkout") });
  await expectReleaseCommit(fleet, parent);
});

Deno.test("the program commits in the linked work tree that it is started in", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await fleet.git("worktree", "add", "-q", "-b", "side", "../linked");
  const cwd = join(fleet.root, "linked");
  await expectRelease(fleet, ["--git-commit"], { cwd });
  await expectReleaseCommit(fleet, parent, { dir: "linked" });
  assertEquals(await gitIn(fleet, "linked", "rev-parse", "--abbrev-ref", "HEAD"), ["side"]);
  assertEquals(await gitIn(fleet, "linked", "status", "--porcelain"), [""]);
  // The first work tree is as it was.
  assertEquals([await fleet.git("rev-parse", "HEAD"), await fleet.git("status", "--porcelain")], [
    parent,
    "",
  ]);
});

Deno.test("the program commits in a shallow clone", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.commit("second");
  await fleet.git("clone", "-q", "--depth", "1", `file://${fleet.dir}`, "../shallow");
  await fleet.git("checkout", "-q", "--detach");
  const cwd = join(fleet.root, "shallow");
  await expectRelease(fleet, ["--git-push", "origin:main"], { cwd });
  await expectReleaseCommit(fleet, parent, { dir: "shallow" });
  assertEquals(
    await gitIn(fleet, "shallow", "rev-parse", "HEAD"),
    await gitIn(fleet, "fleet", "rev-parse", "main"),
  );
});

Deno.test("the program commits as the first commit of a repository that has none", async () => {
  await using fleet = await TestFleet.create({ git: false });
  await shell(fleet, "git init -q -b main && git add -A");
  const result = await expectRelease(fleet, ["--git-commit"]);
  assertEquals([result["commit"], (await fleet.json())["meta"].ciCommit], [null, null]);
  assertEquals(await fleet.git("rev-list", "HEAD"), result["releaseCommit"]);
  const files = (await fleet.git("ls-tree", "-r", "--name-only", "HEAD")).split("\n");
  assertEquals(files, [...(await fleet.files()).keys()].map((path) => join("releases", path)));
  // What the user had staged for the first commit is staged still.
  const status = (await fleet.git("status", "--porcelain")).split("\n");
  assertEquals(status, ["A  flake.nix", "A  fleet.json", "A  hosts.json"]);
});

Deno.test("the program commits in a repository with SHA-256 objects, given as a path:", async () => {
  await using fleet = await TestFleet.create({ git: false });
  await fleet.git("init", "-q", "-b", "main", "--object-format=sha256");
  const parent = await fleet.commit("first");
  assertEquals(parent.length, 64);
  // No nix reads such a repository as git+file.
  await expectRelease(fleet, ["--git-commit", "--build-flake", "path:."]);
  assertEquals((await fleet.json())["meta"].ciCommit, parent);
  await expectReleaseCommit(fleet, parent);
});

Deno.test("the program commits beside another process's lock of the index, and warns", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await fleet.write({ ".git/index.lock": "" });
  const { warnings } = await expectRelease(fleet, ["--git-commit"]);
  assertEquals(warnings.map(({ code }: { code: string }) => code), ["stale-index"]);
  await Deno.remove(join(fleet.dir, ".git/index.lock"));
  await expectReleaseCommit(fleet, parent);
});

const THEIRS = "git commit -q --allow-empty -m theirs";

/** Where HEAD is moved by someone else, after nix has read the flake and before the commit is made, and what is at it. */
const MOVES: [
  when: string,
  argsOf: (fleet: TestFleet) => Promise<[args: string[], env: Record<string, string>]>,
  log: string[],
][] = [
  [
    "right after nix has read the flake",
    async (fleet) => [[], await nixFollowedBy(fleet, `test $call -ne 1 || ${THEIRS}`)],
    ["theirs", "second", "first"],
  ],
  [
    "right after nix has read the fleet",
    async (fleet) => [[], await nixFollowedBy(fleet, `test $call -ne 2 || ${THEIRS}`)],
    ["theirs", "second", "first"],
  ],
  [
    "by the push hook",
    () => Promise.resolve([["--push-cmd", `test "$NIXFLEET_HOST" != db || ${THEIRS}`], {}]),
    ["theirs", "second", "first"],
  ],
  [
    "by the push hook, to an older commit",
    () => Promise.resolve([["--push-cmd", "git update-ref HEAD $(git rev-list --max-parents=0 HEAD)"], {}]),
    ["first"],
  ],
];

for (const [when, argsOf, log] of MOVES) {
  Deno.test(`the program makes no commit when HEAD moves ${when}, and says so`, async () => {
    await using fleet = await TestFleet.create();
    await fleet.commit("second");
    const [args, env] = await argsOf(fleet);
    const { code, stdout, stderr } = await releaseBelow(fleet, [], ["--git-commit", ...args], { env });
    assertEquals([code, stdout], [1, ""], stderr);
    assertEquals(
      errorIn(stderr),
      "error: Cannot commit the release: the branch moved while the release was made",
    );
    assert(
      stderr.endsWith(
        "hint: the release files are written; run again to release the commit that the branch is at now\n",
      ),
      stderr,
    );
    // HEAD is where they put it.
    assertEquals((await fleet.git("log", "--format=%s")).split("\n"), log);
  });
}

Deno.test("the program notices that a file is not what was signed when it commits it", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  const git = which("git");
  const bin = join(fleet.root, "bin");
  await ensureDir(bin);
  // Something else writes to the release directory just before git reads the files.
  const wrapper = `#!/bin/sh
case " $* " in *" hash-object "*) echo >> '${fleet.dir}/releases/fleet.resolved.json' ;; esac
exec '${git}' "$@"
`;
  await Deno.writeTextFile(join(bin, "git"), wrapper, { mode: 0o755 });
  const { code, stderr } = await releaseBelow(fleet, [], ["--git-commit"], {
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
  });
  assertEquals([code, errorIn(stderr)], [
    1,
    'error: Cannot commit "fleet.resolved.json": the file is not what was signed',
  ]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), parent);
});

Deno.test("the program commits the sidecars too, and only those of this release", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await fleet.write({ "releases/revocations.json": "{}" });
  await expectRelease(fleet, ["--git-commit", ...SIDECARS.slice(2)]);
  const files = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases/");
  assertEquals(files.split("\n").filter((path) => !path.includes("rollouts")), [
    "releases/bootstrap-nonces.json",
    "releases/bootstrap-nonces.json.sig",
    "releases/fleet.resolved.json",
    "releases/fleet.resolved.json.sig",
  ]);
  assertEquals(await fleet.git("status", "--porcelain"), "?? releases/revocations.json");
  assertEquals(await fleet.git("rev-parse", "HEAD~"), parent);
});
