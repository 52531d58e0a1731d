/**
 * How long a first release takes, of which nothing is built.
 *
 * @module
 */
import { BenchFleet, namesOf } from "./fleet.ts";
import { watchMemory } from "./memory.ts";
import { race } from "./race.ts";
import {
  type Aim,
  atMost,
  type Benchmark,
  formatMegabytes,
  formatRatio,
  formatSeconds,
  ratios,
  type Spread,
  spreadOf,
} from "./report.ts";

const ABOUT =
  `A release of hosts of which none is built, each a derivation that a shell builds at once, beside
- one: the bare commands, which give one \`nix-store --realise\` all of them: it looks at all that waits after each build
Memory is the most that all processes of a command had at once.`;

/** What was measured of so many hosts. */
interface Row {
  readonly hosts: number;
  readonly release: Spread;
  readonly memory: Spread;
  /** Null: it would take too long. */
  readonly one: { readonly seconds: Spread; readonly toRelease: Spread; readonly memory: Spread } | null;
}

export const unbuiltBenchmark: Benchmark = {
  name: "unbuilt",
  title: "Hosts that are not built",
  about: ABOUT,

  async run(quick) {
    const [few, middle, many] = quick ? [125, 250, 500] : [500, 1000, 2000];
    const rows = [
      await measure(few!, { one: false }),
      await measure(middle!, { one: true }),
      await measure(many!, { one: false }),
    ] as const;
    const [least, compared, most] = rows;
    const growth = ratios([most.release.median], [least.release.median]);
    return {
      table: [
        ["hosts", "one ÷ release", "release", "one", "memory", "memory of one"],
        ...rows.map(({ hosts, release, memory, one }) => [
          String(hosts),
          one === null ? "" : formatRatio(one.toRelease),
          formatSeconds(release),
          one === null ? "" : formatSeconds(one.seconds),
          formatMegabytes(memory),
          one === null ? "" : formatMegabytes(one.memory),
        ]),
      ],
      aims: [
        ...quick ? [] : aimsOf(compared),
        atMost(`${most.hosts} hosts take at most 4.6 times as long as ${least.hosts}`, {
          figure: growth,
          most: 4.6,
          format: formatRatio,
        }),
      ],
    };
  },
};

function aimsOf({ hosts, one, memory }: Row): Aim[] {
  const { toRelease } = one!;
  return [
    {
      aim: `${hosts} hosts are built at least 5 times as fast as by one process`,
      figure: formatRatio(toRelease),
      met: toRelease.median >= 5,
    },
    atMost(`${hosts} hosts are built in at most 600 MB`, {
      figure: memory,
      most: 600,
      format: formatMegabytes,
    }),
  ];
}

async function measure(hosts: number, { one: compares }: { readonly one: boolean }): Promise<Row> {
  await using fleet = await BenchFleet.create(namesOf("unbuilt", hosts));
  const prepare = () => fleet.freshHosts();
  const release = watchMemory(async () => void await fleet.release());
  const one = watchMemory(() => fleet.bareCommands());
  const ours = { prepare, run: release.run };
  const taken = compares
    ? await race({ release: ours, one: { prepare, run: one.run } }, 1)
    : { ...await race({ release: ours }, 1), one: undefined };
  return {
    hosts,
    release: spreadOf(taken.release),
    memory: spreadOf(release.megabytes),
    one: taken.one === undefined ? null : {
      seconds: spreadOf(taken.one),
      toRelease: ratios(taken.one, taken.release),
      memory: spreadOf(one.megabytes),
    },
  };
}
