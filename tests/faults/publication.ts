/**
 * Faults at each system call of a publication: the process is killed there, or the call fails.
 *
 * @module
 */
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { filesIn, interrupt, writeFiles } from "../support/interrupted.ts";
import { signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import {
  type Bench,
  mainThread,
  openBench,
  publish,
  type Published,
  type Scenario,
  verify,
  wholeIn,
} from "./bench.ts";
import { type Figures, inParallel, spread } from "./figures.ts";

/** A call of the program's main thread on the release directory. */
interface Point {
  readonly call: string;
  /** The how manieth of this call it is on that thread, from 1. */
  readonly when: number;
  /** And on the directory, from 0. */
  readonly nth: number;
}

/** Puts faults at up to so many points of a publication of each kind. */
export async function publicationFaults(strace: string, most: number): Promise<Figures[]> {
  await using bench = await openBench(strace);
  const { update, pruning } = bench;
  const figures: Figures[] = [];
  const first = { ...update, name: "first release", found: new Map(), before: new Map() };
  for (const scenario of [first, update, pruning]) {
    const points = await pointsOf(bench, scenario);
    figures.push(
      await inParallel(
        `SIGKILL, ${scenario.name}`,
        spread(points, most),
        (point) => killed(bench, scenario, point),
      ),
    );
    for (const error of ["EIO", "ENOSPC", "EACCES"]) {
      figures.push(
        await inParallel(
          `${error}, ${scenario.name}`,
          spread(points, most),
          (point) => failed(bench, scenario, point, error),
        ),
      );
    }
  }
  const syncs = (await pointsOf(bench, update)).filter(({ call }) => call === "fsync");
  // When all files have their places: the last one ends the journal.
  const meets = `fsync:error=EIO:when=${syncs.at(-2)!.when}`;
  for (
    const scenario of [
      await afterKill(bench),
      { ...update, name: "update that is taken back", meets },
    ]
  ) {
    const points = (await pointsOf(bench, scenario)).filter(({ call }) => !scenario.meets?.startsWith(call));
    figures.push(
      await inParallel(
        `SIGKILL, ${scenario.name}`,
        spread(points, most),
        (point) => killed(bench, scenario, point),
      ),
    );
  }
  return figures;
}

/** A publication over another one that was interrupted in the middle: the process first finishes that one. */
async function afterKill({ signer, update }: Bench): Promise<Scenario> {
  await using place = await TemporaryDirectory.create();
  const between = await signedRelease({ signer, signedAt: "2026-06-01T12:05:00Z" });
  await writeFiles(place.path, update.before);
  await interrupt(place.path, between, between.size / 2);
  const before = new Map([...update.before, ...between]);
  return { ...update, name: "update after a kill", found: await filesIn(place.path), before };
}

/** The same, tried until the fault is at this very call: calls of the runtime's own come in between as they like. */
async function publishWith(
  bench: Bench,
  scenario: Scenario,
  { call, when, nth }: Point,
  fault: string,
): Promise<Published | null> {
  for (let [at, tries] = [when, 0]; tries < 20; tries++) {
    const published = await publish(bench, scenario, { rule: `${call}:${fault}:when=${at}` });
    const { root, calls } = published;
    const own = calls.filter(({ name, rest }) => name === call && rest.includes(root));
    const last = calls.filter(({ thread }) => thread === mainThread(calls, root)).at(-1);
    // What was hit: which of these calls, or one between it and the next.
    const hit = fault.startsWith("signal")
      ? own.length - (last === own.at(-1) ? 1 : 0.5)
      : own.findIndex(({ rest }) => rest.includes("(INJECTED)"));
    // A thread of the runtime's own may have been hit as well: each counts for itself.
    const isAlone = calls.filter(({ rest }) => rest.includes("(INJECTED)")).length <= 1;
    if (hit === nth && isAlone) return published;
    await published[Symbol.asyncDispose]();
    at = hit === -1
      ? when + tries % 7 - 3
      : Math.max(1, at + Math.sign(nth - hit) * Math.ceil(Math.abs(nth - hit)));
  }
  return null;
}

/** The calls of a publication on its directory, in their order. */
async function pointsOf(bench: Bench, scenario: Scenario): Promise<Point[]> {
  // The first time, the runtime compiles what it keeps for the next.
  await (await publish(bench, scenario))[Symbol.asyncDispose]();
  await using published = await publish(bench, scenario);
  const { root, calls, finished } = published;
  if (finished.code !== (scenario.meets === undefined ? 0 : 1)) throw new Error(finished.stderr);
  const main = mainThread(calls, root);
  const counts = new Map<string, number>();
  const points: Point[] = [];
  for (const { thread, name, rest } of calls) {
    if (thread !== main) continue;
    const when = (counts.get(name) ?? 0) + 1;
    counts.set(name, when);
    const nth = points.filter(({ call }) => call === name).length;
    if (rest.includes(root)) points.push({ call: name, when, nth });
  }
  return points;
}

/** Kills the process at a call: readers find a whole release or are told, and the next start makes it whole. */
async function killed(bench: Bench, scenario: Scenario, point: Point): Promise<string[]> {
  await using published = await publishWith(bench, scenario, point, "signal=SIGKILL");
  const at = `${point.call} ${point.nth}`;
  if (published === null) return [`${at}: nothing was killed`];
  const { root } = published;
  const problems: string[] = [];
  const visible = await filesIn(root).then((files) =>
    [...files.keys()].filter((path) => !path.includes(".fleet-"))
  );
  const seen = await verify(bench, root);
  if (seen.code !== 0 && !seen.told && visible.length > 0) {
    problems.push(`a reader is not told: ${seen.stdout}`);
  }
  await createReleaseDir(root, "/").recover();
  const whole = await wholeIn(root, scenario);
  if (whole === undefined) {
    problems.push(`the next start leaves ${Object.keys(Object.fromEntries(await filesIn(root)))}`);
  }
  const after = await verify(bench, root);
  const hasNone = whole === "old" && scenario.before.size === 0;
  if (after.told || (after.code !== 0 && !hasNone)) {
    problems.push(`verify then: ${after.stdout}${after.stderr}`);
  }
  return problems.map((problem) => `${at}: ${problem}`);
}

/** Has a call fail: the process says so and leaves the release before, unless the new one is published already. */
async function failed(bench: Bench, scenario: Scenario, point: Point, error: string): Promise<string[]> {
  await using published = await publishWith(bench, scenario, point, `error=${error}`);
  const at = `${point.call} ${point.nth} ${error}`;
  if (published === null) return [`${at}: nothing failed`];
  const { root, finished: { code, stderr } } = published;
  const problems: string[] = [];
  if (code === 0) {
    // A link has a copy in its place, and what is left behind a publication is the next one's to remove.
    if (stderr.startsWith("left-files: ")) {
      await using next = await publish(bench, scenario, undefined, root);
      if (next.finished.stderr !== "") problems.push(next.finished.stderr);
    } else await createReleaseDir(root, "/").recover();
    if (await wholeIn(root, scenario) !== "new") problems.push("it succeeds, and the release is not there");
  } else {
    if (code !== 1 || !/^io: Cannot .*"[^"]*(releases|json|journal)[^"]*"/.test(stderr)) {
      problems.push(stderr);
    }
    const whole = await wholeIn(root, scenario);
    if (whole !== "old") {
      problems.push(
        `the release before is not as it was: ${Object.keys(Object.fromEntries(await filesIn(root)))}`,
      );
    }
  }
  return problems.map((problem) => `${at}: ${problem}`);
}
