// `fleet-release resign`: the release that is there, signed anew, is what a release of the same commit would be.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { generatePrivateKey, parsePrivateKey } from "../../src/crypto/private_key.ts";
import { type Draft, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { gitIn } from "../support/release_commit.ts";
import { NOW, onlyHosts, shell, SIDECARS } from "../support/releases.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { trustBytes } from "../support/trust.ts";

/** Both sidecars, with a nonce that expires half an hour after the first run. */
const FILES = {
  "revocations.json": JSON.stringify([{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]),
  "bootstrap-nonces.json": JSON.stringify([
    { nonce: "short", hostname: "web1", expiresAt: "2026-06-01T12:30:00Z" },
    { nonce: "long", hostname: "web1", expiresAt: "2026-07-01T00:00:00Z" },
  ]),
};

/** Signs the release of a fleet anew, with no nix to be found, and gives the result. */
async function resign(fleet: TestFleet, args: readonly string[]): Promise<Draft> {
  const { code, stdout, stderr } = await tryResign(fleet, args);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

async function tryResign(fleet: TestFleet, args: readonly string[]) {
  return await fleet.run(
    ["resign", "--json", "--sign-key", fleet.key, "--public-key", PUBLIC_KEY, ...args],
    { env: { PATH: await pathWithoutNix(fleet) } },
  );
}

/** A PATH with git and sh, and programs of nix that note that they were started. */
async function pathWithoutNix(fleet: TestFleet): Promise<string> {
  const bin = join(fleet.root, "bin");
  await Deno.mkdir(bin, { recursive: true });
  for (const name of ["nix", "nix-store"]) {
    const script = `#!/bin/sh\necho "${name} $*" >>'${join(fleet.root, "home/nix-started")}'\nexit 1\n`;
    await Deno.writeTextFile(join(bin, name), script, { mode: 0o755 });
  }
  return `${bin}:${fleet.env()["PATH"]}`;
}

async function nixStarted(fleet: TestFleet): Promise<boolean> {
  return await Deno.stat(join(fleet.root, "home/nix-started")).then(() => true, () => false);
}

Deno.test("resign gives, byte for byte, the release of the same commit at the same time, and starts no nix", async () => {
  await using fleet = await TestFleet.create({ files: FILES });
  await using other = await TestFleet.create({ files: FILES });
  const all = [...SIDECARS, "--release-index"];
  const run = async (args: string[], of = fleet) => {
    const { code, stderr } = await of.release(args);
    assertEquals(code, 0, stderr);
  };
  await run([...all, "--now", NOW]);
  const later = "2026-06-01T12:30:01Z";
  const result = await resign(fleet, ["--now", later]);
  // What was released before is kept as after any release.
  await run([...all, "--now", NOW], other);
  await run([...all, "--now", later], other);
  assertEquals(await fleet.files(), await other.files());
  assertEquals(await nixStarted(fleet), false);
  const { outcome, signedAt, signedBefore, commit, artifacts, releaseCommit, pushedTo } = result;
  assertEquals(
    { outcome, signedAt, signedBefore, commit, releaseCommit, pushedTo },
    {
      outcome: "released",
      signedAt: later,
      signedBefore: NOW,
      commit: await fleet.head(),
      releaseCommit: null,
      pushedTo: null,
    },
  );
  assertEquals(artifacts.length, 6);
  assertEquals(
    (await fleet.json("bootstrap-nonces.json"))["bootstrapNonces"].map(({ nonce }: Draft) => nonce),
    [
      "long",
    ],
  );
});

const ORIGIN = ["--git-push", "origin:main"];

/** A small fleet with a bare remote, to which a first release was pushed. */
async function releasedUpstream(): Promise<TestFleet> {
  const fleet = await TestFleet.create({ edit: onlyHosts("web1"), nixos: ["web1"] });
  await shell(
    fleet,
    "git clone -q --bare . ../remote.git && git remote add origin ../remote.git && git fetch -q",
  );
  const { code, stderr } = await fleet.release(["--now", NOW, ...ORIGIN]);
  assertEquals(code, 0, stderr);
  return fleet;
}

/** The commits of the remote's branch, newest first, as subject and changed files. */
async function upstream(fleet: TestFleet): Promise<string[]> {
  return await gitIn(fleet, "remote.git", "log", "--format=%s", "main");
}

Deno.test("resign commits and pushes on top of what is upstream, and --if-due only when it is due", async () => {
  await using fleet = await releasedUpstream();
  const released = (await fleet.json())["meta"]["ciCommit"];
  const message = `chore(ci): release ${released.slice(0, 8)} [skip ci]`;
  const due = [...ORIGIN, "--if-due"];
  const early = await resign(fleet, ["--now", "2026-06-01T12:59:59Z", ...due]);
  assertEquals([early["outcome"], early["signedAt"], early["releaseCommit"]], ["no-change", NOW, null]);
  const first = await resign(fleet, ["--now", "2026-06-01T13:00:00Z", ...due]);
  assertEquals([first["outcome"], first["commit"]], ["released", released]);
  assertEquals(first["releaseCommit"], await fleet.head());
  assertEquals(await upstream(fleet), [message, message, "first"]);
  assertEquals(await fleet.git("status", "--porcelain"), "");

  // Somebody has pushed a change of the fleet, which is no release of it.
  await shell(
    fleet,
    `git clone -q ../remote.git ../other && cd ../other && echo theirs > file && git add . && git commit -q -m theirs &&
     git push -q`,
  );
  const head = await fleet.head();
  const second = await resign(fleet, ["--now", "2026-06-01T13:30:00Z", ...ORIGIN]);
  assertEquals([second["outcome"], second["commit"], await fleet.head()], ["released", released, head]);
  assertEquals(await upstream(fleet), [message, "theirs", message, message, "first"]);
  await shell(fleet, "cd ../other && git pull -q");
  const verified = await fleet.run(
    ["status", "../other/releases", "--public-key", PUBLIC_KEY, "--now", "2026-06-01T13:30:00Z"],
  );
  assertEquals(verified.code, 0, verified.stdout);

  // A checkout that is behind has an older release than there is.
  await shell(fleet, "git reset -q --hard");
  const behind = await tryResign(fleet, ["--now", "2026-06-01T14:30:00Z", ...due]);
  assertEquals(behind.code, 3, behind.stderr);
  assertEquals(behind.stderr.includes("before the one in commit"), true, behind.stderr);
  await shell(fleet, "git pull -q --ff-only origin main");
  assertEquals((await resign(fleet, ["--now", "2026-06-01T14:30:00Z", ...due]))["outcome"], "released");

  // Another machine has released a later commit meanwhile.
  await shell(fleet, "cd ../other && git pull -q");
  const newer = await fleet.release(["--now", "2026-06-01T15:00:00Z", ...ORIGIN], {
    cwd: join(fleet.root, "other"),
  });
  assertEquals(newer.code, 0, newer.stderr);
  const late = await tryResign(fleet, ["--now", "2026-06-01T16:00:00Z", ...due]);
  assertEquals([late.code, late.stderr.includes("Superseded")], [4, true], late.stderr);
  assertEquals(await nixStarted(fleet), false);
});

Deno.test("resign pushes a release that could not be pushed before, and no commit that nobody has released", async () => {
  await using fleet = await releasedUpstream();
  await shell(fleet, "mv ../remote.git ../away.git");
  const away = await tryResign(fleet, ["--now", "2026-06-01T13:00:00Z", ...ORIGIN]);
  assertEquals(away.code, 1, away.stderr);
  await shell(fleet, "mv ../away.git ../remote.git");
  await resign(fleet, ["--now", "2026-06-01T13:00:00Z", "--git-commit"]);
  const commit = await fleet.head();
  const pushed = await resign(fleet, ["--now", "2026-06-01T13:10:00Z", "--if-due", ...ORIGIN]);
  assertEquals([pushed["outcome"], pushed["releaseCommit"]], ["pushed", commit]);
  assertEquals((await upstream(fleet)).length, 3);
  // Not yet upstream and due again: it is made anew in the place of that one.
  await resign(fleet, ["--now", "2026-06-01T14:10:00Z", "--git-commit"]);
  const anew = await resign(fleet, ["--now", "2026-06-01T15:10:00Z", "--if-due", ...ORIGIN]);
  assertEquals([anew["outcome"], anew["releaseCommit"]], ["released", await fleet.head()]);
  assertEquals((await upstream(fleet)).length, 4);

  await shell(fleet, "echo mine > mine && git add mine && git commit -q -m mine");
  const refused = await tryResign(fleet, ["--now", "2026-06-01T16:30:00Z", ...ORIGIN]);
  assertEquals(
    [refused.code, refused.stderr.includes("with commits that it lacks")],
    [1, true],
    refused.stderr,
  );
  assertEquals((await upstream(fleet)).length, 4);
  const there = await tryResign(fleet, ["--now", "2026-06-01T16:30:00Z", "--git-push", "origin:absent"]);
  assertEquals([there.code, there.stderr.includes("there is no such branch")], [1, true], there.stderr);
});

Deno.test("resign refuses what verify refuses, and says how to mend it", async () => {
  await using fleet = await TestFleet.create({ files: FILES });
  const none = await tryResign(fleet, ["--now", NOW]);
  assertEquals(
    [none.code, none.stderr.includes('there is no "fleet.resolved.json"')],
    [1, true],
    none.stderr,
  );
  const { code, stderr } = await fleet.release(["--now", NOW, ...SIDECARS]);
  assertEquals(code, 0, stderr);
  const before = await fleet.files();
  const refused = async (args: string[], expected: number, words: string) => {
    const result = await tryResign(fleet, args);
    assertEquals([result.code, result.stderr.includes(words)], [expected, true], result.stderr);
    assertEquals(await fleet.files(), before);
  };
  // A day and a minute, and a second more.
  await refused(["--now", "2026-06-02T12:01:01Z"], 3, "sign it all the same with --allow-older");
  await refused(["--now", "2026-06-01T11:00:00Z"], 1, "Cannot sign a release at");
  const sidecar = join(fleet.dir, "releases/revocations.json");
  const bytes = before.get("revocations.json")!;
  await Deno.writeTextFile(sidecar, new TextDecoder().decode(bytes).replace("web1", "web2"));
  before.set("revocations.json", await Deno.readFile(sidecar));
  await refused(["--now", "2026-06-01T13:00:00Z"], 3, "cannot be trusted");
  await Deno.writeFile(sidecar, bytes);
  before.set("revocations.json", bytes);
  const unknown = await fleet.run(["resign", "--sign-cmd", SIGN, "--now", "2026-06-01T13:00:00Z"]);
  assertEquals([unknown.code, unknown.stderr.includes("only a command knows")], [1, true], unknown.stderr);
  const late = await resign(fleet, ["--now", "2026-06-02T12:01:01Z", "--allow-older"]);
  assertEquals(late["outcome"], "released");
});

Deno.test("resign follows a branch for releases alone, whatever the fleet's own has got", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("web1"), nixos: ["web1"] });
  await shell(
    fleet,
    "git clone -q --bare . ../remote.git && git remote add origin ../remote.git && git fetch -q",
  );
  const to = ["--git-push", "origin:releases"];
  const release = async (at: string) => {
    const { code, stderr } = await fleet.release(["--now", `2026-06-01T${at}:00Z`, ...to]);
    assertEquals(code, 0, stderr);
  };
  await release("12:00");
  await fleet.commit("second");
  await shell(fleet, "git push -q origin main");
  await release("12:10");
  await shell(fleet, "git clone -q -b releases ../remote.git ../clone");
  // Somebody has pushed there meanwhile: the fleet's second commit is not in the history of that branch.
  await shell(
    fleet,
    `git clone -q -b releases ../remote.git ../other && cd ../other && echo theirs > file && git add . &&
     git commit -q -m theirs && git push -q`,
  );
  const { code, stdout, stderr } = await fleet.run(
    [
      "resign",
      "--json",
      "--sign-key",
      fleet.key,
      "--public-key",
      PUBLIC_KEY,
      "--now",
      "2026-06-01T13:00:00Z",
      ...to,
    ],
    { cwd: join(fleet.root, "clone") },
  );
  assertEquals(code, 0, stderr);
  assertEquals([JSON.parse(stdout).outcome, JSON.parse(stdout).commit], ["released", await fleet.head()]);
  assertEquals((await gitIn(fleet, "remote.git", "log", "--format=%s", "releases")).slice(0, 2), [
    `chore(ci): release ${(await fleet.head()).slice(0, 8)} [skip ci]`,
    "theirs",
  ]);
});

