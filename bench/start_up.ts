/**
 * How long the program takes to do nothing.
 *
 * @module
 */
import { join } from "@std/path";
import { expectRun, PROJECT } from "../tests/support/command.ts";
import { race } from "./race.ts";
import { type Benchmark, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

export const startUpBenchmark: Benchmark = {
  name: "start-up",
  title: "Start-up",
  about:
    "`fleet-release --version` beside `deno run` of an empty file: what reading and checking the program costs.",

  async run(quick) {
    const dir = await Deno.makeTempDir({ prefix: "fleet-release-bench-" });
    try {
      const empty = join(dir, "empty.ts");
      await Deno.writeTextFile(empty, "");
      const deno = (script: string, ...args: string[]) => async () => {
        await expectRun([Deno.execPath(), "run", "-A", script, ...args], { env: Deno.env.toObject() });
      };
      const contestants = {
        version: { run: deno(join(PROJECT, "src/main.ts"), "--version") },
        empty: { run: deno(empty) },
      };
      // The first time, Deno compiles both and keeps the result.
      await race(contestants, 1);
      const { version, empty: nothing } = await race(contestants, quick ? 5 : 20);
      return {
        table: [
          ["--version ÷ empty file", "--version", "empty file"],
          [
            formatRatio(ratios(version, nothing)),
            formatSeconds(spreadOf(version)),
            formatSeconds(spreadOf(nothing)),
          ],
        ],
        aims: [],
      };
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
};
