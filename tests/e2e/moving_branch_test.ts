// Pushes to branches that move, that others release to, or that are for releases alone. Real remotes, in this process.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Finished } from "../support/command.ts";
import { type Draft, KEY, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { gitIn } from "../support/release_commit.ts";
import { onlyHosts, shell } from "../support/releases.ts";

const ORIGIN = ["--git-push", "origin:main"];

/** A small fleet with a bare remote. */
async function withRemote(): Promise<TestFleet> {
  const fleet = await TestFleet.create({ edit: onlyHosts("web1") });
  await shell(
    fleet,
    "git clone -q --bare . ../remote.git && git remote add origin ../remote.git && git fetch -q",
  );
  return fleet;
}

/** Releases in a directory beside the remote, by default the fleet's own. */
function releaseIn(
  fleet: TestFleet,
  args: readonly string[],
  { dir = "fleet", at }: { readonly dir?: string; readonly at?: string } = {},
): Promise<Finished> {
  const sign = ["--sign-key", KEY, "--public-key", PUBLIC_KEY, "--push-cmd", "true", "--json"];
  const more = at === undefined ? [] : ["--now", `2026-06-01T${at}Z`];
  return runInProcess([...sign, ...more, ...args], { cwd: join(fleet.root, dir), env: fleet.env() });
}

/** The same, which has to succeed. */
async function outcomeOf(...args: Parameters<typeof releaseIn>): Promise<Draft> {
  const { code, stdout, stderr } = await releaseIn(...args);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Clones the remote anew, and gives the name of the directory. */
async function clone(fleet: TestFleet, name: string, ...args: string[]): Promise<string> {
  await shell(fleet, `git clone -q ${args.join(" ")} 'file://${fleet.root}/remote.git' ../${name}`);
  return name;
}

/** Commits something beside the release upstream, as somebody else. */
function others(fleet: TestFleet, file: string): Promise<string> {
  const dir = join(fleet.root, crypto.randomUUID());
  return shell(
    fleet,
    `git clone -q ../remote.git '${dir}' && cd '${dir}' && echo theirs > '${file}' && git add . &&
     git commit -q -m '${file}' && git push -q && git rev-parse HEAD`,
  );
}

/** The subjects of the commits of a branch of the remote, the last one first. */
function subjects(fleet: TestFleet, branch = "main"): Promise<string[]> {
  return gitIn(fleet, "remote.git", "log", "--format=%s", branch);
}

/** What the commits of a branch of the remote change, the last one first: the first parts of the paths. */
async function changes(fleet: TestFleet, branch: string): Promise<string[]> {
  const lines = await gitIn(fleet, "remote.git", "log", "--format=tformat:commit:", "--name-only", branch);
  return lines.join("\n").split("commit:").slice(1).map((part) =>
    [...new Set(part.trim().split("\n").map((path) => path.split("/")[0]))].join(" ")
  );
}

Deno.test("the program releases beneath what others push meanwhile, in a shallow checkout of a commit too", async () => {
  await using fleet = await withRemote();
  const head = await fleet.head();
  const theirs = await others(fleet, "theirs.txt");
  // The branch had moved before the run began.
  const early = await outcomeOf(fleet, ORIGIN);
  assertEquals([early["outcome"], early["commit"]], ["released", head]);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main", "main^"), [
    early["releaseCommit"],
    theirs,
  ]);
  assertEquals(await changes(fleet, "main"), ["releases", "theirs.txt", "flake.nix fleet.json hosts.json"]);
  // Nothing of that is in the way of a pull, which makes the clone clean.
  assertEquals(await fleet.head(), head);
  await fleet.git("pull", "-q", "--ff-only", "origin", "main");
  assertEquals(await fleet.git("status", "--porcelain"), "");
  // It moves during the run, twice, just before it is pushed to.
  const shallow = await clone(fleet, "shallow", "--depth", "1");
  await shell(fleet, `cd ../${shallow} && git checkout -q --detach && git branch -q -D main`);
  await shell(
    fleet,
    `mkdir -p ../${shallow}/.git/hooks && cat > ../${shallow}/.git/hooks/pre-push <<'END'
#!/bin/sh
unset $(git rev-parse --local-env-vars)
n=$(ls ../moved.* 2>/dev/null | wc -l); test $n -lt 2 || exit 0
touch ../moved.$n
cd ../remote.git && git update-ref refs/heads/main $(git -c user.name=o -c user.email=o commit-tree -p main -m "meanwhile $n" main^{tree})
END
     chmod +x ../${shallow}/.git/hooks/pre-push`,
  );
  const before = await gitIn(fleet, shallow, "rev-parse", "HEAD");
  const late = await outcomeOf(fleet, [...ORIGIN, "--git-hooks"], { dir: shallow });
  assertEquals([late["outcome"], late["commit"]], ["released", before[0]]);
  const [release, ...rest] = await subjects(fleet);
  assert(release?.startsWith("chore(ci): release"), release);
  assertEquals(rest.slice(0, 2), ["meanwhile 1", "meanwhile 0"]);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main"), [late["releaseCommit"]]);
});

