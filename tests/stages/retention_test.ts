// What a run leaves behind is what verify accepts, whatever was there before; and manifests do not pile up.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { sha256Hex } from "../../src/contract/canonical.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import {
  damageFile,
  DAMAGES,
  layOut,
  manifestsOf,
  placesIn,
  refusals,
  releasedTwice,
  SETTINGS,
  TIMES,
} from "../support/damaged.ts";
import { COMMIT } from "../support/fake_ports.ts";
import { replaced } from "../support/replaced.ts";
import { newSigner } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";
import { WorldOnDisk } from "../support/world_on_disk.ts";

const [FIRST, SECOND, THIRD] = TIMES as [string, string, string];

for (const reuseUnchangedSignature of [false, true]) {
  const how = reuseUnchangedSignature ? "with" : "without";
  Deno.test(`a run leaves behind what verify accepts, whatever is damaged, ${how} --reuse-unchanged-signature`, async () => {
    await using disk = await releasedTwice();
    const before = await disk.files();
    const places = await placesIn(disk);
    // Each kind of damage at some places, and each place with some: all of them are among the faults.
    const cases = places.flatMap((place, row) =>
      DAMAGES.filter((_, column) => (row + 5 * column + Number(reuseUnchangedSignature)) % 6 === 0)
        .map(([of, damage]) => ({ place, of, damage }))
    );
    let refused = 0;
    for (const { place, of, damage } of cases) {
      await layOut(disk, before);
      await damageFile(disk, place, damage);
      if ((await refusals(disk).catch(() => ["unreadable"])).length > 0) refused++;
      await disk.release({ ...SETTINGS, reuseUnchangedSignature, now: THIRD });
      assertEquals(await refusals(disk), [], `${place} ${of}`);
      // Nothing goes that was whole.
      assertEquals((await manifestsOf(disk, FIRST)).length >= 1, true, `${place} ${of}`);
    }
    // Each of them is something that verify refuses.
    assertEquals([cases.length, refused], [24, 24]);
  });
}

Deno.test("a run removes orphan signatures, strangers and what no trusted key has signed, and nothing else", async () => {
  await using disk = await releasedTwice();
  const { world } = disk;
  const own = world.sign;
  const id = (digit: string) => `releases/rollouts/${digit.repeat(64)}.json`;
  // A later release of the same key, and an earlier one of another.
  await using other = await WorldOnDisk.create();
  other.world.sign = own;
  other.world.signer = world.signer;
  await other.release({ now: "2026-06-01T12:30:00Z" });
  await using stranger = await WorldOnDisk.create();
  stranger.world.signWith(await newSigner());
  await stranger.release({ now: "2026-06-01T11:00:00Z" });
  const strangers = new Map(
    [...await other.files(), ...await stranger.files()].filter(([path]) => path.startsWith("rollouts/")),
  );
  await disk.write(strangers);
  await disk.shell(
    `cp releases/fleet.resolved.json ${id("a")}; : > ${id("b")}.sig; mkdir ${id("c")}; ` +
      "echo mine > releases/rollouts/README; echo mine > releases/notes.txt; : > releases/rollouts/.hidden",
  );
  const { warnings } = await disk.release({ ...SETTINGS, now: THIRD });
  const removed = [...strangers.keys(), id("a").slice(9), `${id("b").slice(9)}.sig`];
  assertEquals(warnings.map(({ code, message }) => [code, message.split(":")[0]]), [
    [
      "damaged-manifests",
      `Removed ${removed.length} files that no consumer would take for one of an earlier release`,
    ],
  ]);
  const files = await disk.files();
  assertEquals(removed.filter((path) => files.has(path)), []);
  assertEquals(["rollouts/README", "notes.txt", "rollouts/.hidden"].filter((path) => !files.has(path)), []);
  assertEquals((await Deno.stat(join(disk.dir, id("c")))).isDirectory, true);
  assertEquals([await refusals(disk), (await manifestsOf(disk, FIRST)).length], [[], 2]);
});

