/**
 * Evaluates the nix code of this program.
 *
 * @module
 */
import type { CommandResult } from "../process.ts";
import type { NixContext } from "./context.ts";
import { applyTo } from "./expressions.ts";
import { parseOutput } from "./output.ts";

/**
 * What evaluating processes are told of their garbage collector: a heap that a few hosts fit into, so that it is
 * not collected again and again while it grows, and no marker threads, since there is a process for each core.
 */
const EVALUATION_ENV = { GC_INITIAL_HEAP_SIZE: "1G", GC_MARKERS: "1" };

/**
 * Applies a nix function to data, in one process.
 *
 * @param options What nix is told beside the operator's own options, which these go over
 * @returns how the process ended, and what it printed; undefined when it failed
 * @throws {ReleaseError} of kind `evaluation` when what it printed is not JSON
 */
export async function evaluate(
  { shell, nix, flags, env }: NixContext,
  expression: string,
  data: unknown,
  options: readonly string[] = [],
): Promise<CommandResult & { value: unknown }> {
  const argv = [nix, ...flags, ...options, "eval", "--json", "--expr", applyTo(expression, data)];
  const result = await shell.run(argv, { env: { ...EVALUATION_ENV, ...env } });
  return { ...result, value: result.code === 0 ? parseOutput(result, "nix eval") : undefined };
}
