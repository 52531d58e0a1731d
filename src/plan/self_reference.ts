/**
 * Hosts that change with the release of themselves: they read the flake's own revision, or a source with the release
 * directory in it.
 *
 * @module
 */
import { lookup } from "../contract/records.ts";
import type { FleetResolved } from "../contract/types.ts";
import type { BuiltHost } from "../model.ts";

/** A commit that changes nothing but the release directory, and the fleets that are released around it. */
export interface ReleaseOnly {
  /** The fleet in it, whose hosts were built from the commit before it. */
  readonly released: FleetResolved;
  /** The fleet in the commit before it; null when there is none. */
  readonly before: FleetResolved | null;
}

/**
 * The hosts that were built from a commit of a release alone, and have become others by it. One that is pinned, or whose
 * closure may have been kept from an earlier release, tells nothing. Pure.
 *
 * @param hosts As they were built from that commit
 * @returns their names, in the order of the hosts
 */
export function selfReferring(
  hosts: readonly BuiltHost[],
  { released, before }: ReleaseOnly,
): string[] {
  return hosts.filter(({ name, pinnedTo, closureHash }) => {
    const { closureHash: last = null, pin } = lookup(released.hosts, name) ?? {};
    if (last === null || pin !== undefined || pinnedTo !== null) return false;
    return last !== closureHash && last !== (before && lookup(before.hosts, name)?.closureHash);
  }).map(({ name }) => name);
}
