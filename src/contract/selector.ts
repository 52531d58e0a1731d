/**
 * Which hosts a selector chooses.
 *
 * @module
 */
import { compareBytes } from "./records.ts";
import type { Host, Selector } from "./types.ts";

/** Whether the selector chooses the host: when any of its criteria holds. */
export function selects(selector: Selector, name: string, host: Pick<Host, "tags" | "channel">): boolean {
  return selector.all ||
    selector.hosts.includes(name) ||
    selector.channel === host.channel ||
    (selector.tags.length > 0 && selector.tags.every((tag) => host.tags.includes(tag))) ||
    selector.tagsAny.some((tag) => host.tags.includes(tag));
}

/** The names of the hosts that the selector chooses, sorted by byte order. */
export function selectedHosts(selector: Selector, hosts: Readonly<Record<string, Host>>): string[] {
  return Object.entries(hosts)
    .filter(([name, host]) => selects(selector, name, host))
    .map(([name]) => name)
    .sort(compareBytes);
}
