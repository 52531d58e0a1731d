import { assertEquals } from "@std/assert";
import { canonicalBytes } from "../../src/contract/canonical.ts";
import { REVOCATIONS_FILE } from "../../src/contract/layout.ts";
import type { FleetResolved } from "../../src/contract/types.ts";
import type { Artifact } from "../../src/model.ts";
import { compareWithLast } from "../../src/stages/changes.ts";
import type { Earlier } from "../../src/stages/order.ts";
import { summaryOf } from "../../src/plan/changes.ts";
import { FakeWorld } from "../support/fake_ports.ts";
import { fullFleet } from "../support/full_fleet.ts";
import { pureTest } from "../support/pure.ts";

const NOTHING: Earlier = { onDisk: null, committed: null, untrusted: false };
const FLEET = "fleet.resolved.json";

/** The bytes of a fleet without the hosts that are named, signed at a day of June. */
function fleetWithout(day: number, ...names: string[]) {
  const fleet: FleetResolved = structuredClone(fullFleet());
  const [host] = Object.values(fleet.hosts);
  const left = ["a", "b", "c"].filter((name) => !names.includes(name));
  fleet.hosts = Object.fromEntries(left.map((name) => [name, host!]));
  fleet.meta.signedAt = `2026-06-0${day}T12:00:00Z`;
  return canonicalBytes(fleet);
}

/** Revocations of hosts, signed with the fleet of that day. */
function revoking(day: number, ...hosts: string[]) {
  const revocations = hosts.map((hostname) => ({
    ...{ hostname, notBefore: "2026-06-01T12:00:00Z", reason: null, revokedBy: null },
  }));
  const meta = { ...fullFleet().meta, signedAt: `2026-06-0${day}T12:00:00Z` };
  return canonicalBytes({ schemaVersion: 1, revocations, meta });
}

/** What a release of the fleet is said to change, which revokes "b". */
async function summary(
  files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  earlier: Earlier,
  commits = false,
): Promise<string> {
  const world = new FakeWorld();
  for (const [path, bytes] of Object.entries(files)) world.files.set(path, bytes);
  const artifacts = [[FLEET, fleetWithout(9)], [REVOCATIONS_FILE, revoking(9, "b")]] as const;
  const run = world.run();
  const changes = await compareWithLast(
    run,
    artifacts.map(([path, bytes]): Artifact => ({ path, bytes, sha256: "" })),
    earlier,
    commits,
  );
  // For the page of a run that fails later.
  assertEquals(run.notes.changes, changes);
  return summaryOf(changes);
}

const ALL_NEW = "first release, of 3 hosts";
const ONE_NEW = '1 is new: "a"';

pureTest("compareWithLast() takes what is on disk, whoever signed it, where nobody knows a key", async () => {
  assertEquals(await summary({}, NOTHING), ALL_NEW);
  assertEquals(
    await summary({ [FLEET]: fleetWithout(2, "a"), [REVOCATIONS_FILE]: revoking(2, "b") }, NOTHING),
    ONE_NEW,
  );
  assertEquals(await summary({ [FLEET]: fleetWithout(1, "a") }, NOTHING), `${ONE_NEW}; revocations change`);
});

pureTest(
  "compareWithLast() makes nothing of what is damaged, or what no key that counts has signed",
  async () => {
    const text = (what: string) => new TextEncoder().encode(what);
    assertEquals(await summary({ [FLEET]: text("{") }, NOTHING), ALL_NEW);
    assertEquals(await summary({ [FLEET]: fleetWithout(1) }, { ...NOTHING, untrusted: true }), ALL_NEW);
    assertEquals(
      await summary({ [FLEET]: fleetWithout(1), [REVOCATIONS_FILE]: text("[]") }, NOTHING),
      "none of 3 hosts changes; revocations change",
    );
  },
);

/** A release of a day of June, which revokes hosts. */
function releaseOf(day: number, [...without]: readonly string[], ...revoked: string[]) {
  return {
    ...{ place: "somewhere", bytes: fleetWithout(day, ...without), signedAt: `2026-06-0${day}T12:00:00Z` },
    sidecars: new Map([[REVOCATIONS_FILE, revoking(day, ...revoked)]]),
  };
}

const UNCHANGED = "nothing changes for 3 hosts";

pureTest("compareWithLast() takes the later of what is on disk and what is committed", async () => {
  const onDisk = releaseOf(2, [], "b");
  const committed = (day: number) => releaseOf(day, ["a"], "b", "c");
  for (const day of [1, 2]) {
    assertEquals(await summary({}, { onDisk, committed: committed(day), untrusted: false }), UNCHANGED);
  }
  for (const disk of [onDisk, null]) {
    assertEquals(
      await summary({}, { onDisk: disk, committed: committed(3), untrusted: false }),
      `${ONE_NEW}; revocations change`,
    );
  }
});

pureTest(
  "compareWithLast() takes what is committed for a release that will be, since that on disk may not be",
  async () => {
    const [onDisk, committed] = [releaseOf(2, [], "b"), releaseOf(1, ["a"], "b")];
    const said = (commits: boolean, earlier: Partial<Earlier>) =>
      summary({ [FLEET]: onDisk.bytes, ...Object.fromEntries(onDisk.sidecars) }, {
        ...NOTHING,
        ...earlier,
      }, commits);
    assertEquals([await said(true, { onDisk, committed }), await said(false, { onDisk, committed })], [
      ONE_NEW,
      UNCHANGED,
    ]);
    assertEquals([await said(true, { onDisk }), await said(false, { onDisk })], [ALL_NEW, UNCHANGED]);
    // Where nobody knows a key, nobody knows what is committed either.
    assertEquals(await said(true, {}), UNCHANGED);
  },
);

pureTest("compareWithLast() makes nothing of a sidecar that an earlier release has left", async () => {
  const files = { [FLEET]: fleetWithout(2), [REVOCATIONS_FILE]: revoking(1, "b") };
  assertEquals(await summary(files, NOTHING), "none of 3 hosts changes; revocations change");
});
