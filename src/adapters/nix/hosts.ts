/**
 * Evaluates hosts to their derivations.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation, HostInFlake, HostRef, LockedFlake, Warn } from "../../model.ts";
import type { Clock, HostProgress } from "../../ports.ts";
import { plural, quoteList } from "../../text.ts";
import { sharedLimits } from "../excerpts.ts";
import { byteLength, LONGEST_ARGUMENT } from "../process.ts";
import type { NixContext } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluationWarnings } from "./evaluation_warnings.ts";
import { applyTo, HOSTS, ONE_HOST } from "./expressions.ts";
import { settingFlags } from "./nix_config.ts";
import type { NixError } from "./nix_error.ts";
import { parseShape } from "./output.ts";
import { evaluateAll, type EvaluationFailure } from "./workers.ts";

/** What {@linkcode HOSTS} gives for a host. */
const DERIVATION = v.tuple([v.string(), v.string(), v.string()]);

/** How hosts are spread over processes. */
export interface EvaluationOptions {
  /** How many evaluating processes run at once. */
  readonly workers: number;
  readonly clock: Clock;
  readonly progress: HostProgress;
  readonly warnings: EvaluationWarnings;
  /** Told the warnings of all hosts, also when some fail. */
  readonly warn: Warn;
}

/** Hosts to evaluate in one process. */
export interface HostBatch {
  readonly flake: LockedFlake;
  readonly hosts: readonly HostRef[];
}

/**
 * Evaluates hosts in one process.
 *
 * @param warnings Take note of what the flake warns of
 * @returns each one's derivation, in their order, and null for those that failed; or why all of it failed
 * @throws {ReleaseError} of kind `evaluation` when nix prints what no version that we know prints
 */
export async function evaluateBatch(
  nix: NixContext,
  { flake: { opened, nixConfig, storePath }, hosts }: HostBatch,
  warnings: EvaluationWarnings,
): Promise<(HostDerivation | null)[] | { error: NixError }> {
  const names = hosts.map(({ name, kind }) => ({ name, kind }));
  const alone = names.length === 1 ? names[0] : undefined;
  const mark = crypto.randomUUID();
  let current = alone?.name;
  const listener = {
    markedBy: mark,
    onMark: (name: string) => void (current = name),
    onWarning: (text: string) => warnings.note(text, current),
  };
  const more = { options: settingFlags(nixConfig.used), listener, source: storePath };
  const result = alone === undefined
    ? await evaluate(nix, HOSTS, { flake: opened, hosts: names, mark }, more)
    : await evaluate(nix, ONE_HOST, { flake: opened, host: alone }, more);
  if (result.code !== 0) return { error: result.error };
  const shape = v.array(v.nullable(DERIVATION));
  const values = parseShape(shape, alone === undefined ? result.value : [result.value], "nix eval");
  return names.map((host, index) => {
    const [drvPath, outPath, outputName] = values[index] ?? [];
    return drvPath === undefined ? null : { ...host, drvPath, outPath: outPath!, outputName: outputName! };
  });
}

/**
 * Evaluates hosts of several flakes, in as few processes as their weight allows.
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
  const jobs = [...Map.groupBy(hosts, ({ flake }) => flake)].map(([flake, hosts]) => ({
    flake,
    hosts,
    together: hosts.some(({ pinnedTo }) => pinnedTo !== null),
  }));
  const { warnings, warn } = options;
  const { derivations, failures } = await evaluateAll(jobs, {
    ...options,
    evaluateBatch: (flake, hosts) => evaluateBatch(nix, { flake, hosts }, warnings),
  });
  warn(...warnings.take(hosts.map(({ name }) => name)));
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
