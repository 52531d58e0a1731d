/**
 * Spreads hosts over evaluating processes.
 *
 * One process for all hosts is right for light ones, which take milliseconds each, and wrong for real ones, which take
 * seconds and can use every core. Nobody knows beforehand which they are: so one process begins with all of them, and
 * tells of each as soon as it has it. While it goes on, others take over the later half of what is left, as far as there
 * is memory for them. Nix gives back little of what it has taken: a process that has had its share ends between two
 * hosts, and a fresh one goes on.
 *
 * @module
 */
import type { HostDerivation, HostRef, LockedFlake } from "../../model.ts";
import type { HostProgress } from "../../ports.ts";
import type { NixError } from "./nix_error.ts";
import { Room, type RoomOptions } from "./room.ts";

/** Hosts of one flake. */
export interface EvaluationJob {
  readonly flake: LockedFlake;
  readonly hosts: readonly HostRef[];
  /** Whether a process has been at them already, and has not come through. */
  readonly isRetry?: boolean;
}

/** A host that does not evaluate, and why. */
export interface EvaluationFailure {
  readonly host: HostRef;
  readonly error: NixError;
}

/** Told how far a process has come with its hosts, which it takes in their order, by their index. */
export interface ProcessListener {
  /** It begins with a host, or has begun with it at that time, in the clock's milliseconds. */
  onStarted(index: number, since?: number): void;
  /** It has evaluated a host; null: the host failed, and the process goes on. */
  onEvaluated(index: number, derivation: HostDerivation | null): void;
}

/** How a process ended before its time. */
export interface Breakdown {
  readonly error: NixError;
  /** Whether a signal ended it, as the system does when memory is short. */
  readonly isKilled: boolean;
}

/** A process that evaluates hosts. */
export interface EvaluatingProcess {
  /** A text among its arguments that no other process has. */
  readonly mark: string;
  /** How it ended before it had been through its hosts; null: it has been through them, or was stopped. */
  readonly ended: Promise<Breakdown | null>;
  /** Ends it. What it tells from then on counts for nothing. */
  stop(): void;
}

/** A process that has begun with hosts before anybody heard what it tells. */
export interface BegunProcess {
  readonly job: EvaluationJob;
  /** The clock's milliseconds when it began with them. */
  readonly since: number;
  /** Hears what it has told, and what it is going to tell, but not before this returns. */
  readonly start: (listener: ProcessListener) => EvaluatingProcess;
}

/** How hosts are evaluated. */
export interface WorkerOptions extends RoomOptions {
  readonly progress: HostProgress;
  /**
   * Begins to evaluate hosts in one process. Of a single host it tells why it fails, and not that it does, and tells of it
   * for certain; of several what has come through.
   */
  readonly start: (job: EvaluationJob, listener: ProcessListener) => EvaluatingProcess;
  /** Goes on with its hosts, which are in no job. */
  readonly begun?: BegunProcess | undefined;
  /** Told of each host that is evaluated, by its record, at once. */
  readonly onDerived?: (host: HostRef, derivation: HostDerivation) => void;
}

/** Milliseconds that a process runs, and is likely to go on, before another one takes over a part of its hosts. */
const ALONE = 100;
/** Linux takes at most 128 KiB in one argument; names are written twice-quoted into one. */
const JOB_BYTES = 40_000;

/** What every host came to. */
export interface Evaluations {
  /** By the record of the host. */
  readonly derivations: ReadonlyMap<HostRef, HostDerivation>;
  /** In the order of the hosts. */
  readonly failures: readonly EvaluationFailure[];
}

/** Evaluates all hosts. */
export async function evaluateAll(
  jobs: readonly EvaluationJob[],
  options: WorkerOptions,
): Promise<Evaluations> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const evaluation = new Evaluation(jobs, options, { resolve, reject });
  try {
    evaluation.fill();
    await promise;
  } finally {
    evaluation.stop();
  }
  const all = [...options.begun === undefined ? [] : [options.begun.job], ...jobs];
  const order = new Map(all.flatMap(({ hosts }) => hosts).map((host, index) => [host, index]));
  return {
    derivations: evaluation.derivations,
    failures: evaluation.failures.sort((a, b) => order.get(a.host)! - order.get(b.host)!),
  };
}

/** A process at work. */
interface Running extends EvaluationJob {
  /** Whether no other may run beside it. */
  readonly isAlone: boolean;
  /** Whether it was begun for a single host, of which nix then prints what it has found. */
  readonly isOne: boolean;
  /** Undefined as long as it is being started. */
  process: EvaluatingProcess | undefined;
  /** The clock's milliseconds when it began. */
  readonly since: number;
  /** The clock's milliseconds when it began, or told of a host last. */
  heard: number;
  /** The host that it is at, or was at last; -1: it has not begun with one. */
  at: number;
  /** The indexes of those that it has told of. */
  readonly told: Set<number>;
  /** How many of the hosts are its own still. */
  count: number;
}

