/**
 * The keys that consumers trust, in the making of a release: no signature is published that they would refuse.
 *
 * @module
 */
import type { ReleaseConfig } from "../config.ts";
import { equalBytes } from "../bytes.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { Timestamp, TrustFile } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { SignedArtifact, Stamp, Warn } from "../model.ts";
import type { ArtifactSigner, Inputs } from "../ports.ts";
import { verifyingKey } from "../verify/artifact.ts";
import {
  decodeTrust,
  type KeySlot,
  parseTrustFile,
  type Trust,
  trustAt,
  type TrustedKey,
  usableKey,
} from "../verify/trust.ts";

/** The keys that a release has to be signed with. */
export interface TrustedKeys extends Trust {
  /** The option that they come from, and its value. */
  readonly origin: string;
  /** Which of the keys may sign. */
  readonly slots: readonly KeySlot[];
}

/** What trusted keys are read by, beside the options. */
export interface TrustSources {
  /** What `--trust-attr` evaluates to; undefined when there is no such option. */
  readonly attribute: unknown;
  /** What the successor retires by. */
  readonly now: Timestamp;
}

/**
 * Reads the keys that consumers trust.
 *
 * @returns null when the user gives none, of which there is a warning
 * @throws {ReleaseError} of kind `io`, `contract` or `usage` when they cannot be read or none is usable
 */
export async function readTrustedKeys(
  { trustFile, trustAttr, publicKey, allowPreviousKey }: ReleaseConfig,
  { attribute, now }: TrustSources,
  inputs: Pick<Inputs, "read">,
  warn: Warn,
): Promise<TrustedKeys | null> {
  const slots: KeySlot[] = allowPreviousKey ? ["current", "previous", "successor"] : ["current", "successor"];
  if (trustFile !== undefined) {
    const origin = `--trust-file ${trustFile}`;
    const record = parseTrustFile(trustFile, await inputs.read(trustFile));
    return { slots, origin, ...usableKeys(origin, record, now, warn) };
  }
  if (trustAttr !== undefined) {
    const origin = `--trust-attr ${trustAttr}`;
    const record = decodeTrust(origin, () => attribute);
    return { slots, origin, ...usableKeys(origin, record, now, warn) };
  }
  if (publicKey !== undefined) {
    const [, algorithm, base64] = /^([^:]*):(.*)$/s.exec(publicKey) ?? [];
    if (algorithm === undefined || base64 === undefined) {
      throw new ReleaseError("usage", "Cannot read --public-key: expected ALGORITHM:BASE64", {
        hint: "`fleet-release pubkey FILE --format public-key` prints it",
      });
    }
    const key = usableKey({ algorithm, public: base64 });
    if (typeof key === "string") throw new ReleaseError("usage", `Cannot use --public-key: ${key}`);
    return { slots, origin: "--public-key", keys: [{ slot: "current", ...key }], rejectBefore: null };
  }
  warn({
    code: "unverified-signatures",
    message:
      "Signatures are not verified: give the keys that consumers trust with --trust-file, --trust-attr or " +
      "--public-key",
  });
  return null;
}

function usableKeys(origin: string, record: TrustFile, now: Timestamp, warn: Warn): Trust {
  const { trust, warnings } = trustAt(record, now);
  if (trust.keys.length > 0) {
    warn(...warnings);
    return trust;
  }
  throw new ReleaseError(
    "contract",
    `Cannot use ${origin}: no key in it can be used, so consumers would refuse all`,
    {
      lines: warnings.map(({ message }) => message),
      hint: "`fleet-release pubkey FILE` prints a key as consumers read it",
    },
  );
}

/**
 * Refuses a signer whose signatures no consumer would accept, before anything is built for it.
 *
 * @throws {ReleaseError} of kind `smoke-verify`
 */
export function refuseUntrustedSigner(
  { algorithm, publicKey }: ArtifactSigner,
  { keys, slots, origin }: TrustedKeys,
): void {
  const accepted = keys.filter(({ slot }) => slots.includes(slot));
  if (publicKey === null) {
    if (accepted.some((key) => key.algorithm === algorithm)) return;
    const known = [...new Set(accepted.map((key) => key.algorithm))].join(" or ");
    throw new ReleaseError("smoke-verify", `No key of ${origin} may sign with ${algorithm}`, {
      hint: known === "" ? HINT_PREVIOUS : `give the --signature-algorithm of the key: ${known}`,
    });
  }
  const same = (key: TrustedKey) =>
    key.algorithm === publicKey.algorithm && equalBytes(key.bytes, publicKey.bytes);
  if (accepted.some(same)) return;
  const found = keys.find(same);
  throw new ReleaseError(
    "smoke-verify",
    found === undefined
      ? `The signing key ${publicKey.algorithm}:${publicKey.bytes.toBase64()} is none of ${origin}`
      : `The signing key is the ${found.slot} key of ${origin}`,
    { hint: found === undefined ? "consumers would refuse its signatures" : HINT_PREVIOUS },
  );
}

