import { assertEquals } from "@std/assert";
import type { BootstrapNonce } from "../../src/contract/types.ts";
import {
  canonicalizeResolved,
  injectClosureHashes,
  metaOf,
  pruneExpiredBootstrapNonces,
  stampMeta,
} from "../../src/plan/fleet.ts";
import { type Stamp } from "../../src/model.ts";
import { fullFleet, fullNonces, META } from "../support/full_fleet.ts";
import { deepFreeze, pureTest } from "../support/pure.ts";

const web = fullFleet().hosts["web"]!;
const STAMP: Stamp = { signedAt: "2026-06-02T00:00:00Z", ciCommit: null, signatureAlgorithm: "ed25519" };

pureTest("injectClosureHashes() sets the hosts that were built, and leaves the others as they are", () => {
  const hosts = { a: { ...web, closureHash: null }, b: { ...web, closureHash: "old" }, c: web };
  const fleet = deepFreeze({ ...fullFleet(), hosts });
  assertEquals(injectClosureHashes(fleet, { b: "new-b", a: "new-a" }), {
    fleet: {
      ...fleet,
      hosts: { a: { ...web, closureHash: "new-a" }, b: { ...web, closureHash: "new-b" }, c: web },
    },
    unknownHosts: [],
  });
  assertEquals(injectClosureHashes(fleet, {}), { fleet, unknownHosts: [] });
});

pureTest("injectClosureHashes() leaves out what the fleet does not know, and names it", () => {
  const fleet = deepFreeze(fullFleet());
  const closures: Record<string, string> = JSON.parse(
    '{"stray":"s","web":"w","constructor":"c","__proto__":"p"}',
  );
  const { fleet: injected, unknownHosts } = injectClosureHashes(fleet, closures);
  assertEquals(unknownHosts, ["stray", "constructor", "__proto__"]);
  assertEquals(injected, { ...fleet, hosts: { web: { ...web, closureHash: "w" } } });
});

pureTest("injectClosureHashes() finds no closure hash in a prototype", () => {
  const fleet = { ...fullFleet(), hosts: { constructor: { ...web, closureHash: null } } };
  assertEquals(injectClosureHashes(fleet, {}).fleet.hosts["constructor"]?.closureHash, null);
});

pureTest("stampMeta() writes the stamp over whatever the flake said", () => {
  const fleet = deepFreeze(fullFleet());
  assertEquals(stampMeta(fleet, STAMP), { ...fleet, meta: { schemaVersion: 1, ...STAMP } });
  assertEquals(stampMeta(stampMeta(fleet, STAMP), META as Stamp), fleet);
});

pureTest("metaOf() gives the four fields of meta and no others", () => {
  assertEquals(metaOf({ ...STAMP, more: 1 } as Stamp), { schemaVersion: 1, ...STAMP });
});

pureTest("canonicalizeResolved() gives the same bytes whatever order the hosts are in", () => {
  const bytes = (...names: string[]) =>
    canonicalizeResolved({ ...fullFleet(), hosts: Object.fromEntries(names.map((name) => [name, web])) });
  assertEquals(bytes("b", "a", "c"), bytes("c", "b", "a"));
});

pureTest("pruneExpiredBootstrapNonces() keeps a nonce up to the instant at which it expires", () => {
  const [base] = fullNonces();
  const nonce = (expiresAt: string): BootstrapNonce => ({ ...base!, nonce: expiresAt, expiresAt });
  const nonces = deepFreeze([
    nonce("2026-06-01T12:00:00.000000001Z"),
    nonce("2026-06-01T11:59:59.999999999Z"),
    nonce("2026-06-01T12:00:00Z"),
    nonce("2020-01-01T00:00:00Z"),
    nonce("2026-06-01T12:00:00Z"),
  ]);
  assertEquals(pruneExpiredBootstrapNonces(nonces, "2026-06-01T12:00:00Z"), [
    nonces[0]!,
    nonces[2]!,
    nonces[4]!,
  ]);
  assertEquals(pruneExpiredBootstrapNonces(nonces, "2026-06-01T12:00:00.000000002Z"), []);
  assertEquals(pruneExpiredBootstrapNonces([], "2026-06-01T12:00:00Z"), []);
});