Deno.test("a run warns of files beside it that verify refuses, and leaves them", async () => {
  await using disk = await releasedTwice();
  await disk.shell(
    "cd releases; echo {} | tee notes.json signed.json signed.json.sig README README.sig rollouts/x.json; " +
      ": > rollouts/x.json.sig; : > gone.json.sig; : > rollouts/y.sig; : > .hidden.json",
  );
  const before = [...(await disk.files()).keys()];
  const { warnings } = await disk.release({ ...SETTINGS, now: THIRD });
  assertEquals(warnings, [{
    code: "strange-files",
    message:
      '"gone.json.sig", "notes.json", "rollouts/x.json" and 1 more are no files of a release: verify refuses the ' +
      "release beside them, so keep them elsewhere",
  }]);
  const after = await disk.files();
  assertEquals(before.filter((path) => !after.has(path)), []);
  const refused = ["notes.json", "gone.json.sig", "rollouts/x.json", "rollouts/y.sig"];
  const said = (await refusals(disk)).filter((line) => !line.endsWith("unknown-file"));
  assertEquals([...new Set(said.map((line) => line.split(":")[0]))].sort(), refused.sort());
  await disk.shell(`cd releases; rm ${refused.join(" ")} rollouts/x.json.sig`);
  assertEquals((await disk.release({ ...SETTINGS, now: "2026-06-01T12:30:00Z" })).warnings, []);
});

Deno.test("the manifests of another fleet in the directory are not removed, and it is named", async () => {
  await using disk = await WorldOnDisk.create();
  const { world } = disk;
  world.inputs.set("trust.json", trustBytes({ current: world.signer.publicKey! }));
  const settings = { trustFile: "trust.json", keepReleases: 1 };
  const other = { ...settings, artifactName: "other.json" };
  const warned = async (asked: Partial<ReleaseConfig>) =>
    (await disk.release(asked)).warnings.map(({ code, path }) => [code, path]);
  const left = async () =>
    (await Promise.all(TIMES.map((time) => manifestsOf(disk, time)))).map((of) => of.length);
  await disk.release({ ...settings, now: FIRST });
  assertEquals(await warned({ ...other, now: THIRD }), [["second-fleet", "fleet.resolved.json"]]);
  assertEquals(await left(), [2, 0, 2]);
  // The one that is no release of this fleet goes, and what the other one leads to stays, though it is of the future.
  assertEquals(await warned({ ...settings, now: SECOND }), [["second-fleet", "other.json"]]);
  assertEquals(await left(), [0, 2, 2]);
  // A fleet by another key, a damaged one, and what is none.
  await using stranger = await WorldOnDisk.create();
  stranger.world.signWith(await newSigner());
  await stranger.release({ artifactName: "third.json", now: FIRST });
  await disk.write(await stranger.files());
  await disk.shell(
    "cd releases; echo {} > fourth.json; cp other.json.sig fourth.json.sig; mkfifo fifth.json; : > fifth.json.sig; " +
      "cp other.json sixth.json; head -c 64 /dev/zero > sixth.json.sig; rm other.json.sig",
  );
  const codes = (await warned({ ...settings, now: "2026-06-01T12:15:00Z" })).map(([code]) => code);
  assertEquals(codes.sort(), ["damaged-manifests", "strange-files"]);
  assertEquals(await left(), [0, 0, 0]);
});

Deno.test("manifests by another key stay where nobody says which keys are trusted", async () => {
  await using disk = await releasedTwice();
  disk.world.signWith(await newSigner());
  const { warnings } = await disk.release({ ...SETTINGS, trustFile: undefined!, now: THIRD });
  assertEquals(warnings.map(({ code }) => code), ["unverified-signatures", "untrusted-release"]);
  assertEquals((await manifestsOf(disk, FIRST)).length, 2);
});

Deno.test("a release over one of the future leaves what verify accepts", async () => {
  await using disk = await releasedTwice();
  await disk.release({ ...SETTINGS, now: "2027-01-01T00:00:00Z" });
  await disk.release({ ...SETTINGS, now: THIRD, allowOlder: true });
  assertEquals(await refusals(disk), []);
  assertEquals((await manifestsOf(disk, "2027-01-01T00:00:00Z")).length, 0);
});