Deno.test("resign signs with a new key what the previous one has signed, and tells of a pin that has expired", async () => {
  await using directory = await TemporaryDirectory.create();
  const [old, pem] = [await newSigner(), (await generatePrivateKey("ecdsa-p256")).pem];
  const pin = { commit: "c".repeat(40), reason: "audit", expiresAt: "2026-06-01T12:00:30Z" };
  const files = await signedRelease({ signer: old, edit: ({ hosts }) => hosts.web1.pin = pin });
  for (const [path, bytes] of files) {
    await ensureDir(join(directory.path, "releases/rollouts"));
    await Deno.writeFile(join(directory.path, "releases", path), bytes);
  }
  await Deno.writeTextFile(join(directory.path, "key.pem"), pem, { mode: 0o600 });
  const { publicKey } = await parsePrivateKey(pem);
  const trust = trustBytes({ current: publicKey, previous: old.publicKey });
  await Deno.writeFile(join(directory.path, "trust.json"), trust);
  const env = { PATH: Deno.env.get("PATH")!, TMPDIR: directory.path };
  const args = ["--trust-file=trust.json", "--now=2026-06-01T12:01:00Z", "--json"];
  const { code, stdout, stderr } = await runInProcess(["resign", "--if-due", "--sign-key=key.pem", ...args], {
    cwd: directory.path,
    env,
  });
  assertEquals(code, 0, stderr);
  const { outcome, warnings } = JSON.parse(stdout);
  assertEquals(outcome, "released");
  assertEquals(
    warnings.filter(({ code }: Draft) => code === "expired-pin").map(({ hosts }: Draft) => hosts),
    [[
      "web1",
    ]],
  );
  const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  const { meta, ...fleet } = decode(
    await Deno.readFile(join(directory.path, "releases/fleet.resolved.json")),
  );
  const { meta: before, ...same } = decode(files.get("fleet.resolved.json")!);
  assertEquals(fleet, same);
  assertEquals(meta, { ...before, signedAt: "2026-06-01T12:01:00Z", signatureAlgorithm: "ecdsa-p256" });
  const status = await runInProcess(["status", ...args], { cwd: directory.path });
  assertEquals(JSON.parse(status.stdout).channels.map(({ key }: Draft) => key.slot), ["current", "current"]);
});
