/**
 * What a release changes, as a table for people.
 *
 * @module
 */
import { canonicalText } from "../contract/canonical.ts";
import { compareBytes } from "../contract/records.ts";
import {
  type Changes,
  type HostAspect,
  type HostChange,
  type HostInRelease,
  type PartChange,
  summaryOf,
} from "../plan/changes.ts";
import { alignedRows, fitColumns, printable } from "../text.ts";

/**
 * The hosts that change, by channel, wave and name, and below them everything else that does, each with its path. Of a
 * host that moves, the place is the one that it moves to. Of a first release the hosts alone, since all else is new.
 * Without any change, nothing.
 */
export function changeLines(changes: Pick<Changes, "first" | "hosts" | "parts">): string[] {
  const [hosts, parts] = [hostRows(changes), partRows(changes)];
  return [
    ...hosts.length === 0 ? [] : alignedRows([HOST_HEADER, ...hosts]),
    ...hosts.length === 0 || parts.length === 0 ? [] : [""],
    ...parts.map(([change, path, values]) => printable(`${change.padEnd(7)}  ${path}: ${values}`)),
  ];
}

/** The hosts that change, in the same order: cells as {@linkcode HOST_HEADER} names them. */
export function hostRows({ hosts }: Pick<Changes, "hosts">): string[][] {
  return hosts.filter(({ change }) => change !== "unchanged").sort(byPlace).map(rowOf);
}

/** What else changes, but of a first release: whether it is added, removed or changed, its path, and its values. */
export function partRows(
  { first, parts }: Pick<Changes, "first" | "parts">,
): [change: string, path: string, values: string][] {
  return first ? [] : parts.map(partRow);
}

/** What the cells of a host's row are. */
export const HOST_HEADER: readonly string[] = ["channel", "wave", "host", "change", "closure", "also"];

/** Where a host is, or was when it is removed. */
export function placeOf({ before, after }: HostChange): HostInRelease {
  return (after ?? before)!;
}

function byPlace(a: HostChange, b: HostChange): number {
  const [one, other] = [placeOf(a), placeOf(b)];
  // What is in no wave comes last; the names are in their order already.
  return compareBytes(one.channel, other.channel) || order(one.wave) - order(other.wave);
}

function order(wave: number | null): number {
  return wave ?? Number.MAX_SAFE_INTEGER;
}

function rowOf(host: HostChange): string[] {
  const { name, change } = host;
  const { channel, wave } = placeOf(host);
  return [channel, waveText(wave), name, change, closureText(host), alsoText(host)];
}

function waveText(wave: number | null): string {
  return wave === null ? "-" : `${wave}`;
}

function closureText({ before, after, aspects }: HostChange): string {
  if (before === null || after === null || !aspects.includes("closure")) {
    return shortClosure((after ?? before)!.closureHash);
  }
  return `${shortClosure(before.closureHash)} → ${shortClosure(after.closureHash)}`;
}

/** So many characters of a hash are shown, as of a commit. */
const SHORT = 8;

/** The beginning of the hash that a store path's name begins with. */
function shortClosure(closureHash: string | null): string {
  return closureHash === null ? "none" : closureHash.slice(0, SHORT);
}

/** What changes beside the closure; empty when nothing does. */
export function alsoText({ aspects, before, after }: HostChange): string {
  if (before === null || after === null) return "";
  const said: Readonly<Record<HostAspect, () => string>> = {
    closure: () => "",
    channel: () => `channel ${before.channel} → ${after.channel}`,
    wave: () => `wave ${waveText(before.wave)} → ${waveText(after.wave)}`,
    pin: () => pinText(before.pinnedTo, after.pinnedTo),
    system: () => `system ${before.system} → ${after.system}`,
    tags: () => "tags",
    pubkey: () => "pubkey",
  };
  return aspects.filter((aspect) => aspect !== "closure").map((aspect) => said[aspect]()).join(", ");
}

function pinText(before: string | null, after: string | null): string {
  // Else its reason or its end differs.
  if (before === after) return "pin";
  const short = (commit: string | null) => commit === null ? "none" : commit.slice(0, SHORT);
  return `pin ${short(before)} → ${short(after)}`;
}

/** A value longer than this is cut: it may be a list of revocations. */
const VALUE_COLUMNS = 72;

function partRow({ path, before, after }: PartChange): [string, string, string] {
  const text = (value: unknown) => fitColumns(canonicalText(value), VALUE_COLUMNS);
  if (before === undefined) return ["added", path, text(after)];
  if (after === undefined) return ["removed", path, text(before)];
  return ["changed", path, `${text(before)} → ${text(after)}`];
}

/** What a release changes, for programs: of the hosts those that change. */
export interface ReportedChanges {
  /** In one line, for people. */
  readonly summary: string;
  /** Whether there is no release to compare with, so that everything is new. */
  readonly first: boolean;
  /** The channels of the hosts that change, in the order of their names. */
  readonly channels: readonly string[];
  /** How many hosts stay as they were. */
  readonly unchanged: number;
  /** By byte order of the names. */
  readonly hosts: readonly HostChange[];
  /** All else that differs, in the order of the parts. */
  readonly parts: readonly PartChange[];
}

/** The changes as programs are told of them. */
export function reportChanges(changes: Changes): ReportedChanges {
  const { first, hosts, parts } = changes;
  const changed = hosts.filter(({ change }) => change !== "unchanged");
  return {
    ...{ summary: summaryOf(changes), first },
    channels: [...new Set(changed.map((host) => placeOf(host).channel))].sort(compareBytes),
    ...{ unchanged: hosts.length - changed.length, hosts: changed, parts },
  };
}