Deno.test("the program never goes back from a newer release upstream, and makes none twice", async () => {
  await using fleet = await withRemote();
  const [late, old] = [await clone(fleet, "late"), await clone(fleet, "old", "--depth=1")];
  const first = await outcomeOf(fleet, ORIGIN, { at: "12:00:00" });
  // Another runner was given the same commit, and comes later.
  const again = await outcomeOf(fleet, ORIGIN, { at: "12:00:05", dir: late });
  assertEquals([again["outcome"], again["releaseCommit"], again["pushedTo"]], [
    "already-released",
    null,
    null,
  ]);
  assertEquals(await gitIn(fleet, late, "status", "--porcelain"), [""]);
  assertEquals((await subjects(fleet)).length, 2);
  // Upstream, the next commit is released, and then the job of the first one runs again.
  await fleet.write({ "next.txt": "next" });
  await fleet.commit("next");
  await fleet.git("push", "-q", "origin", "main");
  const second = await outcomeOf(fleet, ORIGIN, { at: "12:10:00" });
  const refs = await gitIn(fleet, "remote.git", "for-each-ref");
  for (const dir of [late, old]) {
    const { code, stdout, stderr } = await releaseIn(fleet, ORIGIN, { at: "13:00:00", dir });
    assertEquals([code, JSON.parse(stdout).kind], [4, "superseded"], stderr);
    const message =
      `error: Superseded: "main" of "origin" has a newer release, in ${
        second["releaseCommit"].slice(0, 8)
      }, which ` +
      `is of commit ${
        second["commit"].slice(0, 8)
      } and was signed at 2026-06-01T12:10:00Z; this one is of commit ` +
      `${first["commit"].slice(0, 8)}\n`;
    assert(stderr.includes(message), stderr);
    assertEquals(await gitIn(fleet, dir, "status", "--porcelain"), [""]);
  }
  assertEquals(await gitIn(fleet, "remote.git", "for-each-ref"), refs);
  // Who means it goes back.
  const meant = await outcomeOf(fleet, [...ORIGIN, "--allow-older"], { at: "13:00:00", dir: late });
  assertEquals([meant["outcome"], meant["commit"]], ["released", first["commit"]]);
});

Deno.test("the program leaves a clone that a pull makes clean where another runner was faster with the same commit", async () => {
  await using fleet = await withRemote();
  const [fast, slow] = [await clone(fleet, "fast"), await clone(fleet, "slow")];
  await outcomeOf(fleet, ["--git-commit"], { at: "12:00:00", dir: fast });
  await shell(
    fleet,
    `mkdir -p ../slow/.git/hooks && cat > ../slow/.git/hooks/pre-push <<'END'
#!/bin/sh
unset $(git rev-parse --local-env-vars)
git -C ../fast push -q origin main
END
     chmod +x ../slow/.git/hooks/pre-push`,
  );
  const { outcome, releaseCommit } = await outcomeOf(fleet, [...ORIGIN, "--git-hooks"], {
    at: "12:00:05",
    dir: slow,
  });
  assertEquals([outcome, releaseCommit], ["already-released", null]);
  // What is there is their release, and nothing of ours beside it.
  const files = (dir: string) => fleet.files(join(fleet.root, dir, "releases"));
  assertEquals(await files(slow), await files(fast));
  await gitIn(fleet, slow, "pull", "-q", "--ff-only");
  assertEquals(await gitIn(fleet, slow, "rev-parse", "HEAD"), await gitIn(fleet, fast, "rev-parse", "HEAD"));
  assertEquals(await gitIn(fleet, slow, "status", "--porcelain"), [""]);
});