const HINT_PREVIOUS = "sign with the current key, or accept it for now with --allow-previous-key";

/** Whether a signature is one that consumers accept under its stamp, by a key that may sign. */
export async function isTrusted(
  signed: Pick<SignedArtifact, "bytes" | "signature">,
  { signedAt, signatureAlgorithm }: Stamp,
  trusted: TrustedKeys,
): Promise<boolean> {
  const key = await signingKey(signed, trusted);
  return key !== null && trusted.slots.includes(key.slot) && key.algorithm === signatureAlgorithm &&
    !isRejected(signedAt, trusted.rejectBefore);
}

/** The key that made a signature. One key may have two slots, so those that may sign are tried first. */
async function signingKey(
  { bytes, signature }: Pick<SignedArtifact, "bytes" | "signature">,
  { keys, slots }: TrustedKeys,
): Promise<TrustedKey | null> {
  const accepted = keys.filter(({ slot }) => slots.includes(slot));
  return await verifyingKey(bytes, signature, [...accepted, ...keys]);
}

function isRejected(signedAt: Timestamp, rejectBefore: Timestamp | null): boolean {
  return rejectBefore !== null && compareTimestamps(signedAt, rejectBefore) < 0;
}

/**
 * Verifies every signature as consumers would.
 *
 * @throws {ReleaseError} of kind `smoke-verify`, naming the first artifact and what was found instead
 */
export async function verifyTrusted(
  artifacts: readonly SignedArtifact[],
  { signedAt, signatureAlgorithm }: Stamp,
  trusted: TrustedKeys,
): Promise<void> {
  if (isRejected(signedAt, trusted.rejectBefore)) {
    throw new ReleaseError(
      "smoke-verify",
      `Consumers refuse what is signed before ${trusted.rejectBefore}, and this release is of ${signedAt}`,
      { path: "ciReleaseKey.rejectBefore" },
    );
  }
  for (const artifact of artifacts) {
    const key = await signingKey(artifact, trusted);
    const isAccepted = key !== null && trusted.slots.includes(key.slot);
    if (isAccepted && key.algorithm === signatureAlgorithm) continue;
    const path = artifact.path;
    if (isAccepted) {
      const message =
        `The signature of "${path}" is by the ${key.slot} key, which is ${key.algorithm}, but the release ` +
        `declares ${signatureAlgorithm}`;
      throw new ReleaseError("smoke-verify", message, {
        hint: `give --signature-algorithm ${key.algorithm}`,
      });
    }
    if (key !== null) {
      throw new ReleaseError("smoke-verify", `The signature of "${path}" is by the ${key.slot} key`, {
        hint: HINT_PREVIOUS,
      });
    }
    throw new ReleaseError(
      "smoke-verify",
      `The signature of "${path}" does not verify with any key of ${trusted.origin}`,
      { hint: await whatItSigns(artifact, artifacts, trusted.keys) },
    );
  }
}

/** What else a wrong signature may be of. */
async function whatItSigns(
  { bytes, signature, sha256 }: SignedArtifact,
  artifacts: readonly SignedArtifact[],
  keys: readonly TrustedKey[],
): Promise<string> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const others: [string, Uint8Array<ArrayBuffer>][] = [
    ["the SHA-256 of the file", Uint8Array.fromHex(sha256)],
    ["the SHA-256 of the file in hex", encode(sha256)],
    ["the file and a newline", withNewline(bytes)],
    ["nothing", new Uint8Array()],
    ...artifacts.map(({ path, bytes }): [string, Uint8Array<ArrayBuffer>] => [`"${path}"`, bytes]),
  ];
  for (const [what, other] of others) {
    if (await verifyingKey(other, signature, keys) !== null) {
      return `it is a signature of ${what}: the bytes of $NIXFLEET_INPUT are to be signed, as they are`;
    }
  }
  return "it was made with another key, or of other bytes";
}

function withNewline(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  longer[bytes.length] = 0x0a;
  return longer;
}
