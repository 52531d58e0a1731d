/**
 * Evaluates hosts to their derivations.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation, HostInFlake, HostRef, Warn } from "../../model.ts";
import type { Clock, HostProgress } from "../../ports.ts";
import { plural, quoteList } from "../../text.ts";
import { sharedLimits } from "../excerpts.ts";
import { byteLength, LONGEST_ARGUMENT } from "../process.ts";
import type { NixContext } from "./context.ts";
import { evaluate, type Evaluated, mayBeRoomy } from "./evaluate.ts";
import type { EvaluationWarnings } from "./evaluation_warnings.ts";
import { applyTo, HOSTS, ONE_HOST } from "./expressions.ts";
import { lookAtMemory } from "./memory.ts";
import { settingFlags } from "./nix_config.ts";
import { parseShape } from "./output.ts";
import {
  type BegunProcess,
  type Breakdown,
  evaluateAll,
  type EvaluatingProcess,
  type EvaluationFailure,
  type EvaluationJob,
  type ProcessListener,
} from "./workers.ts";

/** What {@linkcode ONE_HOST} gives, and what {@linkcode HOSTS} tells of a host. */
const DERIVATION = v.tuple([v.string(), v.string(), v.string()]);

/** How hosts are spread over processes. */
export interface EvaluationOptions {
  /** How many evaluating processes run at once. */
  readonly workers: number;
  /** MiB that each may take; undefined: its share of what there is. */
  readonly maxMemory?: number | undefined;
  readonly clock: Clock;
  readonly progress: HostProgress;
  readonly warnings: EvaluationWarnings;
  /** The names of all hosts, in the order in which warnings are told; by default those that are evaluated. */
  readonly order?: readonly string[];
  /** Told the warnings of all hosts, also when some fail. */
  readonly warn: Warn;
  /** A process that has begun with hosts already: it goes on with those that are asked for. */
  readonly ahead?: {
    readonly begunWith: (hosts: readonly HostInFlake[], warnings: EvaluationWarnings) => BegunProcess;
  } | undefined;
  /** Told of each host that it evaluates, at once and in any order. */
  readonly onDerived?: (host: HostInFlake, derivation: HostDerivation) => void;
}

/** What is told of a host: that it begins, or what it came to. */
const TOLD = v.union([
  v.strictTuple([v.number()]),
  v.strictTuple([v.number(), v.nullable(DERIVATION)]),
]);

function derivationOf(
  { name, kind }: HostRef,
  [drvPath, outPath, outputName]: v.InferOutput<typeof DERIVATION>,
): HostDerivation {
  return { name, kind, drvPath, outPath, outputName };
}

/**
 * Reads what {@linkcode HOSTS} tells of hosts.
 *
 * @param hosts In the order of the process
 */
export function tellOf(hosts: readonly HostRef[], listener: ProcessListener): (told: unknown) => void {
  return (told) => {
    const [index, fields] = parseShape(TOLD, told, "nix eval");
    if (fields === undefined) listener.onStarted(index);
    else listener.onEvaluated(index, fields && derivationOf(hosts[index]!, fields));
  };
}

/** Who is told of a process, and how it begins. */
export interface ProcessOptions {
  readonly listener: ProcessListener;
  /** Take note of what the flake warns of. */
  readonly warnings: EvaluationWarnings;
  /** Whether it may begin with much memory. */
  readonly isRoomy?: boolean;
}

/**
 * Begins to evaluate hosts in one process.
 *
 * @returns the process, whose end rejects with a {@linkcode ReleaseError} of kind `evaluation` when nix prints what no
 * version that we know prints
 */
export function startProcess(
  nix: NixContext,
  { flake, hosts, isRetry = false }: EvaluationJob,
  { listener, warnings, isRoomy = true }: ProcessOptions,
): EvaluatingProcess {
  const stopping = new AbortController();
  const { signal } = stopping;
  const refs = hosts.map(({ name, kind }) => ({ name, kind }));
  const mark = crypto.randomUUID();
  let current: string | undefined;
  const onStarted = (index: number) => {
    current = refs[index]?.name;
    listener.onStarted(index);
  };
  const tell = tellOf(refs, { ...listener, onStarted });
  const options = {
    options: settingFlags(flake.nixConfig.used),
    listener: {
      markedBy: mark,
      onMark: (text: string) => tell(JSON.parse(text)),
      onWarning: (text: string) => warnings.note(text, current),
    },
    source: flake.storePath,
    signal,
    // What could not begin, or was killed, is content with less.
    isRoomy: isRoomy && !isRetry,
  };
  const run = async () => {
    if (refs.length > 1) {
      return await evaluate(nix, HOSTS, { flake: flake.opened, hosts: refs, mark }, options);
    }
    onStarted(0);
    const result = await evaluate(nix, ONE_HOST, { flake: flake.opened, host: refs[0] }, options);
    if (result.code === 0) {
      listener.onEvaluated(0, derivationOf(refs[0]!, parseShape(DERIVATION, result.value, "nix eval")));
    }
    return result;
  };
  return { mark, ended: endOf(run(), signal), stop: () => stopping.abort() };
}

