/**
 * The findings that there are: their code words, how bad each is, and how names are told.
 *
 * @module
 */
import { compareBytes } from "../../contract/records.ts";
import type { Finding } from "../../model.ts";
import { markdownTable, nearest } from "../../text.ts";

/** What a code word stands for. */
interface Lint {
  readonly severity: Finding["severity"];
  /** What it is about, for the documentation. */
  readonly about: string;
}

/**
 * All code words of findings about a fleet, in the order of docs/checking.md. An error keeps hosts from what is meant for
 * them, or the release from being made; a warning is about what may be meant.
 */
export const LINTS = {
  "unreadable": { severity: "error", about: "a document that is not of the contract's form, or too large" },
  "no-hosts": { severity: "error", about: "a flake without hosts, of which no release is made" },
  "ambiguous-host": {
    severity: "error",
    about: "a host in both `nixosConfigurations` and `darwinConfigurations`",
  },
  "unknown-channel": { severity: "error", about: "a host on a channel that the fleet does not have" },
  "host-not-in-flake": {
    severity: "error",
    about: "a host of the fleet that the flake does not have, and whose closure the fleet does not give",
  },
  "host-not-in-fleet": { severity: "warning", about: "a host of the flake that the fleet does not have" },
  "wrong-system": {
    severity: "error",
    about: "a host whose `system` is none of its attribute set: of a Mac among the NixOS hosts, or mistyped",
  },
  "unknown-pin": { severity: "error", about: "a pin that names no commit of the flake's repository" },
  "expired-pin": { severity: "warning", about: "a pin that has expired" },
  "pin-expires-soon": {
    severity: "warning",
    about: "a pin that expires before the next release of the host's channel is due",
  },
  "short-window": {
    severity: "warning",
    about: "a channel whose `freshnessWindow` is below twice its `signingIntervalMinutes`",
  },
  "always-due": {
    severity: "warning",
    about: "a channel with `signingIntervalMinutes` 0, which is due as soon as it is signed",
  },
  "unknown-policy": { severity: "error", about: "a channel with a policy that the fleet does not have" },
  "unused-policy": { severity: "warning", about: "a policy that no channel has" },
  "unknown-strategy": {
    severity: "warning",
    about: "a policy with a strategy that no consumer is known to follow",
  },
  "unknown-wave-channel": { severity: "error", about: "waves of a channel that the fleet does not have" },
  "unknown-wave-host": { severity: "error", about: "a wave with a host that the fleet does not have" },
  "stray-wave-host": { severity: "warning", about: "a wave with a host of another channel" },
  "repeated-wave-host": {
    severity: "warning",
    about: "a host in a wave twice, or in a second one without its policy's selector saying so",
  },
  "host-in-no-wave": { severity: "warning", about: "a host in no wave of a channel that has waves" },
  "waves-against-policy": {
    severity: "warning",
    about: "waves with other hosts than the selectors of the channel's policy choose",
  },
  "dangling-edge": { severity: "error", about: "an edge of a host or channel that the fleet does not have" },
  "circular-edges": { severity: "error", about: "edges that run in a circle" },
  "edge-against-order": {
    severity: "warning",
    about: "an edge by which a host waits for one in a later wave, or in a channel that waits for its own",
  },
  "empty-budget": { severity: "warning", about: "a disruption budget that chooses no host" },
  "budget-without-limit": { severity: "warning", about: "a disruption budget without a limit" },
  "budget-of-nothing": { severity: "warning", about: "a disruption budget of 0 hosts" },
  "budget-of-all": {
    severity: "warning",
    about: "a disruption budget of 100 % of its hosts, or of as many as it has, or more",
  },
  "empty-policy-wave": {
    severity: "warning",
    about: "a wave of a policy with a selector that chooses no host of the channels that have the policy",
  },
  "unknown-in-selector": {
    severity: "warning",
    about: "a selector with a host or channel that the fleet does not have",
  },
  "inexpressible-selector": {
    severity: "warning",
    about: "a disruption budget with a selector that consumers cannot understand",
  },
  "dropped-field": { severity: "warning", about: "a field that the contract does not know" },
} as const satisfies Readonly<Record<string, Lint>>;

/** The code word of a finding about a fleet. */
export type LintCode = keyof typeof LINTS;

/** The table of code words, for docs/checking.md. */
export function lintsTable(): string {
  const rows = Object.entries(LINTS).map(([code, { severity, about }]) => [`\`${code}\``, severity, about]);
  return markdownTable([["code", "severity", "what it is about"], ...rows]);
}

/** A finding, as bad as its code word says. */
export function finding(
  code: LintCode,
  said: Required<Pick<Finding, "message" | "path">> & {
    hint?: string | undefined;
    hosts?: readonly string[];
  },
): Finding {
  const { message, path, hint, hosts } = said;
  return {
    ...{ severity: LINTS[code].severity, code, message, path },
    ...hint === undefined ? {} : { hint },
    ...hosts === undefined || hosts.length === 0 ? {} : { hosts: [...hosts].sort(compareBytes) },
  };
}

/** Nobody mistypes a longer name than a machine can have, and comparing it would take long. */
const LONGEST_MEANT = 255;
/** For so many names the one that was meant is looked for: each is compared with all that there are. */
const MOST_MEANT = 20;

/** Gives the hint that there is a name near one, or some, that are not there; undefined when there is none. */
export type DidYouMean = (names: string | readonly string[]) => string | undefined;

/** Looks for what was meant among these names, for as many as that is worth its time. */
export function meantAmong(known: readonly string[]): DidYouMean {
  const meant = new Map<string, string | undefined>();
  const meaning = (name: string) => {
    if (!meant.has(name) && meant.size < MOST_MEANT && name.length <= LONGEST_MEANT) {
      meant.set(name, nearest(name, known));
    }
    return meant.get(name);
  };
  return (names) => {
    const found = new Set([names].flat().flatMap((name) => meaning(name) ?? []));
    if (found.size === 0) return undefined;
    return `did you mean ${[...found].map((name) => JSON.stringify(name)).join(" and ")}?`;
  };
}
