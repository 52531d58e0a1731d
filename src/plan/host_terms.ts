/**
 * The terms of `--hosts`: names of hosts, patterns, `@tag`, `%channel`, and any of these behind a `!`.
 *
 * @module
 */
import type { HostsSpec } from "../config.ts";

/** What a term is where it is not, as it stands there, the name of a host: which hosts it is about, and how. */
export interface HostTerm {
  /** As it was given. */
  readonly text: string;
  /** Whether it leaves out the hosts that it is about. */
  readonly not: boolean;
  /** Without the `!`. This may be the name of a host as it stands there, too. */
  readonly rest: string;
  readonly by: "name" | "tag" | "channel" | "pattern";
  /** The name, tag or channel; of a pattern what {@linkcode patternSource} gives. */
  readonly value: string | null;
}

/** The terms of what was asked for, each once. What is behind `exclude=` is left out. */
export function termsOf(spec: HostsSpec): HostTerm[] {
  return spec.kind === "auto"
    ? [...new Set(spec.exclude)].map((text) => ({ text, not: true, rest: text, ...readRest(text) }))
    : [...new Set(spec.hosts)].map(readTerm);
}

/** Whether a term may be more than the name of a host. */
export function hasMark({ text, rest, by }: HostTerm): boolean {
  return text !== rest || by !== "name";
}

function readTerm(text: string): HostTerm {
  const not = text.startsWith("!");
  const rest = not ? text.slice(1) : text;
  return { text, not, rest, ...readRest(rest) };
}

function readRest(rest: string): Pick<HostTerm, "by" | "value"> {
  if (rest.startsWith("@")) return { by: "tag", value: rest.slice(1) };
  if (rest.startsWith("%")) return { by: "channel", value: rest.slice(1) };
  return /[*?[]/.test(rest) ? { by: "pattern", value: patternSource(rest) } : { by: "name", value: rest };
}

/**
 * What a pattern is made of: any text, any character, one of a set, or itself. A set has letters, digits, `_`, `.` and
 * ranges of the first two, with `-` at its end, and is about all other characters with `!` at its beginning.
 */
const PART = /(\*+)|(\?)|\[(!?)((?:[a-z]-[a-z]|[A-Z]-[A-Z]|\d-\d|[a-zA-Z\d_.])*-?)\]|([^[\]])/gy;

/**
 * A pattern as a regular expression of the whole name, which means the same to nix, as POSIX has it, and to JavaScript
 * with the flags `s` and `u`; null when it cannot be read.
 */
export function patternSource(pattern: string): string | null {
  let source = "";
  let end = 0;
  for (const [part, any, one, not, set, char] of pattern.matchAll(PART)) {
    if (any !== undefined) source += ".*";
    else if (one !== undefined) source += ".";
    else if (char !== undefined) source += itself(char);
    else if (set === "" || goesBack(set!)) return null;
    else source += `[${not === "" ? "" : "^"}${set}]`;
    end += part.length;
  }
  return end === pattern.length ? source : null;
}

/** Whether a name is like a pattern, by what {@linkcode patternSource} gives. */
export function isLike(source: string): (name: string) => boolean {
  const pattern = new RegExp(`^${source}$`, "su");
  return (name) => pattern.test(name);
}

/** A character that a regular expression takes as it is. */
function itself(char: string): string {
  if (/[\\^]/.test(char)) return `\\${char}`;
  return /[.+(){}|$]/.test(char) ? `[${char}]` : char;
}

/** Whether a set has a range such as `z-a`. */
function goesBack(set: string): boolean {
  return [...set.matchAll(/(\w)-(\w)/g)].some(([, first, last]) => first! > last!);
}
