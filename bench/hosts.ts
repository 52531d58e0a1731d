/**
 * How long a release takes, for hosts that are light to evaluate and for hosts that are heavy.
 *
 * @module
 */
import { SYSTEM } from "../tests/support/command.ts";
import { BenchFleet } from "./fleet.ts";
import { race } from "./race.ts";
import { type Benchmark, formatRatio, formatSeconds, ratios, type Report, spreadOf } from "./report.ts";

const ABOUT = `A whole release, with a sign command that writes 64 zeros and no push, beside
- bare: \`nix flake metadata\`, one \`nix eval\` of all hosts, one \`nix-store --realise\` of all derivations
- each: one \`nix build\` for each host, one after the other
Every run has a commit of its own, so that nix has evaluated nothing before. All closures are built already.`;

const HEADER = ["hosts", "release ÷ bare", "each ÷ release", "release", "bare", "each"];

export const lightBenchmark: Benchmark = {
  name: "light",
  title: "Light hosts",
  about: `${ABOUT}\nEvaluating a host takes next to nothing.`,

  async run(quick) {
    const sizes = quick ? [{ hosts: 10, rounds: 3 }, { hosts: 50, rounds: 3 }] : [
      { hosts: 1, rounds: 7 },
      { hosts: 10, rounds: 7 },
      { hosts: 50, rounds: 5 },
      { hosts: 200, rounds: 3 },
    ];
    const results = [];
    for (const { hosts, rounds } of sizes) results.push(await measure(names("light", hosts), rounds));
    const fifty = results.find(({ hosts }) => hosts === 50)!;
    return report(results, {
      aim: "the release of 50 light hosts is at least 5 times as fast as one build for each",
      figure: `${formatRatio(fifty.eachToRelease)} times`,
      met: fifty.eachToRelease.median >= 5,
    });
  },
};

export const heavyBenchmark: Benchmark = {
  name: "heavy",
  title: "Heavy hosts",
  about: `${ABOUT}\nEvaluating a host takes half a second or more, and some hundred megabytes.`,

  async run(quick) {
    const text = await Deno.readTextFile(new URL("fixtures/heavy.nix", import.meta.url));
    const flake = text.replace("x86_64-linux", SYSTEM);
    // Two, since hosts that are too few for all cores are easily put into one process.
    const few = await measure(names("heavy", 2), quick ? 2 : 5, flake);
    const many = await measure(names("heavy", 12), quick ? 1 : 3, flake);
    return report([few, many], {
      aim: "the release of heavy hosts is never slower than one build for each",
      figure: `${formatRatio(few.eachToRelease)} and ${formatRatio(many.eachToRelease)} times as fast`,
      met: few.eachToRelease.least >= 1 && many.eachToRelease.least >= 1,
    });
  },
};

type Result = Awaited<ReturnType<typeof measure>>;

async function measure(hosts: string[], rounds: number, flake?: string) {
  await using fleet = await BenchFleet.create(hosts, flake);
  const prepare = () => fleet.freshCommit();
  // Builds all closures, and lets Deno compile the program.
  await prepare();
  await fleet.release();
  const { release, bare, each } = await race({
    release: { prepare, run: () => fleet.release() },
    bare: { prepare, run: () => fleet.bareCommands() },
    each: { prepare, run: () => fleet.buildEach() },
  }, rounds);
  return {
    hosts: hosts.length,
    releaseToBare: ratios(release, bare),
    eachToRelease: ratios(each, release),
    seconds: [release, bare, each].map(spreadOf),
  };
}

function report(results: readonly Result[], aim: Report["aims"][number]): Report {
  const rows = results.map(({ hosts, releaseToBare, eachToRelease, seconds }) => [
    String(hosts),
    formatRatio(releaseToBare),
    formatRatio(eachToRelease),
    ...seconds.map(formatSeconds),
  ]);
  return { table: [HEADER, ...rows], aims: [aim] };
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${String(index).padStart(3, "0")}`);
}