/** Of a process that has been through a single host, and has not told of it. */
const UNSAID: Breakdown = {
  error: { lines: ["nix did not say what it had evaluated"], trace: [] },
  isKilled: false,
};

/**
 * So many hosts that throw are evaluated once more, for what nix says of them. Where a whole fleet throws, they do so for
 * what they have in common, and it would take as long again.
 */
export const MOST_EXPLAINED = 50;

const UNEXPLAINED: NixError = {
  lines: [`it throws, too; nix was asked why for ${MOST_EXPLAINED} hosts, and not for this one`],
  trace: [],
};

/** Told the end of it. */
interface Result {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How many hosts a process has not begun with. */
function leftOf({ count, at }: Running): number {
  return count - 1 - Math.max(at, 0);
}

/**
 * When another process may take over of what it has left: not before it has run for a moment, nor while it goes on so fast
 * that it is through before another one would have begun. How fast it has been says nothing of a host that it stays at.
 */
function ripeAt(range: Running): number {
  const likely = range.since + ALONE * Math.max(1, range.told.size / leftOf(range));
  return Math.min(likely, range.heard + ALONE);
}

/** Its hosts that it has not told of. */
function untold({ hosts, count, told }: Running): HostRef[] {
  return hosts.slice(0, count).filter((_, index) => !told.has(index));
}

class Evaluation {
  readonly derivations = new Map<HostRef, HostDerivation>();
  readonly failures: EvaluationFailure[] = [];
  readonly #waiting: EvaluationJob[];
  /** Hosts that a process could not be at beside others, for want of memory it may be: each waits until none runs. */
  readonly #waitingAlone: EvaluationJob[] = [];
  readonly #running = new Set<Running>();
  /** How many hosts that throw nix has been asked about. */
  #explained = 0;
  /** How many processes there are, with those that have been stopped and have not ended. */
  #alive = 0;
  readonly #options: WorkerOptions;
  readonly #result: Result;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #room: Room;

  constructor(jobs: readonly EvaluationJob[], options: WorkerOptions, result: Result) {
    this.#waiting = jobs.flatMap(fitting);
    this.#options = options;
    this.#result = result;
    this.#room = new Room(options, {
      marks: () => [...this.#running].flatMap(({ process }) => process?.mark ?? []),
      onNews: () => this.fill(),
      onError: result.reject,
    });
    const { begun } = options;
    if (begun !== undefined && begun.job.hosts.length > 0) this.#start(begun.job, { begun });
  }

