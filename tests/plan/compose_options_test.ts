// What composeRelease() takes beside the fleet.

import { assertEquals } from "@std/assert";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { canonicalize } from "../../src/contract/json.ts";
import { type ComposeInput, composeRelease, decodeFleet } from "../../src/plan/compose.ts";
import { sampleFleet } from "../support/fleet.ts";
import { fullNonces, fullRevocations } from "../support/full_fleet.ts";
import { pureTest, refusal } from "../support/pure.ts";

const decoder = new TextDecoder();
const CLOSURES = { web1: "a-system", web2: "b-system", db: "c-system" };

function input(more: Partial<ComposeInput> = {}): ComposeInput {
  return { fleet: sampleFleet(), closureHashes: CLOSURES, signedAt: "2026-06-01T12:00:00Z", ...more };
}

function composed(more: Partial<ComposeInput> = {}): [path: string, text: string][] {
  return [...composeRelease(input(more)).files].map(([path, bytes]) => [path, decoder.decode(bytes)]);
}

/** The `meta` of every document of the release. */
// deno-lint-ignore no-explicit-any
function metas(more: Partial<ComposeInput>): any[] {
  return composed({ revocations: fullRevocations(), bootstrapNonces: fullNonces(), ...more })
    .map(([, text]) => JSON.parse(text).meta);
}

pureTest("composeRelease() stamps every document alike, in the normal form of times", () => {
  const stamp = {
    schemaVersion: 1,
    signedAt: "2026-06-01T10:00:00.120Z",
    ciCommit: "0123456789abcdef0123456789abcdef01234567",
    signatureAlgorithm: "ecdsa-p256",
  };
  const { ciCommit, signatureAlgorithm } = stamp;
  const given = { signedAt: "2026-06-01 12:00:00.12+02:00", ciCommit, signatureAlgorithm };
  assertEquals(metas(given), Array.from({ length: 5 }, () => stamp));
});

pureTest("composeRelease() stamps ed25519 and no commit unless it is told otherwise", () => {
  const stamp = {
    schemaVersion: 1,
    signedAt: "2026-06-01T12:00:00Z",
    ciCommit: null,
    signatureAlgorithm: "ed25519",
  };
  assertEquals(metas({}), Array.from({ length: 5 }, () => stamp));
  assertEquals(metas({ ciCommit: null }), metas({}));
});

pureTest("composeRelease() gives the fleet the file name that it is told, and changes nothing else", () => {
  const [fleet, ...others] = composed();
  assertEquals(composed({ artifactName: "f.json" }), [["f.json", fleet![1]], ...others]);
  assertEquals(fleet![0], "fleet.resolved.json");
});

pureTest("composeRelease() makes a sidecar for an empty list, and none for null or nothing", () => {
  const sidecars = (more: Partial<ComposeInput>) =>
    composed(more).map(([path]) => path).filter((path) => !path.startsWith("rollouts/")).slice(1);
  assertEquals(sidecars({}), []);
  assertEquals(sidecars({ revocations: null, bootstrapNonces: null }), []);
  assertEquals(sidecars({ revocations: [], bootstrapNonces: null }), ["revocations.json"]);
  assertEquals(sidecars({ bootstrapNonces: [], revocations: [] }), [
    "revocations.json",
    "bootstrap-nonces.json",
  ]);
});

pureTest("composeRelease() makes the same bytes whatever order the fleet's names are in", () => {
  const reversed = (record: object) => Object.fromEntries(Object.entries(record).toReversed());
  const fleet = sampleFleet();
  const other = reversed({
    ...fleet,
    hosts: reversed(fleet["hosts"]),
    channels: reversed(fleet["channels"]),
    rolloutPolicies: reversed(fleet["rolloutPolicies"]),
    waves: reversed(fleet["waves"]),
  });
  assertEquals(composed({ fleet: other, closureHashes: reversed(CLOSURES) as typeof CLOSURES }), composed());
});

pureTest("composeRelease() refuses a signing time or an algorithm that it does not know", () => {
  for (const signedAt of ["", "now", "2026-06-01T12:00:00", "2026-02-30T00:00:00Z"]) {
    assertEquals(refusal(() => composeRelease(input({ signedAt }))), {
      kind: "contract",
      message: `Cannot read the signing time "${signedAt}": expected an RFC 3339 time such as ` +
        '"2026-06-01T12:00:00Z"',
      path: "signedAt",
    });
  }
  for (const signatureAlgorithm of ["rsa", "", "ED25519", "constructor"]) {
    assertEquals(refusal(() => composeRelease(input({ signatureAlgorithm }))), {
      kind: "contract",
      message: `Unknown signature algorithm "${signatureAlgorithm}"`,
      path: "signatureAlgorithm",
      hint: "expected ed25519 or ecdsa-p256",
    });
  }
});

pureTest("composeRelease() gives the path of a wrong sidecar", () => {
  assertEquals(refusal(() => composeRelease(input({ revocations: {} }))).path, "revocations");
  assertEquals(
    refusal(() => composeRelease(input({ bootstrapNonces: [{}] }))).path,
    "bootstrapNonces.0.nonce",
  );
});

