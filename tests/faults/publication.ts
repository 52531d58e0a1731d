/**
 * Faults at each system call of a publication: the process is killed there, or the call fails.
 *
 * @module
 */
import { join } from "@std/path";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { type Finished, PROJECT, run } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import {
  type Files,
  filesIn,
  inOrder,
  interrupt,
  textsIn,
  textsOf,
  writeFiles,
} from "../support/interrupted.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { trustOf } from "../support/trust.ts";
import { type Figures, inParallel, spread } from "./figures.ts";

const NOW = "2026-06-01T12:30:00Z";

/** The calls that change a directory, or can fail when it is to be changed. */
const CALLS = ["openat", "write", "chmod", "fsync", "link", "linkat", "rename", "unlink"];

/** A call of the program's main thread on the release directory. */
interface Point {
  readonly call: string;
  /** The how manieth of this call it is on that thread, from 1. */
  readonly when: number;
  /** And on the directory, from 0. */
  readonly nth: number;
}

/** A publication that faults are put into: over an earlier release, or where there is none. */
interface Scenario {
  readonly name: string;
  /** What is in the directory when the process starts. */
  readonly found: Files;
  /** The release before this one. */
  readonly before: Files;
  readonly release: Files;
  /** A fault that it always meets, at a call that no other is put at. */
  readonly meets?: string;
}

/** Releases on disk, and what verifies them. */
interface Bench {
  readonly strace: string;
  /** Holds the releases that are published, and the trust file. */
  readonly dir: string;
}

