/**
 * Spreads hosts over evaluating processes.
 *
 * One process for all hosts is right for light ones, which take milliseconds each, and wrong for real ones, which
 * take seconds and gigabytes: its heap grows with every host and is collected again and again. So each process gets
 * a few hosts, and how many is learnt from the processes that have ended.
 *
 * @module
 */
import type { HostDerivation, HostRef, LockedFlake } from "../../model.ts";
import type { Clock, HostProgress } from "../../ports.ts";
import type { NixError } from "./nix_error.ts";

/** Hosts of one flake. */
export interface EvaluationJob {
  readonly flake: LockedFlake;
  readonly hosts: readonly HostRef[];
  /** Whether one process takes all of them: the few hosts of a pinned commit are not worth reading it twice. */
  readonly together?: boolean;
}

/** A host that does not evaluate, and why. */
export interface EvaluationFailure {
  readonly host: HostRef;
  readonly error: NixError;
}

interface Options {
  /** How many processes run at once. */
  workers: number;
  clock: Clock;
  progress: HostProgress;
  /** Evaluates hosts in one process; null for a host that failed alone, an error when all of it failed. */
  evaluateBatch(
    flake: LockedFlake,
    hosts: readonly HostRef[],
  ): Promise<(HostDerivation | null)[] | { error: NixError }>;
}

/** Hosts in the first processes, before anything is known of their weight. */
const FIRST_BATCH = 2;
/** How long a process is meant to run: long enough to be worth its start, short enough to keep its heap small. */
const BATCH_SECONDS = 2;
/** Work that is not worth a second process. */
const LIGHT_SECONDS = 0.5;
/** Linux takes at most 128 KiB in one argument; names are written twice-quoted into one. */
const BATCH_BYTES = 40_000;

/**
 * Evaluates all hosts, in as few processes as their weight allows.
 *
 * @returns the derivation of each host that evaluates, by the record of the host, and every other host
 */
export async function evaluateAll(
  jobs: readonly EvaluationJob[],
  { workers, clock, progress, evaluateBatch }: Options,
): Promise<{ derivations: ReadonlyMap<HostRef, HostDerivation>; failures: EvaluationFailure[] }> {
  const derivations = new Map<HostRef, HostDerivation>();
  const failures: EvaluationFailure[] = [];
  const schedule = new Schedule(jobs, workers);

  async function evaluate({ flake, hosts }: EvaluationJob): Promise<void> {
    for (const { name } of hosts) progress(name, "started");
    const start = clock.monotonic();
    const result = await evaluateBatch(flake, hosts);
    schedule.learn((clock.monotonic() - start) / 1000 / hosts.length);
    if ("error" in result) {
      if (hosts.length === 1) failures.push({ host: hosts[0]!, error: result.error });
      // Something that `tryEval` cannot catch: halve until the hosts that do it stand alone.
      else for (const half of halves(hosts)) schedule.retry({ flake, hosts: half });
      return;
    }
    for (const [index, derivation] of result.entries()) {
      const host = hosts[index]!;
      if (derivation === null) {
        // It threw, and the others went on. Alone, nix says why.
        schedule.retry({ flake, hosts: [host] });
      } else {
        derivations.set(host, derivation);
        progress(host.name, "done");
      }
    }
  }

  async function work(): Promise<void> {
    for (let job = schedule.next(); job !== undefined; job = schedule.next()) await evaluate(job);
  }

  await Promise.all(Array.from({ length: workers }, work));
  const order = jobs.flatMap(({ hosts }) => hosts);
  return { derivations, failures: failures.sort((a, b) => order.indexOf(a.host) - order.indexOf(b.host)) };
}

/** What is still to be evaluated, and how much of it one process gets. */
class Schedule {
  readonly #workers: number;
  readonly #pending: readonly (EvaluationJob & { hosts: HostRef[] })[];
  readonly #retries: EvaluationJob[] = [];
  #secondsPerHost: number | undefined;

  constructor(jobs: readonly EvaluationJob[], workers: number) {
    this.#workers = workers;
    this.#pending = jobs.map((job) => ({ ...job, hosts: [...job.hosts] }));
  }

  /** What the next process evaluates; undefined when nothing is left that has not been begun. */
  next(): EvaluationJob | undefined {
    const retry = this.#retries.shift();
    if (retry !== undefined) return retry;
    const job = this.#pending.find(({ hosts }) => hosts.length > 0);
    if (job === undefined) return undefined;
    return { flake: job.flake, hosts: job.hosts.splice(0, this.#batchSize(job)) };
  }

  /** Has hosts evaluated once more. */
  retry(job: EvaluationJob): void {
    this.#retries.push(job);
  }

  /** A process has ended, which took this long for each of its hosts. */
  learn(secondsPerHost: number): void {
    this.#secondsPerHost = Math.max(this.#secondsPerHost ?? 0, secondsPerHost);
  }

  #batchSize(job: EvaluationJob): number {
    const most = this.#mostOf(job);
    let bytes = 0;
    const fitting = job.hosts.findIndex(({ name }) =>
      (bytes += JSON.stringify(name).length * 2 + 40) > BATCH_BYTES
    );
    return fitting === -1 ? most : Math.max(1, Math.min(most, fitting));
  }

  /** How many hosts are worth one process, by what is known of their weight. */
  #mostOf({ hosts, together = false }: EvaluationJob): number {
    if (together) return hosts.length;
    if (this.#secondsPerHost === undefined) return FIRST_BATCH;
    if (this.#secondsPerHost * hosts.length < LIGHT_SECONDS) return hosts.length;
    return Math.min(
      Math.ceil(hosts.length / this.#workers),
      Math.max(1, Math.floor(BATCH_SECONDS / this.#secondsPerHost)),
    );
  }
}

function halves(hosts: readonly HostRef[]): [HostRef[], HostRef[]] {
  const middle = Math.ceil(hosts.length / 2);
  return [hosts.slice(0, middle), hosts.slice(middle)];
}
