import { assertEquals } from "@std/assert";
import { decode } from "../../src/contract/schema.ts";
import type { FleetResolved } from "../../src/contract/types.ts";
import { canonicalizeResolved } from "../../src/plan/fleet.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../../src/plan/reuse.ts";
import { type Draft, sampleFleet } from "../support/fleet.ts";
import { META } from "../support/full_fleet.ts";
import { deepFreeze, pureTest } from "../support/pure.ts";

const SIGNED_AT = "2026-06-01T12:00:00Z";
const KEPT = { signedAt: SIGNED_AT, ciCommit: META.ciCommit };

/** A stamped fleet whose channels are signed anew every hour, with an edit. */
function stamped(edit: (fleet: Draft) => void = () => {}): FleetResolved {
  const fleet = sampleFleet();
  fleet["hosts"].db.closureHash = "db-system";
  fleet["meta"] = { ...META };
  edit(fleet);
  return deepFreeze(decode("fleet", fleet));
}

const OLD = canonicalizeResolved(stamped());

/** The stamp to keep when the fleet on disk is `old` and the new one differs by an edit and by its stamp. */
function kept(now: string, edit: (fleet: Draft) => void = () => {}, old = OLD) {
  const fleet = stamped((fleet) => {
    Object.assign(fleet["meta"], { signedAt: now, ciCommit: "f".repeat(40) });
    edit(fleet);
  });
  return loadExistingSignedAtIfUnchanged(old, fleet, now);
}

pureTest("loadExistingSignedAtIfUnchanged() keeps the stamp until the signing interval has passed", () => {
  assertEquals(kept(SIGNED_AT), KEPT);
  assertEquals(kept("2026-06-01T12:00:01Z"), KEPT);
  assertEquals(kept("2026-06-01T12:59:59.999Z"), KEPT);
  assertEquals(kept("2026-06-01T13:00:00Z"), null);
  assertEquals(kept("2026-06-01T13:00:00.001Z"), null);
  assertEquals(kept("2027-06-01T12:00:00Z"), null);
});

pureTest("loadExistingSignedAtIfUnchanged() goes by the channel with the shortest signing interval", () => {
  const intervals = (...minutes: number[]) => {
    const edit = (fleet: Draft) => {
      const [channel] = Object.values<Draft>(fleet["channels"]);
      fleet["channels"] = Object.fromEntries(
        minutes.map((signingIntervalMinutes, index) => [`c${index}`, { ...channel, signingIntervalMinutes }]),
      );
    };
    return kept("2026-06-01T12:10:00Z", edit, canonicalizeResolved(stamped(edit)));
  };
  assertEquals(intervals(11, 4294967295), KEPT);
  assertEquals(intervals(11, 10), null);
  assertEquals(intervals(10, 11), null);
  assertEquals(intervals(4294967295), KEPT);
  assertEquals(intervals(0), null);
  assertEquals(intervals(), KEPT);
});

pureTest("loadExistingSignedAtIfUnchanged() signs anew at once when the interval is 0", () => {
  const edit = (fleet: Draft) => fleet["channels"].edge.signingIntervalMinutes = 0;
  assertEquals(kept(SIGNED_AT, edit, canonicalizeResolved(stamped(edit))), null);
});

pureTest("loadExistingSignedAtIfUnchanged() signs anew when half of the freshness window has passed", () => {
  const keptWithin = (freshnessWindow: number, now: string) => {
    const edit = (fleet: Draft) =>
      Object.assign(fleet["channels"].edge, { freshnessWindow, signingIntervalMinutes: 360 });
    return kept(now, edit, canonicalizeResolved(stamped(edit)));
  };
  assertEquals(keptWithin(60, "2026-06-01T12:29:59Z"), KEPT);
  assertEquals(keptWithin(60, "2026-06-01T12:30:00Z"), null);
  assertEquals(keptWithin(59, "2026-06-01T12:29:29Z"), KEPT);
  assertEquals(keptWithin(59, "2026-06-01T12:29:30Z"), null);
  assertEquals(keptWithin(0, SIGNED_AT), null);
  // The other channel is due sooner.
  assertEquals(keptWithin(120, "2026-06-01T12:59:59Z"), KEPT);
  assertEquals(keptWithin(240, "2026-06-01T13:00:00Z"), null);
});

