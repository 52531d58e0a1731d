import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { checkPush, moveHead, pushCommit } from "../../../src/adapters/git/branch.ts";
import { type GitContext, gitContext } from "../../../src/adapters/git/context.ts";
import { makeCommit } from "../../../src/adapters/git/objects.ts";
import { GIT, type GitFleet, gitFleet, moveOf } from "../../support/git_fleet.ts";
import type { Standing } from "../../../src/ports.ts";
import { rejection } from "../../support/pure.ts";
import { shell } from "../../support/releases.ts";

/** The git that talks to remotes. */
function remoteGit({ shell, fleet }: GitFleet): GitContext {
  return gitContext(shell, fleet.env(), { remote: true });
}

/** A commit on top of the first one, which no branch names. What that runs is not kept. */
async function nextCommit({ fleet, git, head, commands }: GitFleet, message: string): Promise<string> {
  const identity = { name: undefined, email: undefined };
  const tree = await fleet.git("rev-parse", `${head}^{tree}`);
  const commit = await makeCommit(git, fleet.dir, { tree, parent: head, message, identity, signed: false });
  commands.length = 0;
  return commit;
}

Deno.test("moveHead() moves the branch by one command, and says why in the reflog", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const commit = await nextCommit(world, "next");
  await moveHead(git, fleet.dir, { commit, from: head, reason: "fleet-release: next", locks: [] });
  assertEquals(commands, [
    moveOf("fleet-release: next", commit, head),
  ]);
  assertEquals(await fleet.git("rev-parse", "main"), commit);
  assertEquals(await fleet.git("reflog", "-1", "--format=%gs", "main"), "fleet-release: next");
});

Deno.test("moveHead() moves a branch that has no commit yet, and no other one from nothing", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const move = { commit: head, from: null, reason: "first", locks: [] };
  const { kind, message } = await rejection(moveHead(git, fleet.dir, move));
  const moved = "Cannot commit the release: the branch moved while the release was made";
  assertEquals([kind, message], ["git", moved]);
  await fleet.git("checkout", "-q", "--orphan", "unborn");
  commands.length = 0;
  await moveHead(git, fleet.dir, move);
  assertEquals(commands, [moveOf("first", head, "0".repeat(40))]);
  assertEquals(await fleet.git("rev-parse", "unborn"), head);
});

Deno.test("moveHead() refuses a branch that moved meanwhile, and leaves it where it is", async () => {
  await using world = await gitFleet();
  const { fleet, git, head, commands } = world;
  const commit = await nextCommit(world, "next");
  const other = await fleet.commit("somebody else's");
  const { lines: _, ...refused } = await rejection(
    moveHead(git, fleet.dir, { commit, from: head, reason: "next", locks: [] }),
  );
  assertEquals(refused, {
    kind: "git",
    message: "Cannot commit the release: the branch moved while the release was made",
    hint: "the release files are written; run again to release the commit that the branch is at now",
  });
  assertEquals(commands.at(-1), [GIT, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), other);
});

Deno.test("moveHead() says of a branch that is locked that it cannot be moved", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const commit = await nextCommit(world, "next");
  await Deno.writeTextFile(join(fleet.dir, ".git/refs/heads/main.lock"), "");
  const { kind, message } = await rejection(
    moveHead(git, fleet.dir, { commit, from: head, reason: "next", locks: [] }),
  );
  assertEquals([kind, message], ["git", "Cannot move the branch to the release: git exited with 128"]);
});

Deno.test("moveHead() moves a detached HEAD, and no branch", async () => {
  await using world = await gitFleet();
  const { fleet, git, head } = world;
  const commit = await nextCommit(world, "next");
  await fleet.git("checkout", "-q", "--detach");
  await moveHead(git, fleet.dir, { commit, from: head, reason: "next", locks: [] });
  assertEquals(await fleet.git("rev-parse", "HEAD", "main"), `${commit}\n${head}`);
  assertEquals(await fleet.git("rev-parse", "--abbrev-ref", "HEAD"), "HEAD");
});

Deno.test("moveHead() refuses a branch that went back to an older commit, and leaves it there", async () => {
  await using world = await gitFleet();
  const { fleet, git, head: older } = world;
  const head = await fleet.commit("second");
  const commit = await nextCommit({ ...world, head }, "next");
  await fleet.git("update-ref", "HEAD", older);
  const { message } = await rejection(
    moveHead(git, fleet.dir, { commit, from: head, reason: "next", locks: [] }),
  );
  assertEquals(message, "Cannot commit the release: the branch moved while the release was made");
  assertEquals(await fleet.head(), older);
});

