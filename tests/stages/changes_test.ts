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

/** Revocations of hosts. */
function revoking(...hosts: string[]) {
  const revocations = hosts.map((hostname) => ({
    ...{ hostname, notBefore: "2026-06-01T12:00:00Z", reason: null, revokedBy: null },
  }));
  return canonicalBytes({ schemaVersion: 1, revocations, meta: { schemaVersion: 1 } });
}

/** What a release of the fleet is said to change, which revokes "b". */
async function summary(
  files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  earlier: Earlier,
  commits = false,
): Promise<string> {
  const world = new FakeWorld();
  for (const [path, bytes] of Object.entries(files)) world.files.set(path, bytes);
  const artifacts = [[FLEET, fleetWithout(9)], [REVOCATIONS_FILE, revoking("b")]] as const;
  return summaryOf(
    await compareWithLast(
      world.run(),
      artifacts.map(([path, bytes]): Artifact => ({ path, bytes, sha256: "" })),
      earlier,
      commits,
    ),
  );
}

const ALL_NEW = "first release, of 3 hosts";
const ONE_NEW = '1 is new: "a"';

pureTest("compareWithLast() takes what is on disk, whoever signed it, where nobody knows a key", async () => {
  assertEquals(await summary({}, NOTHING), ALL_NEW);
  assertEquals(
    await summary({ [FLEET]: fleetWithout(1, "a"), [REVOCATIONS_FILE]: revoking("b") }, NOTHING),
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

pureTest("compareWithLast() takes the later of what is on disk and what is committed", async () => {
  const at = (day: number, bytes: Uint8Array<ArrayBuffer>) => ({
    ...{ place: "somewhere", bytes, signedAt: `2026-06-0${day}T12:00:00Z` },
  });
  const files = { [FLEET]: fleetWithout(2), [REVOCATIONS_FILE]: revoking("b") };
  const onDisk = at(2, files[FLEET]);
  const committed = (day: number) => ({
    ...at(day, fleetWithout(day, "a")),
    sidecars: new Map([[REVOCATIONS_FILE, revoking("b", "c")]]),
  });
  const unchanged = "nothing changes for 3 hosts";
  for (const day of [1, 2]) {
    assertEquals(await summary(files, { onDisk, committed: committed(day), untrusted: false }), unchanged);
  }
  for (const disk of [onDisk, null]) {
    assertEquals(
      await summary(files, { onDisk: disk, committed: committed(3), untrusted: false }),
      `${ONE_NEW}; revocations change`,
    );
  }
});

pureTest(
  "compareWithLast() takes what is committed for a release that will be, since that on disk may not be",
  async () => {
    const onDisk = {
      ...{ place: "on disk", bytes: fleetWithout(2), signedAt: "2026-06-02T12:00:00Z" },
    };
    const committed = {
      ...{ place: "in a commit", bytes: fleetWithout(1, "a"), signedAt: "2026-06-01T12:00:00Z" },
      sidecars: new Map([[REVOCATIONS_FILE, revoking("b")]]),
    };
    const files = { [FLEET]: onDisk.bytes, [REVOCATIONS_FILE]: revoking("b") };
    const said = (commits: boolean, earlier: Partial<Earlier>) =>
      summary(files, { ...NOTHING, ...earlier }, commits);
    const unchanged = "nothing changes for 3 hosts";
    assertEquals([await said(true, { onDisk, committed }), await said(false, { onDisk, committed })], [
      ONE_NEW,
      unchanged,
    ]);
    assertEquals([await said(true, { onDisk }), await said(false, { onDisk })], [ALL_NEW, unchanged]);
    // Where nobody knows a key, nobody knows what is committed either.
    assertEquals(await said(true, {}), unchanged);
  },
);
