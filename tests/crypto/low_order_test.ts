import { assertEquals } from "@std/assert";
import { publicKeyProblem, type SignedBytes, verifySignature } from "../../src/crypto/signature.ts";
import { pureTest } from "../support/pure.ts";
import { concat, hex, littleEndian, signedBytes } from "../support/signatures.ts";
import rfc8032 from "./vectors/rfc8032.json" with { type: "json" };

const ED25519 = signedBytes("ed25519", rfc8032[1]!);
const ED25519_P = 2n ** 255n - 19n;
const ED25519_L = 2n ** 252n + 27742317777372353535851937790883648493n;
const ED25519_D = modulo(-121665n * inverse(121666n));
const SQRT_MINUS_1 = power(2n, (ED25519_P - 1n) / 4n);

interface Point {
  x: bigint;
  y: bigint;
}

/** The generator of the group of order L (RFC 8032, section 5.1): the public key whose private scalar is 1. */
const BASE: Point = {
  x: 15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  y: 46316835694926478169428394003475163141307993866256225615783033603165251855960n,
};

function modulo(value: bigint, by = ED25519_P): bigint {
  return (value % by + by) % by;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) result = result * result * (bit === "1" ? base : 1n) % ED25519_P;
  return result;
}

function inverse(value: bigint): bigint {
  return power(modulo(value), ED25519_P - 2n);
}

function add(a: Point, b: Point): Point {
  const product = ED25519_D * a.x * b.x * a.y * b.y;
  return {
    x: modulo((a.x * b.y + b.x * a.y) * inverse(1n + product)),
    y: modulo((a.y * b.y + a.x * b.x) * inverse(1n - product)),
  };
}

function encode({ x, y }: Point): Uint8Array<ArrayBuffer> {
  return littleEndian(y | (x & 1n) << 255n);
}

/** k of RFC 8032: what the key is multiplied by when the signature is verified. */
async function challenge(r: Uint8Array, publicKey: Uint8Array, bytes: Uint8Array): Promise<bigint> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", concat(r, publicKey, bytes)));
  return BigInt(`0x${hash.reverse().toHex()}`) % ED25519_L;
}

/** The signature of the first of the messages 0, 1, 2… for which the verifier says true, of 200. */
async function firstAccepted(
  verify: (signed: SignedBytes) => Promise<boolean>,
  sign: (bytes: Uint8Array<ArrayBuffer>) => SignedBytes | Promise<SignedBytes>,
): Promise<SignedBytes | undefined> {
  for (let message = 0; message < 200; message++) {
    const signed = await sign(Uint8Array.of(message));
    if (await verify(signed)) return signed;
  }
}

/** What WebCrypto says by itself of an Ed25519 signature. */
async function platformVerifies({ publicKey, bytes, signature }: SignedBytes): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", key, signature, bytes);
}

const IDENTITY = `01${"00".repeat(31)}`;
const LOW_ORDER = "is a point of low order, for which everybody can sign";
const NOT_CANONICAL = "is not encoded canonically: its y is 2^255 - 19 or more";

const LOW_ORDER_ENCODINGS: [name: string, encoding: string, problem: string][] = [
  ["(0, 1)", IDENTITY, LOW_ORDER],
  ["(0, -1)", `ec${"ff".repeat(30)}7f`, LOW_ORDER],
  ["(√-1, 0)", `00${"00".repeat(30)}00`, LOW_ORDER],
  ["(-√-1, 0)", `00${"00".repeat(30)}80`, LOW_ORDER],
  ["the 1st of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", LOW_ORDER],
  ["the 2nd of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", LOW_ORDER],
  ["the 3rd of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", LOW_ORDER],
  ["the 4th of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", LOW_ORDER],
  ["(-0, 1)", `01${"00".repeat(30)}80`, LOW_ORDER],
  ["(-0, -1)", `ec${"ff".repeat(31)}`, LOW_ORDER],
  ["(√-1, p)", `ed${"ff".repeat(30)}7f`, NOT_CANONICAL],
  ["(-√-1, p)", `ed${"ff".repeat(31)}`, NOT_CANONICAL],
  ["(0, p + 1)", `ee${"ff".repeat(30)}7f`, NOT_CANONICAL],
  ["(-0, p + 1)", `ee${"ff".repeat(31)}`, NOT_CANONICAL],
];

/** How many of them are canonical, and so taken by the platform. */
const CANONICAL_COUNT = 8;

