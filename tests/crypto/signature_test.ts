import { assertEquals, assertRejects } from "@std/assert";
import { type SignedBytes, verifySignature } from "../../src/crypto/signature.ts";
import { pureTest } from "../support/pure.ts";
import { bigEndian, concat, flipped, hex, littleEndian, signedBytes } from "../support/signatures.ts";
import speccheck from "./vectors/ed25519_speccheck.json" with { type: "json" };
import rfc6979 from "./vectors/rfc6979_p256_sha256.json" with { type: "json" };
import rfc8032 from "./vectors/rfc8032.json" with { type: "json" };

/** Every copy of what is signed with one bit turned in the key, the bytes or the signature, with its name. */
function* flips(signed: SignedBytes, step: number): Generator<[name: string, SignedBytes]> {
  for (const part of ["publicKey", "bytes", "signature"] as const) {
    for (let bit = 0; bit < signed[part].length * 8; bit += step) {
      yield [`${part} bit ${bit}`, { ...signed, [part]: flipped(signed[part], bit) }];
    }
  }
}

async function acceptedOf(cases: Iterable<[name: string, SignedBytes]>): Promise<string[]> {
  const accepted: string[] = [];
  for (const [name, signed] of cases) if (await verifySignature(signed)) accepted.push(name);
  return accepted;
}

const ED25519_L = 2n ** 252n + 27742317777372353535851937790883648493n;
const ED25519 = signedBytes("ed25519", rfc8032[1]!);
const ECDSA = signedBytes("ecdsa-p256", rfc6979[0]!);

for (const vector of rfc8032) {
  pureTest(`verifySignature() accepts ${vector.name} of RFC 8032`, async () => {
    assertEquals(await verifySignature(signedBytes("ed25519", vector)), true);
  });
}

for (const [index, vector] of speccheck.entries()) {
  // The row of verify_strict in "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko): X X X V X X X X X X X X.
  const verdict = index === 3;
  pureTest(
    `verifySignature() ${verdict ? "accepts" : "refuses"} ed25519-speccheck ${vector.name}`,
    async () => {
      assertEquals(await verifySignature(signedBytes("ed25519", vector)), verdict);
    },
  );
}

pureTest("verifySignature() refuses an Ed25519 signature with any bit turned", async () => {
  assertEquals(await acceptedOf(flips(ED25519, 1)), []);
});

pureTest("verifySignature() refuses an Ed25519 signature whose S has L added", async () => {
  const s = toBigInt(ED25519.signature.slice(32).reverse());
  const twins = Array.from({ length: 15 }, (_, index): [string, SignedBytes] => {
    const twin = littleEndian(s + BigInt(index + 1) * ED25519_L);
    return [`S + ${index + 1}L`, { ...ED25519, signature: concat(ED25519.signature.subarray(0, 32), twin) }];
  });
  assertEquals(await acceptedOf(twins), []);
});

pureTest(
  "verifySignature() refuses an Ed25519 key as that of the other algorithm, and the other way round",
  async () => {
    assertEquals(await verifySignature({ ...ED25519, algorithm: "ecdsa-p256" }), false);
    assertEquals(await verifySignature({ ...ECDSA, algorithm: "ed25519" }), false);
  },
);

const P256_P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const R = toBigInt(ECDSA.signature.subarray(0, 32));
const S = toBigInt(ECDSA.signature.subarray(32));

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

for (const vector of rfc6979) {
  pureTest(`verifySignature() accepts ${vector.name} of RFC 6979, A.2.5`, async () => {
    assertEquals(await verifySignature(signedBytes("ecdsa-p256", vector)), true);
  });
}

pureTest("verifySignature() accepts both s and n - s of ECDSA P-256", async () => {
  assertEquals(S > P256_N / 2n, true);
  assertEquals(await verifySignature({ ...ECDSA, signature: bigEndian(R, S) }), true);
  assertEquals(await verifySignature({ ...ECDSA, signature: bigEndian(R, P256_N - S) }), true);
});

pureTest("verifySignature() refuses an ECDSA P-256 signature with a bit of any byte turned", async () => {
  assertEquals(await acceptedOf(flips(ECDSA, 8)), []);
});

