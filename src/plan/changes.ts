/**
 * What one release changes against another: hosts, by channel and wave, and everything else that they say.
 *
 * @module
 */
import { canonicalText, sha256Hex } from "../contract/canonical.ts";
import { compareBytes, documentPath, lookup, mapRecord } from "../contract/records.ts";
import type { BootstrapNonce, FleetResolved, Host } from "../contract/types.ts";
import { plural, quoteList } from "../text.ts";
import type { EvaluatedFleet } from "./compose.ts";

/** What a host runs, and where it stands in the fleet. */
export interface HostInRelease {
  /** Name of its channel. */
  readonly channel: string;
  /** The first wave of its channel that has it, counted from 0; null when none has. */
  readonly wave: number | null;
  /** Platform, such as `x86_64-linux`. */
  readonly system: string;
  /** Base name of the store path that it is to run; null when it has none. */
  readonly closureHash: string | null;
  /** The commit that a pin holds it at. */
  readonly pinnedTo: string | null;
}

/** What differs of a host that both releases have. */
export type HostAspect = "closure" | "channel" | "wave" | "pin" | "system" | "tags" | "pubkey";
/** All of them, in the order in which they are told. */
const HOST_ASPECTS: readonly HostAspect[] = ["closure", "channel", "wave", "pin", "system", "tags", "pubkey"];

/** A host of either release. */
export interface HostChange {
  /** Name of the host. */
  readonly name: string;
  /** `changed`: anything of it differs; `aspects` says what. */
  readonly change: "added" | "removed" | "changed" | "unchanged";
  /** What differs, in the order of the type; empty unless it is `changed`. */
  readonly aspects: readonly HostAspect[];
  /** Null: it is new. */
  readonly before: HostInRelease | null;
  /** Null: it is removed. */
  readonly after: HostInRelease | null;
}

/** The parts of a release beside its hosts. */
export type Part =
  | "channels"
  | "rolloutPolicies"
  | "waves"
  | "edges"
  | "channelEdges"
  | "disruptionBudgets"
  | "revocations"
  | "bootstrapNonces";

/** A value outside of the hosts that differs. */
export interface PartChange {
  /** The part of the release that it is in. */
  readonly part: Part;
  /** Path into the documents, such as `channels.stable.freshnessWindow`. */
  readonly path: string;
  /** Undefined: it is new. */
  readonly before?: unknown;
  /** Undefined: it is gone. */
  readonly after?: unknown;
}

/** All that a release changes. */
export interface Changes {
  /** Whether there is no release to compare with, so that everything is new. */
  readonly first: boolean;
  /** Every host of either, by byte order of the names. */
  readonly hosts: readonly HostChange[];
  /** In the order of the type, each by path. In a wave, what `hosts` tells of its hosts is left out. */
  readonly parts: readonly PartChange[];
}

/**
 * What a release changes against the one before it. Stamps and signatures are not looked at. Pure, in time that grows in
 * a straight line with the hosts.
 *
 * @param before The last release; null: there is none
 */
export function changesBetween(before: EvaluatedFleet | null, after: EvaluatedFleet): Changes {
  const [old, next] = [before && statesOf(before.fleet), statesOf(after.fleet)];
  const names = new Set([...Object.keys(before?.fleet.hosts ?? {}), ...Object.keys(after.fleet.hosts)]);
  const hosts = [...names].sort(compareBytes).map((name) =>
    hostChange(name, old?.get(name) ?? null, next.get(name) ?? null)
  );
  const told = new Set(hosts.filter(saysItsWave).map(({ name }) => name));
  const parts = (Object.keys(WORDS) as Part[]).flatMap((part) => {
    const [was, is] = [before && contentOf(before, part, told), contentOf(after, part, told)];
    return partChanges(part, was ?? undefined, is);
  });
  return { first: before === null, hosts, parts };
}

/** Whether a change of a host tells where it stands in the waves, so that these do not have to. */
function saysItsWave({ change, aspects }: HostChange): boolean {
  return change === "added" || change === "removed" || aspects.includes("wave") ||
    aspects.includes("channel");
}

/** Whether the documents differ in anything but their stamp. */
export function changesAnything({ hosts, parts }: Changes): boolean {
  return parts.length > 0 || hosts.some(({ change }) => change !== "unchanged");
}

/** The hosts that are to run another closure than before, and those that are new with one, in the order of the names. */
export function hostsWithOtherClosure({ hosts }: Pick<Changes, "hosts">): string[] {
  return hosts.filter(({ before, after }) =>
    after !== null && after.closureHash !== null && after.closureHash !== (before?.closureHash ?? null)
  ).map(({ name }) => name);
}

/** What changes, in one line: `3 of 20 hosts change: "a", "b", "c"; 1 is removed: "d"; waves change`. */
export function summaryOf(changes: Changes): string {
  const { first, hosts, parts } = changes;
  const released = hosts.filter(({ after }) => after !== null).length;
  if (first) return `first release, of ${plural(released, "host")}`;
  if (!changesAnything(changes)) return `nothing changes for ${plural(released, "host")}`;
  const said = [["changed", "change", "changes"], ["added", "are new", "is new"], [
    "removed",
    "are removed",
    "is removed",
  ]] as const;
  const ofHosts = said.flatMap(([change, many, one]) => {
    const names = hosts.filter((host) => host.change === change).map(({ name }) => name);
    if (names.length === 0) return [];
    const of = change === "changed" ? ` of ${plural(released, "host")}` : "";
    return [`${names.length}${of} ${names.length === 1 ? one : many}: ${quoteList(names, 5)}`];
  });
  const of = [...new Set(parts.map(({ part }) => WORDS[part]))];
  return [
    ...ofHosts.length > 0 ? ofHosts : [`none of ${plural(released, "host")} changes`],
    ...of.length > 0 ? [`${of.join(", ")} change`] : [],
  ].join("; ");
}

