/**
 * How fast the program is, beside what any producer of releases has to do: `deno task bench`.
 *
 * Machines differ, and so do their moods, so what counts is the ratios between commands that ran in turns within one
 * run of this. docs/benchmark.md tells what is measured and why.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { processWorld } from "../src/world.ts";
import { expectRun, which } from "../tests/support/command.ts";
import { againBenchmark } from "./again.ts";
import { composeBenchmark } from "./compose.ts";
import { heavyBenchmark, lightBenchmark } from "./hosts.ts";
import { pushBenchmark } from "./push.ts";
import { type Aim, type Benchmark, formatTable } from "./report.ts";
import { startUpBenchmark } from "./start_up.ts";
import { trustBenchmark } from "./trust.ts";
import { unbuiltBenchmark } from "./unbuilt.ts";

const { stdout } = processWorld();
const printData = (text: string) => stdout.write(`${text}\n`);

const BENCHMARKS: readonly Benchmark[] = [
  startUpBenchmark,
  lightBenchmark,
  againBenchmark,
  heavyBenchmark,
  unbuiltBenchmark,
  pushBenchmark,
  composeBenchmark,
  trustBenchmark,
];
const NAMES = BENCHMARKS.map(({ name }) => name);

const USAGE = `usage: deno task bench [--quick] [--only NAME]

  --quick      fewer rounds and fewer sizes: a first impression, in a quarter of the time
  --only NAME  one benchmark of these, and again for another: ${NAMES.join(", ")}`;

/** Runs the benchmarks that the arguments name, and gives the exit code: an aim that is missed is no failure. */
async function main(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const options = parseArgs([...args], {
    boolean: ["quick", "help"],
    string: ["only"],
    collect: ["only"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (options["help"]) {
    printData(USAGE);
    return 0;
  }
  const only = options["only"] as string[];
  const problems = [
    ...unknown.map((arg) => `unknown argument "${arg}"`),
    ...only.filter((name) => !NAMES.includes(name)).map((name) => `unknown benchmark "${name}"`),
  ];
  if (problems.length > 0) {
    printData(`${problems.join("\n")}\n\n${USAGE}`);
    return 1;
  }
  await shareCache();
  const nix = await expectRun([which("nix"), "--version"], { env: Deno.env.toObject() });
  printData(`Deno ${Deno.version.deno}, ${nix.trim()}, ${navigator.hardwareConcurrency} cores\n`);
  const aims: Aim[] = [];
  for (const { name, title, about, run } of BENCHMARKS) {
    if (only.length > 0 && !only.includes(name)) continue;
    printData(`${title}\n\n${about}\n`);
    const report = await run(options["quick"] as boolean);
    printData(`${formatTable(report.table)}\n`);
    aims.push(...report.aims);
  }
  for (const { aim, figure, met } of aims) {
    printData(`${met ? "aim met   " : "aim missed"}  ${aim}: ${figure}`);
  }
  return 0;
}

/** The releases run with a home of their own, in which Deno would look for its cache in vain. */
async function shareCache(): Promise<void> {
  if (Deno.env.has("DENO_DIR")) return;
  const info = await expectRun([Deno.execPath(), "info", "--json"], { env: Deno.env.toObject() });
  Deno.env.set("DENO_DIR", JSON.parse(info).denoDir);
}

Deno.exitCode = await main(Deno.args);
