/**
 * Commits of releases: what there is to commit, and what has to come of it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import type { CommitOptions } from "../../src/adapters/git/commit.ts";
import type { ReleaseFile } from "../../src/ports.ts";
import { expectRun, which } from "./command.ts";
import type { TestFleet } from "./fleet.ts";
import { bytesOf } from "./git_fleet.ts";

/** A signature that has all that git likes to change: line ends of both kinds and a keyword. */
export const CRLF_SIGNATURE: Uint8Array<ArrayBuffer> = bytesOf(
  `a\r\nb\nc\r\n$Id: x$ ${"7".padStart(47, "0")}\n`,
);

/** A release in the order of writing: two manifests and the fleet, each behind its signature. */
export const FILES: readonly ReleaseFile[] = ["rollouts/a.json", "rollouts/b.json", "fleet.resolved.json"]
  .flatMap((path) => [
    { path: `${path}.sig`, bytes: CRLF_SIGNATURE },
    { path, bytes: bytesOf(`{"name":"${path}"}`) },
  ]);

/** Writes a release, and gives how it is committed. */
export async function toCommit(
  fleet: TestFleet,
  { dir = "releases", files = FILES, removed = [] }: {
    dir?: string;
    files?: readonly ReleaseFile[];
    removed?: readonly string[];
  } = {},
): Promise<Omit<CommitOptions, "on">> {
  const releaseDir = join(fleet.dir, dir);
  for (const { path, bytes } of files) {
    await ensureDir(dirname(join(releaseDir, path)));
    await Deno.writeFile(join(releaseDir, path), bytes);
  }
  return {
    releaseDir,
    files,
    beside: [],
    removed,
    message: "release",
    identity: { name: undefined, email: undefined },
    tempDir: join(fleet.root, "tmp"),
    signed: false,
  };
}

/** Git in another directory of the test, with what it printed in lines. */
export async function gitIn(fleet: TestFleet, dir: string, ...args: string[]): Promise<string[]> {
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
export async function expectReleaseCommit(
  fleet: TestFleet,
  parent: string,
  { dir = "fleet", releaseDir = "releases" } = {},
): Promise<void> {
  const [commits = ""] = await gitIn(fleet, dir, "rev-list", "--parents", "-1", "HEAD");
  assertEquals(commits.split(" ").slice(1), [parent]);
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

/** Makes a hook of the repository that notes its name, and then runs a script. */
export async function gitHook({ root, dir }: TestFleet, name: string, script: string): Promise<void> {
  const path = join(dir, ".git/hooks", name);
  await ensureDir(join(dir, ".git/hooks"));
  await Deno.writeTextFile(path, `#!/bin/sh\necho ${name} >> '${root}/home/hooks'\n${script}\n`);
  await Deno.chmod(path, 0o755);
}

/** Hooks and settings that would change a commit, stop it, or make another one. */
export async function makeHostile(fleet: TestFleet): Promise<void> {
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
}

/** Hooks that git runs for plumbing too, and a file monitor: each refuses what it is asked. Set up last. */
export async function makeWatchful(fleet: TestFleet): Promise<void> {
  for (const name of ["reference-transaction", "post-index-change", "pre-push", "monitor"]) {
    await gitHook(fleet, name, "exit 1");
  }
  await Deno.writeTextFile(
    join(fleet.dir, ".git/config"),
    "[core]\n\tfsmonitor = .git/hooks/monitor\n",
    { append: true },
  );
}

/** Stages and changes files in every way, and gives a look at all that has to stay as it is. */
export const STAGED = {
  files: Object.fromEntries(
    ["staged", "modified", "removed", "renamed", "both", "executable"].map((name) => [
      `${name}.txt`,
      `${name}\n`,
    ]),
  ),
  script: `
    echo more >> staged.txt; git add staged.txt
    echo more >> modified.txt
    git rm -q removed.txt
    git mv renamed.txt new-name.txt
    echo once >> both.txt; git add both.txt; echo twice >> both.txt
    chmod +x executable.txt; git add executable.txt
    echo new > added.txt; git add added.txt
    echo intended > intended.txt; git add -N intended.txt
    echo untracked > untracked.txt; echo ignored > ignored.txt; echo ignored.txt > .git/info/exclude
    mkdir -p releases; echo mine > releases/README; echo own > releases/staged; git add releases/staged`,
  look: async (fleet: TestFleet) => {
    const own = [".", ":!releases/*.json", ":!releases/*.sig", ":!releases/.gitattributes"];
    return {
      status: await fleet.git("status", "--porcelain", "--", ...own),
      cached: await fleet.git("diff", "--cached", "--binary", "--", ...own),
      unstaged: await fleet.git("diff", "--binary", "--", ...own),
      index: await fleet.git("ls-files", "--stage", "--debug", "--", ...own),
    };
  },
};
