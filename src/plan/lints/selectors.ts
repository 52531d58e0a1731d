/**
 * What is wrong with the selectors of a fleet.
 *
 * @module
 */
import { documentPath, lookup } from "../../contract/records.ts";
import { hostSelection } from "../../contract/selector.ts";
import type { FleetResolved, Selector } from "../../contract/types.ts";
import type { Finding } from "../../model.ts";
import { quoteList } from "../../text.ts";
import { finding, meantAmong } from "./finding.ts";

/** A selector, and where it is. */
interface Placed {
  readonly selector: Selector;
  /** As in `disruption budget 0`. */
  readonly owner: string;
  readonly path: string;
  /** Whether it chooses nobody, which says more than that a name in it is nobody's. */
  readonly isEmpty: boolean;
}

/**
 * Waves of policies that choose nobody, and selectors with names that are nobody's.
 *
 * @param unclear The policies that are not whole any more, as they have decoded: what they choose cannot be told
 */
export function selectorFindings(
  fleet: FleetResolved,
  { unclear }: { readonly unclear: ReadonlySet<string> },
): Finding[] {
  const select = hostSelection(fleet.hosts);
  const meant = meantBy(fleet);
  const hostsOf = hostsByPolicy(fleet);
  const waves = Object.entries(fleet.rolloutPolicies).flatMap(([name, { waves }]) => {
    const hosts = new Set(hostsOf.get(name));
    return waves.map(({ selector }, index) => ({
      selector,
      owner: `wave ${index} of the rollout policy "${name}"`,
      path: documentPath(["rolloutPolicies", name, "waves", index, "selector"]),
      isEmpty: hosts.size > 0 && !unclear.has(name) && !select(selector).some((host) => hosts.has(host)),
    }));
  });
  const budgets = fleet.disruptionBudgets.map(({ selector }, index) => ({
    selector,
    owner: `disruption budget ${index}`,
    path: `disruptionBudgets.${index}.selector`,
    isEmpty: select(selector).length === 0,
  }));
  const empty = waves.filter(({ isEmpty }) => isEmpty).map(({ selector, owner, path }) =>
    finding("empty-policy-wave", {
      message: `The selector of ${owner} chooses no host of its channels: nothing changes in it`,
      path,
      hint: meant(selector),
    })
  );
  return [...empty, ...[...waves, ...budgets].flatMap((placed) => strangersIn(fleet, placed, meant))];
}

/** The hosts of the channels that have a policy, by its name. */
function hostsByPolicy(
  { hosts, channels }: FleetResolved,
): ReadonlyMap<string | undefined, readonly string[]> {
  return Map.groupBy(
    Object.keys(hosts),
    (name) => lookup(channels, lookup(hosts, name)!.channel)?.rolloutPolicy,
  );
}

function strangersIn(
  { hosts, channels }: FleetResolved,
  { selector, owner, path, isEmpty }: Placed,
  meant: SelectorMeant,
): Finding[] {
  const unknown = [
    ...selector.hosts.filter((name) => !Object.hasOwn(hosts, name)),
    ...selector.channel === null || Object.hasOwn(channels, selector.channel) ? [] : [selector.channel],
  ];
  if (isEmpty || selector.all || unknown.length === 0) return [];
  return [finding("unknown-in-selector", {
    message: `The selector of ${owner} names ${quoteList(unknown)}, which the fleet does not have`,
    path,
    hint: meant(selector),
  })];
}

/** Says what was meant by the names in a selector that are nobody's. */
type SelectorMeant = (selector: Selector) => string | undefined;

/** Looks for what was meant among the hosts, channels and tags of a fleet. */
export function meantBy({ hosts, channels }: FleetResolved): SelectorMeant {
  const tags = new Set(Object.values(hosts).flatMap((host) => host.tags));
  const [hostMeant, channelMeant, tagMeant] = [Object.keys(hosts), Object.keys(channels), [...tags]].map(
    meantAmong,
  );
  const isHost = (name: string) => Object.hasOwn(hosts, name);
  const isChannel = (name: string) => Object.hasOwn(channels, name);
  return ({ hosts, channel, tags: all, tagsAny }) =>
    hostMeant!(hosts.filter((name) => !isHost(name))) ??
      channelMeant!([channel ?? []].flat().filter((name) => !isChannel(name))) ??
      tagMeant!([...all, ...tagsAny].filter((tag) => !tags.has(tag)));
}
