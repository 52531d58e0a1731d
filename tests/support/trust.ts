/**
 * Trust files, as records and as the bytes of a file.
 *
 * @module
 */
import type { TrustFile } from "../../src/contract/types.ts";
import type { PublicKey } from "../../src/crypto/signature.ts";
import { keyRecord } from "../../src/verify/trust.ts";

/** What a trust file says beside its keys, which are absent unless they are given. */
export interface TrustOptions {
  readonly current?: PublicKey;
  readonly previous?: PublicKey;
  readonly successor?: PublicKey;
  readonly retireAt?: string;
  readonly rejectBefore?: string;
}

/** A trust file with these keys. */
export function trustOf({ retireAt, rejectBefore, ...keys }: TrustOptions): TrustFile {
  const record = (key: PublicKey | undefined) => key === undefined ? null : keyRecord(key);
  return {
    schemaVersion: 1,
    ciReleaseKey: {
      current: record(keys.current),
      previous: record(keys.previous),
      successor: record(keys.successor),
      retireAt: retireAt ?? null,
      rejectBefore: rejectBefore ?? null,
    },
  };
}

/** The bytes of a trust file with these keys. */
export function trustBytes(options: TrustOptions): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(trustOf(options)));
}

/** A trust file with every field, none of them null. */
export function fullTrust(): TrustFile {
  return {
    schemaVersion: 1,
    ciReleaseKey: {
      current: { algorithm: "ed25519", public: "AAAA" },
      previous: { algorithm: "ecdsa-p256", public: "BBBB" },
      successor: { algorithm: "ed25519", public: "CCCC" },
      retireAt: "2026-07-01T00:00:00Z",
      rejectBefore: "2026-05-01T00:00:00Z",
    },
  };
}
