// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/crypto, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import { createHash } from "node:crypto";

/** The part of the Web Crypto API's synchronous extension that is on offer. */
export interface StdCrypto {
  /** Low-level functions. */
  readonly subtle: {
    /** The digest of the bytes. */
    digestSync(algorithm: "SHA-1" | "SHA-256", data: Uint8Array<ArrayBuffer>): ArrayBuffer;
  };
}

/** Synchronous digests. */
export const crypto: StdCrypto = {
  subtle: {
    digestSync: (algorithm, data) =>
      new Uint8Array(createHash(algorithm.replace("-", "")).update(data).digest()).buffer,
  },
};