for (const [isSame, other] of [[true, "the same commit"], [false, "a later commit"]] as const) {
  Deno.test(`the program leaves a clone that was behind, and that a pull makes clean, beside a release of ${other}`, async () => {
    await using fleet = await withRemote();
    const [fast, slow] = [await clone(fleet, "fast"), await clone(fleet, "slow")];
    const theirs = await others(fleet, "theirs.txt");
    if (!isSame) await gitIn(fleet, fast, "pull", "-q");
    await outcomeOf(fleet, ORIGIN, { at: "12:00:00", dir: fast });
    // Their release appears just before this one is pushed.
    const remote = (...args: string[]) => gitIn(fleet, "remote.git", ...args);
    await remote("branch", "-q", "coming", "main");
    await remote("update-ref", "refs/heads/main", theirs.trim());
    await shell(
      fleet,
      `mkdir -p ../slow/.git/hooks && cat > ../slow/.git/hooks/pre-push <<'END'
#!/bin/sh
unset $(git rev-parse --local-env-vars)
git -C ../remote.git update-ref refs/heads/main coming
END
       chmod +x ../slow/.git/hooks/pre-push`,
    );
    const { code, stderr } = await releaseIn(fleet, [...ORIGIN, "--git-hooks"], {
      at: "12:00:05",
      dir: slow,
    });
    assertEquals(code, isSame ? 0 : 4, stderr);
    assertEquals(
      await remote("show", "main:releases/fleet.resolved.json"),
      await shell(fleet, "cat ../slow/releases/fleet.resolved.json").then((text) => text.split("\n")),
    );
    await gitIn(fleet, slow, "pull", "-q", "--ff-only");
    assertEquals(await gitIn(fleet, slow, "status", "--porcelain"), [""]);
    assertEquals(await gitIn(fleet, slow, "rev-parse", "HEAD"), await remote("rev-parse", "main"));
  });
}

Deno.test("the program leaves a clone that a pull makes clean where its release is upstream in another commit already", async () => {
  await using fleet = await withRemote();
  const [late, other] = [await clone(fleet, "late"), await clone(fleet, "other")];
  await outcomeOf(fleet, ["--git-commit"], { at: "12:00:00", dir: late });
  await others(fleet, "theirs.txt");
  await outcomeOf(fleet, ORIGIN, { at: "12:00:05", dir: other });
  const { outcome } = await outcomeOf(fleet, ORIGIN, { at: "12:00:10", dir: late });
  assertEquals(outcome, "already-released");
  await gitIn(fleet, late, "pull", "-q", "--ff-only");
  assertEquals(await gitIn(fleet, late, "status", "--porcelain"), [""]);
});

Deno.test("the program pushes a release that was refused before, once, whatever its options for reuse", async () => {
  await using fleet = await withRemote();
  const head = await fleet.head();
  await shell(
    fleet,
    `printf '#!/bin/sh\\necho "closed until Monday" >&2\\nexit 1\\n' > ../remote.git/hooks/pre-receive
     chmod +x ../remote.git/hooks/pre-receive`,
  );
  for (const at of ["12:00:00", "12:01:00", "12:02:00"]) {
    const { code, stderr } = await releaseIn(fleet, ORIGIN, { at });
    assertEquals(code, 1, stderr);
    assert(stderr.includes("closed until Monday"), stderr);
  }
  assertEquals(await fleet.git("log", "--format=%H", "-2").then((log) => log.split("\n")[1]), head);
  // One that is made anew takes the place of that which nobody has.
  const { code } = await releaseIn(fleet, [...ORIGIN, "--release-index"], { at: "12:03:00" });
  assertEquals(code, 1);
  const made = await fleet.head();
  await fleet.git("--git-dir", "../remote.git", "config", "core.hooksPath", "/dev/null");
  const pushed = await outcomeOf(fleet, [...ORIGIN, "--release-index"], { at: "12:04:00" });
  assertEquals([pushed["outcome"], pushed["commit"], pushed["releaseCommit"]], ["pushed", head, made]);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main", "main^"), [made, head]);
  assertEquals(await fleet.git("status", "--porcelain"), "");
  // A release below other commits, of a run that was told to keep what has not changed.
  await fleet.git("--git-dir", "../remote.git", "update-ref", "refs/heads/main", head);
  await fleet.commit("empty");
  const kept = ["--release-index", "--reuse-unchanged-signature"];
  const below = await outcomeOf(fleet, [...ORIGIN, ...kept], { at: "12:05:00" });
  assertEquals([below["outcome"], below["releaseCommit"]], ["pushed", await fleet.head()]);
  const nothing = await outcomeOf(fleet, [...ORIGIN, ...kept], { at: "12:06:00" });
  assertEquals([nothing["outcome"], nothing["pushedTo"]], ["no-change", null]);
});

