/**
 * DER (X.690): values behind each other, each a tag, a length and so many bytes.
 *
 * @module
 */

/** A whole number. */
export const INTEGER = 0x02;
/** Bits, of which the first byte says how many at the end are unused. */
export const BIT_STRING = 0x03;
/** Bytes. */
export const OCTET_STRING = 0x04;
/** Values behind each other. */
export const SEQUENCE = 0x30;

/** A value, and what is left behind it. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly rest: Uint8Array;
}

/**
 * Takes the first value off some bytes: undefined when they do not begin with a whole one, or with one of a length that
 * is left open or takes more than two bytes to say, which not even an RSA key needs.
 *
 * @param strict Whether the length has to be said in as few bytes as can say it. DER demands that; BER does not, and
 * openssl reads keys that are in it
 */
export function readDer(bytes: Uint8Array, { strict }: { readonly strict: boolean }): DerValue | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (lengthBytes > 2 || first === 0x80) return undefined;
  const start = 2 + lengthBytes;
  if (start > bytes.length) return undefined;
  const length = lengthBytes === 0
    ? first
    : bytes.subarray(2, start).reduce((length, byte) => length * 256 + byte, 0);
  if (strict && lengthBytes > 0 && length < (lengthBytes === 1 ? 0x80 : 0x100)) return undefined;
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, content: bytes.subarray(start, end), rest: bytes.subarray(end) };
}

/** Whether bytes look like DER, a short sequence and nothing behind it: for hints about what else was expected. */
export function looksLikeDer(bytes: Uint8Array): boolean {
  return bytes[0] === SEQUENCE && bytes[1] === bytes.length - 2;
}
