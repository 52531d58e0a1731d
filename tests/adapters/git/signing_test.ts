// Real keys, and git's own check of the signatures that are made with them.

import { assert, assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { join } from "@std/path";
import { gitContext } from "../../../src/adapters/git/context.ts";
import { createGit } from "../../../src/adapters/git/git.ts";
import { checkSigning, signsCommits } from "../../../src/adapters/git/signing.ts";
import { findProgram } from "../../../src/adapters/search_path.ts";
import { expectRun, which } from "../../support/command.ts";
import type { TestFleet } from "../../support/fleet.ts";
import { GIT, type GitFleet, gitFleet } from "../../support/git_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { toCommit } from "../../support/release_commit.ts";

const NOBODY = { name: undefined, email: undefined };
/** Undefined where there is none. */
const GPG = findProgram("gpg", Deno.env.get("PATH") ?? "").path;

/** Makes a key for ssh, has git sign with it, and says by whom it is trusted. */
async function signBySsh({ fleet }: GitFleet): Promise<Record<string, string>> {
  const key = join(fleet.root, "home/key");
  await expectRun([which("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key]);
  const signers = join(fleet.root, "home/signers");
  await Deno.writeTextFile(signers, `tester@example.com ${await Deno.readTextFile(`${key}.pub`)}`);
  await fleet.git("config", "gpg.format", "ssh");
  await fleet.git("config", "user.signingkey", `${key}.pub`);
  await fleet.git("config", "gpg.ssh.allowedSignersFile", signers);
  return {};
}

/** Makes a key for gpg, of the committer's address. */
async function signByGpg({ fleet }: GitFleet): Promise<Record<string, string>> {
  // The path of its socket may be no longer than some hundred characters.
  const home = await Deno.makeTempDir({ prefix: "gpg-" });
  const env = { ...fleet.env(), GNUPGHOME: home };
  const make = [
    "--batch",
    "--quiet",
    "--passphrase",
    "",
    "--quick-generate-key",
    "tester <tester@example.com>",
  ];
  await expectRun([GPG!, ...make, "ed25519", "sign"], { env });
  await fleet.git("config", "user.signingkey", "tester@example.com");
  return { GNUPGHOME: home };
}

/** Ends the agent that gpg has left, and takes its keys away. */
async function forgetGpg({ GNUPGHOME: home }: Record<string, string>): Promise<void> {
  if (home === undefined) return;
  const env = { GNUPGHOME: home, PATH: Deno.env.get("PATH") ?? "" };
  await expectRun([join(GPG!, "../gpgconf"), "--kill", "all"], { env });
  await Deno.remove(home, { recursive: true });
}

const FORMATS: [
  format: string,
  ready: (world: GitFleet) => Promise<Record<string, string>>,
  ignore: boolean,
][] = [
  ["ssh", signBySsh, false],
  // There is none on the machine.
  ["openpgp", signByGpg, GPG === undefined],
];

for (const [format, ready, ignore] of FORMATS) {
  Deno.test({
    name:
      `a release commit is signed by ${format}, as --git-sign or commit.gpgSign says, and git verifies it`,
    ignore,
    async fn() {
      await using world = await gitFleet();
      const { fleet, shell, commands } = world;
      const variables = await ready(world);
      const env = { ...fleet.env(), ...variables };
      const tempDir = join(fleet.root, "tmp");
      try {
        const made: boolean[] = [];
        for (
          const [sign, configured] of [[true, false], [undefined, true], [undefined, false], [false, true]]
        ) {
          await fleet.git("config", "commit.gpgSign", String(configured));
          const git = createGit(shell, { env, tempDir, hooks: false, sign, timeout: 60 });
          const repository = (await git.repositoryOf(fleet.dir))!;
          const before = await objectsOf(fleet);
          await git.checkSigning(repository, NOBODY);
          assertEquals(await objectsOf(fleet), before);
          const files = [{ path: "a.json", bytes: new TextEncoder().encode(`${made.length}`) }];
          const on = { parent: repository.head, moves: true, stages: true };
          const commit = (await git.commit(repository, { ...await toCommit(fleet, { files }), on }))!;
          made.push(/^gpgsig /m.test(await fleet.git("cat-file", "commit", commit)));
          if (made.at(-1)) await expectRun([GIT, "verify-commit", commit], { cwd: fleet.dir, env });
        }
        assertEquals(made, [true, true, false, false]);
        const signed = commands.filter((argv) => argv.includes("commit-tree") && argv.includes("-S"));
        assertEquals(signed.length, 4);
        if (format !== "openpgp") return;
        // Gpg takes the key of who commits where git names none.
        await fleet.git("config", "--unset", "user.signingkey");
        const git = createGit(shell, { env, tempDir, hooks: false, sign: true, timeout: 60 });
        const repository = { root: fleet.dir, head: world.head };
        await git.checkSigning(repository, NOBODY);
        const { kind } = await rejection(
          git.checkSigning(repository, { name: "ci", email: "ci@example.com" }),
        );
        assertEquals(kind, "git");
      } finally {
        await forgetGpg(variables);
      }
    },
  });
}

async function objectsOf(fleet: TestFleet): Promise<string> {
  return await fleet.git("count-objects", "-v");
}

Deno.test("checkSigning() says what git says when it cannot sign, and how git is told", async () => {
  await using world = await gitFleet();
  const { fleet, git } = world;
  await fleet.git("config", "gpg.format", "ssh");
  await fleet.git("config", "user.signingkey", join(fleet.root, "gone"));
  const scratch = join(fleet.root, "scratch");
  await ensureDir(scratch);
  const { lines = [], ...refused } = await rejection(
    checkSigning(git, fleet.dir, { identity: NOBODY, scratch }),
  );
  assertEquals(refused, {
    kind: "git",
    message: "Cannot sign the commit of the release",
    hint:
      "git signs by gpg.format, user.signingkey and gpg.program of its configuration; --git-sign=false leaves the " +
      "commit unsigned",
  });
  assert(lines.some((line) => line.includes("gone")), lines.join("\n"));
});

Deno.test("signsCommits() goes by commit.gpgSign, and runs no program that the repository names for itself", async () => {
  await using world = await gitFleet();
  const { fleet, shell, git } = world;
  const signs = (told?: boolean, context = git) => signsCommits(context, fleet.dir, told);
  assertEquals([await signs(), await signs(true), await signs(false)], [false, true, false]);
  const global = join(fleet.root, "global");
  const included = join(fleet.root, "included");
  await Deno.writeTextFile(global, "[gpg]\nprogram = /home/me/gpg\n[commit]\ngpgSign\n");
  const withOwn = gitContext(shell, { ...fleet.env(), GIT_CONFIG_GLOBAL: global });
  assertEquals(await signs(undefined, withOwn), true);
  await fleet.git("config", "commit.gpgSign", "yes");
  await fleet.git("config", "include.path", included);
  for (
    const name of [
      "gpg.program",
      "gpg.ssh.program",
      "gpg.x509.program",
      "gpg.openpgp.program",
      "gpg.ssh.defaultKeyCommand",
    ]
  ) {
    await Deno.writeTextFile(included, "");
    assertEquals(await signs(undefined, withOwn), true);
    await fleet.git("config", "-f", included, name, join(fleet.dir, "payload"));
    const { kind, message, hint } = await rejection(signs(undefined, withOwn));
    assertEquals([kind, message, hint], [
      "usage",
      `Cannot sign the commit as commit.gpgSign says: "${name.toLowerCase()}" in the repository's own configuration names the program for it`,
      "let it run with --git-sign, name the program in your own configuration, or give --git-sign=false",
    ]);
    assertEquals([await signs(true, withOwn), await signs(false, withOwn)], [true, false]);
  }
  await Deno.writeTextFile(included, "");
  await fleet.git("config", "extensions.worktreeConfig", "true");
  await fleet.git("config", "--worktree", "gpg.program", join(fleet.dir, "payload"));
  assertEquals((await rejection(signs())).kind, "usage");
  await fleet.git("config", "commit.gpgSign", "maybe");
  assertEquals((await rejection(signs())).message, "Cannot read commit.gpgSign: git exited with 128");
  assertEquals(await exists(join(fleet.dir, "payload")), false);
});
