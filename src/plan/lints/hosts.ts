/**
 * What is wrong with the hosts of a fleet: their channels, their names in the flake, their systems and pins.
 *
 * @module
 */
import { documentPath, lookup } from "../../contract/records.ts";
import { compareTimestamps } from "../../contract/time.ts";
import type { FleetResolved, Timestamp } from "../../contract/types.ts";
import type { Finding, HostNames } from "../../model.ts";
import { AMBIGUOUS_HOST, NO_HOSTS } from "../hosts.ts";
import { dueAt } from "../reuse.ts";
import { finding, meantAmong } from "./finding.ts";

/** A flake whose hosts cannot be told: it has none, or one name for two of them. */
export function flakeFindings(
  { nixos, darwin }: HostNames,
  isChosen: (name: string) => boolean,
): Finding[] {
  if (nixos.length + darwin.length === 0) {
    return [
      finding("no-hosts", { message: "The flake has no hosts to release", path: "hosts", hint: NO_HOSTS }),
    ];
  }
  const both = new Set(nixos).intersection(new Set(darwin));
  return [...both].filter(isChosen).map((name) =>
    finding("ambiguous-host", {
      message: `Host "${name}" is in both nixosConfigurations and darwinConfigurations`,
      path: documentPath(["hosts", name]),
      hint: AMBIGUOUS_HOST,
      hosts: [name],
    })
  );
}

/** Hosts on a channel that is not there. */
export function channelFindings({ hosts, channels }: FleetResolved): Finding[] {
  const didYouMean = meantAmong(Object.keys(channels));
  return Object.entries(hosts)
    .filter(([, host]) => !Object.hasOwn(channels, host.channel))
    .map(([name, { channel }]) =>
      finding("unknown-channel", {
        message:
          `Host "${name}" is on channel "${channel}", which the fleet does not have: no rollout reaches it`,
        path: documentPath(["hosts", name, "channel"]),
        hint: didYouMean(channel),
        hosts: [name],
      })
    );
}

/**
 * Hosts that only one of fleet and flake has.
 *
 * @param isChosen Whether a host is released: one that is left out is in the flake for something else
 */
export function nameFindings(
  { hosts }: FleetResolved,
  names: HostNames,
  isChosen: (name: string) => boolean,
): Finding[] {
  const inFlake = new Set([...names.nixos, ...names.darwin]);
  // One that declares its closure has it, whoever built that.
  const missing = Object.keys(hosts).filter((name) =>
    !inFlake.has(name) && lookup(hosts, name)!.closureHash === null
  );
  const strays = [...inFlake].filter((name) => !Object.hasOwn(hosts, name) && isChosen(name));
  // What was meant is most likely one that the other side lacks, too.
  const [amongStrays, amongMissing] = [meantAmong(strays), meantAmong(missing)];
  return [
    ...missing.map((name) =>
      finding("host-not-in-flake", {
        message:
          `The fleet has the host "${name}", which the flake does not have: no release has a closure for it`,
        path: documentPath(["hosts", name]),
        hint: amongStrays(name),
        hosts: [name],
      })
    ),
    ...strays.map((name) =>
      finding("host-not-in-fleet", {
        message:
          `The flake has the host "${name}", which the fleet does not have: it is built, and in no release`,
        path: "hosts",
        hint: amongMissing(name),
        hosts: [name],
      })
    ),
  ];
}

/** What the system of a host ends with, and those that are usual, by the attribute set that has the host. */
const SYSTEMS = {
  // NixOS is Linux, and what is made like it for the BSDs stands among it.
  nixosConfigurations: [/-(?:linux|\w*bsd)$/, [
    "x86_64-linux",
    "aarch64-linux",
    "riscv64-linux",
    "i686-linux",
  ]],
  darwinConfigurations: [/-darwin$/, ["aarch64-darwin", "x86_64-darwin"]],
} as const;

/** Hosts whose system cannot be that of what the flake builds for them. */
export function systemFindings({ hosts }: FleetResolved, { nixos, darwin }: HostNames): Finding[] {
  // Which of the two is meant is not known.
  const both = new Set(nixos).intersection(new Set(darwin));
  const wrong = (names: readonly string[], set: keyof typeof SYSTEMS) => {
    const [form, usual] = SYSTEMS[set];
    const didYouMean = meantAmong(usual);
    return names.flatMap((name) => {
      const system = lookup(hosts, name)?.system;
      if (system === undefined || form.test(system) || both.has(name)) return [];
      return finding("wrong-system", {
        message: `Host "${name}" has the system "${system}", and the flake has it in ${set}`,
        path: documentPath(["hosts", name, "system"]),
        hint: didYouMean(system),
        hosts: [name],
      });
    });
  };
  return [...wrong(nixos, "nixosConfigurations"), ...wrong(darwin, "darwinConfigurations")];
}

/** Pins to what is no commit, which no release can be made of. */
export function unknownPinFindings({ hosts }: FleetResolved, noCommits: ReadonlySet<string>): Finding[] {
  return Object.entries(hosts).flatMap(([name, { pin }]) => {
    if (pin === undefined || !noCommits.has(pin.commit)) return [];
    return finding("unknown-pin", {
      message: `The pin of host "${name}" names no commit: "${pin.commit}"`,
      path: documentPath(["hosts", name, "pin", "commit"]),
      hint: UNKNOWN_PIN,
      hosts: [name],
    });
  });
}

/** How to mend a pin that names nothing. */
export const UNKNOWN_PIN =
  "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)";

/**
 * Pins that will have expired when the next release is due.
 *
 * @param fleet The fleet, without expired pins
 * @param now The signing time of the release that would be made
 */
export function pinFindings({ hosts, channels }: FleetResolved, now: Timestamp): Finding[] {
  return Object.entries(hosts).flatMap(([name, { pin, channel }]) => {
    const on = lookup(channels, channel);
    if (pin?.expiresAt === undefined || on === undefined) return [];
    const due = dueAt(on, now);
    if (compareTimestamps(pin.expiresAt, due) > 0) return [];
    return finding("pin-expires-soon", {
      message: `The pin of host "${name}" expires at ${pin.expiresAt}, before the next release is due at ` +
        `${due}: that one builds the host from its own commit`,
      path: documentPath(["hosts", name, "pin", "expiresAt"]),
      hint: "give the pin more time, or take it out",
      hosts: [name],
    });
  });
}
