/**
 * Pins: hosts that stay at another commit of the fleet.
 *
 * @module
 */
import { compareTimestamps } from "../contract/time.ts";
import { documentPath, lookup, mapRecord } from "../contract/records.ts";
import { quoteList } from "../text.ts";
import type { FleetResolved, Host, Pin, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";

/**
 * Removes the pins that have expired: `expiresAt <= now`. A pin without `expiresAt` never expires.
 *
 * @returns the fleet without them, and the hosts that they were on
 *
 * @example
 * ```ts

 * import type { FleetResolved } from "../contract/types.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const pin = { commit: "abc", reason: "audit", expiresAt: "2026-06-01T12:00:00Z" };
 * const db = { system: "x86_64-linux", tags: [], channel: "stable", closureHash: null, pubkey: null, pin };
 * const fleet: FleetResolved = {
 *   schemaVersion: 1,
 *   hosts: { db },
 *   channels: {},
 *   rolloutPolicies: {},
 *   waves: {},
 *   edges: [],
 *   channelEdges: [],
 *   disruptionBudgets: [],
 *   meta: { schemaVersion: 1, signedAt: null, ciCommit: null },
 * };
 * assertEquals(filterExpiredPins(fleet, "2026-06-01T12:00:00Z").expired, ["db"]);
 * assertEquals(filterExpiredPins(fleet, "2026-06-01T11:59:59Z").expired, []);
 * ```
 */
export function filterExpiredPins(
  fleet: FleetResolved,
  now: Timestamp,
): { fleet: FleetResolved; expired: string[] } {
  const expired: string[] = [];
  const hosts = mapRecord(fleet.hosts, (host, name): Host => {
    if (host.pin?.expiresAt === undefined || compareTimestamps(host.pin.expiresAt, now) > 0) return host;
    expired.push(name);
    const { pin: _, ...unpinned } = host;
    return unpinned;
  });
  return { fleet: { ...fleet, hosts }, expired };
}

/**
 * The commit that a host is to be built from, or null when that is the current one.
 *
 * @param pin The host's pin, if it has one
 * @param currentCommit The commit that is being released, if it is known
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(pinTargetCommit({ commit: "abc", reason: "audit" }, "def"), "abc");
 * assertEquals(pinTargetCommit({ commit: "def", reason: "audit" }, "def"), null);
 * assertEquals(pinTargetCommit(undefined, "def"), null);
 * ```
 */
export function pinTargetCommit(pin: Pin | undefined, currentCommit: string | null): string | null {
  return pin === undefined || pin.commit === currentCommit ? null : pin.commit;
}

/**
 * Checks that there is a source to build pinned hosts from.
 *
 * @param fleet The fleet, without expired pins
 * @throws {ReleaseError} of kind `usage`, listing the hosts that need it
 *
 * @example
 * ```ts

 * import type { FleetResolved } from "../contract/types.ts";
 * import { assertThrows } from "@std/assert";
 *
 * const pin = { commit: "abc", reason: "audit" };
 * const db = { system: "x86_64-linux", tags: [], channel: "stable", closureHash: null, pubkey: null, pin };
 * const fleet: FleetResolved = {
 *   schemaVersion: 1,
 *   hosts: { db },
 *   channels: {},
 *   rolloutPolicies: {},
 *   waves: {},
 *   edges: [],
 *   channelEdges: [],
 *   disruptionBudgets: [],
 *   meta: { schemaVersion: 1, signedAt: null, ciCommit: null },
 * };
 * validatePinSourceUrl(fleet, "abc", undefined);
 * assertThrows(() => validatePinSourceUrl(fleet, "def", undefined), Error, '"db"');
 * ```
 */
export function validatePinSourceUrl(
  fleet: FleetResolved,
  currentCommit: string | null,
  pinSourceUrl: string | undefined,
): void {
  if (pinSourceUrl !== undefined && pinSourceUrl.trim() !== "") return;
  const pinned = Object.keys(fleet.hosts).filter((name) =>
    pinTargetCommit(lookup(fleet.hosts, name)?.pin, currentCommit) !== null
  );
  if (pinned.length > 0) {
    throw new ReleaseError(
      "usage",
      `No source for pinned hosts: --pin-source-url is missing, and ${quoteList(pinned)} ` +
        `${pinned.length === 1 ? "is" : "are"} pinned to another commit`,
      {
        path: documentPath(["hosts", pinned[0]!, "pin"]),
        hint:
          "give --pin-source-url a flake reference of the fleet's repository: `.` for this clone, or git+ssh://host/fleet",
      },
    );
  }
}

/**
 * Replaces what the pins name (a short commit, a tag, a branch) by full commits.
 *
 * @param fleet The fleet, without expired pins
 * @param commits The full commit for every name that {@linkcode pinNames} gives
 */
export function resolvePins(fleet: FleetResolved, commits: ReadonlyMap<string, string>): FleetResolved {
  const hosts = mapRecord(fleet.hosts, (host): Host => {
    const commit = host.pin && commits.get(host.pin.commit);
    return commit === undefined ? host : { ...host, pin: { ...host.pin!, commit } };
  });
  return { ...fleet, hosts };
}

/** What the pins of the fleet name, each with the first host that names it. */
export function pinNames(fleet: FleetResolved): Map<string, string> {
  const names = new Map<string, string>();
  for (const [host, { pin }] of Object.entries(fleet.hosts)) {
    if (pin !== undefined && !names.has(pin.commit)) names.set(pin.commit, host);
  }
  return names;
}

/**
 * The flake reference of the pin source at one commit. The URL is taken apart, because a `?rev=` put behind a query
 * that is there already is ignored by nix without a word.
 *
 * @param pinSourceUrl A flake reference: `git+file:///fleet?submodules=1`, `github:org/fleet`, `path:/fleet`, …
 * @param commit A full commit
 */
export function pinSourceAt(pinSourceUrl: string, commit: string): string {
  const [base = "", query = ""] = pinSourceUrl.split(/\?(.*)/s, 2);
  const parameters = query.split("&").filter((parameter) => parameter !== "" && !/^rev=/.test(parameter));
  // `github:org/fleet/main` names a branch in its path, and nix refuses a `rev` beside it. A `path:` has no revisions,
  // and nix believes any that it is given: the repository in that directory has them.
  const source = /^(github|gitlab|sourcehut):/.test(base)
    ? base.split("/").slice(0, 2).join("/")
    : base.replace(/^path:(?=\/)/, "git+file://");
  // Without a branch, older versions of nix look for the commit on "master" alone.
  const everywhere = source.startsWith("git+") &&
    !parameters.some((parameter) => /^(ref|allRefs)=/.test(parameter));
  return `${source}?${[...parameters, ...(everywhere ? ["allRefs=1"] : []), `rev=${commit}`].join("&")}`;
}
