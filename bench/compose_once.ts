/**
 * Composes one release, and prints what it took as JSON: `deno run -A bench/compose_once.ts HOSTS CHANNELS [all]`. With
 * `all` a disruption budget chooses all hosts.
 *
 * A process of its own, since memory that was used once stays with a process.
 *
 * @module
 */
import { composeRelease, sha256Hex } from "../mod.ts";
import { processWorld } from "../src/world.ts";
import { type Draft, sampleFleet } from "../tests/support/fleet.ts";

const { stdout } = processWorld();
const printData = (text: string) => stdout.write(`${text}\n`);

/** What composing a release took. */
export interface Composition {
  readonly seconds: number;
  /** What it takes to read and write the same files, without asking what is in them. */
  readonly plainSeconds: number;
  /** The most memory that the process ever had, from its start to the end of composing. */
  readonly peakMegabytes: number;
  readonly files: number;
  readonly bytes: number;
}

/** How large a fleet is. */
export interface FleetSize {
  readonly hosts: number;
  readonly channels: number;
  /** Whether a disruption budget chooses all hosts, whose names are then in every manifest. */
  readonly budgetOfAll?: boolean;
}

/** How many hosts are in a rack, which a budget chooses, however large the fleet is. */
const RACK = 50;

/** A fleet, and what was built for its hosts, which are spread over its channels. */
export function fleetOf(size: FleetSize): { fleet: Draft; closureHashes: Record<string, string> } {
  const { hosts: _, channels, rolloutPolicies, ...rest } = sampleFleet();
  const channelNames = numbered("channel", size.channels);
  const hosts = numbered("host", size.hosts).map((name, index) => ({
    name,
    channel: channelNames[index % channelNames.length]!,
    tags: [`role-${index % 7}`, `rack-${Math.floor(index / RACK)}`],
  }));
  const hostsOf = Map.groupBy(hosts, ({ channel }) => channel);
  const waves = channelNames.map((channel) => {
    const names = hostsOf.get(channel)!.map(({ name }) => name);
    const parts = [names.slice(0, 1), names.slice(1, names.length / 2), names.slice(names.length / 2)];
    return [channel, parts.map((part) => ({ hosts: part, soakMinutes: 30 }))];
  });
  const fleet = {
    ...rest,
    hosts: Object.fromEntries(hosts.map(({ name, ...host }) => [name, { ...host, system: "x86_64-linux" }])),
    channels: Object.fromEntries(channelNames.map((name) => [name, channels.stable])),
    rolloutPolicies,
    waves: Object.fromEntries(waves),
    disruptionBudgets: [
      { selector: { channel: channelNames[0] }, maxInFlight: 1 },
      { selector: { hosts: hosts.slice(0, 10).map(({ name }) => name) }, maxInFlight: 1 },
      { selector: { tags: ["role-1", "rack-1"] }, maxInFlight: 2 },
      { selector: { tagsAny: ["rack-0", "rack-1"] }, maxInFlight: 5 },
      ...size.budgetOfAll === true ? [{ selector: { all: true }, maxInFlightPct: 10 }] : [],
    ],
  };
  const closureHashes = Object.fromEntries(
    hosts.map(({ name }, index) => [name, `${String(index).padStart(32, "0")}-nixos-system-${name}-26.05`]),
  );
  return { fleet, closureHashes };
}

function numbered(noun: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${noun}-${String(index).padStart(6, "0")}`);
}

function secondsOf(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Linux keeps the peak; elsewhere what is used now has to do. */
function peakMegabytes(): number {
  if (Deno.build.os !== "linux") return Deno.memoryUsage().rss / 1e6;
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
  return Number(kibibytes) * 1024 / 1e6;
}

if (import.meta.main) {
  const [hosts, channels, all] = Deno.args;
  const input = {
    ...fleetOf({ hosts: Number(hosts), channels: Number(channels), budgetOfAll: all === "all" }),
    signedAt: "2026-06-01T12:00:00Z",
    ciCommit: "0123456789abcdef0123456789abcdef01234567",
  };
  let files = new Map<string, Uint8Array<ArrayBuffer>>();
  const seconds = secondsOf(() => ({ files } = composeRelease(input)));
  const peak = peakMegabytes();
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const plainSeconds = secondsOf(() => {
    for (const bytes of files.values()) {
      sha256Hex(encoder.encode(JSON.stringify(JSON.parse(decoder.decode(bytes)))));
    }
  });
  const composition: Composition = {
    seconds,
    plainSeconds,
    peakMegabytes: peak,
    files: files.size,
    bytes: [...files.values()].reduce((total, { length }) => total + length, 0),
  };
  printData(JSON.stringify(composition));
}
