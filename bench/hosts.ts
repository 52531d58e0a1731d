/**
 * How long a release takes, for hosts that are light to evaluate and for hosts that are heavy.
 *
 * @module
 */
import { SYSTEM } from "../tests/support/command.ts";
import { BenchFleet, namesOf } from "./fleet.ts";
import { watchMemory } from "./memory.ts";
import { race } from "./race.ts";
import {
  type Aim,
  atMost,
  type Benchmark,
  differences,
  formatMegabytes,
  formatRatio,
  formatSeconds,
  ratios,
  spreadOf,
} from "./report.ts";

const ABOUT = `A whole release, with a sign command that writes 64 zeros and no push, beside
- bare: \`nix flake metadata\`, one \`nix eval\` of all hosts, one \`nix-store --realise\` of all derivations
- each: one \`nix build\` for each host, one after the other
Every run has a commit of its own, so that nix has evaluated nothing before. All closures are built already.`;

/** How many hosts, and in how many rounds. */
interface Size {
  readonly hosts: number;
  readonly rounds: number;
}

export const lightBenchmark: Benchmark = {
  name: "light",
  title: "Light hosts",
  about: `${ABOUT}\nEvaluating a host takes next to nothing.`,

  async run(quick) {
    const sizes: Size[] = quick ? [{ hosts: 10, rounds: 3 }, { hosts: 50, rounds: 3 }] : [
      { hosts: 1, rounds: 7 },
      { hosts: 10, rounds: 7 },
      { hosts: 50, rounds: 5 },
      { hosts: 200, rounds: 3 },
    ];
    const results = [];
    for (const size of sizes) results.push(await measure("light", size));
    const aims = results.flatMap((result) => [
      atMost(`${result.hosts} light hosts take at most 0.20 s more than the bare commands`, {
        figure: result.releaseLessBare,
        most: 0.2,
        format: formatSeconds,
      }),
      ...result.hosts === 50 ? [timesAsFast(result, 7)] : [],
    ]);
    return {
      table: [
        ["hosts", "release − bare", "each ÷ release", "release", "bare", "each"],
        ...results.map(({ hosts, releaseLessBare, eachToRelease, seconds }) => [
          String(hosts),
          formatSeconds(releaseLessBare),
          formatRatio(eachToRelease),
          ...seconds.map(formatSeconds),
        ]),
      ],
      aims,
    };
  },
};

/** How much of the time of the bare commands a release of so many heavy hosts may take. */
const HEAVY_AIMS = new Map([[12, 0.66], [36, 0.6]]);

export const heavyBenchmark: Benchmark = {
  name: "heavy",
  title: "Heavy hosts",
  about: `${ABOUT}
Evaluating a host takes some tenths of a second, and a hundred megabytes. Memory is the most that all processes of a
command had at once.`,

  async run(quick) {
    const text = await Deno.readTextFile(new URL("fixtures/heavy.nix", import.meta.url));
    const flake = text.replace("x86_64-linux", SYSTEM);
    const sizes: Size[] = quick ? [{ hosts: 12, rounds: 1 }] : [
      // Two, since hosts that are too few for all cores are easily put into one process.
      { hosts: 2, rounds: 3 },
      { hosts: 12, rounds: 3 },
      { hosts: 36, rounds: 2 },
    ];
    const results = [];
    for (const size of sizes) results.push(await measure("heavy", size, flake));
    const aims = results.flatMap((result) => {
      const most = HEAVY_AIMS.get(result.hosts);
      if (most === undefined) return [timesAsFast(result, 1)];
      return [
        atMost(`${result.hosts} heavy hosts take at most ${most} of the bare commands' time`, {
          figure: result.releaseToBare,
          most,
          format: formatRatio,
        }),
        timesAsFast(result, 2.3),
      ];
    });
    return {
      table: [
        ["hosts", "release ÷ bare", "each ÷ release", "release", "bare", "each", "memory", "memory of bare"],
        ...results.map(({ hosts, releaseToBare, eachToRelease, seconds, megabytes }) => [
          String(hosts),
          formatRatio(releaseToBare),
          formatRatio(eachToRelease),
          ...seconds.map(formatSeconds),
          ...megabytes.map(formatMegabytes),
        ]),
      ],
      aims,
    };
  },
};

type Result = Awaited<ReturnType<typeof measure>>;

async function measure(kind: string, { hosts, rounds }: Size, flake?: string) {
  await using fleet = await BenchFleet.create(namesOf(kind, hosts), flake);
  const prepare = () => fleet.freshCommit();
  // Builds all closures, and lets Deno compile the program.
  await prepare();
  await fleet.release();
  const watched = {
    release: watchMemory(async () => void await fleet.release()),
    bare: watchMemory(() => fleet.bareCommands()),
  };
  const { release, bare, each } = await race({
    release: { prepare, run: watched.release.run },
    bare: { prepare, run: watched.bare.run },
    each: { prepare, run: () => fleet.buildEach() },
  }, rounds);
  return {
    hosts,
    releaseToBare: ratios(release, bare),
    releaseLessBare: differences(release, bare),
    eachToRelease: ratios(each, release),
    seconds: [release, bare, each].map(spreadOf),
    megabytes: [watched.release, watched.bare].map(({ megabytes }) => spreadOf(megabytes)),
  };
}

function timesAsFast({ hosts, eachToRelease }: Result, least: number): Aim {
  return {
    aim: `${hosts} hosts are released at least ${least} times as fast as one build for each`,
    figure: formatRatio(eachToRelease),
    met: eachToRelease.median >= least,
  };
}