Deno.test("the program pushes the release of a commit on top of others' that came after it was refused", async () => {
  await using fleet = await withRemote();
  const head = await fleet.head();
  await fleet.git("remote", "set-url", "--push", "origin", "../gone.git");
  await fleet.git("clone", "-q", "--bare", ".", "../gone.git");
  await shell(
    fleet,
    "printf '#!/bin/sh\\nexit 1\\n' > ../gone.git/hooks/pre-receive; chmod +x ../gone.git/hooks/*",
  );
  assertEquals((await releaseIn(fleet, ORIGIN, { at: "12:00:00" })).code, 1);
  assertEquals(await fleet.git("rev-parse", "HEAD^"), head);
  const theirs = await others(fleet, "theirs.txt");
  await fleet.git("config", "--unset", "remote.origin.pushurl");
  const { outcome, commit, releaseCommit } = await outcomeOf(fleet, ORIGIN, { at: "12:01:00" });
  assertEquals([outcome, commit], ["released", head]);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main", "main^"), [releaseCommit, theirs]);
  assertEquals(await fleet.head(), head);
  await fleet.git("pull", "-q", "--ff-only", "origin", "main");
  assertEquals(await fleet.git("status", "--porcelain"), "");
});

Deno.test("the program releases to a branch of its own from fresh clones of a branch that stays as it is", async () => {
  await using fleet = await withRemote();
  await fleet.git("--git-dir", "../remote.git", "branch", "-q", "releases", "main");
  const own = ["--git-push", "origin:releases", "--require-clean", "--keep-releases=2"];
  const head = await fleet.head();
  const made: string[] = [];
  for (const [index, more] of [["--depth=1"], [], ["--depth=1"]].entries()) {
    const dir = await clone(fleet, `clone${index}`, "--branch=main", ...more);
    const { outcome, releaseCommit } = await outcomeOf(fleet, own, { dir, at: `12:0${index}:00` });
    assertEquals(outcome, "released");
    assertEquals(await gitIn(fleet, dir, "rev-parse", "HEAD", "main"), [head, head]);
    assertEquals(await gitIn(fleet, dir, "diff", "--cached", "--name-only"), [""]);
    made.push(releaseCommit);
  }
  assertEquals(await gitIn(fleet, "remote.git", "rev-list", "releases"), [...made.reverse(), head]);
  assertEquals(await changes(fleet, "releases"), [
    ...["releases", "releases", "releases"],
    "flake.nix fleet.json hosts.json",
  ]);
  // One manifest of each of the last two, with its signature.
  const manifests = () =>
    gitIn(fleet, "remote.git", "ls-tree", "-r", "--name-only", "releases", "releases/rollouts/");
  assertEquals((await manifests()).length, 4);
  // The same clone again, where the files of the last run are; and an older commit's job, which is too late.
  assertEquals((await outcomeOf(fleet, own, { dir: "clone1", at: "12:05:00" }))["outcome"], "released");
  await others(fleet, "theirs.txt");
  const newer = await clone(fleet, "newer", "--depth=1", "--branch=main");
  assertEquals((await outcomeOf(fleet, own, { dir: newer, at: "12:06:00" }))["outcome"], "released");
  assertEquals((await manifests()).length, 4);
  const { code, stderr } = await releaseIn(fleet, own, { dir: "clone0", at: "12:07:00" });
  assertEquals(code, 4, stderr);
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main^"), [head]);
});

Deno.test("the program begins a branch of its own on what is released, and leaves the fleet's where it is", async () => {
  await using fleet = await withRemote();
  const head = await fleet.head();
  const { releaseCommit } = await outcomeOf(fleet, ["--git-push", "origin:releases"], { at: "12:00:00" });
  assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "releases", "releases^", "main"), [
    ...[releaseCommit, head, head],
  ]);
  assertEquals(await fleet.head(), head);
});

Deno.test("the program leaves a branch where it is whose release is on another branch, or another remote", async () => {
  await using fleet = await withRemote();
  await outcomeOf(fleet, ORIGIN, { at: "12:00:00" });
  const released = await fleet.head();
  await shell(fleet, "git clone -q --bare . ../backup.git && git remote add backup ../backup.git");
  await fleet.git("--git-dir", "../backup.git", "update-ref", "refs/heads/main", `${released}^`);
  const own = await outcomeOf(fleet, ["--git-push", "origin:releases"], { at: "12:10:00" });
  assertEquals([own["outcome"], own["commit"], await fleet.head()], ["released", released, released]);
  assertEquals(await fleet.git("diff", "--cached", "--name-only"), "");
  await fleet.git("checkout", "-q", "--", ".");
  const other = await outcomeOf(fleet, ["--git-push", "backup:main"], { at: "12:20:00" });
  assertEquals([other["outcome"], other["commit"]], ["released", released]);
  assertEquals(await fleet.git("rev-parse", "HEAD", "HEAD^"), `${other["releaseCommit"]}\n${released}`);
});

