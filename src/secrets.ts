/**
 * What must not be shown, and how it is hidden: known secrets word for word, and by patterns only what nobody can know.
 *
 * @module
 */
import { secretsOfCommand, secretsOfText } from "./secrets/command.ts";
import { Secrets } from "./secrets/known.ts";
import { isMixed, isWorthHiding, secrecyOf, secrecyOfHookVariable } from "./secrets/names.ts";
import { type Range, secretsInUrls, userinfos } from "./secrets/urls.ts";

export { HIDDEN, hideSecrets, Secrets } from "./secrets/known.ts";

/** Whether a text that should name a file is a private key, or a part of one. Paths have a slash in front, or are short. */
export function looksLikeKey(text: string): boolean {
  return text.includes("-----BEGIN") ||
    /^\s*(?:[^:\s/]+:)?[A-Za-z0-9+][A-Za-z0-9+/]{42,}={0,2}\s*$/.test(text);
}

/** The variable that a `--sign-key env:NAME` names. */
export function signKeyVariable(signKey: string | undefined): string | undefined {
  return signKey?.startsWith("env:") ? signKey.slice("env:".length) : undefined;
}

/** Where the secrets of a run come from. */
export interface SecretSources {
  /** The operator's commands. */
  readonly commands: readonly string[];
  /** Settings of nix. */
  readonly nixOptions: readonly (readonly [name: string, value: string])[];
  /** Whatever else the run is told: URLs may be in it. */
  readonly texts: readonly string[];
  /** The variables that hooks are said to need. */
  readonly hookEnv: readonly string[];
  /** The variable that holds the signing key. */
  readonly keyVariable: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** What a run must not print, as far as its configuration and its environment tell. */
export function secretsOf(sources: SecretSources): Secrets {
  const { commands, nixOptions, texts, hookEnv, keyVariable, env } = sources;
  const secrets = new Secrets();
  secrets.learn(...commands.flatMap((command) => secretsOfCommand(command)));
  for (const [name, value] of [...nixOptions, ...nixSettings(env["NIX_CONFIG"] ?? "")]) {
    secrets.learn(...secretsOfSetting(name, value));
  }
  for (const text of texts) secrets.learn(...loginsIn(text));
  for (const [name, value] of Object.entries(env)) {
    const secrecy = hookEnv.includes(name) ? secrecyOfHookVariable(name) : secrecyOf(name);
    secrets.learn(...loginsIn(value));
    if (name === keyVariable) secrets.learn(...secretsOfKey(value));
    else if (isWorthHiding(value, secrecy)) secrets.learn(value);
    // The headers that git sends.
    if (/^GIT_CONFIG_(?:VALUE_|PARAMETERS)/.test(name)) secrets.learn(...secretsOfText(value));
  }
  return secrets;
}

/** The secrets in the text of a private key: nix writes its name before it. */
export function secretsOfKey(text: string): string[] {
  return [text, text.trim().replace(/^[^\s:]{1,255}:/, "")];
}

/** The settings in a configuration of nix. */
function nixSettings(text: string): [name: string, value: string][] {
  return text.split("\n").flatMap((line) => {
    const equals = line.indexOf("=");
    return equals === -1 ? [] : [[line.slice(0, equals).trim(), line.slice(equals + 1).trim()]];
  });
}

/** The secrets in a setting of nix, of which each word is one of its values. */
function secretsOfSetting(name: string, value: string): string[] {
  const secrecy = /token|passw|secret|key|netrc|access/i.test(name) && !/public/i.test(name)
    ? "secret"
    : "nothing";
  const words = value.split(/\s+/).flatMap((word) => {
    // As in `github.com=TOKEN`, and for GitLab `gitlab.com=PAT:TOKEN`.
    const [, token] = /^[\w.:/-]{1,255}?=(.+)$/.exec(word) ?? [];
    return token === undefined ? [word] : [token, token.replace(/^[A-Za-z0-9]{1,10}:/, "")];
  });
  return [...loginsIn(value), ...words.filter((word) => isWorthHiding(word, secrecy))];
}

/** Who logs in by the URLs of a text, and with which password or token, in the ways that programs write them. */
function loginsIn(text: string): string[] {
  const part = ({ start, end }: Range) => text.slice(start, end);
  const logins = userinfos(text).map(part);
  // As ssh and scp write it, and with what no URL may have in it.
  const [, short = ""] = /^[\w.+-]{1,64}:(?!\/\/)(.+)@[\w.-]{1,255}:/.exec(text) ?? [];
  const others = secretsInUrls(text).map(part).filter((found) => !logins.includes(found));
  return [...others, short, ...logins.flatMap(spellingsOf)];
}

/** What a login is known by: a name alone may be a token, or be that of a user, who is spoken of elsewhere. */
function spellingsOf(login: string): string[] {
  const colon = login.indexOf(":");
  if (colon === -1) return isMixed(login) || login.length >= 20 ? [login] : [];
  const password = login.slice(colon + 1);
  // What a program leaves of it that takes a sign in it for the end of something; and the header of HTTP.
  const parts = password.split(/[/?#@:']/).filter((part) => part.length >= 6);
  return [login, password, ...parts, new TextEncoder().encode(login).toBase64()];
}
