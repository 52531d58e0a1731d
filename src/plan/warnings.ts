/**
 * What a fleet says that is probably not what its author meant. None of it stops a release.
 *
 * @module
 */
import type { Warning } from "../model.ts";
import { documentPath, lookup } from "../contract/records.ts";
import { plural, quoteList } from "../text.ts";
import { hostSelection } from "../contract/selector.ts";
import type { FleetResolved } from "../contract/types.ts";
import { type DocumentName, unknownFields } from "../contract/schema.ts";
import { ReleaseError } from "../errors.ts";

/** Warnings about a fleet whose closure hashes are in. */
export function fleetWarnings(fleet: FleetResolved): Warning[] {
  return [
    ...channelWarnings(fleet),
    ...windowWarnings(fleet),
    ...waveWarnings(fleet),
    ...closureWarnings(fleet),
    ...edgeWarnings(fleet),
    ...budgetWarnings(fleet),
  ];
}

function channelWarnings(fleet: FleetResolved): Warning[] {
  return Object.entries(fleet.hosts)
    .filter(([, host]) => !Object.hasOwn(fleet.channels, host.channel))
    .map(([name, host]) => ({
      code: "unknown-channel",
      message:
        `Host "${name}" is on channel "${host.channel}", which the fleet does not have: no rollout reaches it`,
      path: documentPath(["hosts", name, "channel"]),
    }));
}

/** A release that is renewed on time must not have gone stale before: a run may be late, or fail. */
function windowWarnings({ channels }: FleetResolved): Warning[] {
  return Object.entries(channels)
    .filter(([, { freshnessWindow, signingIntervalMinutes }]) => freshnessWindow < 2 * signingIntervalMinutes)
    .map(([name, { freshnessWindow, signingIntervalMinutes }]) => ({
      code: "short-window",
      message:
        `Channel "${name}" is signed anew every ${signingIntervalMinutes} minutes and goes stale after ` +
        `${freshnessWindow}: one run that is late or fails leaves its machines without a release. Make ` +
        "freshnessWindow at least twice as long as signingIntervalMinutes",
      path: documentPath(["channels", name, "freshnessWindow"]),
    }));
}

function waveWarnings(fleet: FleetResolved): Warning[] {
  const warnings: Warning[] = [];
  const hostsOf = Map.groupBy(Object.keys(fleet.hosts), (name) => lookup(fleet.hosts, name)!.channel);
  for (const [channel, waves] of Object.entries(fleet.waves)) {
    if (!Object.hasOwn(fleet.channels, channel)) {
      warnings.push({
        code: "unknown-wave-channel",
        message: `Waves are given for channel "${channel}", which the fleet does not have`,
        path: documentPath(["waves", channel]),
      });
    }
    for (const [index, wave] of waves.entries()) {
      const unknown = wave.hosts.filter((name) => !Object.hasOwn(fleet.hosts, name));
      if (unknown.length > 0) {
        warnings.push({
          code: "unknown-wave-host",
          message: `Wave ${index} of channel "${channel}" names ${
            quoteList(unknown)
          }, which the fleet does not have`,
          path: documentPath(["waves", channel, index, "hosts"]),
        });
      }
      const strays = wave.hosts.filter((name) => (lookup(fleet.hosts, name)?.channel ?? channel) !== channel);
      if (strays.length > 0) {
        warnings.push({
          code: "stray-wave-host",
          message: `Wave ${index} of channel "${channel}" names ${
            quoteList(strays)
          }, which another channel has`,
          path: documentPath(["waves", channel, index, "hosts"]),
        });
      }
    }
    const inWaves = new Set(waves.flatMap((wave) => wave.hosts));
    const left = (hostsOf.get(channel) ?? []).filter((name) => !inWaves.has(name));
    if (waves.length > 0 && left.length > 0) {
      warnings.push({
        code: "host-in-no-wave",
        message:
          `${quoteList(left)} ${left.length === 1 ? "is" : "are"} in no wave of channel "${channel}": ` +
          "consumers put such hosts into wave 0, the first to change",
        path: documentPath(["waves", channel]),
      });
    }
  }
  return warnings;
}

