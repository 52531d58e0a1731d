/**
 * Keys to sign with: reads and makes private keys, and finds their public part.
 *
 * What refuses a key throws a `ReleaseError` of kind `usage` whose message goes on where `Cannot use the key "x": `
 * ends, since only the caller knows the file's name, and which repeats nothing of the text: it may be a private key.
 *
 * @module
 */
import { equalBytes, joinBytes } from "../bytes.ts";
import { isSignatureAlgorithm, type SignatureAlgorithm } from "../contract/types.ts";
import type { ReleaseError } from "../errors.ts";
import { decodeBase64 } from "./base64.ts";
import { decodeOpenSshPrivateKey, decodePublicKeyLine, isPublicKeyLine } from "./openssh.ts";
import { decodeEcPrivateKey, decodePkcs8, decodePublicKeyInfo, encodePkcs8 } from "./pkcs8.ts";
import { damagedKey, keyError, type RawPrivateKey, unusableKind } from "./raw_key.ts";
import { type PublicKey, publicKeyProblem, UNCOMPRESSED, WEB_CRYPTO } from "./signature.ts";

/** What makes signatures with one key. */
export interface Signer {
  /** The key that they verify with. */
  readonly publicKey: PublicKey;
  /** Gives the 64 raw bytes of the signature of these bytes. */
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Reads a private key: PKCS#8 or SEC 1 in PEM (Ed25519, P-256), an OpenSSH key (Ed25519) or a nix key, none of them
 * encrypted. A public part that is there as well has to be that of the private part.
 *
 * @returns what signs with it; the key itself cannot be taken out of it
 * @throws {ReleaseError} of kind `usage`, whose message goes on where `Cannot use the key "x": ` ends
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * const { pem, publicKey } = await generatePrivateKey("ed25519");
 * const signer = await parsePrivateKey(pem);
 * assertEquals(signer.publicKey, publicKey);
 * assertEquals((await signer.sign(new TextEncoder().encode("{}"))).length, 64);
 * ```
 */
export async function parsePrivateKey(text: string): Promise<Signer> {
  const key = recognise(text);
  if (key.part === "private") return await signerOf(key.read());
  throw keyError("it is a public key, expected a private key", "give the private key that it belongs to");
}

/**
 * Reads a public key: PEM (Ed25519, P-256), a line of OpenSSH (Ed25519), a nix key, or `ALGORITHM:BASE64`.
 *
 * @throws {ReleaseError} of kind `usage`, whose message goes on where `Cannot use the key "x": ` ends
 */
export async function parsePublicKey(text: string): Promise<PublicKey> {
  if (recognise(text).part === "public") return await readPublicPart(text);
  throw keyError(
    "it is a private key, expected a public key",
    "`fleet-release pubkey FILE --format public-key` prints its public part",
  );
}

/**
 * Reads the public part of a key that {@linkcode parsePrivateKey} or {@linkcode parsePublicKey} reads.
 *
 * @throws {ReleaseError} of kind `usage`, whose message goes on where `Cannot use the key "x": ` ends
 */
export async function readPublicPart(text: string): Promise<PublicKey> {
  const key = recognise(text);
  if (key.part === "private") return (await signerOf(key.read())).publicKey;
  const publicKey = key.read();
  const problem = publicKeyProblem(publicKey);
  if (problem !== undefined) throw keyError(`it ${problem}`);
  return publicKey;
}

/**
 * Makes a private key.
 *
 * @returns the key as the text of a PEM file (PKCS#8), and its public part
 */
export async function generatePrivateKey(
  algorithm: SignatureAlgorithm,
): Promise<{ pem: string; publicKey: PublicKey }> {
  const generated = await crypto.subtle.generateKey(WEB_CRYPTO[algorithm], true, ["sign", "verify"]);
  const { privateKey } = generated as CryptoKeyPair;
  const base64 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey)).toBase64();
  const lines = base64.match(/.{1,64}/g)!;
  return {
    pem: ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n"),
    publicKey: await publicPartOf(algorithm, privateKey),
  };
}

async function signerOf(raw: RawPrivateKey): Promise<Signer> {
  const { algorithm, claims } = raw;
  const parameters = WEB_CRYPTO[algorithm];
  const pkcs8 = encodePkcs8(raw);
  let publicKey: PublicKey;
  try {
    publicKey = await publicPartOf(
      algorithm,
      await crypto.subtle.importKey("pkcs8", pkcs8, parameters, true, ["sign"]),
    );
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    // Some numbers of 32 bytes are no keys of P-256. What WebCrypto says of them is not passed on.
    throw damagedKey();
  }
  // Whoever signs with a private part under another public part gives the private part away.
  const encodings = encodingsOf(publicKey);
  if (!claims.every((claim) => encodings.some((encoding) => equalBytes(claim, encoding)))) {
    throw keyError(
      "its public part does not belong to its private part",
      "somebody may have changed it: make a new one",
    );
  }
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"]);
  return {
    publicKey,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(parameters, key, bytes)),
  };
}

/** The public part of a key that may be exported: raw Ed25519, or X and Y. */
async function publicPartOf(algorithm: SignatureAlgorithm, key: CryptoKey): Promise<PublicKey> {
  const { x, y } = await crypto.subtle.exportKey("jwk", key);
  const coordinates = algorithm === "ed25519" ? [x!] : [x!, y!];
  const bytes = coordinates.map((text) => Uint8Array.fromBase64(text, { alphabet: "base64url" }));
  return { algorithm, bytes: joinBytes(...bytes) };
}

/** All the ways in which files write a public part. */
function encodingsOf({ algorithm, bytes }: PublicKey): Uint8Array[] {
  if (algorithm === "ed25519") return [bytes];
  const compressed = joinBytes(Uint8Array.of(0x02 + (bytes[63]! & 1)), bytes.subarray(0, 32));
  return [joinBytes(Uint8Array.of(UNCOMPRESSED), bytes), compressed];
}

/** A key that is known by how it is written, and not read yet. */
type Recognised =
  | { readonly part: "private"; readonly read: () => RawPrivateKey }
  | { readonly part: "public"; readonly read: () => PublicKey };

/** A private key that cannot be read, and why. */
function unreadable(error: ReleaseError): Recognised {
  return {
    part: "private",
    read: () => {
      throw error;
    },
  };
}

function recognise(text: string): Recognised {
  const trimmed = text.trim();
  if (trimmed === "") throw keyError("it is empty, expected a key", "`fleet-release keygen` makes one");
  if (trimmed.includes("-----BEGIN ")) return recognisePem(trimmed);
  if (isPublicKeyLine(trimmed)) return { part: "public", read: () => decodePublicKeyLine(trimmed) };
  const [, name, base64] = /^([^:\s]+):(\S+)$/.exec(trimmed) ?? [];
  if (name === undefined || base64 === undefined) throw unknownFormat();
  return recogniseNamed(name, decodeBase64(base64));
}

/** Keys in base64 behind a name: those of nix, and our own public ones, whose name is the algorithm. */
function recogniseNamed(name: string, bytes: Uint8Array<ArrayBuffer> | undefined): Recognised {
  if (bytes === undefined) throw damagedKey();
  // A private nix key could be named after our algorithm too, but nobody has a reason to.
  if (bytes.length === 64 && name !== "ecdsa-p256") {
    const [secret, claim] = [bytes.subarray(0, 32), bytes.subarray(32)];
    return { part: "private", read: () => ({ algorithm: "ed25519", secret, claims: [claim] }) };
  }
  if (isSignatureAlgorithm(name)) return { part: "public", read: () => ({ algorithm: name, bytes }) };
  if (bytes.length === 32) return { part: "public", read: () => ({ algorithm: "ed25519", bytes }) };
  throw damagedKey();
}

function recognisePem(whole: string): Recognised {
  // `openssl ecparam` writes the name of the curve before the key, where it stands again.
  const text = whole.replace(
    /-----BEGIN EC PARAMETERS-----.*?-----END EC PARAMETERS-----\s*(?=-----BEGIN EC PRI)/s,
    "",
  );
  if (text.split("-----BEGIN ").length > 2) throw keyError("it has several PEM blocks, expected one key");
  const [, label, body] = /-----BEGIN ([A-Z0-9 ]+)-----(.*)-----END \1-----/s.exec(text) ?? [];
  if (label === undefined || body === undefined) throw damagedKey();
  if (label === "ENCRYPTED PRIVATE KEY" || body.includes("Proc-Type: 4,ENCRYPTED")) {
    return unreadable(keyError(
      "it is encrypted, expected a key without a passphrase",
      "take the passphrase away with `openssl pkey -in FILE -out NEW`, and let nobody read the new file",
    ));
  }
  const der = () => {
    const bytes = decodeBase64(body.replace(/\s/g, ""));
    if (bytes === undefined) throw damagedKey();
    return bytes;
  };
  switch (label) {
    case "PRIVATE KEY":
      return { part: "private", read: () => decodePkcs8(der()) };
    case "EC PRIVATE KEY":
      return { part: "private", read: () => decodeEcPrivateKey(der()) };
    case "OPENSSH PRIVATE KEY":
      return { part: "private", read: () => decodeOpenSshPrivateKey(der()) };
    case "PUBLIC KEY":
      return { part: "public", read: () => decodePublicKeyInfo(der()) };
    case "RSA PRIVATE KEY":
      return unreadable(unusableKind("an RSA key"));
    default:
      throw unknownFormat();
  }
}

function unknownFormat(): ReleaseError {
  return keyError(
    "it is no key in a format that is known, expected PEM, OpenSSH or nix",
    "`fleet-release keygen` makes one",
  );
}
