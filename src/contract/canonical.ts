/**
 * Canonical bytes (RFC 8785) and their SHA-256.
 *
 * @module
 */
import canonicalize from "canonicalize";
import { crypto } from "@std/crypto";

const encoder = new TextEncoder();

/**
 * The canonical bytes of a JSON value: UTF-8, no white space, keys sorted by UTF-16 code units, no final newline
 * (RFC 8785).
 *
 * @throws {Error} when the value holds what JSON has no form for: a number that is not finite, a lone surrogate
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new TextDecoder().decode(canonicalBytes({ b: 1, a: [true, null] })), '{"a":[true,null],"b":1}');
 * ```
 */
export function canonicalBytes(value: unknown): Uint8Array<ArrayBuffer> {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("Cannot canonicalize a value that JSON has no form for");
  return encoder.encode(text);
}

/**
 * SHA-256 of the bytes, in lower-case hex.
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   sha256Hex(new TextEncoder().encode("abc")),
 *   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
 * );
 * ```
 */
export function sha256Hex(bytes: Uint8Array<ArrayBuffer>): string {
  return new Uint8Array(crypto.subtle.digestSync("SHA-256", bytes)).toHex();
}
