import { assertEquals } from "@std/assert";
import { ensureDir, exists } from "@std/fs";
import { join } from "@std/path";
import { type Draft, SIGN, TestFleet } from "../support/fleet.ts";
import { editFleet, expectRelease, hold, NOW, shell, SIDECARS } from "../support/releases.ts";

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
    "--json",
    "--reuse-unchanged-signature",
    ...SIDECARS,
    ...args,
  ]);
  assertEquals(code, 0, stderr);
  return { result: JSON.parse(stdout), signed: (await Deno.readTextFile(notes)).split("\n").length - 1 };
}

/** The files of a first release, by path. */
let first: Promise<Map<string, Uint8Array>> | undefined;

/** A fleet with sidecars that was released once, by another checkout of the same content. */
async function releasedOnce(): Promise<TestFleet> {
  first ??= (async () => {
    await using fleet = await TestFleet.create({ files: FILES });
    const { result, signed } = await releaseCounting(fleet, ["--now", NOW]);
    assertEquals([signed, result["outcome"]], [5, "released"]);
    return await fleet.files();
  })();
  const fleet = await TestFleet.create({ files: FILES });
  await ensureDir(join(fleet.dir, "releases/rollouts"));
  for (const [path, bytes] of await first) await Deno.writeFile(join(fleet.dir, "releases", path), bytes);
  return fleet;
}

/** What may change between two runs without a new signature; a script in the flake's directory. */
const UNCHANGED: [of: string, script: string, args: string[]][] = [
  ["nothing changed", "true", ["--now", "2026-06-01T12:29:59Z"]],
  ["the second run is at the same second", "true", ["--now", NOW]],
  ["a nonce expires in this very second", "true", ["--now", "2026-06-01T12:30:00Z"]],
  [
    "HEAD moved on without a change to what is released",
    "git commit -q --allow-empty -m more",
    ["--now", "2026-06-01T12:29:59Z"],
  ],
  [
    "the formatting of the fleet changed",
    "sed -i.old 's/,/ , /g' fleet.json && git commit -q -a -m format",
    ["--now", "2026-06-01T12:29:59Z"],
  ],
];

for (const [of, script, args] of UNCHANGED) {
  Deno.test(`the program's --reuse-unchanged-signature keeps every byte and does not sign when ${of}`, async () => {
    await using fleet = await releasedOnce();
    const before = await fleet.files();
    const { ciCommit } = (await fleet.json())["meta"];
    await shell(fleet, script);
    const { result, signed } = await releaseCounting(fleet, args);
    assertEquals(await fleet.files(), before);
    assertEquals([signed, result["outcome"]], [0, "no-change"]);
    assertEquals(result["artifacts"].map(({ reused }: Draft) => reused), Array(5).fill(true));
    assertEquals([result["signedAt"], result["commit"]], [NOW, ciCommit]);
  });
}

