/**
 * Evaluates hosts to their derivations.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation, HostInFlake, HostRef, LockedFlake } from "../../model.ts";
import type { Clock, HostProgress } from "../../ports.ts";
import { plural, quoted, quoteList } from "../../text.ts";
import { byteLength, lastSaid, LONGEST_ARGUMENT } from "../process.ts";
import type { NixContext } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { applyTo, HOSTS, ONE_HOST } from "./expressions.ts";
import { settingFlags } from "./nix_config.ts";
import { parseShape } from "./output.ts";
import { evaluateAll } from "./workers.ts";

/** What {@linkcode HOSTS} gives for a host. */
const DERIVATION = v.tuple([v.string(), v.string(), v.string()]);

/** How hosts are spread over processes. */
export interface EvaluationOptions {
  /** How many evaluating processes run at once. */
  readonly workers: number;
  readonly clock: Clock;
  readonly progress: HostProgress;
}

/**
 * Evaluates hosts in one process.
 *
 * @returns each one's derivation, in their order, and null for those that failed; or why all of it failed
 * @throws {ReleaseError} of kind `evaluation` when nix prints what no version that we know prints
 */
export async function evaluateBatch(
  nix: NixContext,
  flake: LockedFlake,
  hosts: readonly HostRef[],
): Promise<(HostDerivation | null)[] | { error: readonly string[] }> {
  const alone = hosts.length === 1;
  const names = hosts.map(({ name, kind }) => ({ name, kind }));
  const settings = settingFlags(flake.nixConfig.used);
  const result = alone
    ? await evaluate(nix, ONE_HOST, { flake: flake.opened, host: names[0] }, settings)
    : await evaluate(nix, HOSTS, { flake: flake.opened, hosts: names }, settings);
  if (result.code !== 0) return { error: lastSaid(result.stderr, 20) };
  const shape = v.array(v.nullable(DERIVATION));
  const values = parseShape(shape, alone ? [result.value] : result.value, "nix eval");
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
  const { derivations, failures } = await evaluateAll(jobs, {
    ...options,
    evaluateBatch: (flake, hosts) => evaluateBatch(nix, flake, hosts),
  });
  if (failures.length === 0) return hosts.map((host) => derivations.get(host)!);
  const names = failures.map(({ host }) => host.name);
  throw new ReleaseError(
    "evaluation",
    `Cannot evaluate ${plural(failures.length, "host")}: ${quoteList(names)}`,
    {
      lines: failures.flatMap(({ host, lines }) => [
        `host ${JSON.stringify(host.name)}:`,
        ...lines.map((line) => `  ${quoted(line)}`),
      ]),
    },
  );
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
