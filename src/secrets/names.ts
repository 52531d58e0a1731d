/**
 * Which names secrecy that their value is secret, and which values are worth hiding.
 *
 * @module
 */

/** How much a name says of its value: secret; secret if it looks like it; nothing. */
export type Secrecy = "secret" | "maybe" | "nothing";

const SECRET_NAME =
  /token|passw(?:or)?d|passphrase|secret|credential|(?:private|access|api)[-_.]?key|bearer|authorization|jwt|netrc/i;
/** What may as well name something else: `--key release`, `--pass 2`. */
const MAYBE_NAME = /(?:^|[-_.])(?:keys?|pass|pin|pat|auth|access|cookie|sig|signature|psk|otp)$|[-_.]pwd$/i;
const KEY_VARIABLE = /^(?:[A-Z0-9]+_)*KEY(?:_ID)?$/;
/** Names of where something is, or what kind of thing: `TOKEN_FILE`, `AWS_REGION`. */
const WHEREABOUTS =
  /(?:^|[-_.])(?:addr(?:ess)?|arn|attempts|bundle|cmd|command|dir|directory|disabled|email|endpoint|env|file|files|format|home|host|hostname|lang|level|locale|mode|module|name|output|pager|path|port|profile|project|region|retries|server|sock|socket|tcti|timeout|ttl|type|uri|url|user|username|version|zone)$/i;
const PUBLIC_NAME = /(?:^|[-_.])public(?:$|[-_.])/i;

/** What the name of an option, a setting, a header or a variable says of its value. */
export function secrecyOf(name: string): Secrecy {
  if (PUBLIC_NAME.test(name)) return "nothing";
  const where = WHEREABOUTS.test(name);
  if (SECRET_NAME.test(name) || KEY_VARIABLE.test(name)) return where ? "maybe" : "secret";
  // All of them are about one account, and several are credentials.
  if (/^AWS_/.test(name)) return where ? "nothing" : "secret";
  return MAYBE_NAME.test(name) ? "maybe" : "nothing";
}

/** What the operator names for hooks is taken for secret, but for what is plainly a place. */
export function secrecyOfHookVariable(name: string): Secrecy {
  const secrecy = secrecyOf(name);
  return secrecy === "nothing" && !WHEREABOUTS.test(name) ? "secret" : secrecy;
}

/** What is as short as this stands in any text by chance. */
export const SHORTEST = 4;

/** Whether a value is one that a name of this kind keeps secret. */
export function isWorthHiding(value: string, secrecy: Secrecy): boolean {
  if (secrecy === "nothing" || value.length < SHORTEST || isReference(value) || isPath(value)) return false;
  if (/^(?:true|false|none|null|auto|default|enabled|disabled)$/i.test(value)) return false;
  return secrecy === "secret" || isMixed(value);
}

/** A variable, a command's output, or where a secret is to be found: not the secret itself. */
function isReference(value: string): boolean {
  return /^(?:\$|`|<|(?:env|file|fd|pkcs11|tpm2):)/.test(value) ||
    /^[a-z][a-z0-9+.-]{0,30}:\/\//i.test(value);
}

/** The path of a file, and no secret with slashes in it, as those of AWS are. */
export function isPath(value: string): boolean {
  return /^(?:~|\.{1,2})\/\S*$/.test(value) || /^[\w./-]+\.[a-z]{1,5}$/.test(value) || ROOTED.test(value) ||
    /^\/\S*$/.test(value) && !value.split("/").some(looksRandom);
}

const ROOTED =
  /^\/(?:bin|boot|builds?|dev|etc|github|home|media|mnt|nix|opt|private|proc|root|run|sbin|srv|sys|tmp|Users|usr|var)\/\S*$/;

/** Letters and digits, or capitals among small letters. */
export function isMixed(value: string): boolean {
  return /[A-Za-z]/.test(value) && /\d/.test(value) || /[a-z]/.test(value) && /[A-Z]/.test(value);
}

/** Whether a word is one that nobody would make up as a name. */
export function looksRandom(word: string): boolean {
  if (word.length < 8 || /^v?\d+(?:\.\d+)+/.test(word)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(word)).length;
  const changes = word.match(/[a-zA-Z](?=\d)|\d(?=[a-zA-Z])/g)?.length ?? 0;
  return kinds === 3 && changes > 0 || /[a-z][A-Z]{2,}[a-z]/.test(word) ||
    word.length >= 20 && changes >= 4 ||
    kinds >= 2 && (word.match(/[;|&!@#%^*?<>$~]/g)?.length ?? 0) >= 2;
}
