/**
 * What must not be shown, and how it is hidden.
 *
 * @module
 */

/** A text without the passwords and tokens of the URLs in it, and without private keys that are put where they do not belong. */
export function hideSecrets(text: string): string {
  return text.replace(/(\b[\w+.-]+:\/\/)[^/@\s"'?#]*@/g, "$1***@")
    // Up to the end of the text that is quoted: a key may have been cut off.
    .replace(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^"']*/g, "***")
    // A nix key. A public one is shorter, or has the name of its algorithm.
    .replace(/(?<![\w.-])(?!ecdsa-p256:)[\w.-]+:[A-Za-z0-9+/]{86}==/g, "***");
}

/** Whether a text that should name a file is a private key, or a part of one. Paths have a slash in front, or are short. */
export function looksLikeKey(text: string): boolean {
  return text.includes("-----BEGIN") ||
    /^\s*(?:[^:\s/]+:)?[A-Za-z0-9+][A-Za-z0-9+/]{42,}={0,2}\s*$/.test(text);
}
