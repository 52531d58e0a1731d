// --reuse-unchanged-signature, with the release directory on disk.

import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import type { ReleaseConfig } from "../../src/config.ts";
import { COMMIT } from "../support/fake_ports.ts";
import type { Draft } from "../support/fleet.ts";
import { NOW } from "../support/releases.ts";
import { type Counted, WorldOnDisk } from "../support/world_on_disk.ts";

const REUSING: Partial<ReleaseConfig> = {
  reuseUnchangedSignature: true,
  revocationsAttr: "fleet.revocations",
  bootstrapNoncesAttr: "fleet.bootstrapNonces",
};

/** Both sidecars, with a nonce that expires half an hour after the first run. */
function addSidecars({ world: { outputs } }: WorldOnDisk): void {
  outputs.set("fleet.revocations", [{ hostname: "web1", notBefore: "2026-05-01T00:00:00Z" }]);
  outputs.set("fleet.bootstrapNonces", [
    { nonce: "short", hostname: "web1", expiresAt: "2026-06-01T12:30:00Z" },
    { nonce: "long", hostname: "web1", expiresAt: "2026-07-01T00:00:00Z" },
  ]);
}

/** Releases at a time, with the sidecars. */
function releaseAt(world: WorldOnDisk, now: string, settings: Partial<ReleaseConfig> = {}): Promise<Counted> {
  return world.release({ ...REUSING, now, ...settings });
}

/** A world with sidecars that was released once, of another commit than the one that it is at now. */
async function releasedOnce(edit: (fleet: Draft) => void = () => {}): Promise<WorldOnDisk> {
  const disk = await WorldOnDisk.create();
  addSidecars(disk);
  edit(disk.world.fleet);
  const current = disk.world.flake;
  disk.world.flake = { ...current, revision: "d".repeat(40) };
  const { signed, outcome } = await releaseAt(disk, NOW);
  assertEquals([signed, outcome], [5, "released"]);
  disk.world.flake = current;
  return disk;
}

/** What may change between two runs without a new signature. */
const UNCHANGED: [of: string, now: string, change: (fleet: Draft) => void][] = [
  ["nothing changed but the commit", "2026-06-01T12:29:59Z", () => {}],
  ["the second run is at the same second", NOW, () => {}],
  ["a nonce expires in this very second", "2026-06-01T12:30:00Z", () => {}],
  ["the order of the fleet's fields changed", "2026-06-01T12:29:59Z", (fleet) => {
    const { hosts, ...others } = fleet;
    for (const name of Object.keys(fleet)) delete fleet[name];
    Object.assign(fleet, others, { hosts: Object.fromEntries(Object.entries(hosts).reverse()) });
  }],
];

for (const [of, now, change] of UNCHANGED) {
  Deno.test(`--reuse-unchanged-signature keeps every byte on disk and does not sign when ${of}`, async () => {
    await using disk = await releasedOnce();
    const before = await disk.files();
    change(disk.world.fleet);
    const { signed, outcome, artifacts, signedAt, commit } = await releaseAt(disk, now);
    assertEquals(await disk.files(), before);
    assertEquals([signed, outcome], [0, "no-change"]);
    assertEquals(artifacts.map(({ reused }) => reused), Array(5).fill(true));
    assertEquals([signedAt, commit], [NOW, "d".repeat(40)]);
  });
}

/** What makes a release due anew: a change, or a script beside the release directory, and settings. */
const CHANGED: [
  of: string,
  change: string | ((disk: WorldOnDisk) => unknown),
  settings?: Partial<ReleaseConfig>,
][] = [
  ["a freshnessWindow changed", ({ world: { fleet } }) => fleet["channels"].edge.freshnessWindow = 1441],
  ["a host's tags changed", ({ world: { fleet } }) => fleet["hosts"].db.tags = []],
  ["a closure changed", (disk) => disk.content = { db: "two" }],
  [
    "the revocations changed",
    ({ world: { outputs } }) =>
      outputs.set("fleet.revocations", [{ hostname: "web2", notBefore: "2026-05-01T00:00:00Z" }]),
  ],
  [
    "a nonce was added",
    ({ world: { outputs } }) =>
      outputs.set("fleet.bootstrapNonces", [
        { nonce: "n", hostname: "db", expiresAt: "2026-07-01T00:00:00Z" },
        ...outputs.get("fleet.bootstrapNonces") as Draft[],
      ]),
  ],
  ["a nonce has expired", "true", { now: "2026-06-01T12:30:01Z" }],
  [
    "the algorithm is another one",
    ({ world }) => world.signer = { ...world.signer, algorithm: "ecdsa-p256" },
  ],
  ["the artifact has another name", "true", { artifactName: "other.json" }],
  ["the fleet's signature is missing", "rm releases/fleet.resolved.json.sig"],
  ["a sidecar's signature is missing", "rm releases/revocations.json.sig"],
  ["a manifest's signature is missing", "rm releases/rollouts/*.sig"],
  ["a signature is empty", ": > releases/fleet.resolved.json.sig"],
  [
    "a signature is one byte short",
    "head -c 63 releases/revocations.json.sig > s && mv s releases/revocations.json.sig",
  ],
  ["a signature is one byte long", "echo >> releases/fleet.resolved.json.sig"],
  ["a manifest is missing", "rm releases/rollouts/*.json"],
  ["a manifest is damaged", "for file in releases/rollouts/*.json; do echo >> $file; done"],
  ["a sidecar is missing", "rm releases/bootstrap-nonces.json"],
  ["a sidecar is damaged", "printf ' ' >> releases/revocations.json"],
  ["the fleet on disk is missing", "rm releases/fleet.resolved.json"],
  ["the fleet on disk is empty", ": > releases/fleet.resolved.json"],
  ["the fleet on disk has another layout", "printf '\\n' >> releases/fleet.resolved.json"],
  ["the fleet on disk is of another schema", "echo '{\"schemaVersion\":2}' > releases/fleet.resolved.json"],
  ["signingIntervalMinutes have passed to the second", "true", { now: "2026-06-01T13:00:00Z" }],
  ["the signature is of the future", "true", { now: "2026-06-01T11:59:59Z", allowOlder: true }],
];

