/**
 * Edges that go against the other orders of a fleet.
 *
 * @module
 */
import { lookup } from "../../contract/records.ts";
import type { FleetResolved } from "../../contract/types.ts";
import type { Finding } from "../../model.ts";
import { finding } from "./finding.ts";

/** Edges by which a host waits for one that comes after it: in a later wave of its channel, or in a channel that waits. */
export function orderFindings(fleet: FleetResolved): Finding[] {
  const waveOf = waves(fleet);
  const waitsFor = channelOrder(fleet);
  return fleet.edges.flatMap(({ gated, gates }, index) => {
    const [first, second] = [lookup(fleet.hosts, gated), lookup(fleet.hosts, gates)];
    if (first === undefined || second === undefined) return [];
    const [channel, other] = [first.channel, second.channel];
    const isLater = channel === other && waveOf(channel, gated) < waveOf(channel, gates);
    // Channels that run in a circle are told as such.
    const isHeld = waitsFor(other, channel) && !waitsFor(channel, other);
    if (!isLater && !isHeld) return [];
    const why = isLater
      ? `is in a later wave of channel "${channel}"`
      : `is on channel "${other}", which waits for channel "${channel}"`;
    return finding("edge-against-order", {
      message: `The host "${gated}" waits for "${gates}", which ${why}: neither ever changes`,
      path: `edges.${index}`,
      hint: "take out this edge, or turn one of the orders round",
      hosts: [gated, gates],
    });
  });
}

/** Gives the wave of a host, as consumers take it: the first that names it, and without any the first of all. */
function waves({ waves }: FleetResolved): (channel: string, host: string) => number {
  const of = new Map(
    Object.entries(waves).map(([channel, waves]) => {
      const first = new Map<string, number>();
      for (const [index, { hosts }] of waves.entries()) {
        for (const host of hosts) if (!first.has(host)) first.set(host, index);
      }
      return [channel, first];
    }),
  );
  return (channel, host) => of.get(channel)?.get(host) ?? 0;
}

/** Tells whether a channel waits for another one, itself or behind others. */
function channelOrder({ channelEdges }: FleetResolved): (channel: string, other: string) => boolean {
  const direct = Map.groupBy(channelEdges, ({ gated }) => gated);
  const known = new Map<string, ReadonlySet<string>>();
  const all = (channel: string) => {
    const found = new Set<string>();
    const left = [channel];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      for (const { gates } of direct.get(name) ?? []) {
        if (found.has(gates)) continue;
        found.add(gates);
        left.push(gates);
      }
    }
    return found;
  };
  return (channel, other) => {
    const waits = known.get(channel) ?? all(channel);
    known.set(channel, waits);
    return waits.has(other);
  };
}
