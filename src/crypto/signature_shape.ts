/**
 * What bytes look like that are no raw signature, and how to make the right ones.
 *
 * @module
 */

/** How long a signature is: raw Ed25519, or ECDSA P-256 in its fixed form. */
export const SIGNATURE_LENGTH = 64;

/** Describes what somebody gave for a signature, and how to mend it. */
export function describeSignature(bytes: Uint8Array): string {
  const text = bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes) : undefined;
  // Tools break lines at 60, 64 or 76 characters.
  const ascii = text?.replace(/\s+/g, "");
  if (bytes.length === 0) {
    return "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout";
  }
  if (text?.startsWith("-----BEGIN")) {
    return "this is PEM or an SSH signature: write the raw signature bytes";
  }
  if (ascii !== undefined && /^[0-9a-fA-F]{128}$/.test(ascii)) {
    return "this is hex: decode it, as with xxd -r -p";
  }
  if (ascii !== undefined && /^[A-Za-z0-9+/_-]{86}(==)?$/.test(ascii)) {
    return "this is base64: decode it, as with base64 -d";
  }
  if (ascii !== undefined && /^ME[A-Za-z0-9+/]{88,94}={0,2}$/.test(ascii)) {
    return "this is base64 of a DER-encoded signature: decode it, as with base64 -d, and give --signature-algorithm ecdsa-p256 and --signature-encoding der";
  }
  if (bytes[0] === 0x30 && bytes[1] === bytes.length - 2) {
    return "this is a DER-encoded ECDSA signature: give --signature-algorithm ecdsa-p256 and --signature-encoding der";
  }
  if (bytes.length === SIGNATURE_LENGTH + 1 && bytes.at(-1) === 0x0a) {
    return "there is a newline behind the signature: write the bytes alone, as with printf or a file";
  }
  return "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each";
}
