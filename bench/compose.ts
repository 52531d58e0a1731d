/**
 * How long composing a release takes, and how much memory.
 *
 * @module
 */
import { join } from "@std/path";
import { expectRun, PROJECT } from "../tests/support/command.ts";
import type { Composition } from "./compose_once.ts";
import { type Benchmark, formatMegabytes, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

const ABOUT = `\`composeRelease()\`, each time in a process of its own, beside
- plain: JSON.parse, JSON.stringify and SHA-256 of the same files, which is what it cannot do without
10 hosts on a channel up to 100 channels, then more on each; 3 waves on a channel; a budget of every selector.`;

export const composeBenchmark: Benchmark = {
  name: "compose",
  title: "Composing",
  about: ABOUT,

  async run(quick) {
    const sizes = quick ? [100, 10_000] : [100, 1_000, 10_000];
    const runs = new Map(sizes.map((hosts) => [hosts, [] as Composition[]]));
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      for (const [hosts, compositions] of runs) compositions.push(await composeInOwnProcess(hosts));
    }
    const rows = [...runs].map(([hosts, compositions]) => {
      const compose = compositions.map(({ seconds }) => seconds);
      const plain = compositions.map(({ plainSeconds }) => plainSeconds);
      const [{ files, bytes }] = compositions as [Composition];
      return [
        String(hosts),
        formatRatio(ratios(compose, plain)),
        formatSeconds(spreadOf(compose)),
        formatSeconds(spreadOf(plain)),
        `${files} files, ${(bytes / 1e6).toFixed(1)} MB`,
        formatMegabytes(spreadOf(compositions.map(({ peakMegabytes }) => peakMegabytes))),
      ];
    });
    const largest = spreadOf(runs.get(10_000)!.map(({ seconds }) => seconds));
    return {
      table: [["hosts", "compose ÷ plain", "compose", "plain", "written", "peak memory"], ...rows],
      aims: [{
        aim: "10,000 hosts are composed in at most 2 s",
        figure: formatSeconds(largest),
        met: largest.median <= 2,
      }],
    };
  },
};

async function composeInOwnProcess(hosts: number): Promise<Composition> {
  const script = join(PROJECT, "bench/compose_once.ts");
  const printed = await expectRun([Deno.execPath(), "run", "-A", script, String(hosts)], {
    env: Deno.env.toObject(),
  });
  return JSON.parse(printed);
}