/** What makes a release due anew; a script in the flake's directory, and arguments. */
const CHANGED: [of: string, script: string, args: string[]][] = [
  ["a freshnessWindow changed", "sed -i.old 's/1440/1441/' fleet.json", []],
  ["a host's tags changed", `sed -i.old 's/"tags":."db"./"tags":[]/' fleet.json`, []],
  ["a closure changed", "sed -i.old 's/one/two/' flake.nix", []],
  ["the revocations changed", "sed -i.old 's/web1/web2/' revocations.json", []],
  [
    "a nonce was added",
    `sed -i.old 's/\\[/&{"nonce":"n","hostname":"db","expiresAt":"2026-07-01T00:00:00Z"},/' *-nonces.json`,
    [],
  ],
  ["a nonce has expired", "true", ["--now", "2026-06-01T12:30:01Z"]],
  ["the algorithm is another one", "true", ["--signature-algorithm", "ecdsa-p256"]],
  ["the artifact has another name", "true", ["--artifact-name", "other.json"]],
  ["the fleet's signature is missing", "rm releases/fleet.resolved.json.sig", []],
  ["a sidecar's signature is missing", "rm releases/revocations.json.sig", []],
  ["a manifest's signature is missing", "rm releases/rollouts/*.sig", []],
  ["a signature is empty", ": > releases/fleet.resolved.json.sig", []],
  [
    "a signature is one byte short",
    "head -c 63 releases/revocations.json.sig > s && mv s releases/revocations.json.sig",
    [],
  ],
  ["a signature is one byte long", "echo >> releases/fleet.resolved.json.sig", []],
  ["a manifest is missing", "rm releases/rollouts/*.json", []],
  ["a manifest is damaged", "for file in releases/rollouts/*.json; do echo >> $file; done", []],
  ["a sidecar is missing", "rm releases/bootstrap-nonces.json", []],
  ["a sidecar is damaged", "printf ' ' >> releases/revocations.json", []],
  ["the fleet on disk is missing", "rm releases/fleet.resolved.json", []],
  ["the fleet on disk is empty", ": > releases/fleet.resolved.json", []],
  ["the fleet on disk has another layout", "printf '\\n' >> releases/fleet.resolved.json", []],
  [
    "the fleet on disk is of another schema",
    "echo '{\"schemaVersion\":2}' > releases/fleet.resolved.json",
    [],
  ],
  ["a run was interrupted", "echo half > releases/.fleet-release.5c8b.tmp", []],
  ["a run was interrupted among the manifests", "echo half > releases/rollouts/.fleet-release.5c8b.tmp", []],
  ["signingIntervalMinutes have passed to the second", "true", ["--now", "2026-06-01T13:00:00Z"]],
  ["the signature is of the future", "true", ["--now", "2026-06-01T11:59:59Z"]],
];

for (const [of, script, args] of CHANGED) {
  Deno.test(`the program's --reuse-unchanged-signature signs everything anew when ${of}`, async () => {
    await using fleet = await releasedOnce();
    await shell(
      fleet,
      `${script}; rm -f *.old; git add -A -- ':!releases'; git commit -q --allow-empty -m more`,
    );
    const now = args.includes("--now") ? args[1]! : "2026-06-01T12:15:00Z";
    const { result, signed } = await releaseCounting(
      fleet,
      args.includes("--now") ? args : ["--now", now, ...args],
    );
    assertEquals([signed, result["outcome"]], [5, "released"]);
    assertEquals(result["artifacts"].map(({ reused }: Draft) => reused), Array(5).fill(false));
    const stamp = { schemaVersion: 1, signedAt: now, ciCommit: await fleet.git("rev-parse", "HEAD") };
    const files = await fleet.files();
    for (const { path } of result["artifacts"]) {
      const { signatureAlgorithm: _, ...meta } =
        JSON.parse(new TextDecoder().decode(files.get(path)))["meta"];
      assertEquals(meta, stamp, path);
      assertEquals(files.get(`${path}.sig`)!.length, 64, path);
    }
    assertEquals([...files.keys()].filter((path) => path.endsWith(".tmp")), []);
  });
}

Deno.test("the program's --reuse-unchanged-signature goes by the shortest signingIntervalMinutes of all channels", async () => {
  await using fleet = await TestFleet.create({
    files: FILES,
    edit: ({ channels }) => channels.edge.signingIntervalMinutes = 10,
  });
  assertEquals((await releaseCounting(fleet, ["--now", NOW])).signed, 5);
  assertEquals((await releaseCounting(fleet, ["--now", "2026-06-01T12:09:59.999Z"])).signed, 0);
  assertEquals((await releaseCounting(fleet, ["--now", "2026-06-01T12:10:00Z"])).signed, 5);
});

Deno.test("the program's --reuse-unchanged-signature goes by the age of the signature, however often it was kept", async () => {
  await using fleet = await releasedOnce();
  const signed: number[] = [];
  // From the last run that signed, not from the last run.
  for (const minute of ["12:20:00", "12:29:00", "13:01:00", "13:30:00", "14:00:59", "14:01:00"]) {
    signed.push((await releaseCounting(fleet, ["--now", `2026-06-01T${minute}Z`])).signed);
  }
  assertEquals(signed, [0, 0, 5, 0, 0, 5]);
});

