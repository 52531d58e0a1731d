/**
 * Runs commands in turns, and takes their time.
 *
 * @module
 */

/** Something that is measured. */
export interface Contestant {
  /** Done before each run, outside the measured time. */
  readonly prepare?: () => Promise<void>;
  readonly run: () => Promise<void>;
}

/**
 * Runs every contestant once a round, in the order given: a machine that is busy for a while is so for all of them.
 *
 * @returns the seconds of each round, by contestant
 */
export async function race<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const entries = Object.entries<Contestant>(contestants);
  const seconds = Object.fromEntries(entries.map(([name]) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, { prepare, run }] of entries) {
      await prepare?.();
      const start = performance.now();
      await run();
      seconds[name]!.push((performance.now() - start) / 1000);
    }
  }
  return seconds as Record<Name, number[]>;
}
