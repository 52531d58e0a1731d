/**
 * Errors of the system at each call on the lock of a run.
 *
 * @module
 */
import { lockFilesOf } from "../../src/adapters/lookup.ts";
import { type Bench, openBench, publish, wholeIn } from "./bench.ts";
import { type Figures, inParallel, spread } from "./figures.ts";

/** The calls that take a lock, say who holds it, and free it. */
const CALLS = ["openat", "flock", "ftruncate", "write", "unlink"];
const ERRORS = ["EIO", "ENOSPC", "EACCES"];

/** Has up to so many calls on the lock fail: the run does nothing, or all. */
export async function lockFaults(strace: string, most: number): Promise<Figures> {
  await using bench = await openBench(strace);
  const cases = CALLS.flatMap((call) => ERRORS.map((error) => ({ call, error })));
  return await inParallel("errors at the lock, update", spread(cases, most), (one) => failed(bench, one));
}

async function failed(
  bench: Bench,
  { call, error }: { readonly call: string; readonly error: string },
): Promise<string[]> {
  const problems: string[] = [];
  // Its calls are made on any thread: they are told apart by their file.
  const only = (root: string) => lockFilesOf(root, root).directory[0]!;
  const published = await publish(bench, bench.update, { rule: `${call}:error=${error}`, only });
  await using _ = published;
  const { root, finished: { code, stderr }, calls } = published;
  if (!calls.some(({ rest }) => rest.includes("(INJECTED)"))) problems.push("nothing failed");
  const whole = await wholeIn(root, bench.update);
  const isSaid = stderr.startsWith("io: ") && stderr.includes(only(root));
  if (code === 0 ? whole !== "new" : !isSaid || whole !== "old") {
    problems.push(`exit code ${code}, with the release ${whole}: ${stderr}`);
  }
  // What is left of a lock locks nothing.
  await using next = await publish(bench, bench.update, undefined, root);
  if (next.finished.code !== 0) problems.push(`the next run: ${next.finished.stderr}`);
  return problems.map((problem) => `${call} ${error}: ${problem}`);
}
