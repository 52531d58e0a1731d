/**
 * How long composing a release takes, and how much memory.
 *
 * @module
 */
import { join } from "@std/path";
import { expectRun, PROJECT } from "../tests/support/command.ts";
import type { Composition, FleetSize } from "./compose_once.ts";
import {
  atMost,
  type Benchmark,
  formatMegabytes,
  formatRatio,
  formatSeconds,
  ratios,
  spreadOf,
} from "./report.ts";

const ABOUT = `\`composeRelease()\`, each time in a process of its own, beside
- plain: JSON.parse, JSON.stringify and SHA-256 of the same files, which is what it cannot do without
3 waves on a channel, and budgets that choose some hosts, however many there are. Every manifest names all hosts of all
budgets, so that one budget of all hosts makes a release as large as hosts times channels.`;

const SIZES: readonly FleetSize[] = [
  { hosts: 100, channels: 10 },
  { hosts: 1_000, channels: 100 },
  { hosts: 10_000, channels: 100 },
  { hosts: 10_000, channels: 100, budgetOfAll: true },
  { hosts: 100_000, channels: 1_000 },
];

/** The two that are compared. */
const [LARGE, HUGE] = [SIZES[2]!, SIZES[4]!];

export const composeBenchmark: Benchmark = {
  name: "compose",
  title: "Composing",
  about: ABOUT,

  async run(quick) {
    const runs = new Map((quick ? [LARGE, HUGE] : SIZES).map((size) => [size, [] as Composition[]]));
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const [size, compositions] of runs) compositions.push(await composeInOwnProcess(size));
    }
    const figuresOf = (size: FleetSize, of: "seconds" | "plainSeconds" | "peakMegabytes") =>
      runs.get(size)!.map((composition) => composition[of]);
    const rows = [...runs].map(([size, compositions]) => {
      const compose = figuresOf(size, "seconds");
      const plain = figuresOf(size, "plainSeconds");
      const [{ files, bytes }] = compositions as [Composition];
      return [
        `${size.hosts} in ${size.channels}${size.budgetOfAll === true ? ", a budget of all" : ""}`,
        formatRatio(ratios(compose, plain)),
        formatSeconds(spreadOf(compose)),
        formatSeconds(spreadOf(plain)),
        `${files} files, ${(bytes / 1e6).toFixed(1)} MB`,
        formatMegabytes(spreadOf(figuresOf(size, "peakMegabytes"))),
      ];
    });
    const growth = (of: "seconds" | "peakMegabytes") => ({
      figure: ratios(figuresOf(HUGE, of), figuresOf(LARGE, of)),
      most: 12,
      format: formatRatio,
    });
    return {
      table: [
        ["hosts in channels", "compose ÷ plain", "compose", "plain", "written", "peak memory"],
        ...rows,
      ],
      aims: [
        atMost("10,000 hosts are composed in at most 2 s", {
          figure: spreadOf(figuresOf(LARGE, "seconds")),
          most: 2,
          format: formatSeconds,
        }),
        atMost("100,000 hosts in 1,000 channels take at most 12 times as long", growth("seconds")),
        atMost("and at most 12 times as much memory", growth("peakMegabytes")),
      ],
    };
  },
};

async function composeInOwnProcess({ hosts, channels, budgetOfAll }: FleetSize): Promise<Composition> {
  const script = join(PROJECT, "bench/compose_once.ts");
  const args = [String(hosts), String(channels), ...budgetOfAll === true ? ["all"] : []];
  const printed = await expectRun([Deno.execPath(), "run", "-A", script, ...args], {
    env: Deno.env.toObject(),
  });
  return JSON.parse(printed);
}