for (const [of, change, settings = {}] of CHANGED) {
  Deno.test(`--reuse-unchanged-signature signs everything on disk anew when ${of}`, async () => {
    await using disk = await releasedOnce();
    await (typeof change === "string" ? disk.shell(change) : change(disk));
    const now = settings.now ?? "2026-06-01T12:15:00Z";
    const { signed, outcome, artifacts } = await releaseAt(disk, now, settings);
    assertEquals([signed, outcome], [5, "released"]);
    assertEquals(artifacts.map(({ reused }) => reused), Array(5).fill(false));
    const stamp = { schemaVersion: 1, signedAt: now, ciCommit: COMMIT };
    const files = await disk.files();
    for (const { path } of artifacts) {
      const { signatureAlgorithm: _, ...meta } =
        JSON.parse(new TextDecoder().decode(files.get(path)))["meta"];
      assertEquals(meta, stamp, path);
      assertEquals(files.get(`${path}.sig`)!.length, 64, path);
    }
    assertEquals([...files.keys()].filter((path) => path.endsWith(".tmp")), []);
  });
}

Deno.test("--reuse-unchanged-signature goes by the shortest signingIntervalMinutes of all channels", async () => {
  await using disk = await releasedOnce(({ channels }) => channels.edge.signingIntervalMinutes = 10);
  const signed: number[] = [];
  for (const time of ["12:09:59.999", "12:10:00"]) {
    signed.push((await releaseAt(disk, `2026-06-01T${time}Z`)).signed);
  }
  assertEquals(signed, [0, 5]);
});

Deno.test("--reuse-unchanged-signature goes by the age of the signature, however often it was kept", async () => {
  await using disk = await releasedOnce();
  const signed: number[] = [];
  // From the last run that signed, not from the last run.
  for (const time of ["12:20:00", "12:29:00", "13:01:00", "13:30:00", "14:00:59", "14:01:00"]) {
    signed.push((await releaseAt(disk, `2026-06-01T${time}Z`)).signed);
  }
  assertEquals(signed, [0, 0, 5, 0, 0, 5]);
});

Deno.test("a release on disk is signed anew without --reuse-unchanged-signature", async () => {
  await using disk = await releasedOnce();
  const { signed, outcome, signedAt, artifacts } = await releaseAt(disk, "2026-06-01T12:29:59Z", {
    reuseUnchangedSignature: false,
  });
  assertEquals([signed, outcome, signedAt], [5, "released", "2026-06-01T12:29:59Z"]);
  assertEquals(artifacts.map(({ reused }) => reused), Array(5).fill(false));
});

Deno.test("--reuse-unchanged-signature keeps the fleet when a sidecar is no longer released", async () => {
  await using disk = await releasedOnce();
  const before = await disk.files();
  const { signed, outcome, artifacts, warnings } = await releaseAt(disk, "2026-06-01T12:29:59Z", {
    bootstrapNoncesAttr: undefined,
  });
  assertEquals([signed, outcome, artifacts.length], [0, "no-change", 4]);
  assertEquals(warnings.filter(({ path }) => path !== undefined).map(({ code, path }) => [code, path]), [
    ["stale-sidecar", "bootstrap-nonces.json"],
  ]);
  assertEquals(await disk.files(), before);
  assertEquals(await exists(join(disk.dir, "releases/bootstrap-nonces.json")), true);
});

Deno.test("--reuse-unchanged-signature keeps a partial release that is repeated", async () => {
  await using disk = await releasedOnce();
  disk.content = { web1: "two", db: "two" };
  const partial: Partial<ReleaseConfig> = { hosts: { kind: "explicit", hosts: ["web1"] } };
  assertEquals((await releaseAt(disk, "2026-06-01T12:10:00Z", partial)).signed, 5);
  const before = await disk.files();
  assertEquals(await disk.contents(), [["db", "one"], ["web1", "two"], ["web2", "one"]]);
  assertEquals((await releaseAt(disk, "2026-06-01T12:20:00Z", partial)).signed, 0);
  assertEquals(await disk.files(), before);
});
