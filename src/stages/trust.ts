/**
 * The keys that consumers trust, in the making of a release: no signature is published that they would refuse.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { TrustFile } from "../contract/types.ts";
import { type ErrorDetails, ReleaseError } from "../errors.ts";
import type { SignedArtifact, Stamp } from "../model.ts";
import type { ArtifactSigner } from "../ports.ts";
import type { Look, Run } from "./run.ts";
import {
  type Acceptance,
  judgeSignature,
  type SignerFailureCode,
  verifyingKey,
} from "../verify/acceptance.ts";
import {
  decodeTrust,
  type KeySlot,
  parseTrustFile,
  type Trust,
  trustAt,
  type TrustedKey,
  trustOfKey,
} from "../verify/trust.ts";

/** The keys that a release has to be signed with. */
export interface TrustedKeys extends Trust {
  /** The option that they come from, and its value. */
  readonly origin: string;
  /** Which of the keys may sign. */
  readonly slots: readonly KeySlot[];
}

/**
 * Reads the keys that consumers trust, and refuses a signer whose signatures none of them would accept, before hours of
 * building.
 *
 * @param attribute What `--trust-attr` evaluates to; null when there is no such option
 * @returns as {@linkcode readTrustedKeys}
 * @throws {ReleaseError} of kind `io`, `contract` or `usage` when they cannot be read or none is usable, and of kind
 * `smoke-verify` when the signer's is none of them, or consumers refuse what is signed now
 */
export async function checkTrust(run: Run, attribute: unknown): Promise<TrustedKeys | null> {
  const trusted = await readTrustedKeys(run, attribute);
  if (trusted !== null) refuseUntrustedSigner(run.ports.signer, trusted);
  return trusted;
}

/**
 * The keys that what was signed before has to verify with: those that consumers trust, and where nobody says which, the
 * one that signs.
 *
 * @returns null when only a command knows what it signs with
 */
export function keysOfBefore(
  { ports: { signer: { publicKey } } }: Run,
  trusted: TrustedKeys | null,
): TrustedKeys | null {
  if (trusted !== null || publicKey === null) return trusted;
  const keys: TrustedKey[] = [{ slot: "current", ...publicKey }];
  return { origin: "the signing key", slots: ["current"], keys, rejectBefore: null };
}

/**
 * Reads the keys that consumers trust.
 *
 * @param attribute As of {@linkcode checkTrust}
 * @returns null when the user gives none, of which there is a warning
 * @throws {ReleaseError} as {@linkcode checkTrust}, but for the signer
 */
export async function readTrustedKeys(
  { config: { trustFile, trustAttr, publicKey, allowPreviousKey }, ports: { inputs }, now, warn }: Look,
  attribute: unknown,
): Promise<TrustedKeys | null> {
  const slots: KeySlot[] = allowPreviousKey ? ["current", "previous", "successor"] : ["current", "successor"];
  if (trustFile !== undefined) {
    const origin = `--trust-file ${trustFile}`;
    const record = parseTrustFile(trustFile, await inputs.read(trustFile));
    return { slots, origin, ...usableKeys(origin, record, { now, warn }) };
  }
  if (trustAttr !== undefined) {
    const origin = `--trust-attr ${trustAttr}`;
    const record = decodeTrust(origin, () => attribute);
    return { slots, origin, ...usableKeys(origin, record, { now, warn }) };
  }
  if (publicKey !== undefined) {
    return { slots, origin: "--public-key", ...trustOfKey(publicKey) };
  }
  warn({
    code: "unverified-signatures",
    message:
      "Signatures are not verified: give the keys that consumers trust with --trust-file, --trust-attr or " +
      "--public-key",
  });
  return null;
}

function usableKeys(origin: string, record: TrustFile, { now, warn }: Pick<Run, "now" | "warn">): Trust {
  const { rejectBefore } = record.ciReleaseKey;
  if (rejectBefore !== null && compareTimestamps(now, rejectBefore) < 0) {
    throw new ReleaseError(
      "smoke-verify",
      `Consumers refuse what is signed before ${rejectBefore}, and this release is of ${now}`,
      {
        path: "ciReleaseKey.rejectBefore",
        hint: `release from then on, or correct the time in ${origin}, and where machines have it`,
      },
    );
  }
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

function refuseUntrustedSigner(
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
  stamp: Stamp,
  trusted: TrustedKeys,
): Promise<boolean> {
  const { failures } = await judge(signed, stamp, trusted);
  return failures.length === 0;
}

/** Judges a signature as `verify` does, except for its age: it is made now, or kept because it is not due. */
async function judge(
  { bytes, signature }: Pick<SignedArtifact, "bytes" | "signature">,
  declared: Stamp,
  { keys, rejectBefore, slots }: TrustedKeys,
): Promise<Acceptance<TrustedKey, SignerFailureCode>> {
  const maySign = ({ slot }: TrustedKey) => slots.includes(slot);
  return await judgeSignature({ bytes, signature, declared }, { keys, rejectBefore, maySign });
}

/**
 * Verifies every signature as consumers would.
 *
 * @param artifacts All artifacts of the release, the fleet first
 * @returns the key that has signed the fleet
 * @throws {ReleaseError} of kind `smoke-verify`, naming the first artifact and what was found instead
 */
export async function verifyTrusted(
  artifacts: readonly SignedArtifact[],
  stamp: Stamp,
  trusted: TrustedKeys,
): Promise<TrustedKey> {
  let first: TrustedKey | null = null;
  for (const artifact of artifacts) {
    const accepted = await judge(artifact, stamp, trusted);
    first ??= accepted.key;
    if (accepted.failures.length === 0) continue;
    const hint = accepted.key === null ? await whatItSigns(artifact, artifacts, trusted.keys) : undefined;
    throw refusalOf(artifact.path, accepted, stamp, { ...trusted, hint });
  }
  return first!;
}

/** The error for a signature that is not accepted, with the first thing that is wrong. */
function refusalOf(
  path: string,
  { key, failures }: Acceptance<TrustedKey, SignerFailureCode>,
  { signatureAlgorithm }: Stamp,
  { origin, hint }: TrustedKeys & { readonly hint: string | undefined },
): ReleaseError {
  const { code, message } = failures[0]!;
  const refuse = (message: string, details: ErrorDetails) =>
    new ReleaseError("smoke-verify", message, { code, ...details });
  switch (code) {
    case "may-not-sign":
      return refuse(`The signature of "${path}" is by the ${key!.slot} key`, { hint: HINT_PREVIOUS });
    case "wrong-algorithm":
      return refuse(
        `The signature of "${path}" is by the ${key!.slot} key, which is ${
          key!.algorithm
        }, but the release ` +
          `declares ${signatureAlgorithm}`,
        { hint: `give --signature-algorithm ${key!.algorithm}` },
      );
    case "bad-signature":
    case "no-signature":
    case "no-keys":
      return refuse(`The signature of "${path}" does not verify with any key of ${origin}`, { hint });
    default:
      return refuse(`A consumer would refuse "${path}": ${message}`, {});
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
