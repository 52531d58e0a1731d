/**
 * Secrets in URLs: who logs in, and with which password or token.
 *
 * Others write URLs in any way, and git takes passwords in them that no standard allows. Each part of a text is looked at
 * a fixed number of times, so that a name of 200,000 characters costs no more than as many short ones.
 *
 * @module
 */
import { isWorthHiding, secrecyOf } from "./names.ts";

/** A part of a text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The parts of a text that are secrets of URLs. They may overlap. */
export function secretsInUrls(text: string): Range[] {
  return [...userinfos(text), ...shortUserinfos(text), ...queryValues(text)];
}

/** What stands before the host in each `scheme://…@host`: a user with a password, or a user or token alone. */
export function userinfos(text: string): Range[] {
  const found: Range[] = [];
  for (let at = text.indexOf("://"), next = 0; at !== -1; at = next) {
    const start = at + "://".length;
    next = text.indexOf("://", start);
    const rest = text.slice(start, next === -1 ? text.length : next);
    // A quote ends it where no word goes on behind it: git takes it within a password.
    const end = rest.search(/[\s"<>`]|'(?=[\s,:;.)\]}]|$)/);
    const url = end === -1 ? rest : rest.slice(0, end);
    const length = userinfoLength(url);
    const user = url.slice(0, length);
    // The user of ssh is public, and tells where a key is missing.
    const isPlainUser = !user.includes(":") && /ssh$/i.test(text.slice(Math.max(0, at - 3), at));
    if (length > 0 && !isPlainUser) found.push({ start, end: start + length });
  }
  return found;
}

/** How much of what stands behind `://` says who logs in; 0 when nothing does. */
function userinfoLength(url: string): number {
  const slash = url.search(/[/?#]/);
  const authority = slash === -1 ? url : url.slice(0, slash);
  const colon = authority.indexOf(":");
  const isPort = /^:\d{0,5}$/.test(authority.slice(Math.max(colon, 0)));
  const inAuthority = authority.lastIndexOf("@");
  if (colon !== -1 && !isPort && !url.startsWith("[")) {
    // Somebody logs in with a password. It may have in it what would have to be written as %2F.
    const last = url.lastIndexOf("@");
    const host = /^(?:\[|localhost\b|[\w-]{1,63}(?:[:/]|\.[\w-]))/;
    if (last > inAuthority && host.test(url.slice(last + 1, last + 80))) return last;
  }
  return Math.max(inAuthority, 0);
}

/** The password in each `user:password@host`, as ssh and scp take it. */
function shortUserinfos(text: string): Range[] {
  const found: Range[] = [];
  for (let at = text.indexOf("@"), last = -1; at !== -1; last = at, at = text.indexOf("@", at + 1)) {
    const word = text.slice(Math.max(last + 1, at - 300), at).split(/[\s"'/]/).at(-1)!;
    const [, user, password] = /(?:^|[=(])([\w.+-]{1,64}):([^:]{1,200})$/.exec(word) ?? [];
    const isHost = /^[\w-]{1,63}(?:[.:\s"']|$)/.test(text.slice(at + 1, at + 66));
    if (password === undefined || user === "mailto" || !isHost || text.startsWith("sha256:", at + 1)) {
      continue;
    }
    found.push({ start: at - password.length, end: at });
  }
  return found;
}

/** The values of a URL's query that its names say to be secret. */
function queryValues(text: string): Range[] {
  return [...text.matchAll(/[?&;]([\w.%-]{1,64})=([^\s"'<>&;#`]+)/g)].flatMap(
    ({ 0: all, 1: name, 2: value, index }) => {
      const secrecy = /(?:^|-)sig(?:nature)?$/i.test(name!) ? "secret" : secrecyOf(name!);
      const end = index + all.length;
      return isWorthHiding(value!, secrecy) ? [{ start: end - value!.length, end }] : [];
    },
  );
}
