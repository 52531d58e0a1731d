/**
 * What faults have come to.
 *
 * @module
 */

/** The outcome of faults of one kind. */
export interface Figures {
  readonly name: string;
  readonly tried: number;
  /** What did not hold, and where. */
  readonly problems: readonly string[];
  /** Why none was tried, if so. */
  readonly skipped?: string;
  /** What else there is to say. */
  readonly note?: string;
}

/** Up to so many of some things, from all over them, with the first and the last. */
export function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from(
    { length: most },
    (_, index) => all[Math.round(index * (all.length - 1) / Math.max(1, most - 1))]!,
  );
}

/** All that did not hold in one case. */
export function asOne(problems: readonly string[]): string[] {
  return problems.length === 0 ? [] : [problems.join("\n  ")];
}

/** Tries each case, as many at a time as there are cores. */
export async function inParallel<T>(
  name: string,
  cases: readonly T[],
  attempt: (one: T) => Promise<readonly string[]>,
): Promise<Figures> {
  const problems: string[] = [];
  const queue = cases.values();
  const work = async () => {
    for (const one of queue) problems.push(...asOne(await attempt(one)));
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return { name, tried: cases.length, problems };
}
