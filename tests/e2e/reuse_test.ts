// Samples of whole runs. What is kept and what is signed anew is tested one by one with tests/stages.

import { assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { type Draft, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { editFleet, expectRelease, NOW, shell, SIDECARS } from "../support/releases.ts";

/** Both sidecars, with a nonce that expires half an hour after the first run. */
const FILES = {
  "revocations.json": JSON.stringify([{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]),
  "bootstrap-nonces.json": JSON.stringify([
    { nonce: "short", hostname: "web1", expiresAt: "2026-06-01T12:30:00Z" },
    { nonce: "long", hostname: "web1", expiresAt: "2026-07-01T00:00:00Z" },
  ]),
};

/** Releases with the sidecars and a sign command that counts, and gives the result and how often it signed. */
async function releaseCounting(
  fleet: TestFleet,
  args: readonly string[],
): Promise<{ result: Draft; signed: number }> {
  const notes = join(fleet.root, "home/signed");
  await Deno.writeTextFile(notes, "");
  const { code, stdout, stderr } = await fleet.run([
    "--sign-cmd",
    `echo signed >> '${notes}'; ${SIGN}`,
    "--public-key",
    PUBLIC_KEY,
    "--json",
    "--reuse-unchanged-signature",
    ...SIDECARS,
    ...args,
  ]);
  assertEquals(code, 0, stderr);
  return { result: JSON.parse(stdout), signed: (await Deno.readTextFile(notes)).split("\n").length - 1 };
}

/** Releases with the sidecars, and gives the result. */
function releaseReusing(fleet: TestFleet, args: readonly string[]): Promise<Draft> {
  return expectRelease(fleet, ["--reuse-unchanged-signature", ...SIDECARS, ...args]);
}

/** How many artifacts of a release were signed anew. */
function signedIn(result: Draft): number {
  return result["artifacts"].filter(({ reused }: Draft) => !reused).length;
}

/** The files of a first release, by path. */
let first: Promise<Map<string, Uint8Array>> | undefined;

/** A fleet with sidecars that was released once, by another checkout of the same content. */
async function releasedOnce(): Promise<TestFleet> {
  first ??= (async () => {
    await using fleet = await TestFleet.create({ files: FILES });
    assertEquals((await releaseReusing(fleet, ["--now", NOW]))["outcome"], "released");
    return await fleet.files();
  })();
  const fleet = await TestFleet.create({ files: FILES });
  await ensureDir(join(fleet.dir, "releases/rollouts"));
  for (const [path, bytes] of await first) await Deno.writeFile(join(fleet.dir, "releases", path), bytes);
  return fleet;
}

Deno.test("the program's --reuse-unchanged-signature keeps every byte and does not sign when the commit and the formatting changed", async () => {
  await using fleet = await releasedOnce();
  const before = await fleet.files();
  const { ciCommit } = (await fleet.json())["meta"];
  await shell(fleet, "sed -i.old 's/,/ , /g' fleet.json && git commit -q -a -m format");
  const { result, signed } = await releaseCounting(fleet, ["--now", "2026-06-01T12:29:59Z"]);
  assertEquals(await fleet.files(), before);
  assertEquals([signed, result["outcome"]], [0, "no-change"]);
  assertEquals(result["artifacts"].map(({ reused }: Draft) => reused), Array(5).fill(true));
  assertEquals([result["signedAt"], result["commit"]], [NOW, ciCommit]);
});

Deno.test("the program's --reuse-unchanged-signature signs everything anew when a closure changed", async () => {
  await using fleet = await releasedOnce();
  await shell(fleet, "sed -i.old 's/one/two/' flake.nix; rm *.old; git commit -q -a -m two");
  const now = "2026-06-01T12:15:00Z";
  const { result, signed } = await releaseCounting(fleet, ["--now", now]);
  assertEquals([signed, result["outcome"]], [5, "released"]);
  assertEquals(result["artifacts"].map(({ reused }: Draft) => reused), Array(5).fill(false));
  const stamp = { schemaVersion: 1, signedAt: now, ciCommit: await fleet.head() };
  const files = await fleet.files();
  for (const { path } of result["artifacts"]) {
    const { signatureAlgorithm: _, ...meta } = JSON.parse(new TextDecoder().decode(files.get(path)))["meta"];
    assertEquals(meta, stamp, path);
    assertEquals(files.get(`${path}.sig`)!.length, 64, path);
  }
});

Deno.test("the program's --reuse-unchanged-signature with --git-push makes no second commit and pushes nothing", async () => {
  await using fleet = await TestFleet.create({ files: FILES });
  await fleet.git("init", "-q", "--bare", "../remote.git");
  const push = ["--git-push", "../remote.git:main", "--now"];
  const first = await releaseReusing(fleet, [...push, NOW]);
  const head = await fleet.head();
  assertEquals([signedIn(first), first["releaseCommit"]], [5, head]);
  // The release commit itself moved HEAD: the reference publishes signatures that do not fit from here on.
  const second = await releaseReusing(fleet, [...push, "2026-06-01T12:29:59Z"]);
  assertEquals([signedIn(second), second["outcome"]], [0, "no-change"]);
  assertEquals([second["releaseCommit"], second["pushedTo"]], [null, null]);
  assertEquals(await fleet.head(), head);
  assertEquals(await fleet.git("--git-dir", "../remote.git", "rev-parse", "main"), head);
  assertEquals(await fleet.git("status", "--porcelain"), "");
  await editFleet(fleet, ({ channels }) => channels.edge.freshnessWindow = 99);
  const change = await fleet.commit("change");
  const third = await releaseReusing(fleet, [...push, "2026-06-01T12:29:59Z"]);
  assertEquals([signedIn(third), third["outcome"]], [5, "released"]);
  assertEquals(await fleet.git("rev-parse", "HEAD~2"), head);
  // The third is a commit on top of the first one's, with the files of the release before.
  assertEquals((await fleet.json())["meta"].ciCommit, change);
  const changed = await fleet.git("diff-tree", "-r", "--name-status", "--no-commit-id", "HEAD");
  assertEquals(changed.split("\n").map((line) => line.replace(/[0-9a-f]{64}/, "HASH")).sort(), [
    "A\treleases/rollouts/HASH.json",
    "A\treleases/rollouts/HASH.json",
    "A\treleases/rollouts/HASH.json.sig",
    "A\treleases/rollouts/HASH.json.sig",
    "M\treleases/bootstrap-nonces.json",
    "M\treleases/bootstrap-nonces.json.sig",
    "M\treleases/fleet.resolved.json",
    "M\treleases/fleet.resolved.json.sig",
    "M\treleases/revocations.json",
    "M\treleases/revocations.json.sig",
  ]);
});

Deno.test("the program's --reuse-unchanged-signature commits a kept release that was never committed", async () => {
  await using fleet = await releasedOnce();
  const before = await fleet.files();
  const result = await releaseReusing(fleet, ["--git-commit", "--now", "2026-06-01T12:29:59Z"]);
  assertEquals([signedIn(result), result["outcome"]], [0, "released"]);
  assertEquals(result["releaseCommit"], await fleet.head());
  const committed = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases");
  const paths = [".gitattributes", ...before.keys()];
  assertEquals(committed.split("\n"), paths.map((path) => join("releases", path)));
  const { ".gitattributes": _, ...files } = Object.fromEntries(await fleet.files());
  assertEquals(files, Object.fromEntries(before));
});