Deno.test("the program signs anew without --reuse-unchanged-signature", async () => {
  await using fleet = await releasedOnce();
  const result = await expectRelease(fleet, [...SIDECARS, "--now", "2026-06-01T12:29:59Z"]);
  assertEquals([result["outcome"], result["signedAt"]], ["released", "2026-06-01T12:29:59Z"]);
  assertEquals(result["artifacts"].map(({ reused }: Draft) => reused), Array(5).fill(false));
});

Deno.test("the program's --reuse-unchanged-signature with --git-push makes no second commit and pushes nothing", async () => {
  await using fleet = await TestFleet.create({ files: FILES });
  await fleet.git("init", "-q", "--bare", "../remote.git");
  const push = ["--git-push", "../remote.git:main", "--now"];
  const first = await releaseCounting(fleet, [...push, NOW]);
  const head = await fleet.git("rev-parse", "HEAD");
  assertEquals([first.signed, first.result["releaseCommit"]], [5, head]);
  // The release commit itself moved HEAD: the reference publishes signatures that do not fit from here on.
  const second = await releaseCounting(fleet, [...push, "2026-06-01T12:29:59Z"]);
  assertEquals([second.signed, second.result["outcome"]], [0, "no-change"]);
  assertEquals([second.result["releaseCommit"], second.result["pushedTo"]], [null, null]);
  assertEquals(await fleet.git("rev-parse", "HEAD"), head);
  assertEquals(await fleet.git("--git-dir", "../remote.git", "rev-parse", "main"), head);
  assertEquals(await fleet.git("status", "--porcelain"), "");
  await editFleet(fleet, ({ channels }) => channels.edge.freshnessWindow = 99);
  await fleet.commit("change");
  const third = await releaseCounting(fleet, [...push, "2026-06-01T12:29:59Z"]);
  assertEquals([third.signed, third.result["outcome"]], [5, "released"]);
  assertEquals(await fleet.git("rev-parse", "HEAD~2"), head);
});

Deno.test("the program's --reuse-unchanged-signature commits a kept release that was never committed", async () => {
  await using fleet = await releasedOnce();
  const before = await fleet.files();
  const { result, signed } = await releaseCounting(fleet, ["--git-commit", "--now", "2026-06-01T12:29:59Z"]);
  assertEquals([signed, result["outcome"]], [0, "released"]);
  assertEquals(result["releaseCommit"], await fleet.git("rev-parse", "HEAD"));
  const committed = await fleet.git("ls-tree", "-r", "--name-only", "HEAD", "releases");
  assertEquals(committed.split("\n"), [...before.keys()].map((path) => join("releases", path)));
  assertEquals(await fleet.files(), before);
});

Deno.test("the program's --reuse-unchanged-signature keeps the fleet when a sidecar is no longer released", async () => {
  await using fleet = await releasedOnce();
  const before = await fleet.files();
  const result = await expectRelease(fleet, [
    "--reuse-unchanged-signature",
    ...SIDECARS.slice(0, 2),
    "--now",
    "2026-06-01T12:29:59Z",
  ]);
  assertEquals([result["outcome"], result["artifacts"].length], ["no-change", 4]);
  assertEquals(result["warnings"].map(({ code, path }: Draft) => [code, path]), [
    ["stale-sidecar", "bootstrap-nonces.json"],
  ]);
  assertEquals(await fleet.files(), before);
  assertEquals(await exists(join(fleet.dir, "releases/bootstrap-nonces.json")), true);
});

Deno.test("the program's --reuse-unchanged-signature keeps a partial release that is repeated", async () => {
  await using fleet = await releasedOnce();
  await hold(fleet, { web1: "two" });
  await fleet.commit("two");
  const partial = ["--hosts", "web1", "--now"];
  assertEquals((await releaseCounting(fleet, [...partial, "2026-06-01T12:10:00Z"])).signed, 5);
  const before = await fleet.files();
  assertEquals((await releaseCounting(fleet, [...partial, "2026-06-01T12:20:00Z"])).signed, 0);
  assertEquals(await fleet.files(), before);
});
