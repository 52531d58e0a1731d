// What is composed is the plan's; here is how a run takes it.

import { assertEquals } from "@std/assert";
import { composeRelease, type Parts } from "../../src/stages/compose.ts";
import { FakeWorld } from "../support/fake_ports.ts";
import { fullFleet } from "../support/full_fleet.ts";
import { pureTest } from "../support/pure.ts";

pureTest("composeRelease() tells more warnings than a function takes arguments", async () => {
  const world = new FakeWorld();
  const edge = { gated: "gone", gates: "gone", reason: null };
  // Two warnings each.
  const fleet = { ...fullFleet(), edges: Array.from({ length: 65_000 }, () => edge) };
  const parts = {
    source: { ciCommit: null, flake: world.flake, repository: null, place: null },
    fleet: { evaluated: { fleet, revocations: null, bootstrapNonces: null } },
    trusted: null,
    hosts: [],
    earlier: { onDisk: null, committed: null, untrusted: false },
  } as unknown as Parts;
  await composeRelease(world.run(), parts);
  assertEquals(world.warnings.filter(({ code }) => code === "dangling-edge").length, 130_000);
});
