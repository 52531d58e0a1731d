/**
 * Which hosts a run releases.
 *
 * @module
 */
import type { HostKind, HostNames, HostRef } from "../model.ts";
import type { HostsSpec } from "../config.ts";
import { compareBytes, lookup } from "../contract/records.ts";
import type { Host } from "../contract/types.ts";
import { nearest, quoteList } from "../text.ts";
import { ReleaseError } from "../errors.ts";
import { hasMark, type HostTerm, isLike, patternSource, termsOf } from "./host_terms.ts";

/**
 * Reads the value of `--hosts`: `auto`, `auto:exclude=a,b` or `a,b,c`. Nothing between two commas is no name, and a name
 * that is given twice counts once. A list without a name stays one: it comes from a variable that is not set as easily as
 * from a mistake, and all hosts are never meant by it. What the names are about {@linkcode enumerateHosts} decides, by
 * what there is.
 *
 * @throws {ReleaseError} of kind `usage` when there is something else than `exclude=` behind `auto:`
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHostsSpec("auto"), { kind: "auto", exclude: [] });
 * assertEquals(parseHostsSpec("web2, web1"), { kind: "explicit", hosts: ["web2", "web1"] });
 * assertEquals(parseHostsSpec("web-*,!@lab"), { kind: "explicit", hosts: ["web-*", "!@lab"] });
 * ```
 */
export function parseHostsSpec(text: string): HostsSpec {
  const spec = text.trim();
  if (spec === "auto") return { kind: "auto", exclude: [] };
  if (spec.startsWith("auto:")) {
    const list = /^auto:exclude=(.*)$/s.exec(spec);
    if (list === null) {
      throw new ReleaseError("usage", `Cannot read --hosts "${text}": expected "auto:exclude=NAME,…"`);
    }
    return { kind: "auto", exclude: splitNames(list[1]!) };
  }
  return { kind: "explicit", hosts: splitNames(spec) };
}

function splitNames(list: string, at: string | RegExp = ","): string[] {
  return [...new Set(list.split(at).map((name) => name.trim()).filter((name) => name !== ""))];
}

/** Reads a list of hosts with white space or commas between them. */
export function parseHostList(text: string): string[] {
  return splitNames(text, /[\s,]+/);
}

/** How to mend a flake without hosts. */
export const NO_HOSTS = "the flake must have a host in nixosConfigurations or darwinConfigurations";
/** How to mend a name that two hosts have. */
export const AMBIGUOUS_HOST =
  "disambiguate: rename it in one of them, or leave it out with --hosts auto:exclude=NAME";

/** What the fleet says of its hosts, by name, as far as they are chosen by it. */
export type HostLabels = Readonly<Record<string, Readonly<Pick<Host, "channel" | "tags">>>>;

/**
 * The hosts to release, in the order of the contract: under `auto` NixOS names sorted, then Darwin names sorted; of a
 * list of names as listed. In a list that has something else than names of hosts, the order is that of `auto`, the hosts
 * are those that any term is about, or all when each is behind a `!`, without those that a term behind a `!` is about.
 *
 * What is the name of a host as it stands there is that host. Else `@` stands before a tag, `%` before a channel, and
 * what has `*`, `?` or `[` in it is a pattern of names.
 *
 * @param spec What the user asked for
 * @param names What the flake has
 * @param fleet What the fleet says of them
 * @throws {ReleaseError} of kind `usage` when a name is unknown, a term is about no host or cannot be read, a name stands
 * in both attribute sets, or nothing is left to release
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * const names = { nixos: ["web", "lab", "db"], darwin: ["mac"] };
 * assertEquals(
 *   enumerateHosts({ kind: "auto", exclude: ["lab"] }, names),
 *   [{ name: "db", kind: "nixos" }, { name: "web", kind: "nixos" }, { name: "mac", kind: "darwin" }],
 * );
 * assertEquals(
 *   enumerateHosts({ kind: "explicit", hosts: ["@desk", "!web"] }, names, {
 *     mac: { channel: "stable", tags: ["desk"] },
 *     web: { channel: "stable", tags: ["desk"] },
 *   }),
 *   [{ name: "mac", kind: "darwin" }],
 * );
 * ```
 */
export function enumerateHosts(spec: HostsSpec, names: HostNames, fleet: HostLabels = {}): HostRef[] {
  const known = new Map<string, HostKind[]>();
  for (const kind of ["nixos", "darwin"] as const) {
    for (const name of [...names[kind]].sort(compareBytes)) known.set(name, [...known.get(name) ?? [], kind]);
  }
  const chosen = choose(spec, [...known.keys()], fleet);
  const ambiguous = chosen.names.filter((name) => known.get(name)!.length > 1);
  if (ambiguous.length > 0) {
    throw new ReleaseError(
      "usage",
      `Host ${quoteList(ambiguous)} is in both nixosConfigurations and darwinConfigurations`,
      { hint: AMBIGUOUS_HOST },
    );
  }
  if (chosen.names.length === 0) {
    throw new ReleaseError("usage", "No hosts to release", {
      hint: known.size === 0
        ? NO_HOSTS
        : "--hosts takes away all that it names: what is behind a `!` or `exclude=` stays away",
    });
  }
  const hosts = chosen.names.map((name) => ({ name, kind: known.get(name)![0]! }));
  return chosen.isListed
    ? hosts
    : [...hosts.filter(({ kind }) => kind === "nixos"), ...hosts.filter(({ kind }) => kind === "darwin")];
}

