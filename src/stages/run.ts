/**
 * A run: what all of its stages are given, and how one of them is run.
 *
 * @module
 */
import { join, relative } from "@std/path";
import type { ReleaseConfig } from "../config.ts";
import { BOOTSTRAP_NONCES_FILE, RELEASE_INDEX_FILE, REVOCATIONS_FILE } from "../contract/layout.ts";
import { compareTimestamps, milliseconds, wholeSeconds } from "../contract/time.ts";
import type { FleetResolved, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { HostWork, SigningKey, Warn, Warning } from "../model.ts";
import { type Attributes, parseAttributes } from "../plan/attributes.ts";
import type { Changes } from "../plan/changes.ts";
import type {
  Clock,
  HostState,
  Log,
  LookingPorts,
  PlanningPorts,
  Ports,
  ReadableReleaseDir,
  Repository,
  Stage,
} from "../ports.ts";
import { quoteList } from "../text.ts";
import { Interruption, type Progress } from "./interruption.ts";

/** What the stages are given that look at a flake, and sign, write and push nothing. */
export interface Look {
  readonly config: ReleaseConfig;
  /** Where flakes say what. */
  readonly attributes: Attributes;
  /** The documents that the release has beside its fleet and its manifests, by their paths. */
  readonly sidecars: readonly string[];
  readonly ports: LookingPorts;
  /** The signing time: what pins, nonces and keys expire by. */
  readonly now: Timestamp;
  /** Who says so. */
  readonly timeFrom: "clock" | "--now" | "SOURCE_DATE_EPOCH";
  /** Tells the user of something, at once and in the result. */
  readonly warn: Warn;
  /** Runs a stage, beside those that run already: announces it, takes its time, and tells its result. */
  readonly stage: RunStage;
  /** Tells what becomes of the work on a host, and keeps how long it took. `since`: the clock's milliseconds of a start. */
  readonly host: (work: HostWork, name: string, state: HostState, since?: number) => void;
  /** Keeps what is found out, for those who show the run: what it comes to does not say it. */
  readonly show: (seen: Partial<Seen>) => void;
  /** What has been noted so far. */
  readonly notes: Notes;
}

/** What the stages are given that read what was released before, too. */
export interface Reading extends Look {
  readonly ports: LookingPorts & { readonly releaseDir: ReadableReleaseDir };
}

/** What the stages of a plan are given. */
export interface Planning extends Reading {
  readonly ports: PlanningPorts;
}

/** What every stage of a release is given. */
export interface Run extends Look {
  readonly ports: Ports;
}

/** What a run finds out that its result does not say. */
export interface Seen {
  /** The fleet that is released: as it evaluates, and then with its closures. */
  readonly fleet: FleetResolved | null;
  /** The key that has signed it; null: nobody has, or only a command knows. */
  readonly key: SigningKey | null;
  /** What it changes against the last release; null: it has not been compared. */
  readonly changes: Changes | null;
}

/** What a run notes for its result, and beside it. */
export interface Notes extends Seen {
  readonly warnings: readonly Warning[];
  readonly stages: readonly StageTime[];
  /** Seconds of work, by the host. */
  readonly seconds: ReadonlyMap<string, Readonly<Partial<Record<HostWork, number>>>>;
  /** The stages that are running, or have failed; when none is, the last that has begun. */
  readonly at: Progress["at"];
}

/** How long a stage took. */
export interface StageTime {
  /** Name of the stage. */
  readonly stage: string;
  /** Seconds, to the millisecond. */
  readonly seconds: number;
}

/** What a stage is called, and how its result reads. */
export interface StageSpec<T> {
  /** Stable name, for programs. */
  readonly name: string;
  /** What it is doing, as in `Building 9 hosts`. */
  readonly title: string;
  /** How many hosts it works on; undefined: it is at none. */
  readonly hosts?: number | undefined;
  /** What it has done, as in `Built 9 hosts`. */
  readonly done: (result: T) => string;
  /** Whether nothing may end it half done. */
  readonly whole?: boolean;
  /** How long it may take. */
  readonly limit?: TimeLimit | undefined;
}

/** A limit of time for a stage, which ends the run. */
export interface TimeLimit {
  /** Undefined: none. */
  readonly seconds: number | undefined;
  /** The option that says it. */
  readonly option: string;
  /** The kind of the error. */
  readonly kind: "evaluation" | "build";
  /** Until then the stage waits for others, which counts for nothing; undefined: it waits for none. */
  readonly from?: Promise<void> | undefined;
}

/** Runs one stage. An error is reported once, by its catcher. */
export type RunStage = <T>(spec: StageSpec<T>, body: () => T | Promise<T>) => Promise<T>;

/** The year of what builds are told to take for the present: shells of nix set the first of January 1980. */
const BUILDS_END: Timestamp = "1981-01-01T00:00:00Z";

function passedOver(epoch: Timestamp): Warning {
  return {
    code: "epoch-of-builds",
    message:
      `SOURCE_DATE_EPOCH says ${epoch}, which shells of nix set for builds: the clock says when this is signed`,
  };
}

/** How a run begins. */
export interface Beginning {
  /** Ends the run, by throwing the reason, and waits for a stage that is done whole. */
  readonly interruption?: Interruption | undefined;
  /** The signing time where the configuration gives none, by default the clock's. */
  readonly epoch?: Timestamp | undefined;
}

/**
 * Begins a run.
 *
 * @throws {ReleaseError} of kind `usage` when an attribute cannot be read
 */
export function startRun(config: ReleaseConfig, ports: Ports, beginning: Beginning = {}): Run {
  return { ...startLook(config, ports, beginning, ports.signer.warnings), ports };
}

/**
 * Begins a plan.
 *
 * @param known What is to be told first
 * @throws {ReleaseError} of kind `usage` when an attribute cannot be read
 */
export function startPlanning(
  config: ReleaseConfig,
  ports: PlanningPorts,
  beginning: Beginning,
  known: readonly Warning[],
): Planning {
  return { ...startLook(config, ports, beginning, known), ports };
}

/**
 * Begins to look at a flake.
 *
 * @param known What is to be told first
 * @throws {ReleaseError} of kind `usage` when an attribute cannot be read
 */
export function startLook(
  config: ReleaseConfig,
  ports: LookingPorts,
  { interruption = new Interruption(), epoch }: Beginning = {},
  known: readonly Warning[] = [],
): Look {
  const { log, clock } = ports;
  const warnings: Warning[] = [];
  const stages: StageTime[] = [];
  const running = new Set<Stage>();
  const failed = new Set<Stage>();
  let last: Stage | undefined;
  const times = hostTimes(() => clock.monotonic());
  const warn = noting(warnings, log);
  const attributes = parseAttributes(config);
  const notes: Notes = {
    ...{ warnings, stages, seconds: times.seconds, fleet: null, key: null, changes: null },
    get at() {
      return running.size > 0 || last === undefined ? [...running] : [last];
    },
  };
  warn(...known);
  return {
    config,
    attributes,
    sidecars: sidecarsOf(config),
    ports,
    ...signingTime(config, { epoch, clock, warn }),
    warn,
    async stage({ name, title, hosts, done, whole = false, limit }, body) {
      interruption.signal.throwIfAborted();
      const stage = { name, title, hosts };
      log.start(stage);
      running.add(last = stage);
      const start = clock.monotonic();
      const expire = () => interruption.now(lateError(title, limit!, times.unfinished(name)));
      using _timer = limit && timed(limit, expire);
      const took = () => (clock.monotonic() - start) / 1000;
      const result = await (whole ? interruption.whole(body) : interruption.unlessEnded(body))
        .catch((error: unknown) => {
          failed.add(stage);
          const goesOn = running.size > failed.size && !interruption.signal.aborted;
          if (goesOn && error instanceof ReleaseError) log.fail(stage, error.message, took());
          throw error;
        });
      const seconds = took();
      stages.push({ stage: name, seconds: toMilliseconds(seconds) });
      running.delete(stage);
      log.end(stage, done(result), seconds);
      return result;
    },
    host(work, name, state, since) {
      log.host(work, name, state, times.take(work, name, { state, since }));
    },
    show: (seen) => void Object.assign(notes, seen),
    notes,
  };
}

/** Takes warnings to the result and to the log, as many as there may be. */
function noting(warnings: Warning[], log: Log): Warn {
  return (...found) => {
    for (const warning of found) {
      warnings.push(warning);
      log.warn(warning);
    }
  };
}

/** When the run signs, and who says so. */
function signingTime(
  { now }: ReleaseConfig,
  { epoch, clock, warn }: { epoch: Timestamp | undefined; clock: Clock; warn: Warn },
): Pick<Run, "now" | "timeFrom"> {
  if (now !== undefined) return { now, timeFrom: "--now" };
  const isForBuilds = epoch !== undefined && compareTimestamps(epoch, BUILDS_END) < 0;
  if (isForBuilds) warn(passedOver(epoch));
  else if (epoch !== undefined) return { now: epoch, timeFrom: "SOURCE_DATE_EPOCH" };
  return { now: wholeSeconds(clock.now()), timeFrom: "clock" };
}

function sidecarsOf({ revocationsAttr, bootstrapNoncesAttr, releaseIndex }: ReleaseConfig): string[] {
  return [
    ...(revocationsAttr === undefined ? [] : [REVOCATIONS_FILE]),
    ...(bootstrapNoncesAttr === undefined ? [] : [BOOTSTRAP_NONCES_FILE]),
    ...(releaseIndex ? [RELEASE_INDEX_FILE] : []),
  ];
}

/** The limit of stages that evaluate. */
export function evaluationLimit({ config }: Look): TimeLimit {
  return { seconds: config.evalTimeout, option: "eval-timeout", kind: "evaluation" };
}

/** Calls back when the time is over, unless it is disposed of before. */
function timed({ seconds, from }: TimeLimit, expire: () => void): Disposable {
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = () => {
    if (seconds !== undefined && !isOver) timer = setTimeout(expire, milliseconds(seconds));
  };
  if (from === undefined) begin();
  else from.then(begin);
  return {
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** A stage took too long; which hosts it was at. */
function lateError(
  title: string,
  { seconds, option, kind }: TimeLimit,
  hosts: readonly string[],
): ReleaseError {
  const at = hosts.length === 0 ? "" : `, and was at ${quoteList(hosts)} still`;
  return new ReleaseError(kind, `${title} took longer than ${seconds} s${at}`, {
    code: "timeout",
    hint: `give it more time with --${option}`,
    // Where it was at none, it is about all of them.
    hosts: hosts.length === 0 ? undefined : hosts,
  });
}

/** How long the work on a host has taken. */
interface HostTime {
  readonly work: HostWork;
  readonly name: string;
  /** The clock's milliseconds when it began; undefined: nothing is done for the host now. */
  begun: number | undefined;
  /** Milliseconds that it took before. */
  spent: number;
}

/** Keeps how long the work on each host took. */
function hostTimes(monotonic: () => number) {
  const times = new Map<string, HostTime>();
  const seconds = new Map<string, Partial<Record<HostWork, number>>>();
  const take = (
    work: HostWork,
    name: string,
    { state, since }: { state: HostState; since: number | undefined },
  ) => {
    const key = `${work} ${name}`;
    const time = times.get(key) ?? { work, name, begun: undefined, spent: 0 };
    times.set(key, time);
    const now = monotonic();
    if (state === "started") time.begun ??= since ?? now;
    else {
      // Without a start there was nothing to do: the host was built already.
      time.spent += now - (time.begun ?? now);
      time.begun = undefined;
    }
    const taken = toMilliseconds(time.spent / 1000);
    if (state === "done") seconds.set(name, { ...seconds.get(name), [work]: taken });
    return taken;
  };
  const unfinished = (stage: string) =>
    [...times.values()].flatMap(({ work, name, begun }) =>
      work === stage && begun !== undefined ? [name] : []
    );
  return { seconds, take, unfinished };
}

function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** A file of the release on disk; null also for what is none that a release could have, which the next one replaces. */
export async function readOrNothing({ ports: { releaseDir } }: Reading, path: string): Promise<
  Uint8Array<ArrayBuffer> | null
> {
  try {
    return await releaseDir.read(path);
  } catch (error) {
    if (error instanceof ReleaseError && error.kind === "contract") return null;
    throw error;
  }
}

/**
 * The files of a release in a commit, by their paths in the release directory.
 *
 * @param paths Those that are looked for
 * @throws {ReleaseError} of kind `io` when one is larger than a release can have
 */
export async function readInCommit(
  { ports: { git, releaseDir } }: Reading,
  { repository, commit }: { readonly repository: Repository; readonly commit: string },
  paths: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const found = await git.readCommitted(repository, commit, paths.map((path) => join(dir, path)));
  return new Map([...found].map(([path, bytes]) => [relative(dir, path), bytes]));
}
