/**
 * What is wrong with the rules of a fleet: windows, policies, orders and budgets.
 *
 * @module
 */
import { documentPath } from "../../contract/records.ts";
import { hostSelection } from "../../contract/selector.ts";
import type { DisruptionBudget, FleetResolved } from "../../contract/types.ts";
import type { Finding } from "../../model.ts";
import { circlesIn } from "./circles.ts";
import { finding, meantAmong } from "./finding.ts";
import { meantBy } from "./selectors.ts";

/** Channels that go stale too soon: a release that is renewed on time must not have gone stale before, if a run fails. */
export function windowFindings({ channels }: FleetResolved): Finding[] {
  return Object.entries(channels)
    .filter(([, { freshnessWindow, signingIntervalMinutes }]) => freshnessWindow < 2 * signingIntervalMinutes)
    .map(([name, { freshnessWindow, signingIntervalMinutes }]) =>
      finding("short-window", {
        message:
          `Channel "${name}" is signed anew every ${signingIntervalMinutes} minutes and goes stale after ` +
          `${freshnessWindow}: one run that is late or fails leaves its machines without a release. Make ` +
          "freshnessWindow at least twice as long as signingIntervalMinutes",
        path: documentPath(["channels", name, "freshnessWindow"]),
      })
    );
}

/** Channels that are due as soon as they are signed: no schedule can keep up with that. */
export function intervalFindings({ channels }: FleetResolved): Finding[] {
  return Object.entries(channels)
    .filter(([, { signingIntervalMinutes }]) => signingIntervalMinutes === 0)
    .map(([name]) =>
      finding("always-due", {
        message: `Channel "${name}" has signingIntervalMinutes 0: it is due as soon as it is signed`,
        path: documentPath(["channels", name, "signingIntervalMinutes"]),
        hint: "give how many minutes an unchanged release may get old before it is signed anew",
      })
    );
}

/** Channels whose policy is not there, which no release can be made of. */
export function missingPolicyFindings({ channels, rolloutPolicies }: FleetResolved): Finding[] {
  const didYouMean = meantAmong(Object.keys(rolloutPolicies));
  return Object.entries(channels)
    .filter(([, { rolloutPolicy }]) => !Object.hasOwn(rolloutPolicies, rolloutPolicy))
    .map(([name, { rolloutPolicy }]) =>
      finding("unknown-policy", {
        message:
          `Channel "${name}" names the rollout policy "${rolloutPolicy}", which the fleet does not have`,
        path: documentPath(["channels", name, "rolloutPolicy"]),
        hint: didYouMean(rolloutPolicy) ??
          `add rolloutPolicies.${rolloutPolicy}, or name a policy that is there`,
      })
    );
}

/** The strategies of the usual fleet library. */
const STRATEGIES = ["all-at-once", "canary", "staged"];

/** Policies that nobody has, or whose strategy nobody knows. */
export function policyFindings({ channels, rolloutPolicies }: FleetResolved): Finding[] {
  const didYouMean = meantAmong(STRATEGIES);
  const used = new Set(Object.values(channels).map(({ rolloutPolicy }) => rolloutPolicy));
  return Object.entries(rolloutPolicies).flatMap(([name, { strategy }]) => [
    ...used.has(name) ? [] : [finding("unused-policy", {
      message: `The rollout policy "${name}" is the one of no channel`,
      path: documentPath(["rolloutPolicies", name]),
      hint: "take it out, or name it in a channel's rolloutPolicy",
    })],
    ...STRATEGIES.includes(strategy) ? [] : [finding("unknown-strategy", {
      message:
        `The rollout policy "${name}" has the strategy "${strategy}", which no consumer is known to follow`,
      path: documentPath(["rolloutPolicies", name, "strategy"]),
      hint: didYouMean(strategy) ?? `expected ${STRATEGIES.join(", ")}`,
    })],
  ]);
}

