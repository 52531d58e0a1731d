/**
 * Published signatures, and the bytes that tests of signatures are made of.
 *
 * @module
 */
import type { SignedBytes } from "../../src/crypto/signature.ts";

/** A published signature; all texts but the name are hexadecimal. */
export interface Vector {
  name: string;
  publicKey: string;
  message: string;
  signature: string;
}

/** The bytes of a hexadecimal text. */
export const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text);

/** A published signature as what `verifySignature` takes. */
export function signedBytes(algorithm: SignedBytes["algorithm"], vector: Vector): SignedBytes {
  return {
    algorithm,
    publicKey: hex(vector.publicKey),
    bytes: hex(vector.message),
    signature: hex(vector.signature),
  };
}

/** One after the other. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** 32 bytes for each number, the greatest first. */
export function bigEndian(...values: bigint[]): Uint8Array<ArrayBuffer> {
  return hex(values.map((value) => value.toString(16).padStart(64, "0")).join(""));
}

/** 32 bytes, the least first. */
export function littleEndian(value: bigint): Uint8Array<ArrayBuffer> {
  return bigEndian(value).reverse();
}

/** The bytes with one bit turned. */
export function flipped(bytes: Uint8Array<ArrayBuffer>, bit: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
