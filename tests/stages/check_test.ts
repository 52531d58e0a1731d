import { assertEquals } from "@std/assert";
import { canonicalBytes, sha256Hex } from "../../src/contract/canonical.ts";
import { composeArtifacts, decodeFleet } from "../../src/plan/compose.ts";
import { type SignedArtifact } from "../../src/model.ts";
import { smokeVerify } from "../../src/stages/check.ts";
import { type Draft, sampleFleet } from "../support/fleet.ts";
import { fullNonces, fullRevocations } from "../support/full_fleet.ts";
import { deepFreeze, pureTest, refusal } from "../support/pure.ts";

const FLEET = 0;
const REVOCATIONS = 1;
const NONCES = 2;
const OTHER_ROLLOUT = 3;
/** That of the channel `stable`, which has two hosts. */
const ROLLOUT = 4;

/** A whole signed release: the fleet, both sidecars and two rollouts. */
function release({ releaseIndex = false } = {}): SignedArtifact[] {
  const signedAt = "2026-06-01T12:00:00Z";
  const documents = {
    fleet: { ...sampleFleet(), disruptionBudgets: [{ selector: { tags: ["web"] }, maxInFlight: 1 }] },
    revocations: fullRevocations(),
    bootstrapNonces: fullNonces(),
  };
  const { evaluated } = decodeFleet(documents, signedAt, false);
  const { artifacts } = composeArtifacts(evaluated, {
    closureHashes: { web1: "a-system", web2: "b-system", db: "c-system" },
    stamp: { signedAt, ciCommit: "0123456789", signatureAlgorithm: "ed25519" },
    now: signedAt,
    artifactName: "fleet.json",
    releaseIndex,
  });
  return artifacts.map((artifact) => ({
    ...artifact,
    signature: new Uint8Array(64),
    signedInput: artifact.bytes.slice(),
  }));
}

/** The release with one artifact changed. */
function changed(
  index: number,
  change: (artifact: SignedArtifact) => Partial<SignedArtifact>,
): SignedArtifact[] {
  return release().map((artifact, each) => each === index ? { ...artifact, ...change(artifact) } : artifact);
}

/** The release with other bytes in one artifact, all that goes with the bytes being right. */
function rewritten(index: number, bytes: Uint8Array<ArrayBuffer>): SignedArtifact[] {
  return changed(index, ({ path, rolloutId }) => {
    const sha256 = sha256Hex(bytes);
    return {
      bytes,
      signedInput: bytes,
      sha256,
      path: rolloutId === undefined ? path : `rollouts/${sha256}.json`,
      ...(rolloutId === undefined ? {} : { rolloutId: sha256 }),
    };
  });
}

/** The release with one document edited, and canonical again. */
function edited(index: number, edit: (document: Draft) => void): SignedArtifact[] {
  const document = JSON.parse(new TextDecoder().decode(release()[index]!.bytes));
  edit(document);
  return rewritten(index, canonicalBytes(document));
}

const encode = (text: string) => new TextEncoder().encode(text);
const textOf = (index: number) => new TextDecoder().decode(release()[index]!.bytes);

/** Asserts that the release is refused for this artifact, with a reason that begins so. */
function assertRefused(artifacts: SignedArtifact[], index: number, reason: string): void {
  const { kind, message } = refusal(() => smokeVerify(artifacts));
  const expected = `A consumer would refuse "${artifacts[index]!.path}": ${reason}`;
  assertEquals({ kind, message: message.slice(0, expected.length) }, {
    kind: "smoke-verify",
    message: expected,
  });
}

pureTest("smokeVerify() accepts a whole release, and changes nothing in it", () => {
  assertEquals(release().map(({ path }) => path.replace(/[0-9a-f]{64}/, "ID")), [
    "fleet.json",
    "revocations.json",
    "bootstrap-nonces.json",
    "rollouts/ID.json",
    "rollouts/ID.json",
  ]);
  smokeVerify(deepFreeze(release()));
});

pureTest("smokeVerify() accepts signatures that were kept from disk", () => {
  smokeVerify(release().map(({ signedInput: _, ...artifact }) => artifact));
});

pureTest("smokeVerify() refuses a signature that is not 64 bytes, of every artifact", () => {
  for (const [index] of release().entries()) {
    for (const length of [0, 63, 65]) {
      assertRefused(
        changed(index, () => ({ signature: new Uint8Array(length) })),
        index,
        `its signature has ${length} bytes, expected 64`,
      );
    }
  }
});

pureTest("smokeVerify() refuses what the signer changed, of every artifact", () => {
  for (const [index] of release().entries()) {
    for (
      const change of [
        (bytes: Uint8Array) => bytes.slice(0, -1),
        (bytes: Uint8Array) => Uint8Array.of(...bytes, 0x0a),
        (bytes: Uint8Array) => bytes.with(bytes.length - 2, 0x20),
        () => new Uint8Array(),
      ]
    ) {
      assertRefused(
        changed(index, ({ bytes }) => ({ signedInput: new Uint8Array(change(bytes)) })),
        index,
        "the sign hook changed the file that it was given, so it signed something else",
      );
    }
  }
});

