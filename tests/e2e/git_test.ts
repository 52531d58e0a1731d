// Samples of whole runs. Commits in odd repositories, and pushes, are tested one by one at git's adapter.

import { assert, assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { join } from "@std/path";
import { PROJECT } from "../support/command.ts";
import { PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { expectRefused } from "../support/refusal.ts";
import {
  expectReleaseCommit,
  gitHook,
  gitIn,
  makeHostile,
  makeWatchful,
  STAGED,
} from "../support/release_commit.ts";
import { contents, expectRelease, flakeOf, NOW, onlyHosts, shell, SIDECARS } from "../support/releases.ts";

/** What the error of the program says in its first line. */
function errorIn(stderr: string): string {
  return stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
}

Deno.test("the program commits the files of this release alone, and leaves what the user staged and changed", async () => {
  await using fleet = await TestFleet.create({ files: STAGED.files });
  await shell(fleet, STAGED.script);
  const parent = await fleet.head();
  const before = await STAGED.look(fleet);
  assertEquals(before.status.split("\n").length, 11);
  const config = await Deno.readTextFile(join(fleet.dir, ".git/config"));
  await fleet.write({ "releases/revocations.json": "{}" });
  const { releaseCommit } = await expectRelease(fleet, ["--git-commit", ...SIDECARS.slice(2)]);
  assertEquals(await STAGED.look(fleet), before);
  assertEquals(await fleet.head(), releaseCommit);
  // The release files themselves are as committed, and so no change.
  const stray = "?? releases/revocations.json";
  const status = (await fleet.git("status", "--porcelain")).split("\n");
  assertEquals([status.includes(stray), status.filter((line) => line !== stray)], [
    true,
    before.status.split("\n"),
  ]);
  const files = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases/");
  assertEquals(files.split("\n").filter((path) => !path.includes("rollouts")), [
    "releases/.gitattributes",
    "releases/bootstrap-nonces.json",
    "releases/bootstrap-nonces.json.sig",
    "releases/fleet.resolved.json",
    "releases/fleet.resolved.json.sig",
  ]);
  await shell(fleet, "rm releases/README releases/staged releases/revocations.json");
  await expectReleaseCommit(fleet, parent);
  // By its own template, and with the identity of git's configuration.
  const commit = await fleet.git("log", "-1", "--format=%s%n%an <%ae>%n%cn <%ce>%n%b");
  assertEquals(commit.trimEnd().split("\n"), [
    `chore(ci): release ${parent.slice(0, 8)} [skip ci]`,
    "tester <tester@example.com>",
    "tester <tester@example.com>",
    "first release, of 3 hosts",
  ]);
  assertEquals(await Deno.readTextFile(join(fleet.dir, ".git/config")), config);
  assertEquals(await exists(join(fleet.root, "home/.gitconfig")), false);
});

/** A sign command whose signature has all that git likes to change: line ends of both kinds and a keyword. */
const CRLF_SIGN =
  `printf 'a\\r\\nb\\nc\\r\\n$Id: x$ ' > "$NIXFLEET_OUTPUT"; printf '%047d\\n' 7 >> "$NIXFLEET_OUTPUT"`;

Deno.test("the program commits and pushes exactly the signed bytes, whatever hooks, filters and settings git has", async () => {
  await using fleet = await TestFleet.create({
    files: { "releases/.gitattributes": "*.json filter=upper\n*.sig text eol=crlf\n" },
  });
  await fleet.git("config", "filter.upper.clean", "tr a-z A-Z");
  await makeHostile(fleet);
  await shell(
    fleet,
    `git init -q --bare ../remote.git && git remote add origin ../remote.git
     git branch private && git tag -m private private-tag
     git config push.followTags true && git config push.default matching
     git config --add remote.origin.push 'refs/heads/*:refs/heads/*'`,
  );
  const parent = await fleet.head();
  await makeWatchful(fleet);
  const { code, stderr } = await fleet.run([
    ...["--sign-cmd", CRLF_SIGN, "--git-push", "origin:main", "--git-sign=false"],
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(await exists(join(fleet.root, "home/hooks")), false);
  await Deno.remove(join(fleet.dir, ".git/hooks"), { recursive: true });
  const signature = "releases/fleet.resolved.json.sig";
  assertEquals((await Deno.readFile(join(fleet.dir, signature))).length, 64);
  // Git itself would have committed something else.
  const plain = await fleet.git("hash-object", signature);
  assertEquals(plain === await fleet.git("rev-parse", `HEAD:${signature}`), false);
  await Deno.remove(join(fleet.dir, "releases/.gitattributes"));
  await expectReleaseCommit(fleet, parent);
  assertEquals((await fleet.git("cat-file", "commit", "HEAD")).includes("gpgsig"), false);
  assertEquals(await gitIn(fleet, ".", "--git-dir", "remote.git", "for-each-ref"), [
    `${await fleet.git("rev-parse", "HEAD")} commit\trefs/heads/main`,
  ]);
});

Deno.test("the program says that a hook that may run refused the commit, and not that the branch moved", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.git("rev-parse", "HEAD");
  await gitHook(
    fleet,
    "reference-transaction",
    'test "$1" != prepared || { echo "closed today" >&2; exit 1; }',
  );
  const { code, stderr } = await fleet.release(["--git-commit", "--git-hooks"]);
  assertEquals(code, 1);
  assertEquals(await fleet.git("rev-parse", "HEAD"), parent);
  assertEquals([stderr.includes("closed today"), errorIn(stderr).includes("moved")], [true, false], stderr);
});

Deno.test("the program keeps a checkout from having other bytes than were signed, whatever the repository's attributes", async () => {
  await using fleet = await TestFleet.create({
    edit: onlyHosts("web1"),
    files: {
      ".gitattributes": "releases/** text eol=crlf ident filter=upper working-tree-encoding=UTF-16\n",
    },
  });
  const parent = await fleet.head();
  await expectRelease(fleet, ["--git-commit", "--release-index", "--now", NOW]);
  const own = await Deno.readTextFile(join(fleet.dir, "releases/.gitattributes"));
  assertEquals(own.split("\n").at(-2), "* -text -eol -filter -ident -working-tree-encoding");
  await expectReleaseCommit(fleet, parent);
  await fleet.git("clone", "-q", ".", "../clone");
  assertEquals(await fleet.files(join(fleet.root, "clone/releases")), await fleet.files());
  const [algorithm, publicPart] = PUBLIC_KEY.split(":");
  const ciReleaseKey = { current: { algorithm, public: publicPart } };
  await fleet.write({ "../home/trust.json": JSON.stringify({ schemaVersion: 1, ciReleaseKey }) });
  const verify = [
    "verify",
    "releases",
    "--trust-file",
    "../home/trust.json",
    "--require-index",
    "--now",
    NOW,
  ];
  for (const args of [[], ["--git", "HEAD"]]) {
    const { code, stdout, stderr } = await fleet.run([...verify, ...args], {
      cwd: join(fleet.root, "clone"),
    });
    assertEquals(code, 0, stdout + stderr);
  }
});

/** No name and no address to commit with, and none that git may make up. */
const NOBODY = {
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "user.useConfigOnly",
  GIT_CONFIG_VALUE_0: "true",
};

Deno.test("the program commits as it is told, waits for a locked index, and pushes from a detached HEAD", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.head();
  const remote = join(fleet.root, "re:mote.git");
  await fleet.git("init", "-q", "--bare", remote);
  await fleet.git("checkout", "-q", "--detach");
  // Another process works with the index for a moment, when the release is written and not committed.
  const lock = join(fleet.dir, ".git/index.lock");
  const hold = `: > '${lock}'`;
  const template =
    "\n-m $(touch evil) `touch evil` ünïcödé 🦕 {sha} {sha:0:8} \n\n\nSigned at {ts}\n# kept\n{unknown}\n\n";
  const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const freed = (async () => {
    while (!await exists(join(fleet.dir, "releases/fleet.resolved.json"))) await wait(20);
    await wait(300);
    await Deno.remove(lock);
  })();
  const result = await expectRelease(
    fleet,
    ["--git-push", "../re:mote.git:refs/heads/release/a", "--now", NOW]
      .concat(`--commit-template=${template}`, "--git-user-name", "Ünal, the bot", "--push-cmd", hold),
    {
      env: {
        ...NOBODY,
        NIXFLEET_GIT_USER_EMAIL: "env@example.com",
        GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z",
        GIT_COMMITTER_DATE: "2026-01-02T00:00:00Z",
      },
    },
  );
  await freed;
  assertEquals(result["warnings"], []);
  await expectReleaseCommit(fleet, parent);
  assertEquals((await fleet.git("log", "-1", "--format=%an <%ae> %aI%n%cn <%ce> %cI%n%B|")).split("\n"), [
    "Ünal, the bot <env@example.com> 2026-01-01T00:00:00+00:00",
    "Ünal, the bot <env@example.com> 2026-01-02T00:00:00+00:00",
    `-m $(touch evil) \`touch evil\` ünïcödé 🦕 ${parent} ${parent.slice(0, 8)}`,
    "",
    "first release, of 3 hosts",
    "",
    "Signed at 2026-06-01T12:00:00+00:00",
    "# kept",
    "{unknown}",
    "|",
  ]);
  assertEquals(await exists(join(fleet.dir, "evil")), false);
  const head = await fleet.head();
  assertEquals([result["releaseCommit"], result["pushedTo"]], [head, {
    remote: "../re:mote.git",
    branch: "release/a",
  }]);
  assertEquals(await gitIn(fleet, ".", "--git-dir", remote, "for-each-ref"), [
    `${head} commit\trefs/heads/release/a`,
  ]);
  // A detached HEAD stays one, and the branch stays where it was.
  assertEquals(await fleet.git("rev-parse", "main"), parent);
  assertEquals(await fleet.git("rev-parse", "--abbrev-ref", "HEAD"), "HEAD");
});

Deno.test("the program signs its commit for a remote that wants that, and says before it evaluates that it cannot", async () => {
  await using fleet = await TestFleet.create();
  const key = join(fleet.root, "home/key");
  await shell(
    fleet,
    `git clone -q --bare . ../remote.git && git remote add origin ../remote.git
     git config gpg.format ssh && git config user.signingkey '${key}' && git config commit.gpgSign true
     cat > ../remote.git/hooks/pre-receive <<'END'
#!/bin/sh
while read old new ref; do git cat-file commit $new | grep -q ^gpgsig || exit 1; done
END
     chmod +x ../remote.git/hooks/pre-receive`,
  );
  await expectRefused(fleet, { args: ["--git-push", "origin:main"] }, {
    message: "Cannot sign the commit of the release",
    including: ["key"],
    hint:
      "git signs by gpg.format, user.signingkey and gpg.program of its configuration; --git-sign=false leaves the " +
      "commit unsigned",
  });
  await shell(fleet, `ssh-keygen -q -t ed25519 -N '' -f '${key}'`);
  const parent = await fleet.head();
  // With the permissions of the packaged program: git runs what signs.
  const { code, stderr } = await fleet.release(["--git-push", "origin:main"], { variables: [] });
  assertEquals(code, 0, stderr);
  await expectReleaseCommit(fleet, parent);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main"), [await fleet.head()]);
});

Deno.test("the program exits 1 and keeps its commit when the remote refuses it", async () => {
  await using fleet = await TestFleet.create();
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  await fleet.git("remote", "add", "origin", "../remote.git");
  const parent = await fleet.head();
  await shell(
    fleet,
    `mkdir -p ../remote.git/hooks && cd ../remote.git/hooks
     printf '#!/bin/sh\\necho "closed until Monday" >&2\\nexit 1\\n' > pre-receive && chmod +x pre-receive`,
  );
  const { code, stdout, stderr } = await fleet.release(["--git-push", "origin:main"]);
  assertEquals([code, stdout], [1, ""], stderr);
  assertEquals(errorIn(stderr), 'error: Cannot push the release to "main" of "origin"');
  assert(stderr.includes("closed until Monday"), stderr);
  const hint =
    "hint: the release is written here; run again, and it is pushed: where the branch is protected, let this user push first\n";
  assert(stderr.endsWith(hint), stderr);
  await expectReleaseCommit(fleet, parent);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main"), [parent]);
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("the program pushes no commit of a branch that it does not release, and goes back to an older one", async () => {
  await using fleet = await TestFleet.create();
  const older = await fleet.head();
  const main = await fleet.commit("newer");
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  await fleet.git("remote", "add", "origin", "../remote.git");
  await fleet.git("checkout", "-q", "-b", "feature");
  const feature = await fleet.commit("not reviewed");
  const push = ["--git-push", "origin:main", "--build-flake"];
  // The branch that is checked out is another one: the release goes on top of what the remote has.
  const { releaseCommit } = await expectRelease(fleet, [...push, `git+file://${fleet.dir}?ref=main`]);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main", "main^"), [releaseCommit, main]);
  assertEquals([await fleet.head(), (await fleet.json())["meta"].ciCommit], [feature, main]);
  // On a branch that is where the remote's is, an older commit is released, and nothing is pushed but that.
  await shell(fleet, "rm -r releases && git checkout -q main && git pull -q --ff-only origin main");
  await expectRelease(fleet, [...push, `.?rev=${older}`]);
  assertEquals((await fleet.json())["meta"].ciCommit, older);
  assertEquals(await fleet.git("rev-parse", "HEAD^"), releaseCommit);
  assertEquals(await fleet.git("ls-remote", "origin", "main"), `${await fleet.head()}\trefs/heads/main`);
});

/** Hosts of which one is made of the flake's own revision. */
const SELF_READING = flakeOf(`{
  db = host (build "db" "echo db > $out");
  web1 = host (build "web1" "echo ${'${self.rev or "changed"}'} > $out");
}`).replace("outputs = _:", "outputs = { self, ... }:");

Deno.test("the program warns of a host that changes with each release, and not with a branch for the releases", async () => {
  await using fleet = await TestFleet.create({
    files: { "flake.nix": SELF_READING },
    edit: onlyHosts("db", "web1"),
  });
  await fleet.git("branch", "-q", "sources");
  const releaseOnce = async (...args: string[]) => {
    const { hosts, warnings } = await expectRelease(fleet, ["--git-commit", ...args]);
    const warned = warnings.filter(({ code }: { code: string }) => code === "self-reference");
    return {
      web1: hosts.find(({ name }: { name: string }) => name === "web1").closureHash,
      warned: warned.map(({ message }: { message: string }) => message.split(" have ")[0]!.split(" has ")[0]),
    };
  };
  const first = await releaseOnce();
  const second = await releaseOnce();
  assertEquals(first.web1 === second.web1, false);
  assertEquals([first.warned, second.warned], [[], ['The closure of "web1"']]);
  // What main has had until now becomes the branch of the releases.
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  const apart = ["--git-push", "../remote.git:main", "--build-flake", `git+file://${fleet.dir}?ref=sources`];
  assertEquals(await releaseOnce(...apart), { web1: first.web1, warned: [] });
  assertEquals(await releaseOnce(...apart), { web1: first.web1, warned: [] });
});

Deno.test("the program never shows the password of a remote's URL", async () => {
  await using fleet = await TestFleet.create();
  const url = "nowhere://bot:s3cret@example.com/fleet.git";
  // With -v it says all that it says without, and more.
  for (const more of [["-v"], ["--log-format", "json", "-v"]]) {
    const { code, stdout, stderr } = await fleet.release(["--git-push", `${url}:main`, ...more]);
    assertEquals(code, 1);
    assertEquals(stderr.includes("nowhere://***@example.com/fleet.git"), true, stderr);
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
  const { code, stderr } = await fleet.release(["--git-commit"], { env });
  assertEquals(code, 0, stderr);
  await expectReleaseCommit(fleet, parent);
  assertEquals((await fleet.json())["meta"].ciCommit, parent);
  assertEquals(await contents(fleet), [["db", "one"], ["web1", "one"], ["web2", "one"]]);
  assertEquals(await look(), before);
});

Deno.test("no program of the repository runs, also where PATH leads there from wherever it is", async () => {
  await using fleet = await TestFleet.create();
  for (const program of ["git", "nix", "nix-store", "sh", "ssh", "tar", "marking"]) {
    await fleet.write({ [program]: `#!/bin/sh\necho ${program} >> '${fleet.root}/home/ran'\nexit 1\n` });
    await Deno.chmod(join(fleet.dir, program), 0o755);
  }
  const parent = await fleet.commit("programs");
  await fleet.git("init", "-q", "--bare", "../remote.git");
  const args = ["--push-cmd", "! command -v marking", "--git-push", "../remote.git:main"];
  const result = await fleet.release(args, { env: { PATH: `.:${Deno.env.get("PATH")}:` } });
  assertEquals([result.code, await exists(join(fleet.root, "home/ran"))], [0, false], result.stderr);
  await expectReleaseCommit(fleet, parent);
  const warning =
    'warning: PATH has ".", "" in it, which is another directory wherever a program is started: ' +
    "it is passed over, and handed to no program\n";
  assertEquals(result.stderr.includes(warning), true, result.stderr);
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

Deno.test("the program leaves to git what lies beside a release at the root of a repository", async () => {
  await using fleet = await TestFleet.create({ files: { "notes.txt": "one\ntwo\n" } });
  const at = ["--release-dir", ".", "--artifact-name", 'a [b]*".json'];
  const { artifacts } = await expectRelease(fleet, [
    "--git-commit",
    "--revocations-attr",
    "fleet.revocations",
    ...at,
  ]);
  await fleet.git("-c", "core.autocrlf=true", "clone", "-q", ".", "../other");
  const read = (dir: string, path: string) => Deno.readTextFile(join(fleet.root, dir, path));
  assertEquals(await read("other", "notes.txt"), "one\r\ntwo\r\n");
  const paths = artifacts.map(({ path }: { path: string }): string => path);
  assertEquals(paths.length, 4);
  for (const path of paths.flatMap((path: string) => [path, `${path}.sig`])) {
    assertEquals(await fleet.git("check-attr", "-z", "text", "--", path), `${path}\0text\0unset\0`);
    assertEquals(
      await Deno.readFile(join(fleet.root, "other", path)),
      await Deno.readFile(join(fleet.dir, path)),
    );
  }
});

Deno.test("the program commits a release directory whose name means something to git and to the shell", async () => {
  await using fleet = await TestFleet.create();
  const parent = await fleet.head();
  const directory = '-dash/:(top)ü "quoted" [a-z]*\\\t/b/../..dots/';
  const result = await expectRelease(fleet, ["--git-commit", `--release-dir=${directory}`]);
  const names = (await fleet.git("-c", "core.quotePath=off", "show", "--format=", "--name-only", "-z"))
    .split("\0").slice(0, -1);
  const expected = result["artifacts"].flatMap(({ path }: { path: string }) => [
    join(directory, path),
    join(directory, `${path}.sig`),
  ]);
  assertEquals(names.sort(), [...expected, join(directory, ".gitattributes")].sort());
  assertEquals([await fleet.git("rev-parse", "HEAD~"), await fleet.git("status", "--porcelain")], [
    parent,
    "",
  ]);
});

Deno.test("the program commits by their own path what links lead to: the repository and the release directory", async () => {
  await using fleet = await TestFleet.create();
  await ensureDir(join(fleet.dir, "deep/releases"));
  await Deno.symlink("deep/releases", join(fleet.dir, "out"));
  const parent = await fleet.commit("a link");
  await Deno.symlink("fleet", join(fleet.root, "checkout"));
  await expectRelease(fleet, ["--git-commit", "--release-dir", "out"], { cwd: join(fleet.root, "checkout") });
  await expectReleaseCommit(fleet, parent, { releaseDir: "deep/releases" });
  assertEquals(await fleet.git("status", "--porcelain"), "");
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

/** How HEAD is moved by someone else while the release is made, and what is at it. */
const MOVES: [where: string, script: string, log: string[]][] = [
  ["a new commit", "git commit -q --allow-empty -m theirs", ["theirs", "second", "first"]],
  ["an older commit", "git update-ref HEAD $(git rev-list --max-parents=0 HEAD)", ["first"]],
];

for (const [where, script, log] of MOVES) {
  Deno.test(`the program makes no commit when HEAD moves to ${where} meanwhile, and says so`, async () => {
    await using fleet = await TestFleet.create();
    const head = await fleet.commit("second");
    // Once, with the first closure.
    const push = `test "$(git rev-parse HEAD)" != ${head} || ${script}`;
    const { code, stdout, stderr } = await fleet.release([
      "--git-commit",
      "--push-cmd",
      push,
      "--push-jobs=1",
    ]);
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

Deno.test("the program commits what is gone of old releases, also where an earlier run could not", async () => {
  await using fleet = await TestFleet.create({ files: { "revocations.json": "[]" } });
  const released: string[][] = [];
  const start = Math.floor(Date.now() / 1000);
  const release = async (minute: number, ...args: string[]) => {
    // As reproducible builds are given their time; before the commit it would be refused.
    const epoch = start + 60 * minute;
    const env = { SOURCE_DATE_EPOCH: `${epoch}` };
    const result = await expectRelease(fleet, ["--keep-releases=1", ...args], { env });
    assertEquals(Date.parse(result["signedAt"]) / 1000, epoch);
    released.push(
      result.artifacts.flatMap(({ path }: { path: string }) => [`releases/${path}`, `releases/${path}.sig`]),
    );
    if (!args.includes("--git-commit")) return;
    const listing = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases/");
    const files = listing.split("\n").filter((path) => /\.(json|sig)$/.test(path));
    assertEquals(files.sort(), released.at(-1)!.sort());
    assertEquals(await fleet.git("status", "--porcelain"), "");
  };
  await release(0, "--git-commit", "--revocations-attr=fleet.revocations", "--release-index");
  // One that commits nothing removes the sidecar and its signature.
  await release(1, "--prune-sidecars", "--release-index");
  await release(2, "--git-commit", "--prune-sidecars", "--release-index", "--require-clean");
  // One that was killed before it committed that, or somebody, has removed the next ones.
  for (const path of released[2]!) if (/rollouts|index/.test(path)) await Deno.remove(join(fleet.dir, path));
  await release(3, "--git-commit", "--require-clean");
});