/** Edges that name nothing, or run in a circle. */
export function edgeFindings(fleet: FleetResolved): Finding[] {
  return [
    ...danglingIn(fleet, "edges", "host"),
    ...danglingIn(fleet, "channelEdges", "channel"),
    ...circularIn(fleet, "edges", "host"),
    ...circularIn(fleet, "channelEdges", "channel"),
  ];
}

type EdgeKind = "edges" | "channelEdges";

function danglingIn(fleet: FleetResolved, kind: EdgeKind, noun: string): Finding[] {
  const known: Readonly<Record<string, unknown>> = kind === "edges" ? fleet.hosts : fleet.channels;
  const didYouMean = meantAmong(Object.keys(known));
  return fleet[kind].flatMap((edge, index) =>
    [edge.gated, edge.gates].filter((name) => !Object.hasOwn(known, name)).map((name) =>
      finding("dangling-edge", {
        message: `An edge names the ${noun} "${name}", which the fleet does not have`,
        path: `${kind}.${index}`,
        hint: didYouMean(name),
      })
    )
  );
}

/** As many names of a circle are told. */
const MOST_TOLD = 10;

function circularIn(fleet: FleetResolved, kind: EdgeKind, noun: string): Finding[] {
  return circlesIn(fleet[kind]).map((circle) => {
    const told = circle.slice(0, MOST_TOLD).map((name) => `"${name}"`);
    const rest = circle.length > MOST_TOLD ? [`${circle.length - MOST_TOLD} more`] : [];
    const index = fleet[kind].findIndex(({ gated, gates }) =>
      gated === circle[0] && gates === circle[1 % circle.length]
    );
    return finding("circular-edges", {
      message: `Edges run in a circle: the ${noun} ${
        [...told, ...rest, `"${circle[0]}"`].join(" waits for ")
      }, and none of them ever changes`,
      path: `${kind}.${index}`,
      hint: "take out one of these edges",
      ...kind === "edges" ? { hosts: circle } : {},
    });
  });
}

/** Disruption budgets that protect nobody, or hold everybody. */
export function budgetFindings(fleet: FleetResolved): Finding[] {
  const select = hostSelection(fleet.hosts);
  const meant = meantBy(fleet);
  return fleet.disruptionBudgets.flatMap((budget, index) => {
    const path = `disruptionBudgets.${index}`;
    const hosts = select(budget.selector);
    const empty = hosts.length > 0 ? [] : [finding("empty-budget", {
      message: `Disruption budget ${index} chooses no host: it protects nothing`,
      path: `${path}.selector`,
      hint: meant(budget.selector),
    })];
    return [...empty, ...limitFindings(budget, { index, path, count: hosts.length })];
  });
}

/** @param count How many hosts it chooses */
function limitFindings(
  { maxInFlight, maxInFlightPct }: DisruptionBudget,
  { index, path, count }: { readonly index: number; readonly path: string; readonly count: number },
): Finding[] {
  const hint = "give maxInFlight, how many hosts may be down at once, or maxInFlightPct, how many percent";
  if (maxInFlight === null && maxInFlightPct === null) {
    return [finding("budget-without-limit", {
      message: `Disruption budget ${index} has no limit: it protects nothing`,
      path,
      hint,
    })];
  }
  const field = maxInFlight === null ? "maxInFlightPct" : "maxInFlight";
  if ((maxInFlight ?? maxInFlightPct) === 0) {
    return [finding("budget-of-nothing", {
      message: `Disruption budget ${index} has ${field} 0: none of its hosts may ever change`,
      path: `${path}.${field}`,
      hint,
    })];
  }
  // A single host changes whole or not at all.
  const isAll = maxInFlight === null ? maxInFlightPct! >= 100 : count > 1 && maxInFlight >= count;
  if (!isAll) return [];
  const many = maxInFlight === null ? `${maxInFlightPct} % of its hosts` : `${maxInFlight} of ${count} hosts`;
  return [finding("budget-of-all", {
    message: `Disruption budget ${index} lets ${many} be down at once: it protects nothing`,
    path: `${path}.${field}`,
    hint,
  })];
}
