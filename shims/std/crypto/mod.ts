// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/crypto, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import { createHash, timingSafeEqual as equalInConstantTime } from "node:crypto";

/** The digest algorithms on offer. */
export type DigestAlgorithm = "SHA-1" | "SHA-256" | "SHA-512";

/** The part of the Web Crypto API, and of its synchronous extension, that is on offer. */
export interface StdCrypto {
  /** Low-level functions. */
  readonly subtle: {
    /** The digest of the bytes, or of all chunks one after the other. */
    digestSync(algorithm: DigestAlgorithm, data: BufferSource | Iterable<BufferSource>): ArrayBuffer;
  };
}

/** Synchronous digests. */
export const crypto: StdCrypto = {
  subtle: {
    digestSync(algorithm, data) {
      const hash = createHash(algorithm.replace("-", ""));
      const chunks = ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? [data] : data;
      for (const chunk of chunks) hash.update(toBytes(chunk));
      return new Uint8Array(hash.digest()).buffer;
    },
  },
};

/** Whether the bytes are equal, in a time that depends only on how many there are. */
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike,
  b: ArrayBufferView | ArrayBufferLike,
): boolean {
  if (a.byteLength !== b.byteLength) {
    throw new TypeError(`Cannot compare ${a.byteLength} bytes with ${b.byteLength} bytes`);
  }
  return equalInConstantTime(toBytes(a), toBytes(b));
}

function toBytes(data: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
