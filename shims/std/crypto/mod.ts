// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/crypto, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import process from "node:process";

/** The part of the Web Crypto API's synchronous extension that is on offer. */
export interface StdCrypto {
  /** Low-level functions. */
  readonly subtle: {
    /** The digest of the bytes. */
    digestSync(algorithm: "SHA-1" | "SHA-256", data: Uint8Array<ArrayBuffer>): ArrayBuffer;
  };
}

// Loaded with the first digest: it takes as long as a third of the program.
let createHash: typeof import("node:crypto").createHash | undefined;

/** Synchronous digests. */
export const crypto: StdCrypto = {
  subtle: {
    digestSync(algorithm, data) {
      createHash ??= process.getBuiltinModule("node:crypto").createHash;
      return new Uint8Array(createHash(algorithm.replace("-", "")).update(data).digest()).buffer;
    },
  },
};
