/**
 * Which hosts a selector chooses.
 *
 * @module
 */
import { compareBytes } from "./records.ts";
import type { Host, Selector } from "./types.ts";

/**
 * Chooses among hosts: gives the names of those that a selector chooses, sorted by byte order. Made once for many
 * selectors, since each host is looked at in the making, and afterwards only those that a selector leads to.
 */
export function hostSelection(hosts: Readonly<Record<string, Host>>): (selector: Selector) => string[] {
  const sorted = Object.entries(hosts).sort(([a], [b]) => compareBytes(a, b));
  const names = sorted.map(([name]) => name);
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const ofChannel = new Map<string, Set<number>>();
  const ofTag = new Map<string, Set<number>>();
  for (const [index, [, { channel, tags }]] of sorted.entries()) {
    addTo(ofChannel, channel, index);
    for (const tag of tags) addTo(ofTag, tag, index);
  }
  const tagged = (tag: string): ReadonlySet<number> => ofTag.get(tag) ?? new Set();
  return ({ all, hosts, channel, tags, tagsAny }) => {
    if (all) return [...names];
    const chosen = [
      ...hosts.flatMap((name) => indexOf.get(name) ?? []),
      ...channel === null ? [] : ofChannel.get(channel) ?? [],
      ...inAll(tags.map(tagged)),
      ...tagsAny.flatMap((tag) => [...tagged(tag)]),
    ];
    return [...Uint32Array.from(new Set(chosen)).sort()].map((index) => names[index]!);
  };
}

function addTo(indexes: Map<string, Set<number>>, key: string, index: number): void {
  const found = indexes.get(key);
  if (found === undefined) indexes.set(key, new Set([index]));
  else found.add(index);
}

/** What all of some sets have; nothing where there is none. */
function inAll(sets: readonly ReadonlySet<number>[]): number[] {
  const [least, ...others] = sets.toSorted((a, b) => a.size - b.size);
  return least === undefined ? [] : [...least].filter((index) => others.every((set) => set.has(index)));
}
