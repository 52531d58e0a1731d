/**
 * Releases that are published in processes of their own, and what is made of the directory then.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { equalBytes } from "../../src/bytes.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { type Finished, PROJECT, run } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import { type Files, filesIn, inOrder, writeFiles } from "../support/interrupted.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { trustOf } from "../support/trust.ts";

const NOW = "2026-06-01T12:30:00Z";

/** The calls that change a directory, or can fail when it is to be changed. */
const CALLS = [
  ...["openat", "write", "chmod", "fsync", "link", "linkat", "rename", "unlink"],
  // Of the lock.
  ...["flock", "ftruncate"],
];

/** A publication that faults are put into: over an earlier release, or where there is none. */
export interface Scenario {
  readonly name: string;
  /** What is in the directory when the process starts. */
  readonly found: Files;
  /** The release before this one. */
  readonly before: Files;
  readonly release: Files;
  /** Whether the earlier release's manifests go, and the sidecar that this one has not. */
  readonly prunes?: boolean;
  /** A fault that it always meets, at a call that no other is put at. */
  readonly meets?: string;
}

/** Releases on disk, and what verifies them. */
export interface Bench extends AsyncDisposable {
  readonly strace: string;
  /** Holds the releases that are published, and the trust file. */
  readonly dir: string;
  readonly signer: Signer;
  readonly update: Scenario;
  /** An update after which nothing of the release before is left. */
  readonly pruning: Scenario;
}

/** A publication that has ended, in a directory that goes with it. */
export interface Published extends AsyncDisposable {
  readonly root: string;
  readonly finished: Finished;
  readonly calls: readonly Call[];
}

/** A fault that is put into a process. */
export interface Fault {
  /** What strace is told: the call, what becomes of it, and the how manieth of a thread it is. */
  readonly rule: string;
  /** The one file that it is at, by the release directory; undefined: any. */
  readonly only?: (root: string) => string;
}

/** A system call. */
export interface Call {
  readonly thread: string;
  readonly name: string;
  /** Its arguments and result. */
  rest: string;
}

/** Makes a bench, with an update to try things on. */
export async function openBench(strace: string): Promise<Bench> {
  const place = await TemporaryDirectory.create();
  const signer = await newSigner();
  const before = await signedRelease({ signer, signedAt: "2026-06-01T12:00:00Z" });
  const release = await signedRelease({ signer, signedAt: "2026-06-01T12:10:00Z" });
  await writeReleases(place.path, [release]);
  await writeTrust(place.path, signer);
  const update = { name: "update", found: before, before, release };
  const fewer = new Map([...release].filter(([path]) => !path.startsWith("bootstrap-nonces")));
  await writeReleases(place.path, [fewer], PRUNED);
  const pruning = { ...update, name: "update that removes", release: fewer, prunes: true };
  return {
    strace,
    signer,
    dir: place.path,
    update,
    pruning,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** Writes the trust file that `verify` goes by. */
export async function writeTrust(dir: string, { publicKey }: Signer): Promise<void> {
  await Deno.writeTextFile(join(dir, "trust.json"), JSON.stringify(trustOf({ current: publicKey })));
}

const [RELEASES, PRUNED] = ["releases.json", "pruned.json"] as const;

/** Writes releases for the program that publishes them. */
export async function writeReleases(
  dir: string,
  releases: readonly Files[],
  name: typeof RELEASES | typeof PRUNED = RELEASES,
): Promise<void> {
  const listed = releases.map((files) => inOrder(files).map((path) => [path, files.get(path)!.toBase64()]));
  await Deno.writeTextFile(join(dir, name), JSON.stringify(listed));
}

/**
 * Publishes in a process of its own, with a fault in it or none; gives where, how it ended, and its system calls.
 *
 * @param there The release directory, when it is there already
 */
export async function publish(
  { strace, dir }: Bench,
  { found, meets, prunes }: Scenario,
  fault?: Fault,
  there?: string,
): Promise<Published> {
  const place = await TemporaryDirectory.create();
  const root = there ?? join(place.path, "releases");
  if (there === undefined) await writeFiles(root, found);
  const trace = join(place.path, "trace");
  const above = [strace, "-f", "-y", "-o", trace, "-e", `trace=${CALLS}`];
  for (const rule of [meets, fault?.rule]) if (rule !== undefined) above.push("-e", `inject=${rule}`);
  if (fault?.only !== undefined) above.push("-P", fault.only(root));
  const finished = await run([...above, ...programFor(root, dir, prunes)], {
    cwd: place.path,
    env: Deno.env.toObject(),
  });
  const calls = callsIn(await Deno.readTextFile(trace));
  // It may have been stopped before it made that.
  await ensureDir(root);
  return { root, finished, calls, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** The program that publishes releases, and its arguments. */
export function programFor(root: string, dir: string, prunes = false): string[] {
  const settings = prunes
    ? { revocationsAttr: "r", keepReleases: 1, pruneSidecars: true }
    : { revocationsAttr: "r", bootstrapNoncesAttr: "n", keepReleases: Number.MAX_SAFE_INTEGER };
  const program = ["run", "-A", "--no-check", "--cached-only", "--frozen"];
  const path = join(PROJECT, "tests/faults/publish_release.ts");
  const source = join(dir, prunes ? PRUNED : RELEASES);
  return [Deno.execPath(), ...program, path, root, source, JSON.stringify(settings)];
}

/** The thread that publishes: all threads make directories. */
export function mainThread(calls: readonly Call[], root: string): string | undefined {
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
export async function verify(bench: Pick<Bench, "dir">, root: string): Promise<Finished & { told: boolean }> {
  const result = await runInProcess(
    ["verify", root, "--trust-file", "trust.json", "--now", NOW],
    { cwd: bench.dir },
  );
  return { ...result, told: result.stderr.includes("or the run that did so was interrupted") };
}

/** Which release is in a directory, byte for byte and with nothing else: the one before, or the new one beside it. */
export async function wholeIn(
  root: string,
  { before, release, prunes }: Scenario,
): Promise<"old" | "new" | undefined> {
  const found = await filesIn(root);
  if (same(found, before)) return "old";
  return same(found, new Map([...prunes ? [] : before, ...release])) ? "new" : undefined;
}

function same(a: Files, b: Files): boolean {
  return a.size === b.size &&
    [...a].every(([path, bytes]) => equalBytes(bytes, b.get(path) ?? new Uint8Array()));
}