for (const lacking of ["blob:none", "tree:0"]) {
  Deno.test(`the program releases from clones that lack what others have released (${lacking})`, async () => {
    await using fleet = await withRemote();
    await shell(fleet, "git --git-dir ../remote.git config uploadpack.allowFilter true");
    const partial = (name: string) => clone(fleet, name, `--filter=${lacking}`, "--branch=main");
    const old = await partial("old");
    await others(fleet, "theirs.txt");
    const [first, second] = [await partial("first"), await partial("second")];
    const own = ["--git-push", "origin:releases"];
    const releases = [
      await outcomeOf(fleet, own, { dir: first, at: "12:00:00" }),
      await outcomeOf(fleet, own, { dir: await partial("next"), at: "12:10:00" }),
    ].map(({ releaseCommit }) => releaseCommit);
    assertEquals(await gitIn(fleet, "remote.git", "rev-list", "-2", "releases"), releases.reverse());
    await outcomeOf(fleet, ORIGIN, { dir: first, at: "12:20:00" });
    const again = await outcomeOf(fleet, ORIGIN, { dir: second, at: "12:30:00" });
    assertEquals(again["outcome"], "already-released");
    const { code, stderr } = await releaseIn(fleet, ORIGIN, { dir: old, at: "12:40:00" });
    assertEquals(code, 4, stderr);
  });
}

Deno.test("the program tells of what lies on a branch of releases beside this one, and leaves another fleet whole", async () => {
  await using fleet = await withRemote();
  const to = ["--git-push", "origin:releases"];
  const released = async (at: string, ...args: string[]) => {
    const dir = await clone(fleet, at, "--depth=1");
    const { warnings } = await outcomeOf(fleet, [...to, ...args], { at: `${at}:00:00`, dir });
    const told = warnings.filter(({ code }: Draft) => /^(second|stale|strange)-/.test(code));
    return told.map(({ code, path }: Draft) => path === undefined ? code : `${code} ${path}`);
  };
  const filesOf = async () =>
    await gitIn(fleet, "remote.git", "ls-tree", "-r", "--name-only", "releases:releases");
  const other = [
    "--artifact-name",
    "other.json",
    "--revocations-attr",
    "fleet.revocations",
    "--release-index",
  ];
  assertEquals(await released("12", ...other), []);
  const others = (await filesOf()).filter((path) => /^(other|rollouts)/.test(path));
  assertEquals(others.length, 4);
  // Nothing of it is in a fresh clone of the fleet.
  assertEquals(await released("13", "--keep-releases", "1"), [
    "second-fleet other.json",
    "stale-sidecar revocations.json",
    "stale-index release-index.json",
  ]);
  const kept = new Set(await filesOf());
  assertEquals(others.filter((path) => !kept.has(path)), []);
  assertEquals(await released("14", "--keep-releases", "1", "--prune-sidecars"), ["second-fleet other.json"]);
  assertEquals((await filesOf()).filter((path) => /^re/.test(path)), []);
  const dir = await clone(fleet, "somebody", "--branch=releases");
  await shell(
    fleet,
    `cd ../${dir} && echo '{}' > releases/notes.json && echo '{}' > releases/rollouts/notes.json && git add . &&
     git commit -q -m notes && git push -q`,
  );
  assertEquals(await released("15"), ["second-fleet other.json", "strange-files"]);
});

Deno.test("the program pushes what is released along with the release from a branch that no remote has", async () => {
  await using fleet = await withRemote();
  // As some CI checks a commit out.
  const dir = await clone(fleet, "ci");
  const build = (...args: string[]) => shell(fleet, `cd ../${dir} && ${args.join(" && ")}`);
  await build("git checkout -q --no-track -b build origin/main", "echo ours > ours.txt", "git add .");
  await build("git commit -q -m ours");
  for (const at of ["12:00:00", "13:00:00"]) {
    const [head] = await gitIn(fleet, dir, "rev-parse", "HEAD");
    const { outcome, commit, releaseCommit } = await outcomeOf(fleet, ORIGIN, { dir, at });
    assertEquals([outcome, commit], ["released", head]);
    assertEquals(await gitIn(fleet, "remote.git", "rev-parse", "main", "main^"), [releaseCommit, head]);
    assertEquals(await gitIn(fleet, dir, "rev-parse", "HEAD"), [releaseCommit]);
    assertEquals(await build("git status --porcelain"), "");
  }
});