pureTest("smokeVerify() refuses bytes that are no JSON or no UTF-8, of every artifact", () => {
  for (const [index] of release().entries()) {
    assertRefused(rewritten(index, encode("{")), index, "");
    assertRefused(rewritten(index, new Uint8Array()), index, "");
    const broken = encode(textOf(index));
    broken[broken.indexOf(0x63)] = 0xff;
    assertRefused(rewritten(index, broken), index, "");
  }
});

pureTest("smokeVerify() refuses a document that does not decode, and says where", () => {
  const refused: [index: number, edit: (document: Draft) => void, reason: string][] = [
    [FLEET, (fleet) => delete fleet["waves"], 'Cannot read the fleet: "waves" is missing'],
    [
      REVOCATIONS,
      ({ revocations }) => revocations[0].hostname = 5,
      "Cannot read the revocations artifact: " +
      '"revocations.0.hostname" is 5, expected a string',
    ],
    [
      NONCES,
      (nonces) => nonces["schemaVersion"] = 2,
      "its schemaVersion is 2, expected 1",
    ],
    [
      ROLLOUT,
      (rollout) => rollout["hostSet"][0].waveIndex = -1,
      "Cannot read the rollout manifest: " +
      '"hostSet.0.waveIndex" is -1, expected an integer',
    ],
  ];
  for (const [index, edit, reason] of refused) assertRefused(edited(index, edit), index, reason);
});

pureTest("smokeVerify() refuses bytes that are not canonical, of every artifact", () => {
  for (const [index] of release().entries()) {
    for (const change of [(text: string) => `${text}\n`, (text: string) => text.replace(":", ": ")]) {
      assertRefused(rewritten(index, encode(change(textOf(index)))), index, "its bytes are not canonical");
    }
  }
});

pureTest("smokeVerify() refuses a field that no consumer would read back, of every artifact", () => {
  for (const index of [REVOCATIONS, NONCES]) {
    const artifacts = edited(index, (document) => document["more"] = 1);
    assertRefused(artifacts, index, "it has fields that the contract does not know");
  }
  assertRefused(
    edited(ROLLOUT, (rollout) => rollout["more"] = 1),
    ROLLOUT,
    "it has fields that the contract",
  );
  const alone = edited(FLEET, (fleet) => Object.assign(fleet, { more: 1, hosts: {}, waves: {} })).slice(0, 1);
  assertRefused(alone, FLEET, "it has fields that the contract does not know");
});

pureTest("smokeVerify() refuses a document whose stamp is not the fleet's", () => {
  for (const index of [REVOCATIONS, NONCES, ROLLOUT]) {
    for (
      const stamp of [
        { signedAt: "2026-06-01T12:00:01Z" },
        { signedAt: null },
        { ciCommit: "0123456788" },
        { ciCommit: null },
        { signatureAlgorithm: "ecdsa-p256" },
      ]
    ) {
      assertRefused(
        edited(index, ({ meta }) => Object.assign(meta, stamp)),
        index,
        "its stamp is not the fleet's",
      );
    }
  }
});

pureTest("smokeVerify() refuses a rollout whose name is not the hash of its bytes", () => {
  for (const name of [`${"0".repeat(64)}.json`, "stable.json"]) {
    assertRefused(
      changed(ROLLOUT, () => ({ path: `rollouts/${name}` })),
      ROLLOUT,
      "its name is not the hash of its bytes",
    );
  }
  const other = encode(textOf(ROLLOUT).replace("stable", "stabil"));
  assertRefused(
    changed(ROLLOUT, () => ({ bytes: other, signedInput: other })),
    ROLLOUT,
    "its name is not the hash of its bytes",
  );
});

const UNPROJECTED_REASON = "it is not the projection of the fleet beside it";
const STRANGER_REASON =
  "it belongs to another fleet, but was signed at 2026-06-01T12:00:00Z, no earlier than the fleet beside it";

const UNPROJECTED: Record<string, (rollout: Draft) => void> = {
  "another closure": ({ hostSet }) => hostSet[0].targetClosure = "z-system",
  "a host too few": ({ hostSet }) => hostSet.pop(),
  "another order of hosts": ({ hostSet }) => hostSet.reverse(),
  "another wave": ({ hostSet }) => hostSet[0].waveIndex++,
  "another channel of the fleet": (rollout) => rollout["channel"] = "edge",
  "a budget too few": ({ disruptionBudgets }) => disruptionBudgets.pop(),
  "a budget of other hosts": ({ disruptionBudgets }) => disruptionBudgets[0].hosts.pop(),
  "another health gate": (rollout) => rollout["healthGate"] = { systemdFailedUnits: { max: 1 } },
  "another name": (rollout) => rollout["displayName"] = "stable@main",
};