pureTest("composeRelease() warns of everything at once, dropped fields first", () => {
  const fleet = sampleFleet();
  fleet["note"] = "x";
  fleet["hosts"].db.pin = { commit: "abc", reason: "audit", expiresAt: "2026-06-01T12:00:00Z" };
  fleet["hosts"].web1.pin = { ...fleet["hosts"].db.pin };
  fleet["waves"].stable.push({ hosts: ["gone"], soakMinutes: 5 });
  const { warnings } = composeRelease(input({
    fleet,
    revocations: [{ ...fullRevocations()[0], ticket: 1 }],
    closureHashes: { ...CLOSURES, stray: "d-system", other: "e-system" },
  }));
  assertEquals(warnings, [
    {
      code: "dropped-field",
      message: 'The contract does not know the field "note": it does not reach the artifact',
      path: "note",
    },
    {
      code: "expired-pin",
      message: 'The pins of "web1", "db" have expired: released from the current commit',
      path: "hosts.web1.pin",
    },
    {
      code: "dropped-field",
      message: 'The contract does not know the field "revocations.0.ticket": it does not reach the artifact',
      path: "revocations.0.ticket",
    },
    {
      code: "unknown-host",
      message: '"stray", "other" were built, but the fleet does not know them: not in the release',
      path: "hosts",
    },
    {
      code: "unknown-wave-host",
      message: 'Wave 2 of channel "stable" names "gone", which the fleet does not have',
      path: "waves.stable.2.hosts",
    },
  ]);
});

pureTest(
  "composeRelease() makes a release index when it is told to, last of all, which lists the others",
  () => {
    const more = { revocations: fullRevocations(), artifactName: "fleet.json", ciCommit: "0123456789" };
    const others = [...composeRelease(input(more)).files];
    const { files } = composeRelease(input({ ...more, releaseIndex: true }));
    assertEquals([...files.keys()], [...others.map(([path]) => path), "release-index.json"]);
    const text = decoder.decode(files.get("release-index.json"));
    assertEquals(JSON.parse(text), {
      schemaVersion: 1,
      artifact: "fleet.json",
      files: Object.fromEntries(others.map(([path, bytes]) => [path, sha256Hex(bytes)])),
      meta: {
        schemaVersion: 1,
        signedAt: "2026-06-01T12:00:00Z",
        ciCommit: "0123456789",
        signatureAlgorithm: "ed25519",
      },
    });
    assertEquals(canonicalize(text), text);
  },
);

const NOT_READ = {
  kind: "contract" as const,
  hint:
    "verify reads files of 64 MiB and releases of 1024 MiB: choose fewer hosts in disruptionBudgets, or make " +
    "fleets of fewer channels",
};

pureTest("composeRelease() refuses a document that is larger than verify reads", () => {
  const fleet = sampleFleet();
  fleet["hosts"].db.pubkey = "k".repeat(65 * 2 ** 20);
  assertEquals(refusal(() => composeRelease(input({ fleet }))), {
    ...NOT_READ,
    message: 'Cannot make a release that nobody would read: "fleet.resolved.json" has 66 MiB',
    path: "fleet.resolved.json",
  });
});

pureTest(
  "decodeFleet() refuses budgets that make a release larger than verify reads, before it is made",
  () => {
    const fleet = sampleFleet();
    const hosts = Array.from(
      { length: 1000 },
      (_, index) => `${String(index).padStart(4, "0")}${"x".repeat(1995)}`,
    );
    fleet["channels"] = Object.fromEntries(hosts.map((name) => [name.slice(0, 4), fleet["channels"].stable]));
    fleet["hosts"] = Object.fromEntries(
      hosts.map((name) => [name, { ...fleet["hosts"].db, channel: name.slice(0, 4) }]),
    );
    const decoded = () => decodeFleet({ fleet }, "2026-06-01T12:00:00Z", false).warnings;
    fleet["disruptionBudgets"] = [{ selector: { channel: "0000" }, maxInFlight: 1 }];
    decoded();
    fleet["disruptionBudgets"] = [{ selector: { all: true }, maxInFlight: 1 }];
    assertEquals(refusal(decoded), {
      ...NOT_READ,
      message:
        "Cannot make a release that nobody would read: the disruption budgets, with the names of all hosts " +
        "that they choose, are in the rollout manifest of each of 1000 channels, and come to 1910 MiB there",
      path: "disruptionBudgets",
    });
  },
);

pureTest("composeRelease() warns of more than a function takes arguments", () => {
  const names = Array.from({ length: 130_000 }, (_, index) => `more${index}`);
  const revocations = [{ ...fullRevocations()[0], ...Object.fromEntries(names.map((name) => [name, 0])) }];
  const { warnings } = composeRelease(input({ revocations }));
  assertEquals(warnings.filter(({ code }) => code === "dropped-field").length, names.length);
});