/** Puts faults at up to so many points of a publication of each kind. */
export async function publicationFaults(strace: string, most: number): Promise<Figures[]> {
  await using dir = await TemporaryDirectory.create();
  const signer = await newSigner();
  const old = await signedRelease({ signer, signedAt: "2026-06-01T12:00:00Z" });
  const release = await signedRelease({ signer, signedAt: "2026-06-01T12:10:00Z" });
  await writeReleases(join(dir.path, "releases.json"), [release]);
  await Deno.writeTextFile(
    join(dir.path, "trust.json"),
    JSON.stringify(trustOf({ current: signer.publicKey })),
  );
  const bench: Bench = { strace, dir: dir.path };
  const figures: Figures[] = [];
  for (
    const scenario of [
      { name: "first release", found: new Map(), before: new Map(), release },
      { name: "update", found: old, before: old, release },
    ]
  ) {
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
  const update = { found: old, before: old, release };
  const syncs = (await pointsOf(bench, { name: "", ...update })).filter(({ call }) => call === "fsync");
  // When all files have their places: the last one ends the journal.
  const meets = `fsync:error=EIO:when=${syncs.at(-2)!.when}`;
  for (
    const scenario of [
      await afterKill(signer, old, release),
      { name: "update that is taken back", ...update, meets },
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
async function afterKill(signer: Signer, old: Files, release: Files): Promise<Scenario> {
  await using place = await TemporaryDirectory.create();
  const between = await signedRelease({ signer, signedAt: "2026-06-01T12:05:00Z" });
  await writeFiles(place.path, old);
  await interrupt(place.path, between, between.size / 2);
  const before = new Map([...old, ...between]);
  return { name: "update after a kill", found: await filesIn(place.path), before, release };
}

async function writeTrust(dir: string, { publicKey }: Signer): Promise<void> {
  await Deno.writeTextFile(join(dir, "trust.json"), JSON.stringify(trustOf({ current: publicKey })));
}

/** Writes releases for the program that publishes them. */
async function writeReleases(path: string, releases: readonly Files[]): Promise<void> {
  const listed = releases.map((files) => inOrder(files).map((path) => [path, files.get(path)!.toBase64()]));
  await Deno.writeTextFile(path, JSON.stringify(listed));
}

/** Publishes in a process of its own, with a fault in it or none; gives where, how it ended, and its system calls. */
async function publish(
  { strace, dir }: Bench,
  { found, meets }: Scenario,
  fault?: string,
): Promise<Published> {
  const place = await TemporaryDirectory.create();
  const root = join(place.path, "releases");
  await writeFiles(root, found);
  const trace = join(place.path, "trace");
  const above = [strace, "-f", "-y", "-o", trace, "-e", `trace=${CALLS}`];
  for (const rule of [meets, fault]) if (rule !== undefined) above.push("-e", `inject=${rule}`);
  const finished = await run([...above, ...programFor(root, dir)], {
    cwd: place.path,
    env: Deno.env.toObject(),
  });
  const calls = callsIn(await Deno.readTextFile(trace));
  return { root, finished, calls, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** The program that publishes releases, and its arguments. */
function programFor(root: string, dir: string): string[] {
  const program = ["run", "-A", "--no-check", "--cached-only", "--frozen"];
  const path = join(PROJECT, "tests/faults/publish_release.ts");
  return [Deno.execPath(), ...program, path, root, join(dir, "releases.json")];
}

/** How the runtime's own calls can put a call before or behind the place that it had. */
const SHIFTS = [0, 0, 1, -1, 0, 2, -2, 1, -1, 0, 3, -3];

/** The same, tried until the fault is at this very call. */
async function publishWith(
  bench: Bench,
  scenario: Scenario,
  { call, when, nth }: Point,
  fault: string,
): Promise<Published | null> {
  for (const shift of SHIFTS) {
    const published = await publish(bench, scenario, `${call}:${fault}:when=${when + shift}`);
    const { root, calls } = published;
    const own = calls.filter(({ name, rest }) => name === call && rest.includes(root));
    const isThis = own[nth] !== undefined &&
      (fault.startsWith("signal")
        ? calls.filter(({ thread }) => thread === mainThread(calls, root)).at(-1) === own[nth]
        : own[nth].rest.includes("(INJECTED)"));
    if (isThis) return published;
    await published[Symbol.asyncDispose]();
  }
  return null;
}

/** A publication that has ended, in a directory that goes with it. */
interface Published extends AsyncDisposable {
  readonly root: string;
  readonly finished: Finished;
  readonly calls: readonly Call[];
}

/** A system call. */
interface Call {
  readonly thread: string;
  readonly name: string;
  /** Its arguments and result. */
  rest: string;
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

/** The thread that publishes: all threads make directories. */
function mainThread(calls: readonly Call[], root: string): string | undefined {
  return calls.find(({ name, rest }) => name !== "mkdir" && rest.includes(root))?.thread;
}

/** What `strace -f` wrote, with the two halves of a call that another thread's came between. */
function callsIn(trace: string): Call[] {
  const calls: Call[] = [];
  for (const line of trace.split("\n")) {
    const [, thread, name, rest] = /^(\d+) +(\w+)\((.*)/.exec(line) ?? [];
    if (thread !== undefined) calls.push({ thread, name: name!, rest: rest! });
    const [, resumed, end] = /^(\d+) +<\.\.\. \w+ resumed>(.*)/.exec(line) ?? [];
    const begun = resumed && calls.findLast((call) => call.thread === resumed);
    if (begun) begun.rest += end;
  }
  return calls;
}

/** What a reader finds, judged by `verify`. */
async function verify(bench: Pick<Bench, "dir">, root: string): Promise<Finished & { told: boolean }> {
  const result = await runInProcess(
    ["verify", root, "--trust-file", "trust.json", "--now", NOW],
    { cwd: bench.dir },
  );
  return { ...result, told: result.stderr.includes("or the run that did so was interrupted") };
}

/** What can be in the directory when it is whole: the release before, or the new one beside what it did not replace. */
function wholes({ before, release }: Scenario): Record<"old" | "new", Record<string, string>> {
  return { old: textsOf(before), new: { ...textsOf(before), ...textsOf(release) } };
}

async function wholeIn(root: string, scenario: Scenario): Promise<"old" | "new" | undefined> {
  const found = await textsIn(root);
  const whole = wholes(scenario);
  return same(found, whole.old) ? "old" : same(found, whole.new) ? "new" : undefined;
}

function same(a: Record<string, string>, b: Record<string, string>): boolean {
  const sorted = (record: Record<string, string>) => JSON.stringify(Object.entries(record).sort());
  return sorted(a) === sorted(b);
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
  if (whole === undefined) problems.push(`the next start leaves ${Object.keys(await textsIn(root))}`);
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
    await createReleaseDir(root, "/").recover();
    if (await wholeIn(root, scenario) !== "new") problems.push("it succeeds, and the release is not there");
  } else {
    if (code !== 1 || !/^io: Cannot .*"[^"]*(releases|json|journal)[^"]*"/.test(stderr)) {
      problems.push(stderr);
    }
    const whole = await wholeIn(root, scenario);
    if (whole !== "old") {
      problems.push(`the release before is not as it was: ${Object.keys(await textsIn(root))}`);
    }
  }
  return problems.map((problem) => `${at}: ${problem}`);
}

/** Reads a directory over and over while so many releases are put there. */
export async function readersDuring(releases: number): Promise<Figures> {
  await using dir = await TemporaryDirectory.create();
  const signer = await newSigner();
  const start = Temporal.Instant.from("2026-06-01T12:00:00Z");
  const signed: Files[] = [];
  for (let number = 0; number <= releases; number++) {
    signed.push(await signedRelease({ signer, signedAt: start.add({ seconds: number }).toString() }));
  }
  const root = join(dir.path, "releases");
  const bench = { dir: dir.path };
  await writeFiles(root, signed[0]!);
  await writeReleases(join(dir.path, "releases.json"), signed.slice(1));
  await writeTrust(dir.path, signer);
  let running = true;
  const writer = run(programFor(root, dir.path), { cwd: dir.path, env: Deno.env.toObject() })
    .finally(() => running = false);
  const [problems, count]: [string[], { whole: number; told: number }] = [[], { whole: 0, told: 0 }];
  while (running) {
    const { code, told, stdout, stderr } = await verify(bench, root);
    if (told) count.told++;
    else if (code === 0) count.whole++;
    else problems.push(`mixed: ${stdout}${stderr}`);
    // The end of the writer comes as an event.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { code, stderr } = await writer;
  if (code !== 0) problems.push(stderr);
  return {
    name: `reads during ${releases} releases`,
    tried: count.whole + count.told + problems.length,
    problems,
    note: `${count.whole} of a whole release, ${count.told} told of a publication`,
  };
}