for (const [what, edit] of Object.entries(UNPROJECTED)) {
  pureTest(`smokeVerify() refuses a rollout with ${what} than the fleet's projection`, () => {
    assertRefused(edited(ROLLOUT, edit), ROLLOUT, UNPROJECTED_REASON);
  });
}

pureTest("smokeVerify() refuses a rollout of a channel that the fleet does not have", () => {
  assertRefused(edited(ROLLOUT, (rollout) => rollout["channel"] = "nightly"), ROLLOUT, UNPROJECTED_REASON);
});

pureTest("smokeVerify() refuses rollouts of another fleet", () => {
  const artifacts = edited(FLEET, ({ hosts }) => hosts.db.tags.push("new"));
  assertRefused(artifacts, OTHER_ROLLOUT, STRANGER_REASON);
  const stranger = edited(ROLLOUT, (rollout) => rollout["fleetResolvedHash"] = "0".repeat(64));
  assertRefused(stranger, ROLLOUT, STRANGER_REASON);
});

pureTest("smokeVerify() names the first thing that is wrong, and the others below", () => {
  const artifacts = release();
  const ids = [OTHER_ROLLOUT, ROLLOUT].map((index) => artifacts[index]!.rolloutId);
  const wrong = [
    rewritten(FLEET, encode("{"))[FLEET]!,
    edited(REVOCATIONS, ({ meta }) => meta.ciCommit = "0")[REVOCATIONS]!,
    rewritten(NONCES, encode(`${textOf(NONCES)} `))[NONCES]!,
  ];
  assertEquals(refusal(() => smokeVerify(wrong)), {
    kind: "smoke-verify",
    message: 'A consumer would refuse "fleet.json": Cannot read the JSON: found the end of the text ' +
      'at line 1, column 2, expected a key or "}"',
    lines: ['also "bootstrap-nonces.json": its bytes are not canonical'],
  });
  assertEquals(refusal(() => smokeVerify([artifacts[FLEET]!, ...wrong.slice(1)])), {
    kind: "smoke-verify",
    message: `A consumer would refuse "revocations.json": its stamp is not the fleet's`,
    lines: [
      'also "bootstrap-nonces.json": its bytes are not canonical',
      ...["edge", "stable"].map((channel, index) =>
        `also "fleet.json": channel "${channel}" has no rollout manifest: expected rollouts/${
          ids[index]
        }.json`
      ),
    ],
  });
});

pureTest("smokeVerify() refuses a release that lacks the manifest of a channel, or has a second one", () => {
  const artifacts = release();
  const { channel } = JSON.parse(textOf(ROLLOUT));
  assertRefused(
    artifacts.filter((_, index) => index !== ROLLOUT),
    FLEET,
    `channel "${channel}" has no rollout manifest: expected ${artifacts[ROLLOUT]!.path}`,
  );
  const second = edited(ROLLOUT, ({ hostSet }) => hostSet.pop())[ROLLOUT]!;
  assertRefused([...artifacts, second], artifacts.length, UNPROJECTED_REASON);
});

pureTest("smokeVerify() refuses what is no part of the release, whoever signed it", () => {
  const earlier = edited(ROLLOUT, (rollout) => {
    rollout["fleetResolvedHash"] = "0".repeat(64);
    rollout["meta"].signedAt = "2026-05-01T12:00:00Z";
  })[ROLLOUT]!;
  const stray = { ...release()[REVOCATIONS]!, path: "other.json" };
  for (const artifact of [earlier, stray]) {
    const { kind, message } = refusal(() => smokeVerify([...release(), artifact]));
    const beginning = `A consumer would refuse "${artifact.path}": `;
    assertEquals([kind, message.slice(0, beginning.length)], ["smoke-verify", beginning]);
  }
});

pureTest(
  "smokeVerify() accepts a release with its index, and refuses one of which the index lists other files",
  () => {
    const artifacts = release({ releaseIndex: true });
    smokeVerify(deepFreeze(artifacts));
    const listed = "the release index lists it, and it is no part of the release beside it";
    const without = artifacts.filter((_, index) => index !== REVOCATIONS);
    assertEquals(
      refusal(() => smokeVerify(without)).message,
      `A consumer would refuse "revocations.json": ${listed}`,
    );
    const index = artifacts.at(-1)!;
    const other = encode(
      new TextDecoder().decode(index.bytes).replace(artifacts[NONCES]!.sha256, "0".repeat(64)),
    );
    const replaced = [...artifacts.slice(0, -1), { ...index, bytes: other, signedInput: other }];
    assertEquals(
      refusal(() => smokeVerify(replaced)).message,
      'A consumer would refuse "bootstrap-nonces.json": its bytes are not those that the release index lists',
    );
  },
);
