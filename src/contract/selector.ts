/**
 * Which hosts a selector chooses.
 *
 * @module
 */
import { compareBytes } from "./records.ts";
import type { Host, Selector } from "./types.ts";

/**
 * Chooses among hosts: gives the names of those that a selector chooses, sorted by byte order. Made once for many
 * selectors, since the hosts are sorted in the making.
 */
export function hostSelection(hosts: Readonly<Record<string, Host>>): (selector: Selector) => string[] {
  // Sets, since a host may have many tags, and a selector may name every host.
  const sorted = Object.entries(hosts)
    .map(([name, { channel, tags }]) => ({ name, channel, tags: new Set(tags) }))
    .sort((a, b) => compareBytes(a.name, b.name));
  return ({ all, hosts, channel, tags, tagsAny }) => {
    const named = new Set(hosts);
    return sorted.filter((host) =>
      all ||
      named.has(host.name) ||
      channel === host.channel ||
      (tags.length > 0 && tags.every((tag) => host.tags.has(tag))) ||
      tagsAny.some((tag) => host.tags.has(tag))
    ).map(({ name }) => name);
  };
}
