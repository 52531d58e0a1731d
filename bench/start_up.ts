/**
 * How long the program takes to do nothing.
 *
 * @module
 */
import { join } from "@std/path";
import { expectRun, PROJECT } from "../tests/support/command.ts";
import { PACKAGED, SharedFlake } from "../tests/support/nix_package.ts";
import { type Contestant, race } from "./race.ts";
import { type Benchmark, differences, formatRatio, formatSeconds, ratios, spreadOf } from "./report.ts";

const ABOUT =
  `\`fleet-release --version\` beside \`deno run\` of an empty file: what reading and checking the program costs.
- source: run from its sources, with all permissions
- package: as nix packages it, which asks first what a command line has to be permitted`;

export const startUpBenchmark: Benchmark = {
  name: "start-up",
  title: "Start-up",
  about: ABOUT,

  async run(quick) {
    const dir = await Deno.makeTempDir({ prefix: "fleet-release-bench-" });
    await using flake = new SharedFlake();
    try {
      const empty = join(dir, "empty.ts");
      await Deno.writeTextFile(empty, "");
      const contestants = {
        empty: command(Deno.execPath(), "run", "-A", empty),
        source: command(Deno.execPath(), "run", "-A", join(PROJECT, "src/main.ts"), "--version"),
        ...PACKAGED
          ? { package: command(join(await flake.package(), "bin/fleet-release"), "--version") }
          : {},
      };
      // The first time, Deno compiles what it runs and keeps the result.
      await race<string>(contestants, 1);
      const { empty: nothing, ...taken } = await race<string>(contestants, quick ? 5 : 20);
      return {
        table: [
          ["--version", "÷ empty file", "− empty file", "seconds", "empty file"],
          ...Object.entries(taken).map(([name, seconds]) => [
            name,
            formatRatio(ratios(seconds, nothing!)),
            formatSeconds(differences(seconds, nothing!)),
            formatSeconds(spreadOf(seconds)),
            formatSeconds(spreadOf(nothing!)),
          ]),
        ],
        aims: [],
      };
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
};

function command(...argv: string[]): Contestant {
  return { run: async () => void await expectRun(argv, { env: Deno.env.toObject() }) };
}
