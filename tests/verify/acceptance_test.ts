// The one rule by which a signature is accepted, and that all who ask go by it. Keys and signatures are real.

import { assertEquals } from "@std/assert";
import { canonicalBytes, sha256Hex } from "../../src/contract/canonical.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import type { SignedArtifact, Stamp } from "../../src/model.ts";
import { isTrusted, type TrustedKeys, verifyTrusted } from "../../src/stages/trust.ts";
import { type AcceptanceRules, judgeSignature, type SignedDocument } from "../../src/verify/acceptance.ts";
import { type Failure, verifyArtifact } from "../../src/verify/artifact.ts";
import type { KeySlot, TrustedKey } from "../../src/verify/trust.ts";
import { ReleaseError } from "../../src/errors.ts";
import { pureTest } from "../support/pure.ts";
import { newSigner } from "../support/signed_release.ts";

const SIGNED_AT = "2026-06-01T12:00:00Z";
const JUST_BEFORE = "2026-06-01T11:59:59.999999999Z";
const JUST_AFTER = "2026-06-01T12:00:00.000000001Z";

const [current, previous, successor, stranger] = await Promise.all([
  newSigner(),
  newSigner(),
  newSigner("ecdsa-p256"),
  newSigner(),
]);

const keyOf = (slot: KeySlot, { publicKey }: Signer): TrustedKey => ({ slot, ...publicKey });
const CURRENT = keyOf("current", current);
const PREVIOUS = keyOf("previous", previous);
const SUCCESSOR = keyOf("successor", successor);
const ALL = [CURRENT, PREVIOUS, SUCCESSOR];

const BYTES = new TextEncoder().encode('{"a":1}');

/** A document that is accepted, unless something else is said. */
async function documentOf(signer: Signer, changes: Partial<SignedDocument> = {}): Promise<SignedDocument> {
  const declared = { signedAt: SIGNED_AT, signatureAlgorithm: signer.publicKey.algorithm };
  return { bytes: BYTES, signature: await signer.sign(BYTES), declared, ...changes };
}

/** The slot of the key and the code words. */
async function judged(
  document: SignedDocument,
  rules: Partial<AcceptanceRules<TrustedKey>>,
): Promise<[slot: KeySlot | null, ...codes: string[]]> {
  const { key, failures } = await judgeSignature(document, { keys: ALL, rejectBefore: null, ...rules });
  return [key?.slot ?? null, ...failures.map(({ code }) => code)];
}

pureTest("judgeSignature() gives the key that verifies, whichever of the trusted ones it is", async () => {
  assertEquals(await judged(await documentOf(current), {}), ["current"]);
  assertEquals(await judged(await documentOf(previous), {}), ["previous"]);
  assertEquals(await judged(await documentOf(successor), {}), ["successor"]);
});

pureTest("judgeSignature() says why no key verifies", async () => {
  const document = await documentOf(current);
  const said = async (changes: Partial<SignedDocument>, keys = ALL) => {
    const rules = { keys, rejectBefore: null };
    const { key, failures } = await judgeSignature({ ...document, ...changes }, rules);
    assertEquals(key, null);
    return failures;
  };
  const signature = document.signature!;
  assertEquals(await said({ signature: null }), [{ code: "no-signature", message: "it has no signature" }]);
  assertEquals(await said({ signature: null }, []), [{
    code: "no-signature",
    message: "it has no signature",
  }]);
  assertEquals(await said({}, []), [
    { code: "no-keys", message: "there is no key to verify its signature with" },
  ]);
  const wrong: Failure[] = [
    { code: "bad-signature", message: "its signature does not verify with any trusted key" },
  ];
  assertEquals(await said({ signature: await stranger.sign(BYTES) }), wrong);
  assertEquals(await said({ bytes: new TextEncoder().encode('{"a":2}') }), wrong);
  assertEquals(await said({ signature: signature.slice(1) }), [
    { code: "bad-signature", message: "its signature has 63 bytes, expected 64" },
  ]);
  assertEquals(await said({ signature: Uint8Array.of(...signature, 0x0a) }), [{
    code: "bad-signature",
    message: "its signature has 65 bytes, expected 64: it is a signature with a newline behind it",
  }]);
});

