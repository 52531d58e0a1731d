/**
 * What must not be shown, and how it is hidden.
 *
 * @module
 */

/** What stands in the place of a secret. */
export const HIDDEN = "***";

/** A text without the passwords and tokens of the URLs in it, and without private keys that are put where they do not belong. */
export function hideSecrets(text: string): string {
  return text.replace(/(\b[\w+.-]+:\/\/)[^/@\s"'?#]*@/g, `$1${HIDDEN}@`)
    // Up to the end of the text that is quoted: a key may have been cut off.
    .replace(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^"']*/g, HIDDEN)
    // A nix key. A public one is shorter, or has the name of its algorithm.
    .replace(/(?<![\w.-])(?!ecdsa-p256:)[\w.-]+:[A-Za-z0-9+/]{86}==/g, HIDDEN);
}

/** Whether a text that should name a file is a private key, or a part of one. Paths have a slash in front, or are short. */
export function looksLikeKey(text: string): boolean {
  return text.includes("-----BEGIN") ||
    /^\s*(?:[^:\s/]+:)?[A-Za-z0-9+][A-Za-z0-9+/]{42,}={0,2}\s*$/.test(text);
}

/**
 * Hides the parts of a command in what it printed. All of its text may be secret but the names of programs, options
 * and variables, without which nobody could mend a hook.
 *
 * @returns a function from a line to the line without them
 */
export function redactor(command: string): (line: string) => string {
  const programs = command.matchAll(/(?:^|[;|&(\n])\s*(?:exec\s+)?(?:\w+=\S*\s+)*([\w./+-]+)/g);
  const harmless = new Set([...programs].map(([, program]) => program!));
  const quoted = [...command.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, double, single]) => double ?? single!);
  const words = [...command.split(/\s+/), ...command.split(/[\s"'`;|&()<>]+/)];
  const pieces = command.split(/[\s"'`;|&()<>=:@,{}$/?#]+/);
  const secrets = [command, ...command.split("\n"), ...quoted, ...words, ...pieces]
    .map((part) => part.trim())
    .filter((part) =>
      part.length >= 4 && !harmless.has(part) && !/^(-[\w-]*|\$?\w*NIXFLEET_\w+)$/.test(part)
    );
  // The longest first, so that no rest of it is left.
  const longestFirst = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  return (line) => longestFirst.reduce((text, secret) => text.replaceAll(secret, HIDDEN), line);
}

/** The variable that a `--sign-key env:NAME` names. */
export function signKeyVariable(signKey: string | undefined): string | undefined {
  return signKey?.startsWith("env:") ? signKey.slice("env:".length) : undefined;
}