/** How a process ended before it had been through its hosts; null: it has been through them, or was stopped. */
export async function endOf(running: Promise<Evaluated>, signal: AbortSignal): Promise<Breakdown | null> {
  try {
    const { code, error, isKilled } = await running;
    return code === 0 ? null : { error, isKilled };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/**
 * Evaluates hosts of several flakes, in one process or, when that takes its time, in several.
 *
 * @returns their derivations, in their order
 * @throws {ReleaseError} of kind `evaluation`, with every host that does not evaluate and what nix says of it, and before
 * any is evaluated, when the name of one does not fit into a command
 */
export async function evaluateHosts(
  nix: NixContext,
  hosts: readonly HostInFlake[],
  options: EvaluationOptions,
): Promise<HostDerivation[]> {
  hosts.forEach(refuseLongName);
  const { warnings, warn } = options;
  const begun = options.ahead?.begunWith(hosts, warnings);
  const isBegun = new Set<HostRef>(begun?.job.hosts);
  const left = hosts.filter((host) => !isBegun.has(host));
  const jobs = [...Map.groupBy(left, ({ flake }) => flake)].map(([flake, hosts]) => ({ flake, hosts }));
  const own = new Map<HostRef, HostInFlake>(hosts.map((host) => [host, host]));
  const { derivations, failures } = await evaluateAll(jobs, {
    ...options,
    onDerived: (host, derivation) => options.onDerived?.(own.get(host)!, derivation),
    begun,
    maxMemory: options.maxMemory,
    look: () => lookAtMemory(nix.shell, nix.env),
    start: (job, listener) =>
      startProcess(nix, job, { listener, warnings, isRoomy: mayBeRoomy(options.maxMemory) }),
  });
  warn(...warnings.take(options.order ?? hosts.map(({ name }) => name)));
  if (failures.length === 0) return hosts.map((host) => derivations.get(host)!);
  const names = failures.map(({ host }) => host.name);
  throw new ReleaseError(
    "evaluation",
    `Cannot evaluate ${plural(failures.length, "host")}: ${quoteList(names)}`,
    {
      lines: linesOf(nix, failures, new Map(hosts.map(({ name, pinnedTo }) => [name, pinnedTo]))),
      hosts: names,
    },
  );
}

/**
 * What nix says of the hosts, once for those of one commit of which it says the same.
 *
 * @param commits The commits that hosts are pinned to, by the name of the host
 */
function linesOf(
  { shell }: NixContext,
  failures: readonly EvaluationFailure[],
  commits: ReadonlyMap<string, string | null>,
): string[] {
  const groups = [
    ...Map.groupBy(failures, ({ host, error }) => [commits.get(host.name), ...error.lines].join("\n"))
      .values(),
  ];
  const limits = sharedLimits(groups.length);
  return groups.flatMap((group) => {
    const { host, error: { lines, trace } } = group[0]!;
    const commit = commits.get(host.name);
    const names = quoteList(group.map(({ host }) => host.name));
    const title = `${group.length === 1 ? "host" : plural(group.length, "host")} ${names}` +
      (typeof commit === "string" ? ` at commit ${commit}` : "");
    const shown = shell.excerpts.of({ title, lines, more: trace }, limits);
    return [`${title}:`, ...shown.map((line) => `  ${line}`)];
  });
}

/** A name is handed to nix within an argument, as JSON in a string of its language. */
function refuseLongName({ name, kind, flake }: HostInFlake): void {
  const length = byteLength(applyTo(ONE_HOST, { flake: flake.opened, host: { name, kind } }));
  if (length <= LONGEST_ARGUMENT) return;
  const shown = `${JSON.stringify(name.slice(0, 40))} and so on`;
  throw new ReleaseError(
    "evaluation",
    `Cannot evaluate the host ${shown}: its name has ${
      byteLength(name)
    } bytes, too many for an argument of nix`,
    {
      hint: `written as nix code it has to fit into ${LONGEST_ARGUMENT} bytes; give the host a shorter name`,
    },
  );
}
