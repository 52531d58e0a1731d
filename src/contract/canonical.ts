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
  return encoder.encode(canonicalText(value));
}

/** The text of {@linkcode canonicalBytes}. */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("Cannot canonicalize a value that JSON has no form for");
  return text;
}

/**
 * The canonical bytes of an object, of whose members the canonical texts are known: what many objects have alike is
 * written once.
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(canonicalObject({ b: "[1]", a: canonicalText({ c: 1 }) }), canonicalBytes({ a: { c: 1 }, b: [1] }));
 * ```
 */
export function canonicalObject(members: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const written = Object.keys(members).sort().map((key) => `${canonicalText(key)}:${members[key]}`);
  return encoder.encode(`{${written.join(",")}}`);
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
