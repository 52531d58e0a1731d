/**
 * Evaluates the nix code of this program.
 *
 * @module
 */
import { type CommandResult, lastSaid } from "../process.ts";
import type { NixContext } from "./context.ts";
import { type EvaluationListener, EvaluationLog } from "./evaluation_log.ts";
import { AS_EVENTS } from "./events.ts";
import { applyTo } from "./expressions.ts";
import type { NixError } from "./nix_error.ts";
import { parseOutput } from "./output.ts";

/** What evaluating processes are told of their garbage collector: no marker threads, as there is one for each core. */
const EVALUATION_ENV = { GC_MARKERS: "1" };
/** A heap that a few hosts fit into, so that it is not collected again and again while it grows. */
const ROOMY_ENV = { GC_INITIAL_HEAP_SIZE: "1G" };
/** MiB of memory that a process has to be allowed for that: else it has had its share before it is collected once. */
const LEAST_ROOM = 2048;

/** Whether a process that may take so many MiB, undefined for as much as there is, may begin with much. */
export function mayBeRoomy(maxMemory: number | undefined): boolean {
  return maxMemory === undefined || maxMemory >= LEAST_ROOM;
}

/** Seconds to end by itself where it builds or fetches, and what it has begun has to be cleared away. */
const GRACE = 0.5;

/** How an evaluation ended. */
export interface Evaluated extends CommandResult {
  /** What it printed; undefined when it failed. */
  readonly value: unknown;
  /** Why it failed. */
  readonly error: NixError;
  /** Whether a signal ended it, as the system does when memory is short. */
  readonly isKilled: boolean;
}

/** With every step of a trace, as data; the operator's own options go over it. */
const TRACED = [...AS_EVENTS, "--option", "show-trace", "true"];

/** How an evaluation is run. */
export interface EvaluateOptions {
  /** What nix is told beside the operator's own options, which these go over. */
  readonly options?: readonly string[];
  /** Who is told what the flake says meanwhile. */
  readonly listener?: EvaluationListener;
  /** Where the flake's source is in the store: errors tell its files by their path in the flake's repository. */
  readonly source?: string;
  /** Stops nix when it is aborted. */
  readonly signal?: AbortSignal;
  /** Whether it begins with much memory; where there is not so much (`ulimit -v`), it ends at once. */
  readonly isRoomy?: boolean;
}

/**
 * Applies a nix function to data, in one process.
 *
 * @throws {ReleaseError} of kind `evaluation` when what it printed is not JSON; and the reason of the signal
 */
export async function evaluate(
  { shell, nix, flags, env }: NixContext,
  expression: string,
  data: unknown,
  { options = [], listener, source, signal, isRoomy = false }: EvaluateOptions = {},
): Promise<Evaluated> {
  const asked = flags.some((flag, index) => flag === "show-trace" && flags[index + 1] === "true");
  const log = new EvaluationLog(listener, asked);
  const command = [...flags, ...options, "eval", "--json", "--expr", applyTo(expression, data)];
  const result = await shell.run([nix, ...TRACED, ...command], {
    env: { ...EVALUATION_ENV, ...isRoomy ? ROOMY_ENV : {}, ...env },
    onStderr: (line) => log.add(line),
    signal,
    grace: GRACE,
    // While it evaluates it may heed no signal, and gives its memory back slowly when it does.
    isExpendable: true,
  });
  const errors = log.errors();
  // What ends nix before it can say why, as a stack that is too small does, is told in plain text or not at all.
  const isKilled = result.code > SIGNALLED && result.code <= SIGNALLED + MOST_SIGNALS;
  const said = errors.length > 0 ? errors.flatMap(({ lines }) => lines) : [
    ...isKilled ? [endedBy(result.code - SIGNALLED)] : [],
    ...withoutRepeats(lastSaid(result.stderr, Infinity)),
  ];
  const told = (line: string) => source === undefined ? line : line.replaceAll(`${source}/`, "");
  const lines = said.map(told);
  return {
    ...result,
    stderr: lines,
    value: result.code === 0 ? parseOutput(result, "nix eval") : undefined,
    error: { lines, trace: errors.flatMap(({ trace }) => trace).map(told) },
    isKilled,
  };
}

/** A collector without memory says so again and again. */
function withoutRepeats(lines: readonly string[]): string[] {
  return lines.filter((line, index) => line !== lines[index - 1]);
}

/** A program that a signal has ended has this exit code and the number of the signal. */
const SIGNALLED = 128;
/** As many signals as Linux has; beyond them is what the supervisor ends with when it is killed itself. */
const MOST_SIGNALS = 64;
const SIGKILL = 9;

function endedBy(signal: number): string {
  const by = signal === SIGKILL ? ", as the system ends what takes more memory than there is" : "";
  return `nix was ended by signal ${signal}${by}`;
}
