/**
 * The formats of OpenSSH: private key files, public key lines, and the wire format that both and the agent share.
 *
 * @module
 */
import { joinBytes } from "../bytes.ts";
import type { ReleaseError } from "../errors.ts";
import { decodeBase64 } from "./base64.ts";
import { damagedKey, keyError, type RawPrivateKey, unusableKind } from "./raw_key.ts";
import type { PublicKey } from "./signature.ts";

/** The one kind of key that is read, by the name that OpenSSH gives to it and to its signatures. */
export const SSH_ED25519 = "ssh-ed25519";

/** Reads the wire format: numbers of four bytes, and strings of bytes behind their length. */
export class WireReader {
  #rest: Uint8Array<ArrayBuffer>;
  readonly #fail: () => ReleaseError;

  /**
   * @param bytes What is read, from its beginning
   * @param fail Makes the error for bytes that end too early or too late
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, fail: () => ReleaseError) {
    this.#rest = bytes;
    this.#fail = fail;
  }

  /** The next `length` bytes. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#rest.length) throw this.#fail();
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** The next number. */
  number(): number {
    const { buffer, byteOffset } = this.take(4);
    return new DataView(buffer, byteOffset).getUint32(0);
  }

  /** The next string of bytes. */
  string(): Uint8Array<ArrayBuffer> {
    return this.take(this.number());
  }

  /** The next string of bytes, as the text that names something. */
  name(): string {
    return new TextDecoder().decode(this.string());
  }

  /** All that is left. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.take(this.#rest.length);
  }

  /** Refuses what is left. */
  end(): void {
    if (this.#rest.length > 0) throw this.#fail();
  }
}

/** A number in the wire format. */
export function wireNumber(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** A string of bytes in the wire format. */
export function wireString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return joinBytes(wireNumber(bytes.length), bytes);
}

/** The bytes by which OpenSSH knows an Ed25519 key: what stands in base64 on a public key line. */
export function publicKeyBlob(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return joinBytes(wireString(new TextEncoder().encode(SSH_ED25519)), wireString(publicKey));
}

/** What OpenSSH writes on a line of a `.pub` file begins with one of these. */
const PUBLIC_LINE = /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ /;

/** Whether a text looks like a public key line, of whatever kind of key. */
export function isPublicKeyLine(text: string): boolean {
  return PUBLIC_LINE.test(text);
}

/**
 * Reads a public key line, as in `ssh-ed25519 AAAA… comment`.
 *
 * @throws {ReleaseError} of kind `usage`, by {@linkcode keyError}
 */
export function decodePublicKeyLine(line: string): PublicKey {
  if (line.includes("\n")) throw keyError("it has several lines, expected one public key");
  const [kind, base64] = line.split(" ");
  if (kind !== SSH_ED25519) throw unusableSshKind(kind!);
  const reader = new WireReader(decodeBase64(base64!) ?? new Uint8Array(), damagedKey);
  const bytes = readPublicKey(reader);
  reader.end();
  return { algorithm: "ed25519", bytes };
}

const MAGIC = "openssh-key-v1\0";
/** What the private part is padded to when it is not encrypted. */
const BLOCK_SIZE = 8;

/**
 * Reads what an OpenSSH private key file has in base64. The format is that of the file `PROTOCOL.key` of OpenSSH.
 *
 * @throws {ReleaseError} of kind `usage`, by {@linkcode keyError}
 */
export function decodeOpenSshPrivateKey(bytes: Uint8Array<ArrayBuffer>): RawPrivateKey {
  const reader = new WireReader(bytes, damagedKey);
  if (new TextDecoder().decode(reader.take(MAGIC.length)) !== MAGIC) throw damagedKey();
  const [cipher, derivation] = [reader.name(), reader.name()];
  if (cipher !== "none" || derivation !== "none") {
    throw keyError(
      "it is encrypted, expected a key without a passphrase",
      "sign with --sign-agent, or take the passphrase away with `ssh-keygen -p -f FILE`",
    );
  }
  reader.string(); // How a passphrase would become a key.
  if (reader.number() !== 1) throw keyError("it holds several keys, expected one");
  const outer = new WireReader(reader.string(), damagedKey);
  const padded = reader.string();
  reader.end();
  const claim = readPublicKey(outer);
  outer.end();
  return decodePrivatePart(padded, claim);
}

function decodePrivatePart(padded: Uint8Array<ArrayBuffer>, outerClaim: Uint8Array): RawPrivateKey {
  if (padded.length % BLOCK_SIZE !== 0) throw damagedKey();
  const reader = new WireReader(padded, damagedKey);
  const check = reader.number();
  if (reader.number() !== check) throw damagedKey();
  const innerClaim = readPublicKey(reader);
  const pair = reader.string();
  if (pair.length !== 64) throw damagedKey();
  reader.string(); // The comment.
  // The padding counts up from 1. Like the two numbers before, it tells whether the key was decrypted well.
  if (!reader.rest().every((byte, index) => byte === ((index + 1) & 0xff))) throw damagedKey();
  return {
    algorithm: "ed25519",
    secret: pair.subarray(0, 32),
    claims: [outerClaim, innerClaim, pair.subarray(32)],
  };
}

/** The name of a key's kind, and an Ed25519 public key. */
function readPublicKey(reader: WireReader): Uint8Array<ArrayBuffer> {
  const kind = reader.name();
  if (kind !== SSH_ED25519) throw unusableSshKind(kind);
  const bytes = reader.string();
  if (bytes.length !== 32) throw damagedKey();
  return bytes;
}

/** Parts of the names of keys that cannot be used, and what such a key is called. The first that fits counts. */
const OTHER_KINDS: readonly (readonly [part: string, kind: string])[] = [
  ["-cert-", "an SSH certificate"],
  ["sk-", "a key of a security token, which signs other bytes"],
  ["ecdsa-sha2-", "an ECDSA key of OpenSSH"],
  ["ssh-rsa", "an RSA key"],
];

/** Refuses a kind of key by what it is called. A name that is not known may be anything, and is not repeated. */
function unusableSshKind(name: string): ReleaseError {
  const kind = OTHER_KINDS.find(([known]) => name.includes(known))?.[1] ?? "an SSH key of another kind";
  return unusableKind(kind, "an ssh-ed25519 key");
}
