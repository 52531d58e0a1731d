/**
 * What is wrong with the waves of a fleet.
 *
 * @module
 */
import { documentPath, lookup } from "../../contract/records.ts";
import { hostSelection } from "../../contract/selector.ts";
import type { FleetResolved, PolicyWave, Wave } from "../../contract/types.ts";
import type { Finding } from "../../model.ts";
import { plural, quoteList } from "../../text.ts";
import { type DidYouMean, finding, meantAmong } from "./finding.ts";

/** The waves of one channel, and what they are held to. */
interface ChannelWaves {
  readonly fleet: FleetResolved;
  readonly channel: string;
  readonly waves: readonly Wave[];
  /** The hosts of the channel. */
  readonly hosts: readonly string[];
  /** The hosts that each wave of the policy chooses; null when that cannot be told. */
  readonly chosen: readonly ReadonlySet<string>[] | null;
  /** What names were meant that are none of a channel, or of a host. */
  readonly meant: { readonly channel: DidYouMean; readonly host: DidYouMean };
}

/**
 * All that is wrong with waves.
 *
 * @param unclear The policies that are not whole any more, as they have decoded: what they choose cannot be told
 */
export function waveFindings(
  fleet: FleetResolved,
  { unclear }: { readonly unclear: ReadonlySet<string> },
): Finding[] {
  const select = hostSelection(fleet.hosts);
  const hostsOf = Map.groupBy(Object.keys(fleet.hosts), (name) => lookup(fleet.hosts, name)!.channel);
  const meant = {
    channel: meantAmong(Object.keys(fleet.channels)),
    host: meantAmong(Object.keys(fleet.hosts)),
  };
  const channels = new Set([...Object.keys(fleet.waves), ...Object.keys(fleet.channels)]);
  return [...channels].flatMap((channel) => {
    const policyName = lookup(fleet.channels, channel)?.rolloutPolicy;
    const policy = policyName === undefined || unclear.has(policyName)
      ? undefined
      : lookup(fleet.rolloutPolicies, policyName);
    const all: ChannelWaves = {
      ...{ fleet, channel, meant },
      waves: lookup(fleet.waves, channel) ?? [],
      hosts: hostsOf.get(channel) ?? [],
      chosen: chosenBy(policy?.waves ?? [], select),
    };
    return [
      ...unknownChannel(all),
      ...strangers(all),
      ...leftOut(all),
      ...repeated(all),
      ...againstPolicy(all),
    ];
  });
}

function chosenBy(
  waves: readonly PolicyWave[],
  select: ReturnType<typeof hostSelection>,
): ChannelWaves["chosen"] {
  return waves.length === 0 ? null : waves.map(({ selector }) => new Set(select(selector)));
}

function unknownChannel({ fleet, channel, meant }: ChannelWaves): Finding[] {
  if (Object.hasOwn(fleet.channels, channel)) return [];
  return [finding("unknown-wave-channel", {
    message: `Waves are given for channel "${channel}", which the fleet does not have`,
    path: documentPath(["waves", channel]),
    hint: meant.channel(channel),
  })];
}

/** Hosts in waves that are none of the channel's. */
function strangers({ fleet, channel, waves, meant }: ChannelWaves): Finding[] {
  return waves.flatMap((wave, index) => {
    const path = documentPath(["waves", channel, index, "hosts"]);
    const unknown = wave.hosts.filter((name) => !Object.hasOwn(fleet.hosts, name));
    const strays = wave.hosts.filter((name) => (lookup(fleet.hosts, name)?.channel ?? channel) !== channel);
    return [
      ...unknown.length === 0 ? [] : [finding("unknown-wave-host", {
        message: `Wave ${index} of channel "${channel}" names ${
          quoteList(unknown)
        }, which the fleet does not have`,
        path,
        hint: meant.host(unknown),
      })],
      ...strays.length === 0 ? [] : [finding("stray-wave-host", {
        message: `Wave ${index} of channel "${channel}" names ${
          quoteList(strays)
        }, which another channel has`,
        path,
        hosts: strays,
      })],
    ];
  });
}

function leftOut({ channel, waves, hosts }: ChannelWaves): Finding[] {
  const inWaves = new Set(waves.flatMap((wave) => wave.hosts));
  const left = hosts.filter((name) => !inWaves.has(name));
  if (waves.length === 0 || left.length === 0) return [];
  return [finding("host-in-no-wave", {
    message: `${quoteList(left)} ${left.length === 1 ? "is" : "are"} in no wave of channel "${channel}": ` +
      "consumers put such hosts into wave 0, the first to change",
    path: documentPath(["waves", channel]),
    hosts: left,
  })];
}

/**
 * Hosts that are named twice. A fleet library writes into each wave what its selector chooses, and so may the last one,
 * which chooses all hosts, name those of the first again: that is what the policy says.
 */
function repeated({ fleet, channel, waves, chosen }: ChannelWaves): Finding[] {
  const before = new Set<string>();
  return waves.flatMap((wave, index) => {
    const isSaid = (name: string) => chosen?.length === waves.length && chosen[index]!.has(name);
    const here = new Set<string>();
    const again = wave.hosts.filter((name) => {
      const isHere = here.has(name);
      here.add(name);
      return isHere || before.has(name) && !isSaid(name);
    });
    for (const name of here) before.add(name);
    if (again.length === 0) return [];
    const names = [...new Set(again)];
    return finding("repeated-wave-host", {
      message: `Wave ${index} of channel "${channel}" names ${quoteList(names)} once more: ` +
        "consumers go by the first wave that has a host",
      path: documentPath(["waves", channel, index, "hosts"]),
      hosts: names.filter((name) => Object.hasOwn(fleet.hosts, name)),
    });
  });
}

/** Waves that are not those of the policy: the ones that count are those of the fleet. */
function againstPolicy({ fleet, channel, waves, hosts, chosen }: ChannelWaves): Finding[] {
  if (chosen === null || hosts.length === 0) return [];
  const policy = fleet.channels[channel]!.rolloutPolicy;
  const path = documentPath(["waves", channel]);
  // Where there are none, all hosts change at once, which is what one wave means.
  if (waves.length !== chosen.length && (waves.length > 0 || chosen.length > 1)) {
    return [finding("waves-against-policy", {
      message: `Channel "${channel}" has ${plural(waves.length, "wave")}, and its policy "${policy}" ` +
        `${plural(chosen.length, "wave")}: consumers go by the former`,
      path,
    })];
  }
  const first = (sets: readonly { has(name: string): boolean }[], name: string) =>
    sets.findIndex((set) => set.has(name));
  const named = waves.map((wave) => new Set(wave.hosts));
  const otherwise = hosts.filter((name) => {
    const wave = first(named, name);
    return wave !== -1 && wave !== first(chosen, name);
  });
  return [...Map.groupBy(otherwise, (name) => first(named, name))].map(([index, names]) =>
    finding("waves-against-policy", {
      message:
        `Wave ${index} of channel "${channel}" names ${
          quoteList(names)
        }, which the selectors of its policy ` +
        `"${policy}" put into another wave or into none: consumers go by the former`,
      path: documentPath(["waves", channel, index, "hosts"]),
      hosts: names,
    })
  );
}