Deno.test("pushCommit() pushes one commit to one branch, whatever else git is configured to push", async () => {
  await using world = await gitFleet();
  const { fleet, head, commands } = world;
  const remote = join(fleet.root, "remote.git");
  await shell(
    fleet,
    `git init -q --bare ../remote.git && git remote add origin ../remote.git
     git branch private && git tag -a -m private private-tag
     git config push.followTags true && git config push.default matching
     git config --add remote.origin.push 'refs/heads/*:refs/heads/*'`,
  );
  await pushCommit(remoteGit(world), fleet.dir, { commit: head, remote, branch: "release/a" });
  assertEquals(commands, [[
    ...[GIT, "push", "--porcelain", "--progress", "--no-follow-tags", "--recurse-submodules=no", "--"],
    ...[remote, `${head}:refs/heads/release/a`],
  ]]);
  assertEquals(await fleet.git("ls-remote", remote), `${head}\trefs/heads/release/a`);
  for (const branch of ["main", "refs/for/main"]) {
    await pushCommit(remoteGit(world), fleet.dir, { commit: head, remote: "origin", branch });
  }
  assertEquals(
    (await fleet.git("ls-remote", remote)).split("\n"),
    ["refs/for/main", "refs/heads/main", "refs/heads/release/a"].map((name) => `${head}\t${name}`),
  );
});

/** How a bare remote is called: REMOTE stands for its path, which has a colon in it. */
const REMOTES: [of: string, remote: string, branch: string][] = [
  ["a relative path with a colon", "../re:mote.git", "main"],
  ["an absolute path with a colon", "REMOTE", "main"],
  ["a file:// URL with a colon", "file://REMOTE", "main"],
  ["a named remote", "origin", "main"],
  ["a named remote that does not have the branch", "origin", "release/2026-06"],
];

for (const [of, name, branch] of REMOTES) {
  for (const detached of [false, true]) {
    Deno.test(`pushCommit() pushes from ${detached ? "a detached HEAD" : "a branch"} to ${of}`, async () => {
      await using world = await gitFleet();
      const { fleet, head } = world;
      const remote = join(fleet.root, "re:mote.git");
      await fleet.git("init", "-q", "--bare", remote);
      await fleet.git("remote", "add", "origin", remote);
      if (detached) await fleet.git("checkout", "-q", "--detach");
      const commit = await nextCommit(world, "next");
      await pushCommit(remoteGit(world), fleet.dir, {
        commit,
        remote: name.replace("REMOTE", remote),
        branch,
      });
      const refs = await fleet.git("--git-dir", remote, "for-each-ref");
      assertEquals(refs, `${commit} commit\trefs/heads/${branch}`);
      assertEquals(await fleet.git("rev-parse", "HEAD", "main"), `${head}\n${head}`);
    });
  }
}

/** Remotes that refuse a push beside one that has gone on, and what git says of it. */
const REFUSALS: [of: string, script: string, reason: string][] = [
  [
    "has a pre-receive hook that says no",
    `mkdir -p ../remote.git/hooks && cd ../remote.git/hooks
     printf '#!/bin/sh\\necho "closed until Monday" >&2\\nexit 1\\n' > pre-receive && chmod +x pre-receive`,
    "closed until Monday",
  ],
  ["is gone", "rm -r ../remote.git", "does not appear to be a git repository"],
];

for (const [of, script, reason] of REFUSALS) {
  Deno.test(`pushCommit() leaves a remote as it is that ${of}, and says why`, async () => {
    await using world = await gitFleet();
    const { fleet } = world;
    await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
    await fleet.git("remote", "add", "origin", "../remote.git");
    await shell(fleet, script);
    const refs = () => shell(fleet, "test ! -d ../remote.git || git --git-dir ../remote.git for-each-ref");
    const before = await refs();
    const commit = await nextCommit(world, "next");
    const { lines, ...refused } = await rejection(
      pushCommit(remoteGit(world), fleet.dir, { commit, remote: "origin", branch: "main" }),
    );
    assertEquals(refused, {
      kind: "git",
      message: 'Cannot push the release to "main" of "origin"',
      hint:
        "the release is written here; run again, and it is pushed: where the branch is protected, let this user push first",
    });
    assert(lines!.some((line) => line.includes(reason)), lines!.join("\n"));
    assertEquals(await refs(), before);
  });
}

Deno.test("pushCommit() tells a branch that has gone on, here or elsewhere, from one that a push is through to", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  const commit = await nextCommit(world, "next");
  const push = (commit: string) =>
    pushCommit(remoteGit(world), fleet.dir, { commit, remote: "../remote.git", branch: "main" });
  assertEquals(await push(commit), "pushed");
  assertEquals(await push(head), "moved");
  await shell(fleet, THEIRS);
  assertEquals(await push(commit), "moved");
  // What reports the push breaks when the branch is moved already.
  const broken = { ...remoteGit(world), git: join(fleet.root, "git") };
  await Deno.writeTextFile(broken.git, `#!/bin/sh\n${GIT} "$@" || exit\ntest "$1" != push\n`, {
    mode: 0o755,
  });
  await fleet.git("fetch", "-q", "../remote.git", "main");
  const after = await fleet.git("rev-parse", "FETCH_HEAD");
  const target = { commit: after, remote: "../remote.git", branch: "main" };
  assertEquals(await pushCommit(broken, fleet.dir, target), "pushed");
});

Deno.test("pushCommit() shows no password of a remote", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const remote = "https://me:hunter2@127.0.0.1:1/fleet.git";
  const refused = await rejection(
    pushCommit(remoteGit(world), fleet.dir, { commit: head, remote, branch: "main" }),
  );
  assertEquals(
    refused.message,
    'Cannot push the release to "main" of "https://***@127.0.0.1:1/fleet.git"',
  );
  assert(!JSON.stringify(refused).includes("hunter2"), refused.lines?.join("\n"));
});

