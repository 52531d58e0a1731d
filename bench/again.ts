/**
 * How long a second release takes on a commit that was released before.
 *
 * @module
 */
import { BenchFleet, namesOf } from "./fleet.ts";
import { race } from "./race.ts";
import {
  atMost,
  type Benchmark,
  differences,
  formatRatio,
  formatSeconds,
  ratios,
  spreadOf,
} from "./report.ts";

const ABOUT =
  `A fleet of 100 light hosts, released twice on one commit, as when a run is tried again, beside the bare
commands, also run twice on one commit. All closures are built already.`;

export const againBenchmark: Benchmark = {
  name: "again",
  title: "A second release of a commit",
  about: ABOUT,

  async run(quick) {
    await using fleet = await BenchFleet.create(namesOf("light", 100));
    const prepare = () => fleet.freshCommit();
    await prepare();
    await fleet.release();
    const release = async () => void await fleet.release();
    const bare = () => fleet.bareCommands();
    const taken = await race({
      first: { prepare, run: release },
      second: { run: release },
      bareFirst: { prepare, run: bare },
      bareSecond: { run: bare },
    }, quick ? 2 : 5);
    const row = (run: string, ours: readonly number[], bare: readonly number[]) => [
      run,
      formatRatio(ratios(ours, bare)),
      formatSeconds(differences(ours, bare)),
      formatSeconds(spreadOf(ours)),
      formatSeconds(spreadOf(bare)),
    ];
    return {
      table: [
        ["run", "release ÷ bare", "release − bare", "release", "bare"],
        row("first", taken.first, taken.bareFirst),
        row("second", taken.second, taken.bareSecond),
      ],
      aims: [
        atMost("a second release of a commit takes at most 0.20 s more than the bare commands", {
          figure: differences(taken.second, taken.bareSecond),
          most: 0.2,
          format: formatSeconds,
        }),
      ],
    };
  },
};