  /** Has as many processes at work as there may be, and as there is work for. */
  fill(): void {
    clearTimeout(this.#timer);
    while (this.#running.size < this.#options.workers && ![...this.#running].some(({ isAlone }) => isAlone)) {
      const isRipe = this.#waiting.length > 0 || this.#ripe() !== undefined;
      if (!isRipe || (this.#running.size > 0 && !this.#room.take())) break;
      this.#start(this.#waiting.shift() ?? this.#takeOver(this.#ripe()!));
    }
    if (this.#running.size > 0) return;
    if (this.#waitingAlone.length === 0) this.#result.resolve();
    else if (this.#alive === 0) this.#start(this.#waitingAlone.shift()!, { isAlone: true });
  }

  /** Ends all that runs. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#room.close();
    for (const range of this.#running) if (range.told.size < range.hosts.length) range.process?.stop();
    this.#running.clear();
    this.#waiting.length = 0;
    this.#waitingAlone.length = 0;
  }

  /** The process that has most left of those of which another may take over; undefined while there is none. */
  #ripe(): Running | undefined {
    const all = [...this.#running].filter((range) => leftOf(range) > 0);
    const now = this.#options.clock.monotonic();
    const [most] = all.filter((range) => ripeAt(range) <= now).sort((a, b) => leftOf(b) - leftOf(a));
    if (most === undefined && all.length > 0) {
      const first = Math.min(...all.map(ripeAt));
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.fill(), first - now);
    }
    return most;
  }

  /** Takes the later half of what a process has left. */
  #takeOver(from: Running): EvaluationJob {
    const end = from.count;
    from.count -= Math.ceil(leftOf(from) / 2);
    const [first, ...more] = fitting({ flake: from.flake, hosts: from.hosts.slice(from.count, end) });
    this.#waiting.push(...more);
    return first!;
  }

  #start(
    job: EvaluationJob,
    { isAlone = false, begun }: { isAlone?: boolean; begun?: BegunProcess } = {},
  ): void {
    const since = begun?.since ?? this.#options.clock.monotonic();
    const range: Running = {
      ...job,
      ...{ isAlone, isOne: begun === undefined && job.hosts.length === 1 },
      ...{ since, heard: since, at: -1, told: new Set(), count: job.hosts.length, process: undefined },
    };
    this.#running.add(range);
    const listener: ProcessListener = {
      onStarted: (index, since) => this.#began(range, index, since),
      onEvaluated: (index, derivation) => this.#evaluated(range, index, derivation),
    };
    this.#alive++;
    range.process = begun === undefined ? this.#options.start(job, listener) : begun.start(listener);
    range.process.ended.finally(() => this.#alive--).then((broken) => this.#end(range, broken), (error) => {
      if (this.#running.has(range)) this.#result.reject(error);
    });
  }

  #began(range: Running, index: number, since?: number): void {
    if (!this.#running.has(range)) return;
    // Others have what comes behind its own.
    const isThrough = index >= range.count;
    const isFull = range.told.size > 0 && this.#room.isFull(range.process?.mark ?? "");
    if (isThrough || isFull) return this.#leave(range);
    range.at = index;
    this.#options.progress(range.hosts[index]!.name, "started", since);
  }

  #evaluated(range: Running, index: number, derivation: HostDerivation | null): void {
    if (!this.#running.has(range) || index >= range.count) return;
    range.told.add(index);
    // That it has begun with it may not have been heard: what it has been through is nobody else's.
    range.at = Math.max(range.at, index);
    range.heard = this.#options.clock.monotonic();
    const host = range.hosts[index]!;
    if (derivation === null) this.#explain(range, host);
    else {
      this.derivations.set(host, derivation);
      this.#options.progress(host.name, "done");
      this.#options.onDerived?.(host, derivation);
    }
    // Processes that have told all end by themselves. To give back all of its memory takes each a while.
    const isOver = this.#waiting.length + this.#waitingAlone.length === 0;
    if (isOver && [...this.#running].every((one) => one.told.size === one.count)) this.#result.resolve();
  }

  /** A process has come to its end. */
  #end(range: Running, broken: Breakdown | null): void {
    if (!this.#running.delete(range)) return this.fill();
    const { flake, hosts, at, isAlone, isOne } = range;
    const rest = untold(range);
    if (broken === null && !isOne) {
      // Nix has been through all of them, and what it said of these has not come through. Of one it prints what it has found.
      this.#waiting.push(...rest.map((host) => ({ flake, hosts: [host], isRetry: true })));
      return this.fill();
    }
    const { error, isKilled } = broken ?? UNSAID;
    // What was being evaluated has done it: all, where a process has not come to the first.
    const isWhole = at === -1 || isOne;
    const charged = rest.filter((host) => isWhole || host === hosts[at]);
    if (isWhole && (isAlone || isOne && !isKilled)) {
      this.failures.push(...charged.map((host) => ({ host, error })));
    } else if (charged.length > 0) {
      if (at !== -1) this.#options.progress(hosts[at]!.name, "stopped");
      const retry = { flake, hosts: charged, isRetry: true };
      (at === -1 || isKilled ? this.#waitingAlone : this.#waiting).push(retry);
    }
    const others = rest.filter((host) => !charged.includes(host));
    if (others.length > 0) this.#waiting.push({ flake, hosts: others });
    this.fill();
  }

  /** Has a host that throws evaluated once more, alone: then nix says what is wrong with it. */
  #explain({ flake }: EvaluationJob, host: HostRef): void {
    this.#options.progress(host.name, "stopped");
    if (this.#explained === MOST_EXPLAINED) {
      this.failures.push({ host, error: UNEXPLAINED });
      return;
    }
    this.#explained++;
    this.#waiting.push({ flake, hosts: [host], isRetry: true });
    this.fill();
  }

  /** Ends a process that is to do no more. What it has not told of is begun anew. */
  #leave(range: Running): void {
    this.#running.delete(range);
    range.process?.stop();
    const left = untold(range);
    if (left.length > 0) this.#waiting.unshift({ flake: range.flake, hosts: left });
    this.fill();
  }
}

/** A job in parts whose names fit into an argument. */
function fitting({ flake, hosts }: EvaluationJob): EvaluationJob[] {
  const parts: HostRef[][] = [];
  let bytes = Infinity;
  for (const host of hosts) {
    const size = JSON.stringify(host.name).length * 2 + 40;
    if (bytes + size > JOB_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += size;
    parts.at(-1)!.push(host);
  }
  return parts.map((hosts) => ({ flake, hosts }));
}
