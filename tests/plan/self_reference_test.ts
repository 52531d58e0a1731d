import { assertEquals } from "@std/assert";
import { decode } from "../../src/contract/schema.ts";
import type { FleetResolved } from "../../src/contract/types.ts";
import type { BuiltHost } from "../../src/model.ts";
import { selfReferring } from "../../src/plan/self_reference.ts";
import { addHost, derivationOf, lockedAt, pathOf } from "../support/fake_ports.ts";
import { type Draft, sampleFleet } from "../support/fleet.ts";
import { deepFreeze, pureTest } from "../support/pure.ts";

/** A fleet with these closures of its hosts, and no others. */
function fleetOf(closures: Readonly<Record<string, string>>, pinned: readonly string[] = []): FleetResolved {
  const fleet = sampleFleet();
  for (const [name, closureHash] of Object.entries(closures)) {
    const pin: Draft = pinned.includes(name) ? { pin: { commit: "a".repeat(40), reason: "audit" } } : {};
    addHost(fleet, name, { closureHash, ...pin });
  }
  return deepFreeze(decode("fleet", fleet));
}

function built(name: string, closureHash: string, pinnedTo: string | null = null): BuiltHost {
  const derivation = derivationOf({ name, kind: "nixos" });
  const flake = lockedAt("git+file:///fleet", pinnedTo);
  return { ...derivation, channel: "stable", flake, pinnedTo, storePath: pathOf(name), closureHash };
}

pureTest(
  "selfReferring() names the hosts that are others by the release of themselves alone, in their order",
  () => {
    const hosts = [built("web2", "new"), built("db", "same"), built("web1", "new")];
    const released = fleetOf({ web1: "old", web2: "old", db: "same" });
    const before = fleetOf({ web1: "older", web2: "older", db: "same" });
    assertEquals(selfReferring(hosts, { released, before }), ["web2", "web1"]);
    assertEquals(selfReferring(hosts, { released, before: null }), ["web2", "web1"]);
    assertEquals(selfReferring([hosts[1]!], { released, before: null }), []);
  },
);

pureTest(
  "selfReferring() tells nothing of a host that was not built for the last release, or from another commit",
  () => {
    const released = fleetOf({ pinned: "old", kept: "old", now: "old" }, ["pinned"]);
    const before = fleetOf({ kept: "old" });
    const hosts = [
      built("pinned", "new"),
      built("kept", "new"),
      built("now", "new", "a".repeat(40)),
      // One without a closure, one that the fleet does not have, and a name that every object has.
      ...["web1", "stranger", "constructor"].map((name) => built(name, "new")),
    ];
    assertEquals(selfReferring(hosts, { released, before }), []);
  },
);