/** @returns the names, and whether they are as listed */
function choose(
  spec: HostsSpec,
  known: readonly string[],
  fleet: HostLabels,
): { names: readonly string[]; isListed: boolean } {
  const terms = meant(termsOf(spec), new Set(known));
  refuseUnknown(terms, known);
  if (spec.kind === "explicit" && !terms.some(hasMark)) {
    return { names: terms.map(({ text }) => text), isListed: true };
  }
  const about = (some: readonly HostTerm[]) =>
    new Set(some.flatMap((term) => {
      const found = term.by === "name" ? [term.rest] : known.filter(matcher(term, fleet));
      if (found.length === 0) throw nothingFound(term, known, fleet);
      return found;
    }));
  const taken = terms.filter(({ not }) => !not);
  const [wanted, left] = [about(taken), about(terms.filter(({ not }) => not))];
  const names = known.filter((name) => (taken.length === 0 || wanted.has(name)) && !left.has(name));
  return { names, isListed: false };
}

/** What the terms are, where hosts may have names that look like something else. */
function meant(terms: readonly HostTerm[], known: ReadonlySet<string>): HostTerm[] {
  return terms.map((term) => {
    const name = [term.text, term.rest].find((text) => known.has(text));
    if (name === undefined) return term;
    return { text: term.text, rest: name, not: term.not && name === term.rest, by: "name", value: name };
  });
}

/** @throws {ReleaseError} of kind `usage` when a name is that of no host */
function refuseUnknown(terms: readonly HostTerm[], known: readonly string[]): void {
  const names = new Set(known);
  for (const isExcluded of [false, true]) {
    const unknown = terms.filter(({ by, not }) => by === "name" && not === isExcluded)
      .map(({ rest }) => rest).filter((name) => !names.has(name));
    if (unknown.length === 0) continue;
    throw new ReleaseError(
      "usage",
      `The flake has no host ${quoteList(unknown)}, which --hosts ${isExcluded ? "excludes" : "names"}`,
      { hint: hintOfUnknown(unknown, known) },
    );
  }
}

function hintOfUnknown(unknown: readonly string[], known: readonly string[]): string {
  if (unknown.includes("auto")) return ALONE;
  const several = unknown.find((name) => name.split(/\s+/).every((part) => known.includes(part)));
  if (several !== undefined) return `names have commas between them: ${several.split(/\s+/).join(",")}`;
  return hintOf(nearest(unknown[0]!, known), "hosts", known);
}

/** A list is written beside it as easily as behind it. */
const ALONE =
  "auto stands alone, as in --hosts auto; all hosts but some are --hosts auto:exclude=web1,@lab, or a list " +
  "in which each is behind a `!`, as in --hosts '!web1,!@lab'";

/**
 * Whether a host is among those that a term is about.
 *
 * @throws {ReleaseError} of kind `usage` when its pattern cannot be read
 */
function matcher({ text, by, value }: HostTerm, fleet: HostLabels): (name: string) => boolean {
  if (value === null) {
    throw new ReleaseError("usage", `Cannot read the pattern "${text}" of --hosts`, {
      hint: "there are * for any text, ? for a character, and [a-z0-9] or [!a-z0-9] for one of a set",
    });
  }
  return by === "pattern" ? isLike(value) : (name) => labelsOf(name, by, fleet).includes(value);
}

/** The tags, or the channel, of a host. */
function labelsOf(name: string, by: HostTerm["by"], fleet: HostLabels): readonly string[] {
  const { channel, tags } = lookup(fleet, name) ?? { channel: null, tags: [] };
  return by === "tag" ? tags : channel === null ? [] : [channel];
}

/** A term is about no host: what there is that is nearest to it. */
function nothingFound(term: HostTerm, known: readonly string[], fleet: HostLabels): ReleaseError {
  const { by, not, rest, value } = term;
  const which = `which --hosts ${not ? "excludes" : "names"}`;
  if (by === "pattern") {
    return new ReleaseError("usage", `No host of the flake is like "${rest}", ${which}`, {
      hint: hintOf(nearestPattern(rest, known), "hosts", known),
    });
  }
  const mark = by === "tag" ? "@" : "%";
  const labels = new Set(known.flatMap((name) => labelsOf(name, by, fleet)));
  const marked = [...labels].sort(compareBytes).map((label) => `${mark}${label}`);
  return new ReleaseError(
    "usage",
    `No host of the flake ${by === "tag" ? "has the tag" : "is on the channel"} "${value}", ${which}`,
    { hint: hintOf(nearest(rest, marked), by === "tag" ? "tags" : "channels", marked) },
  );
}

/** The pattern with another beginning that a host is like. */
function nearestPattern(pattern: string, known: readonly string[]): string | undefined {
  const [head = ""] = /^[^*?[]*/.exec(pattern) ?? [];
  const long = known.filter((name) => name.length >= head.length);
  const begun = nearest(head, long.map((name) => name.slice(0, head.length)));
  const meant = begun === undefined ? undefined : begun + pattern.slice(head.length);
  const source = meant === undefined ? null : patternSource(meant);
  return source !== null && known.some(isLike(source)) ? meant : undefined;
}

function hintOf(meant: string | undefined, what: string, known: readonly string[]): string {
  return (meant === undefined ? "" : `did you mean "${meant}"? `) +
    `known ${what}: ${quoteList(known, 20) || "none"}`;
}