pureTest("loadExistingSignedAtIfUnchanged() does not keep a stamp from the future", () => {
  assertEquals(kept("2026-06-01T11:59:59.999999999Z"), null);
  assertEquals(kept("2020-01-01T00:00:00Z"), null);
});

pureTest("loadExistingSignedAtIfUnchanged() keeps a stamp without a commit", () => {
  const old = canonicalizeResolved(stamped((fleet) => fleet["meta"].ciCommit = null));
  assertEquals(kept(SIGNED_AT, undefined, old), { signedAt: SIGNED_AT, ciCommit: null });
});

const CHANGES: Record<string, (fleet: Draft) => void> = {
  "a closure": (fleet) => fleet["hosts"].db.closureHash = "other-system",
  "a closure that is gone": (fleet) => delete fleet["hosts"].db.closureHash,
  "a tag": (fleet) => fleet["hosts"].db.tags.push("new"),
  "a host": (fleet) => fleet["hosts"].db2 = fleet["hosts"].db,
  "a host that is gone": (fleet) => delete fleet["hosts"].db,
  "a pin": (fleet) => fleet["hosts"].db.pin = { commit: "abc", reason: "audit" },
  "a freshness window": (fleet) => fleet["channels"].edge.freshnessWindow = 1,
  "a longer signing interval": (fleet) => fleet["channels"].edge.signingIntervalMinutes = 600,
  "a policy": (fleet) => fleet["rolloutPolicies"].all.onHealthFailure = "rollback-and-halt",
  "the order of waves": (fleet) => fleet["waves"].stable.reverse(),
  "an edge": (fleet) => fleet["edges"] = [{ gated: "db", gates: "web1" }],
  "a budget": (fleet) => fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1 }],
  "the signature algorithm": (fleet) => fleet["meta"].signatureAlgorithm = "ed25519",
};

for (const [what, edit] of Object.entries(CHANGES)) {
  pureTest(`loadExistingSignedAtIfUnchanged() signs anew when the fleet differs by ${what}`, () => {
    assertEquals(kept(SIGNED_AT, edit), null);
  });
}

const encode = (text: string) => new TextEncoder().encode(text);
const text = new TextDecoder().decode(OLD);

const DAMAGED: Record<string, Uint8Array> = {
  "empty": new Uint8Array(),
  "cut short": OLD.subarray(0, OLD.length - 1),
  "no JSON": encode("<html>"),
  "no UTF-8": OLD.with(OLD.indexOf(0x77), 0xff),
  "no object": encode("[]"),
  "null": encode("null"),
  "another document": encode('{"schemaVersion":1,"revocations":[]}'),
  "of another schema version": encode(text.replace(/"schemaVersion":1(?=,"waves")/, '"schemaVersion":2')),
};

for (const [what, bytes] of Object.entries(DAMAGED)) {
  pureTest(`readFleet() takes a file that is ${what} for none, and no stamp is kept from it`, () => {
    assertEquals(readFleet(bytes), undefined);
    assertEquals(kept(SIGNED_AT, undefined, new Uint8Array(bytes)), null);
  });
}

const NOT_CANONICAL: Record<string, string> = {
  "has a final newline": `${text}\n`,
  "has white space": text.replace(":", ": "),
  "has a field that the contract does not know": text.replace("{", '{"a":1,'),
  "has its keys in another order": JSON.stringify(JSON.parse(text), ["meta", ...keysOf(JSON.parse(text))]),
  "writes its time in another form": text.replace(SIGNED_AT, "2026-06-01T12:00:00.000Z"),
  "is not signed yet": text.replace(`"signedAt":"${SIGNED_AT}"`, '"signedAt":null'),
};

for (const [what, old] of Object.entries(NOT_CANONICAL)) {
  pureTest(`loadExistingSignedAtIfUnchanged() signs anew when the file on disk ${what}`, () => {
    assertEquals(readFleet(encode(old)) !== undefined, true);
    assertEquals(old === text, false);
    assertEquals(kept(SIGNED_AT, undefined, encode(old)), null);
  });
}

pureTest("readFleet() gives the record that was written", () => {
  assertEquals(readFleet(OLD), stamped());
});

/** All keys of a document, at every level. */
function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
}