for (const [index, [name, encoding, problem]] of LOW_ORDER_ENCODINGS.entries()) {
  const publicKey = hex(encoding);
  const forged = (bytes: Uint8Array<ArrayBuffer>): SignedBytes => ({
    algorithm: "ed25519",
    publicKey,
    bytes,
    signature: hex(IDENTITY + "00".repeat(32)),
  });

  pureTest(`publicKeyProblem() tells what is wrong with the Ed25519 key ${name}`, () => {
    assertEquals(publicKeyProblem({ algorithm: "ed25519", bytes: publicKey }), problem);
  });

  pureTest(`verifySignature() refuses the Ed25519 key ${name}, for which anybody can sign`, async () => {
    assertEquals(await firstAccepted(verifySignature, forged), undefined);
  });

  if (index >= CANONICAL_COUNT) continue;
  pureTest(`the platform by itself takes the Ed25519 key ${name}`, async () => {
    const accepted = await firstAccepted(platformVerifies, forged);
    assertEquals(accepted?.publicKey, publicKey);
  });
}

/** The 5th of the encodings: the x of such a point is y times a root of -1. */
const ORDER_8_Y = BigInt(`0x${hex(LOW_ORDER_ENCODINGS[4]![1]).reverse().toHex()}`);
const ORDER_8: Point = { x: modulo(SQRT_MINUS_1 * ORDER_8_Y), y: ORDER_8_Y };

pureTest("the canonical encodings of low order are those of all multiples of a point of order 8", () => {
  let point: Point = { x: 0n, y: 1n };
  const multiples: string[] = [];
  for (let times = 0; times < 8; times++) {
    multiples.push(encode(point).toHex());
    point = add(point, ORDER_8);
  }
  const canonical = LOW_ORDER_ENCODINGS.slice(0, CANONICAL_COUNT).map(([, encoding]) => encoding);
  assertEquals(multiples.sort(), canonical.sort());
});

// It has no low order, but a part of low order.
const MIXED_KEY = encode(add(BASE, ORDER_8));

/** Signs with the key of mixed order, given R and its discrete logarithm; right only where the low orders cancel. */
async function signMixed(
  r: Uint8Array,
  logarithm: bigint,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<SignedBytes> {
  const s = (logarithm + await challenge(r, MIXED_KEY, bytes)) % ED25519_L;
  return { algorithm: "ed25519", publicKey: MIXED_KEY, bytes, signature: concat(r, littleEndian(s)) };
}

pureTest(
  "verifySignature() accepts an Ed25519 key of mixed order, where the equation holds without the cofactor",
  async () => {
    assertEquals(publicKeyProblem({ algorithm: "ed25519", bytes: MIXED_KEY }), undefined);
    const r = encode(BASE);
    const accepted: boolean[] = [];
    const divisible: boolean[] = [];
    for (let message = 0; message < 100; message++) {
      const bytes = Uint8Array.of(message);
      accepted.push(await verifySignature(await signMixed(r, 1n, bytes)));
      divisible.push(await challenge(r, MIXED_KEY, bytes) % 8n === 0n);
    }
    assertEquals(accepted, divisible);
    assertEquals(new Set(accepted), new Set([true, false]));
  },
);

for (const [index, [name, encoding]] of LOW_ORDER_ENCODINGS.entries()) {
  const forged = (bytes: Uint8Array<ArrayBuffer>) => signMixed(hex(encoding), 0n, bytes);

  pureTest(`verifySignature() refuses the Ed25519 R ${name} with a key of large order`, async () => {
    assertEquals(await firstAccepted(verifySignature, forged), undefined);
  });

  if (index >= CANONICAL_COUNT) continue;
  pureTest(`the platform by itself takes the Ed25519 R ${name} with a key of large order`, async () => {
    const accepted = await firstAccepted(platformVerifies, forged);
    assertEquals(accepted?.signature.slice(0, 32), hex(encoding));
  });
}

pureTest("publicKeyProblem() and verifySignature() refuse every Ed25519 y that is p or more", async () => {
  for (let y = ED25519_P; y < 2n ** 255n; y++) {
    for (const sign of [0n, 1n << 255n]) {
      const bytes = littleEndian(y | sign);
      assertEquals(publicKeyProblem({ algorithm: "ed25519", bytes }), NOT_CANONICAL);
      assertEquals(await verifySignature({ ...ED25519, publicKey: bytes }), false);
      assertEquals(
        await verifySignature({ ...ED25519, signature: concat(bytes, ED25519.signature.subarray(32)) }),
        false,
      );
    }
  }
});