pureTest("judgeSignature() takes a document without an algorithm for one of ed25519", async () => {
  const declared = { signedAt: SIGNED_AT };
  assertEquals(await judged(await documentOf(current, { declared }), {}), ["current"]);
  const { failures } = await judgeSignature(await documentOf(successor, { declared }), {
    keys: ALL,
    rejectBefore: null,
  });
  assertEquals(failures, [{
    code: "wrong-algorithm",
    message: 'it declares the signature algorithm "ed25519", but the key that verifies it is ecdsa-p256',
  }]);
});

pureTest(
  "judgeSignature() refuses what is signed before rejectBefore, and takes what is signed then",
  async () => {
    const document = await documentOf(current);
    assertEquals(await judged(document, { rejectBefore: JUST_BEFORE }), ["current"]);
    assertEquals(await judged(document, { rejectBefore: SIGNED_AT }), ["current"]);
    assertEquals(await judged(document, { rejectBefore: JUST_AFTER }), ["current", "rejected"]);
  },
);

pureTest(
  "judgeSignature() refuses what is older than a window and 60 s, and takes what is just so old",
  async () => {
    const document = await documentOf(current);
    const at = (now: string, ...seconds: number[]) =>
      judged(document, { freshness: { now, windows: seconds.map((seconds) => ({ seconds })) } });
    assertEquals(await at("2026-06-01T13:01:00Z", 3600), ["current"]);
    assertEquals(await at("2026-06-01T13:01:00.000000001Z", 3600), ["current", "stale"]);
    assertEquals(await at("2026-06-01T12:01:00Z", 0), ["current"]);
    assertEquals(await at("2026-06-01T12:01:00.000000001Z", 0), ["current", "stale"]);
    assertEquals(await at("2026-06-01T12:01:00.5Z", 0.5), ["current"]);
    assertEquals(await at("2026-06-01T12:01:00.500000001Z", 0.5), ["current", "stale"]);
    // Several are one reason, and one that is kept does not mend another.
    assertEquals(await at("2026-06-01T13:00:00Z", 60, 86400, 600), ["current", "stale"]);
    assertEquals(await at("2036-06-01T13:00:00Z", Infinity), ["current"]);
  },
);

pureTest("judgeSignature() names the channel of the window, and counts the others", async () => {
  const windows = [
    { seconds: 86400, channel: "slow" },
    { seconds: 60, channel: "edge" },
    { seconds: 600, channel: "stable" },
  ];
  const now = "2026-06-01T13:00:00Z";
  const rules = { keys: ALL, rejectBefore: null, freshness: { now, windows } };
  assertEquals((await judgeSignature(await documentOf(current), rules)).failures, [{
    code: "stale",
    message:
      `it was signed at ${SIGNED_AT}, which at ${now} is longer ago than the freshness window of channel "edge" ` +
      "of 60 s, and of 1 other channel",
  }]);
});

pureTest("judgeSignature() takes what is 60 s from the future, and refuses what is more", async () => {
  const document = await documentOf(current);
  const windows = [{ seconds: 60 }];
  assertEquals(await judged(document, { freshness: { now: "2026-06-01T11:59:00Z", windows } }), ["current"]);
  assertEquals(
    await judged(document, { freshness: { now: "2026-06-01T11:58:59.999999999Z", windows } }),
    ["current", "future"],
  );
});

pureTest(
  "judgeSignature() goes by no clock unless it is given one, and refuses all without a window",
  async () => {
    const document = await documentOf(current);
    assertEquals(await judged(document, {}), ["current"]);
    assertEquals(await judged(document, { freshness: { now: SIGNED_AT, windows: [] } }), [
      "current",
      "stale",
    ]);
  },
);

pureTest("judgeSignature() finds all that is wrong", async () => {
  const freshness = { now: "2027-01-01T00:00:00Z", windows: [{ seconds: 60 }] };
  const everything = { rejectBefore: JUST_AFTER, freshness };
  const declared = { signedAt: SIGNED_AT, signatureAlgorithm: "ecdsa-p256" };
  assertEquals(await judged(await documentOf(current, { declared }), everything), [
    "current",
    "wrong-algorithm",
    "rejected",
    "stale",
  ]);
  assertEquals(await judged(await documentOf(stranger, { declared }), everything), [
    null,
    "bad-signature",
    "rejected",
    "stale",
  ]);
  const unsigned = await documentOf(current, { declared: { signedAt: null } });
  assertEquals(await judged(unsigned, everything), ["current", "unsigned"]);
  // What cannot be read declares nothing, and its signature is judged all the same.
  assertEquals(await judged(await documentOf(current, { declared: null }), everything), ["current"]);
  assertEquals(await judged(await documentOf(stranger, { declared: null }), everything), [
    null,
    "bad-signature",
  ]);
});