Deno.test("--keep-releases keeps the manifests of the last releases, and --prune-sidecars no old sidecar", async () => {
  await using disk = await releasedTwice();
  for (const keepReleases of [3, 2, 1]) {
    const minute = 30 - 2 * keepReleases;
    const now = `2026-06-01T12:${minute}:00Z`;
    const { warnings } = await disk.release({ ...SETTINGS, keepReleases, now });
    assertEquals(warnings, []);
    const left = (await Promise.all([FIRST, SECOND].map((time) => manifestsOf(disk, time)))).map((
      { length },
    ) => length);
    assertEquals([keepReleases, ...left], [
      keepReleases,
      keepReleases === 3 ? 2 : 0,
      keepReleases === 3 ? 2 : 0,
    ]);
  }
  assertEquals((await disk.files()).size, 8 + 4);
  const last = { trustFile: "trust.json", now: "2026-06-01T12:40:00Z", keepReleases: 1 };
  await disk.release({ ...last, pruneSidecars: true });
  assertEquals((await disk.files()).size, 2 + 4);
  assertEquals(await refusals(disk, "2026-06-01T12:40:00Z"), []);
  for (const [path, bytes] of await disk.files()) {
    if (path.startsWith("rollouts/") && path.endsWith("json")) {
      assertEquals(path, `rollouts/${sha256Hex(bytes as Uint8Array<ArrayBuffer>)}.json`);
    }
  }
});

Deno.test("by default the manifests of ten releases are kept", async () => {
  await using disk = await WorldOnDisk.create();
  for (let minute = 10; minute < 22; minute++) {
    const { warnings } = await disk.release({ now: `2026-06-01T12:${minute}:00Z` });
    assertEquals(warnings.map(({ code }) => code), ["unverified-signatures"]);
    assertEquals((await disk.files()).size, 2 + 4 * Math.min(minute - 9, 10));
  }
});

Deno.test("a run whose release is published warns of what it cannot remove, and the next one removes it", async () => {
  await using disk = await releasedTwice();
  const old = (await manifestsOf(disk, FIRST)).flatMap((path) => [path, `${path}.sig`]);
  // Of one pair the document, of another one the signature.
  const immutable = ["bootstrap-nonces.json.sig", old[0]!];
  const stuck = ["bootstrap-nonces.json", "bootstrap-nonces.json.sig", ...old.slice(0, 2)];
  const { bootstrapNoncesAttr: _, ...settings } = { ...SETTINGS, keepReleases: 1, pruneSidecars: true };
  {
    const { renameSync } = Deno;
    using _ = replaced("renameSync", (path, to) => {
      if (immutable.some((name) => `${path}`.endsWith(`/${name}`))) throw new Error("it is immutable");
      renameSync(path, to);
    });
    const { warnings, outcome } = await disk.release({ ...settings, now: THIRD });
    const said = ". The release is published all the same, and the next run tries this again";
    const cannot = (path: string) => `Cannot remove "releases/${path}": it is immutable`;
    assertEquals([outcome, warnings], ["released", [
      { code: "left-files", message: `${cannot(old[0]!)}, and 3 others alike${said}`, path: old[0]! },
    ]]);
  }
  const left = [...(await disk.files()).keys()];
  const gone = [...old, "bootstrap-nonces.json", "bootstrap-nonces.json.sig"];
  assertEquals(gone.filter((path) => left.includes(path)).sort(), [...stuck].sort());
  const { warnings } = await disk.release({ ...settings, now: "2026-06-01T12:30:00Z" });
  const after = [...(await disk.files()).keys()];
  assertEquals([warnings, gone.filter((path) => after.includes(path))], [[], []]);
});

Deno.test("--git-commit removes the manifests of a run that ended before it had committed them, and no others", async () => {
  await using disk = await releasedTwice();
  const { world } = disk;
  const [[first], [second]] = [await manifestsOf(disk, FIRST), await manifestsOf(disk, SECOND)];
  world.repositoryOf = () => ({ root: disk.dir, head: COMMIT });
  const inRepository = (path: string) => join("releases", path);
  // Whatever the index has.
  const committed = [second!, `${second}.sig`].map(inRepository);
  world.committedFiles.set(COMMIT, new Map(committed.map((path) => [path, new Uint8Array()])));
  await disk.release({ ...SETTINGS, now: THIRD });
  const there = async (paths: string[]) => {
    const files = await disk.files();
    return paths.map((path) => files.has(path));
  };
  assertEquals(await there([first!, second!]), [true, true]);
  await disk.release({ ...SETTINGS, now: "2026-06-01T12:30:00Z", gitCommit: true });
  assertEquals(await there([first!, second!]), [false, true]);
  assertEquals(world.committed.length, 1);
});