const ECDSA_REFUSED: [claim: string, change: Partial<SignedBytes>][] = [
  ["whose r is 0", { signature: bigEndian(0n, S) }],
  ["whose s is 0", { signature: bigEndian(R, 0n) }],
  ["whose r and s are 0", { signature: bigEndian(0n, 0n) }],
  ["whose r is n", { signature: bigEndian(P256_N, S) }],
  ["whose s is n", { signature: bigEndian(R, P256_N) }],
  ["whose s is one more", { signature: bigEndian(R, S + 1n) }],
  ["whose r and s are all ones", { signature: new Uint8Array(64).fill(0xff) }],
  ["in DER", {
    signature: hex(
      `3046022100${ECDSA.signature.toHex().slice(0, 64)}022100${ECDSA.signature.toHex().slice(64)}`,
    ),
  }],
  ["without its last byte", { signature: ECDSA.signature.subarray(0, 63) }],
  ["with a byte more", { signature: concat(ECDSA.signature, Uint8Array.of(0)) }],
  ["that is empty", { signature: new Uint8Array() }],
  ["of other bytes", { bytes: hex(rfc6979[1]!.message) }],
  ["by a key with a leading 04", { publicKey: concat(Uint8Array.of(4), ECDSA.publicKey) }],
  ["by a key without its last byte", { publicKey: ECDSA.publicKey.subarray(0, 63) }],
  ["by the point of -Y", {
    publicKey: bigEndian(
      toBigInt(ECDSA.publicKey.subarray(0, 32)),
      P256_P - toBigInt(ECDSA.publicKey.subarray(32)),
    ),
  }],
  ["by a key beside the curve", { publicKey: flipped(ECDSA.publicKey, 0) }],
  ["by a key of zeros", { publicKey: new Uint8Array(64) }],
  ["by a key whose coordinates are p", { publicKey: bigEndian(P256_P, P256_P) }],
];

for (const [claim, change] of ECDSA_REFUSED) {
  pureTest(`verifySignature() refuses an ECDSA P-256 signature ${claim}`, async () => {
    assertEquals(await verifySignature({ ...ECDSA, ...change }), false);
  });
}

pureTest("verifySignature() refuses an ECDSA P-256 signature whose s has n added", async () => {
  // s + n fits into 32 bytes for a small s only: this key is the one by which r of RFC 6979 and an s of 1 are right.
  const signed = {
    ...ECDSA,
    publicKey: hex(
      "354c65ea15f464876f2fd76b71b556a086b67268fd9215ac4191899898b332b5" +
        "9dea890ffad8d3a16e8576cbb649a1beefc75024f1c2f9a01837517a992898b0",
    ),
  };
  assertEquals(await verifySignature({ ...signed, signature: bigEndian(R, 1n) }), true);
  assertEquals(await verifySignature({ ...signed, signature: bigEndian(R, 1n + P256_N) }), false);
});

/** Keys and signatures of every length up to 130 with few contents, and random ones of the right lengths. */
function* garbage(genuine: SignedBytes): Generator<[name: string, SignedBytes]> {
  for (let length = 0; length <= 130; length++) {
    for (const byte of [0x00, 0x01, 0x04, 0x30, 0x7f, 0x80, 0xff]) {
      const filled = new Uint8Array(length).fill(byte);
      yield [`a key of ${length} times ${byte}`, { ...genuine, publicKey: filled }];
      yield [`a signature of ${length} times ${byte}`, { ...genuine, signature: filled }];
    }
  }
  for (let round = 0; round < 100; round++) {
    const publicKey = crypto.getRandomValues(new Uint8Array(genuine.publicKey.length));
    const signature = crypto.getRandomValues(new Uint8Array(64));
    yield [`the key ${publicKey.toHex()}`, { ...genuine, publicKey }];
    yield [`the signature ${signature.toHex()}`, { ...genuine, signature }];
  }
}

for (const genuine of [ED25519, ECDSA]) {
  pureTest(
    `verifySignature() is false, and throws nothing, for ${genuine.algorithm} and any garbage`,
    async () => {
      assertEquals(await acceptedOf(garbage(genuine)), []);
    },
  );
}

pureTest("verifySignature() throws for an algorithm that is none of the contract", async () => {
  for (const unknown of ["rsa", "Ed25519", "", "constructor", "__proto__"]) {
    await assertRejects(
      () => verifySignature({ ...ED25519, algorithm: unknown as SignedBytes["algorithm"] }),
      TypeError,
      `Cannot verify a signature: its algorithm is "${unknown}", expected ed25519 or ecdsa-p256`,
    );
  }
});
