/**
 * What bytes look like that are no raw signature.
 *
 * @module
 */
import { looksLikeDer } from "./der.ts";

/** How long a signature is: raw Ed25519, or ECDSA P-256 in its fixed form. */
export const SIGNATURE_LENGTH = 64;

/** What somebody gave for a signature may be. */
export type SignatureShape =
  | "empty"
  | "PEM or an SSH signature"
  | "hex"
  | "base64"
  | "base64 of a DER-encoded signature"
  | "a DER-encoded ECDSA signature"
  | "a signature with a newline behind it";

/** What bytes that are no raw signature look like, or undefined. */
export function shapeOf(bytes: Uint8Array): SignatureShape | undefined {
  if (bytes.length === 0) return "empty";
  const text = bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes) : undefined;
  // Tools break lines at 60, 64 or 76 characters.
  const ascii = text?.replace(/\s+/g, "");
  if (text?.startsWith("-----BEGIN")) return "PEM or an SSH signature";
  if (ascii !== undefined && /^[0-9a-fA-F]{128}$/.test(ascii)) return "hex";
  if (ascii !== undefined && /^[A-Za-z0-9+/_-]{86}(==)?$/.test(ascii)) return "base64";
  if (ascii !== undefined && /^ME[A-Za-z0-9+/]{88,94}={0,2}$/.test(ascii)) {
    return "base64 of a DER-encoded signature";
  }
  if (looksLikeDer(bytes)) return "a DER-encoded ECDSA signature";
  if (bytes.length === SIGNATURE_LENGTH + 1 && bytes.at(-1) === 0x0a) {
    return "a signature with a newline behind it";
  }
  return undefined;
}
