/**
 * Base64 in its one strict form, so that a key has one spelling.
 *
 * @module
 */

/**
 * Decodes base64 of the standard alphabet (RFC 4648, section 4), padded, with trailing bits of zero and no white
 * space: the bytes, or undefined when the text is anything else.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  // The platform's strict decoder still passes over white space.
  if (/\s/.test(text)) return undefined;
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
