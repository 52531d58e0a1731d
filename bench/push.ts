/**
 * How long closures take to be pushed by a hook that is slow.
 *
 * @module
 */
import { BenchFleet, namesOf, type Released } from "./fleet.ts";
import { atMost, type Benchmark, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

export const pushBenchmark: Benchmark = {
  name: "push",
  title: "Pushing",
  about:
    "The closures of 12 hosts, with a hook that sleeps for a second, beside `--push-jobs 1`. What is measured is the " +
    "stage that pushes.",

  async run(quick) {
    await using fleet = await BenchFleet.create(namesOf("light", 12));
    await fleet.freshCommit();
    await fleet.release();
    const [several, one]: [number[], number[]] = [[], []];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      several.push(secondsOfPush(await fleet.release("--push-cmd", "sleep 1")));
      one.push(secondsOfPush(await fleet.release("--push-cmd", "sleep 1", "--push-jobs", "1")));
    }
    return {
      table: [
        ["one at a time ÷ as by default", "as by default", "one at a time"],
        [formatRatio(ratios(one, several)), formatSeconds(spreadOf(several)), formatSeconds(spreadOf(one))],
      ],
      aims: [
        atMost("twelve pushes of a second take at most 3.6 s", {
          figure: spreadOf(several),
          most: 3.6,
          format: formatSeconds,
        }),
      ],
    };
  },
};

function secondsOfPush({ stages }: Released): number {
  const found = stages.find(({ stage }) => stage === "push");
  if (found === undefined) throw new Error("The release has pushed nothing");
  return found.seconds;
}