/** What they are called, in their order. */
const WORDS: Readonly<Record<Part, string>> = {
  channels: "channels",
  rolloutPolicies: "policies",
  waves: "waves",
  edges: "edges",
  channelEdges: "channel edges",
  disruptionBudgets: "budgets",
  revocations: "revocations",
  bootstrapNonces: "bootstrap nonces",
};

/** A host, as it is compared. */
interface ComparedHost extends HostInRelease {
  readonly host: Host;
}

function statesOf({ hosts, waves }: FleetResolved): Map<string, ComparedHost> {
  const first = new Map<string, Map<string, number>>();
  for (const [channel, ofChannel] of Object.entries(waves)) {
    const places = new Map<string, number>();
    ofChannel.forEach(({ hosts }, wave) => {
      for (const name of hosts) if (!places.has(name)) places.set(name, wave);
    });
    first.set(channel, places);
  }
  return new Map(
    Object.entries(hosts).map(([name, host]) => [name, {
      ...{ channel: host.channel, system: host.system, closureHash: host.closureHash },
      wave: first.get(host.channel)?.get(name) ?? null,
      pinnedTo: host.pin?.commit ?? null,
      host,
    }]),
  );
}

function hostChange(name: string, before: ComparedHost | null, after: ComparedHost | null): HostChange {
  const aspects = before !== null && after !== null ? aspectsOf(before, after) : [];
  const change = before === null
    ? "added"
    : after === null
    ? "removed"
    : aspects.length > 0
    ? "changed"
    : "unchanged";
  return { name, change, aspects, before: before && stateOf(before), after: after && stateOf(after) };
}

function stateOf({ host: _, ...state }: ComparedHost): HostInRelease {
  return state;
}

function aspectsOf(before: ComparedHost, after: ComparedHost): HostAspect[] {
  const differs: Readonly<Record<HostAspect, boolean>> = {
    closure: before.closureHash !== after.closureHash,
    channel: before.channel !== after.channel,
    wave: before.wave !== after.wave,
    pin: !equal(before.host.pin ?? null, after.host.pin ?? null),
    system: before.system !== after.system,
    tags: !equal(before.host.tags, after.host.tags),
    pubkey: before.host.pubkey !== after.host.pubkey,
  };
  return HOST_ASPECTS.filter((aspect) => differs[aspect]);
}

/**
 * What a release says of a part; undefined when it has no such document.
 *
 * @param told Names that are not looked for in waves
 */
function contentOf(
  { fleet, revocations, bootstrapNonces }: EvaluatedFleet,
  part: Part,
  told: ReadonlySet<string>,
): unknown {
  if (part === "revocations") return revocations ?? undefined;
  if (part === "bootstrapNonces") return bootstrapNonces?.map(withoutNonce);
  if (part !== "waves") return fleet[part];
  return mapRecord(
    fleet.waves,
    (waves) => waves.map((wave) => ({ ...wave, hosts: wave.hosts.filter((name) => !told.has(name)) })),
  );
}

/** Whoever knows a nonce may enrol with it, and more people read what is printed than what is released. */
function withoutNonce(
  { nonce, ...entry }: BootstrapNonce,
): Omit<BootstrapNonce, "nonce"> & { nonceSha256: string } {
  return { ...entry, nonceSha256: sha256Hex(new TextEncoder().encode(nonce)) };
}

/** Lists of which each entry stands for itself: it is added or removed, whatever its place. */
const SETS: readonly Part[] = [
  "edges",
  "channelEdges",
  "disruptionBudgets",
  "revocations",
  "bootstrapNonces",
];

function partChanges(part: Part, before: unknown, after: unknown): PartChange[] {
  if (SETS.includes(part) && Array.isArray(before) && Array.isArray(after)) {
    return listChanges(part, before, after);
  }
  return differences([part], before, after).map(({ path, ...change }) => ({
    ...{ part, path: documentPath(path) },
    ...change,
  }));
}

/** Entries that one of the lists has more often than the other; the whole lists when only their order differs. */
function listChanges(part: Part, before: readonly unknown[], after: readonly unknown[]): PartChange[] {
  if (equal(before, after)) return [];
  const only = (list: readonly unknown[], other: readonly unknown[]) => {
    const counts = new Map<string, number>();
    for (const entry of other) {
      const text = canonicalText(entry);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return list.flatMap((entry, index) => {
      const text = canonicalText(entry);
      const left = counts.get(text) ?? 0;
      counts.set(text, left - 1);
      return left > 0 ? [] : [{ part, path: documentPath([part, index]), entry }];
    });
  };
  const changes: PartChange[] = [
    ...only(before, after).map(({ entry, ...at }) => ({ ...at, before: entry })),
    ...only(after, before).map(({ entry, ...at }) => ({ ...at, after: entry })),
  ];
  return changes.length > 0 ? changes : [{ part, path: part, before, after }];
}

interface Difference {
  readonly path: readonly (string | number)[];
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The smallest values that differ. */
function differences(path: readonly (string | number)[], before: unknown, after: unknown): Difference[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareBytes);
    return keys.flatMap((key) => differences([...path, key], lookup(before, key), lookup(after, key)));
  }
  if (isListOfRecords(before) && isListOfRecords(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_, index) => index)
      .flatMap((index) => differences([...path, index], before[index], after[index]));
  }
  if (before === after || before !== undefined && after !== undefined && equal(before, after)) return [];
  return [{ path, ...before === undefined ? {} : { before }, ...after === undefined ? {} : { after } }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfRecords(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isRecord);
}

function equal(one: unknown, other: unknown): boolean {
  return one === other || canonicalText(one) === canonicalText(other);
}
