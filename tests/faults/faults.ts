/**
 * Kills, disk errors and readers at the worst of times, and what runs make of damage, of years and of other machines.
 *
 *     deno task faults [SIZE]    SIZE: how many of each kind, by default all. Exits with 1 when something did not hold, and
 *                                says where.
 *
 * @module
 */
import { STRACE } from "../support/strace.ts";
import { damages } from "./damage.ts";
import type { Figures } from "./figures.ts";
import { gitSteps } from "./git_steps.ts";
import { lockFaults } from "./lock.ts";
import { powerCutBehindCommit, powerCuts } from "./power_cut.ts";
import { publicationFaults } from "./publication.ts";
import { readersDuring } from "./readers.ts";
import { gitReadersDuring, runsAtOnce } from "./runs.ts";
import { sameReleases } from "./same.ts";
import { aYear } from "./year.ts";

/** All faults, in the order in which they are tried. */
async function faults(size: number): Promise<Figures[]> {
  const without = [
    await readersDuring(Math.min(size, 100)),
    await gitReadersDuring(Math.min(size, 300)),
    await runsAtOnce(Math.min(Math.ceil(size / 3), 25)),
    await sameReleases(size),
    ...await damages(size),
    ...await aYear(size),
  ];
  if (STRACE === undefined) {
    return [...without, { name: "publication", tried: 0, problems: [], skipped: "needs strace" }];
  }
  return [
    ...without,
    ...await publicationFaults(STRACE, size),
    await lockFaults(STRACE, size),
    ...await gitSteps(STRACE, size),
    await powerCuts(STRACE, size),
    await powerCutBehindCommit(),
  ];
}

/** What is printed of faults of one kind. */
function linesOf({ name, tried, problems, skipped, note }: Figures): string[] {
  const held = skipped === undefined ? `${tried - problems.length} of ${tried} held` : `skipped: ${skipped}`;
  return [
    `${name}: ${held}${note === undefined ? "" : `, ${note}`}`,
    ...problems.map((problem) => `  ${problem}`),
  ];
}

if (import.meta.main) {
  const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const [size = "Infinity"] = Deno.args;
  if (!(Number(size) >= 1)) {
    print("usage: deno task faults [SIZE]");
    Deno.exit(2);
  }
  const start = performance.now();
  const figures = await faults(Number(size));
  figures.flatMap(linesOf).forEach(print);
  print(`${Math.round((performance.now() - start) / 1000)} s`);
  Deno.exit(figures.some(({ problems }) => problems.length > 0) ? 1 : 0);
}
