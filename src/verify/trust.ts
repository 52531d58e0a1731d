/**
 * The keys that consumers trust, in the order in which they try them.
 *
 * @module
 */
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { decode } from "../contract/schema.ts";
import { compareTimestamps } from "../contract/time.ts";
import {
  isSignatureAlgorithm,
  type Timestamp,
  type TrustedKeyRecord,
  type TrustFile,
} from "../contract/types.ts";
import { decodeBase64 } from "../crypto/base64.ts";
import { type PublicKey, publicKeyProblem } from "../crypto/signature.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";

/** Which of a trust file's keys it is. */
export type KeySlot = "current" | "previous" | "successor";

/** A key that consumers trust. */
export interface TrustedKey extends PublicKey {
  /** Which of the trust file's keys it is. */
  readonly slot: KeySlot;
}

/** What signatures are verified with. */
export interface Trust {
  /** In the order in which they are tried. */
  readonly keys: readonly TrustedKey[];
  /** What was signed before this is refused; null: nothing is. */
  readonly rejectBefore: Timestamp | null;
}

/**
 * Takes the usable keys out of a trust file. One that is not usable is passed over with a warning, as consumers do.
 *
 * @param now The present: what the successor retires by, and what `rejectBefore` should not lie ahead of
 */
export function trustAt(
  { ciReleaseKey }: TrustFile,
  now: Timestamp,
): { trust: Trust; warnings: Warning[] } {
  const { current, previous, successor, retireAt, rejectBefore } = ciReleaseKey;
  const retired = retireAt === null || compareTimestamps(now, retireAt) >= 0;
  const slots: [KeySlot, TrustedKeyRecord | null][] = [
    ["current", current],
    ["previous", previous],
    ["successor", retired ? null : successor],
  ];
  const keys: TrustedKey[] = [];
  const warnings: Warning[] = [];
  for (const [slot, record] of slots) {
    if (record === null) continue;
    const key = usableKey(record);
    if (typeof key !== "string") keys.push({ slot, ...key });
    else {
      warnings.push({
        code: "unusable-key",
        message: `The ${slot} key is passed over: ${key}`,
        path: `ciReleaseKey.${slot}`,
      });
    }
  }
  if (rejectBefore !== null && compareTimestamps(now, rejectBefore) < 0) {
    warnings.push({
      code: "reject-before-ahead",
      message:
        `All that is signed before ${rejectBefore} is refused, which is yet to come: at ${now}, every release`,
      path: "ciReleaseKey.rejectBefore",
    });
  }
  return { trust: { keys, rejectBefore }, warnings };
}

/** The key of a record, or in words why it cannot be used. */
export function usableKey({ algorithm, public: text }: TrustedKeyRecord): PublicKey | string {
  if (!isSignatureAlgorithm(algorithm)) {
    return `its algorithm "${algorithm}" is unknown, expected ed25519 or ecdsa-p256`;
  }
  const bytes = decodeBase64(text);
  if (bytes === undefined) return "its bytes are not base64";
  const problem = publicKeyProblem({ algorithm, bytes });
  return problem === undefined ? { algorithm, bytes } : `the key ${problem}`;
}

/**
 * The trust in one key alone, as `--public-key` gives it.
 *
 * @param text `ALGORITHM:BASE64`
 * @throws {ReleaseError} of kind `usage`
 */
export function trustOfKey(text: string): Trust {
  const [, algorithm, base64] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (algorithm === undefined || base64 === undefined) {
    throw new ReleaseError("usage", "Cannot read --public-key: expected ALGORITHM:BASE64", {
      hint: "`fleet-release pubkey FILE --format public-key` prints it",
    });
  }
  const key = usableKey({ algorithm, public: base64 });
  if (typeof key === "string") throw new ReleaseError("usage", `Cannot use --public-key: ${key}`);
  return { keys: [{ slot: "current", ...key }], rejectBefore: null };
}

/** Which key it is that verifies something, for people and programs. */
export interface KeyDescription {
  readonly slot: KeySlot;
  readonly algorithm: string;
  /** Base64, as in a trust file. */
  readonly public: string;
}

/** Says which of the trusted keys it is. */
export function describeKey({ slot, algorithm, bytes }: TrustedKey): KeyDescription {
  return { slot, algorithm, public: bytes.toBase64() };
}

/** A key as a trust file has it. */
export function keyRecord({ algorithm, bytes }: PublicKey): TrustedKeyRecord {
  return { algorithm, public: bytes.toBase64() };
}

/** A trust file with this key alone. */
export function trustFileOf(key: PublicKey): TrustFile {
  return {
    schemaVersion: 1,
    ciReleaseKey: {
      current: keyRecord(key),
      previous: null,
      successor: null,
      retireAt: null,
      rejectBefore: null,
    },
  };
}

/**
 * Reads the text of a trust file.
 *
 * @throws {ReleaseError} of kind `contract`, naming the file and the place in it
 */
export function parseTrustFile(name: string, bytes: Uint8Array<ArrayBuffer>): TrustFile {
  return decodeTrust(`the trust file "${name}"`, () => parseJson(decodeUtf8(bytes), { asReference: true }));
}

/**
 * Checks a trust file that has been parsed.
 *
 * @param origin Where it comes from, for the error
 * @throws {ReleaseError} of kind `contract`, with the place in it
 */
export function decodeTrust(origin: string, read: () => unknown): TrustFile {
  try {
    return decode("trustFile", read());
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    const { path, hint, lines } = error;
    throw new ReleaseError("contract", `Cannot use ${origin}: ${error.message}`, { path, hint, lines });
  }
}
