import { assertEquals } from "@std/assert";
import { type PublicKey, publicKeyProblem } from "../../src/crypto/signature.ts";
import { pureTest } from "../support/pure.ts";
import { bigEndian, concat, flipped, hex, littleEndian, signedBytes } from "../support/signatures.ts";
import rfc6979 from "./vectors/rfc6979_p256_sha256.json" with { type: "json" };
import rfc8032 from "./vectors/rfc8032.json" with { type: "json" };

const ED25519 = signedBytes("ed25519", rfc8032[1]!);
const ECDSA = signedBytes("ecdsa-p256", rfc6979[0]!);
const P256_P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;

const SPKI_ED25519 = "302a300506032b6570032100";
const SPKI_P256 = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const X_OF_ECDSA = ECDSA.publicKey.subarray(0, 32);
/** A Y that P-256 has for an X of 0. */
const Y_OF_0 = 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4n;
/** An X that P-256 has for a Y of 5. */
const X_OF_5 = 0xd7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7n;
const DER_HINT = "this is DER (SubjectPublicKeyInfo), take its last";

const KEYS: [claim: string, key: PublicKey, problem: string | undefined][] = [
  ["finds an Ed25519 key usable", { algorithm: "ed25519", bytes: ED25519.publicKey }, undefined],
  ["finds a P-256 key usable", { algorithm: "ecdsa-p256", bytes: ECDSA.publicKey }, undefined],
  [
    "finds a P-256 key with an X of 0 usable",
    { algorithm: "ecdsa-p256", bytes: bigEndian(0n, Y_OF_0) },
    undefined,
  ],
  [
    "finds a P-256 key with a Y of 5 usable",
    { algorithm: "ecdsa-p256", bytes: bigEndian(X_OF_5, 5n) },
    undefined,
  ],
  [
    "counts the bytes of an empty key",
    { algorithm: "ed25519", bytes: new Uint8Array() },
    "has 0 bytes, expected 32",
  ],
  [
    "counts the bytes of an Ed25519 key",
    { algorithm: "ed25519", bytes: ECDSA.publicKey },
    "has 64 bytes, expected 32",
  ],
  [
    "counts the bytes of a P-256 key",
    { algorithm: "ecdsa-p256", bytes: X_OF_ECDSA },
    "has 32 bytes, expected 64",
  ],
  [
    "knows a P-256 key with its leading 04",
    { algorithm: "ecdsa-p256", bytes: concat(Uint8Array.of(4), ECDSA.publicKey) },
    "has 65 bytes, expected 64: leave out the leading 04",
  ],
  [
    "gives no such hint for another byte too many",
    { algorithm: "ecdsa-p256", bytes: concat(Uint8Array.of(5), ECDSA.publicKey) },
    "has 65 bytes, expected 64",
  ],
  [
    "gives no such hint for a key that happens to begin with 04",
    { algorithm: "ecdsa-p256", bytes: Uint8Array.of(4) },
    "has 1 bytes, expected 64",
  ],
  [
    "knows an Ed25519 key in DER",
    { algorithm: "ed25519", bytes: concat(hex(SPKI_ED25519), ED25519.publicKey) },
    `has 44 bytes, expected 32: ${DER_HINT} 32 bytes`,
  ],
  [
    "knows a P-256 key in DER",
    { algorithm: "ecdsa-p256", bytes: concat(hex(SPKI_P256), ECDSA.publicKey) },
    `has 91 bytes, expected 64: ${DER_HINT} 64 bytes`,
  ],
  [
    "refuses an Ed25519 y for which the curve has no x",
    { algorithm: "ed25519", bytes: littleEndian(2n) },
    "is not a point of the curve Ed25519",
  ],
  [
    "refuses a P-256 point beside the curve",
    { algorithm: "ecdsa-p256", bytes: flipped(ECDSA.publicKey, 511) },
    "is not a point of the curve P-256",
  ],
  [
    "refuses P-256 coordinates of zero",
    { algorithm: "ecdsa-p256", bytes: new Uint8Array(64) },
    "is not a point of the curve P-256",
  ],
  [
    "refuses a P-256 Y of p + 5 that stands for 5",
    { algorithm: "ecdsa-p256", bytes: bigEndian(X_OF_5, P256_P + 5n) },
    "is not a point of the curve P-256",
  ],
  [
    "refuses a P-256 X of p that stands for 0",
    { algorithm: "ecdsa-p256", bytes: bigEndian(P256_P, Y_OF_0) },
    "is not a point of the curve P-256",
  ],
];

for (const [claim, key, problem] of KEYS) {
  pureTest(`publicKeyProblem() ${claim}`, () => {
    assertEquals(publicKeyProblem(key), problem);
  });
}

pureTest("publicKeyProblem() finds every generated key usable", async () => {
  const p256: EcKeyGenParams = { name: "ECDSA", namedCurve: "P-256" };
  for (let round = 0; round < 20; round++) {
    assertEquals(publicKeyProblem({ algorithm: "ed25519", bytes: await generatedKey("Ed25519") }), undefined);
    const point = await generatedKey(p256);
    assertEquals(publicKeyProblem({ algorithm: "ecdsa-p256", bytes: point.subarray(1) }), undefined);
  }
});

/** A new public key in the platform's raw form. */
async function generatedKey(parameters: AlgorithmIdentifier): Promise<Uint8Array<ArrayBuffer>> {
  const { publicKey } = await crypto.subtle.generateKey(parameters, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  return new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
}