function closureWarnings(fleet: FleetResolved): Warning[] {
  const without = Object.keys(fleet.hosts).filter((name) => lookup(fleet.hosts, name)!.closureHash === null);
  if (without.length === 0) return [];
  return [{
    code: "host-without-closure",
    message: `${quoteList(without)} ${without.length === 1 ? "has" : "have"} no closure in this release: ` +
      `no rollout reaches ${without.length === 1 ? "it" : "them"}`,
    path: "hosts",
  }];
}

function edgeWarnings(fleet: FleetResolved): Warning[] {
  const dangling = (kind: "edges" | "channelEdges", known: Readonly<Record<string, unknown>>, noun: string) =>
    fleet[kind].flatMap((edge, index) =>
      [edge.gated, edge.gates].filter((name) => !Object.hasOwn(known, name)).map((name) => ({
        code: "dangling-edge",
        message: `An edge names the ${noun} "${name}", which the fleet does not have`,
        path: `${kind}.${index}`,
      }))
    );
  return [...dangling("edges", fleet.hosts, "host"), ...dangling("channelEdges", fleet.channels, "channel")];
}

function budgetWarnings(fleet: FleetResolved): Warning[] {
  const select = hostSelection(fleet.hosts);
  return fleet.disruptionBudgets.flatMap((budget, index) =>
    select(budget.selector).length > 0 ? [] : [{
      code: "empty-budget",
      message: `Disruption budget ${index} chooses no host: it protects nothing`,
      path: `disruptionBudgets.${index}.selector`,
    }]
  );
}

/**
 * Warnings about what the flake said and no artifact can say.
 *
 * @param document The evaluated JSON, which decodes as `name`
 * @throws {ReleaseError} of kind `contract` when `strict` and a disruption budget uses a selector that consumers
 * cannot understand
 */
export function droppedFieldWarnings(name: DocumentName, document: unknown, strict: boolean): Warning[] {
  const selectors = name === "fleet" ? budgetSelectorWarnings(document as FleetDocument) : [];
  if (strict && selectors.length > 0) {
    throw new ReleaseError("contract", selectors[0]!.message, {
      path: selectors[0]!.path,
      lines: selectors.slice(1).map(({ message }) => `also: ${message}`),
      hint: "choose the hosts by tags, tagsAny, hosts, channel or all, or leave out --strict",
    });
  }
  const dropped = unknownFields(name, document).filter(({ path }) => !BUDGET_SELECTOR.test(path));
  return [
    ...selectors,
    ...dropped.map(({ path, count }) => ({
      code: "dropped-field",
      message: `The contract does not know the field "${path}"` +
        `${
          count > 1 ? ` (and ${plural(count - 1, "more field")} like it)` : ""
        }: it does not reach the artifact`,
      path,
    })),
  ];
}

const BUDGET_SELECTOR = /^disruptionBudgets\.\d+\.selector\.(and|not)$/;

/** A fleet as far as it has decoded: its budgets have selectors. */
interface FleetDocument {
  readonly disruptionBudgets?: readonly {
    readonly selector: { readonly and?: unknown; readonly not?: unknown };
  }[];
}

/** `and` and `not` change which hosts a budget protects, and consumers cannot know it: each is told by itself. */
function budgetSelectorWarnings({ disruptionBudgets = [] }: FleetDocument): Warning[] {
  return disruptionBudgets.flatMap(({ selector }, index) =>
    (["and", "not"] as const).filter((key) => {
      const value = selector[key];
      return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
    }).map((key) => ({
      code: "inexpressible-selector",
      message: `Disruption budget ${index} chooses hosts by "${key}", which consumers cannot understand: ` +
        "it protects other hosts than its author meant",
      path: `disruptionBudgets.${index}.selector.${key}`,
    }))
  );
}
