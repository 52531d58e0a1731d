/**
 * Runs the stages of the pipeline: announces each, takes its time, and keeps both for the result.
 *
 * @module
 */
import type { Clock, Log } from "../ports.ts";

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
  /** What it has done, as in `Built 9 hosts`. */
  readonly done: (result: T) => string;
}

/** Runs one stage. */
export type RunStage = <T>(spec: StageSpec<T>, body: () => T | Promise<T>) => Promise<T>;

/**
 * Makes the function that runs stages, and the list that it keeps their times in.
 *
 * @param log Told when a stage begins and when it has ended well; an error is reported once, by its catcher
 */
export function stages(log: Log, clock: Clock): { run: RunStage; times: StageTime[] } {
  const times: StageTime[] = [];
  const run: RunStage = async ({ name, title, done }, body) => {
    log.start({ name, title });
    const start = clock.monotonic();
    const result = await body();
    const seconds = (clock.monotonic() - start) / 1000;
    times.push({ stage: name, seconds: Math.round(seconds * 1000) / 1000 });
    log.end({ name, title }, done(result), seconds);
    return result;
  };
  return { run, times };
}
