/**
 * Stages that are at work at the same time.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";

/**
 * Waits for all of them, also when one fails, so that all that has failed is told by one run.
 *
 * @throws {ReleaseError} the first in this order, with what the others failed with; or what no {@linkcode ReleaseError} is
 */
export async function together<T extends readonly unknown[]>(
  ...stages: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<{ -readonly [K in keyof T]: T[K] }> {
  const results = await Promise.allSettled(stages);
  const thrown = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (thrown.length > 0) throw asOne(thrown);
  return await Promise.all(stages);
}

function asOne(thrown: readonly unknown[]): unknown {
  const errors = [...new Set(thrown)];
  const other = errors.find((error) => !(error instanceof ReleaseError));
  if (other !== undefined) return other;
  const [first, ...rest] = errors as readonly ReleaseError[];
  if (rest.length === 0) return first;
  const all = [first!, ...rest];
  return first!.with({
    lines: [
      ...first!.lines,
      ...rest.flatMap(({ message, lines }) => [message, ...lines.map((line) => `  ${line}`)]),
    ],
    hosts: all.every(({ hosts }) => hosts !== undefined)
      ? [...new Set(all.flatMap(({ hosts }) => hosts!))]
      : undefined,
    hint: [...new Set(all.flatMap(({ hint }) => hint ?? []))].join("; ") || undefined,
  });
}