const THEIRS =
  "git clone -q ../remote.git ../other && cd ../other && git commit -q --allow-empty -m theirs && git push -q";

/** What a branch of a remote is at, and how it stands to the commit that is checked out. */
const PUSHABLE: [of: string, script: string, branch: string, standing: Standing][] = [
  ["is at this very commit", "true", "main", "same"],
  ["is at an older commit", "git commit -q --allow-empty -m next", "main", "behind"],
  ["does not exist", "true", "release/a", "behind"],
  ["takes commits for review", "true", "refs/for/main", "behind"],
  ["has commits that are not here", `(${THEIRS})`, "main", "apart"],
  ["has commits that are fetched, but not in this one", `(${THEIRS}) && git fetch -q`, "main", "apart"],
];

for (const [of, script, branch, standing] of PUSHABLE) {
  Deno.test(`checkPush() gives "${standing}" for a branch that ${of}, and changes nothing`, async () => {
    await using world = await gitFleet();
    const { fleet, commands } = world;
    await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
    await fleet.git("remote", "add", "origin", "../remote.git");
    await shell(
      fleet,
      `git fetch -q; ${script}; mkdir -p .git/hooks; echo 'exit 1' > .git/hooks/pre-push; chmod +x .git/hooks/*`,
    );
    const refs = () => fleet.git("--git-dir", "../remote.git", "for-each-ref");
    const [before, commit] = [await refs(), await fleet.head()];
    const git = gitContext(world.shell, fleet.env(), { remote: true, hooks: true });
    assertEquals(await checkPush(git, fleet.dir, { commit, remote: "origin", branch }), standing);
    const name = branch.startsWith("refs/") ? branch : `refs/heads/${branch}`;
    assertEquals(commands, [[
      ...[
        GIT,
        "push",
        "--porcelain",
        "--progress",
        "--dry-run",
        "--no-verify",
        "--no-follow-tags",
        "--recurse-submodules=no",
      ],
      ...["--", "origin", `${commit}:${name}`],
    ]]);
    assertEquals(await refs(), before);
  });
}

Deno.test("checkPush() refuses when the remote has commits, and there is none here", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  await fleet.git("checkout", "-q", "--orphan", "unborn");
  const push = { commit: null, remote: "../remote.git", branch: "main" };
  assertEquals(await rejection(checkPush(remoteGit(world), fleet.dir, push)), {
    kind: "git",
    message: 'Cannot push a release to "main" of "../remote.git": it has commits, and there is none here',
    hint: "fetch them, and release what is on top of them",
  });
});

Deno.test("checkPush() takes a new remote for the first commit of a repository", async () => {
  await using world = await gitFleet();
  const { fleet } = world;
  await shell(fleet, "git init -q --bare ../remote.git && git checkout -q --orphan unborn");
  const push = { commit: null, remote: "../remote.git", branch: "main" };
  assertEquals(await checkPush(remoteGit(world), fleet.dir, push), "behind");
});

Deno.test("checkPush() names a remote that cannot be reached, without its password, and those that there are", async () => {
  await using world = await gitFleet();
  const { fleet, head } = world;
  const refused = async (remote: string) => {
    const { lines = [], ...said } = await rejection(
      checkPush(remoteGit(world), fleet.dir, { commit: head, remote, branch: "main" }),
    );
    return { ...said, says: lines.some((line) => line.includes("does not appear to be a git repository")) };
  };
  const kind = "git" as const;
  assertEquals(await refused("origin"), {
    kind,
    message: 'Cannot push to the remote "origin"',
    hint: "the repository has no remote: `git remote add` one, or give its address",
    says: true,
  });
  await shell(fleet, "git remote add upstream ../gone.git && git remote add backup ../gone.git");
  assertEquals(await refused("origin"), {
    kind,
    message: 'Cannot push to the remote "origin"',
    hint: 'the repository has the remotes "backup", "upstream"',
    says: true,
  });
  assertEquals(await refused("upstream"), {
    kind,
    message: 'Cannot push to the remote "upstream"',
    hint: "`git remote -v` shows its address, and `git push --dry-run` asks it",
    says: true,
  });
  const secret = "https://me:hunter2@127.0.0.1:1/fleet.git";
  const refusal = await rejection(
    checkPush(remoteGit(world), fleet.dir, { commit: head, remote: secret, branch: "main" }),
  );
  assertEquals(refusal.message, 'Cannot push to the remote "https://***@127.0.0.1:1/fleet.git"');
  assert(!JSON.stringify(refusal).includes("hunter2"), refusal.lines?.join("\n"));
  // Of this one git says the whole of it.
  const local = { commit: head, remote: "../gone.git?private_token=hunter2", branch: "main" };
  const { lines } = await rejection(checkPush(remoteGit(world), fleet.dir, local));
  assert(lines!.some((line) => line.includes("../gone.git?private_token=***")), lines!.join("\n"));
});