pureTest(
  "judgeSignature() refuses a trusted key that may not sign, and tries those first that may",
  async () => {
    const maySign = ({ slot }: TrustedKey) => slot !== "previous";
    const judgedBy = async (signer: Signer, keys: readonly TrustedKey[]) => {
      const rules = { keys, rejectBefore: null, maySign };
      const { key, failures } = await judgeSignature(await documentOf(signer), rules);
      return [key?.slot, ...failures.map(({ code }) => code)];
    };
    assertEquals(await judgedBy(current, ALL), ["current"]);
    assertEquals(await judgedBy(previous, ALL), ["previous", "may-not-sign"]);
    assertEquals(await judgedBy(previous, [PREVIOUS, keyOf("successor", previous)]), ["successor"]);
  },
);

/** What a document may be like, and the code words that it is refused for by whoever asks. */
interface Case {
  readonly claim: string;
  readonly signer: Signer;
  /** What is signed, when it is not the document. */
  readonly signed?: Uint8Array<ArrayBuffer>;
  readonly declared?: Stamp["signatureAlgorithm"];
  readonly rejectBefore?: string;
  readonly keys?: readonly TrustedKey[];
  readonly refused: readonly string[];
}

const CASES: readonly Case[] = [
  { claim: "the current key", signer: current, refused: [] },
  { claim: "the successor, of the other algorithm", signer: successor, refused: [] },
  { claim: "a stranger's key", signer: stranger, refused: ["bad-signature"] },
  { claim: "other bytes", signer: current, signed: BYTES, refused: ["bad-signature"] },
  { claim: "no bytes", signer: current, signed: new Uint8Array(), refused: ["bad-signature"] },
  { claim: "another algorithm", signer: current, declared: "ecdsa-p256", refused: ["wrong-algorithm"] },
  { claim: "the default algorithm", signer: successor, declared: "ed25519", refused: ["wrong-algorithm"] },
  { claim: "a time just behind rejectBefore", signer: current, rejectBefore: JUST_BEFORE, refused: [] },
  { claim: "the time of rejectBefore", signer: current, rejectBefore: SIGNED_AT, refused: [] },
  {
    claim: "a time just before rejectBefore",
    signer: current,
    rejectBefore: JUST_AFTER,
    refused: ["rejected"],
  },
  {
    // What a stranger says of the time is not read.
    claim: "a stranger's key and a time just before rejectBefore",
    signer: stranger,
    rejectBefore: JUST_AFTER,
    refused: ["bad-signature"],
  },
  {
    claim: "a key that is not trusted any more",
    signer: previous,
    keys: [CURRENT],
    refused: ["bad-signature"],
  },
];

/** Revocations, since they say nothing but their stamp. */
async function artifactOf({ signer, signed, declared }: Case): Promise<[SignedArtifact, Stamp]> {
  const stamp = {
    signedAt: SIGNED_AT,
    ciCommit: null,
    signatureAlgorithm: declared ?? signer.publicKey.algorithm,
  };
  const meta = { schemaVersion: 1, ...stamp };
  const bytes = canonicalBytes({ schemaVersion: 1, revocations: [], meta });
  const signature = await signer.sign(signed ?? bytes);
  return [{ path: "revocations.json", bytes, sha256: sha256Hex(bytes), signature }, stamp];
}

for (const each of CASES) {
  const { claim, refused, keys = ALL, rejectBefore = null } = each;
  pureTest(`verify, the release and the reuse of signatures agree on ${claim}`, async () => {
    const [artifact, stamp] = await artifactOf(each);
    const { bytes, signature } = artifact;
    const freshness = { now: SIGNED_AT, freshnessWindowSeconds: 60 };
    const { failures } = await verifyArtifact({ bytes, signature, keys, rejectBefore, ...freshness });
    assertEquals(failures.map(({ code }) => code), refused);

    const slots = ["current", "previous", "successor"] as const;
    const trusted: TrustedKeys = { keys, rejectBefore, slots, origin: "--trust-file trust.json" };
    assertEquals(await isTrusted({ bytes, signature }, stamp, trusted), refused.length === 0);
    const said = await verifyTrusted([artifact], stamp, trusted).then(
      ({ slot }) => slot,
      (error: unknown) => error,
    );
    const kind = said instanceof ReleaseError ? said.kind : slots.find((slot) => slot === said);
    assertEquals(kind, refused.length === 0 ? said : "smoke-verify");
  });
}
