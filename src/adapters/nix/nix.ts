/**
 * The nix commands, as the pipeline sees them.
 *
 * @module
 */
import type { HostInFlake, NixConfig } from "../../model.ts";
import type { Clock, Nix } from "../../ports.ts";
import type { Shell } from "../process.ts";
import { Ahead } from "./ahead.ts";
import { buildHosts } from "./build.ts";
import { nixContext, type NixFlags } from "./context.ts";
import { referTo } from "./directory.ts";
import { EvaluationWarnings } from "./evaluation_warnings.ts";
import { lockFlake } from "./flake.ts";
import { evaluateHosts, type EvaluationOptions } from "./hosts.ts";
import { evaluateInventory, inventoryOf, readAttributes } from "./inventory.ts";
import { evaluateUnknown, keepInventory, recallInventory } from "./known.ts";
import { Memo } from "./memo.ts";
import { findSource } from "./source.ts";
import { TemporaryRoots } from "./temporary_roots.ts";

/** What the nix commands are given beside their arguments. */
export interface NixSettings extends NixFlags {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for garbage collector roots. */
  readonly tempDir: string;
  /** How many evaluating processes run at once. */
  readonly evalWorkers: number;
  /** MiB that each may take; undefined: its share of what there is. */
  readonly evalMaxMemory?: number | undefined;
  readonly clock: Clock;
  /** The directory of what has been evaluated before, absolute; undefined: nothing is kept. */
  readonly memoDir?: string | undefined;
}

/**
 * The nix commands of the operator's own nix.
 *
 * @throws {ReleaseError} of kind `io` when there is no nix
 */
export function createNix(shell: Shell, settings: NixSettings): Nix & AsyncDisposable {
  const { env, tempDir, memoDir, evalWorkers, evalMaxMemory, clock } = settings;
  const nix = nixContext(shell, env, settings);
  // What the fleet's evaluation has warned of, each evaluation of hosts says again.
  const warnings = new EvaluationWarnings();
  const memo = memoDir === undefined ? undefined : new Memo(nix, { dir: memoDir, own: tempDir });
  const roots = new TemporaryRoots(nix);
  // The process of the last inventory, until its hosts are asked for.
  let ahead: Ahead | undefined;
  const evaluate = async (
    hosts: readonly HostInFlake[],
    options: Parameters<Nix["evaluateHosts"]>[1] & Pick<EvaluationOptions, "ahead">,
  ) => {
    const order = hosts.map(({ name }) => name);
    const evaluateAll = (some: readonly HostInFlake[], onDerived: typeof options.onDerived) =>
      evaluateHosts(nix, some, {
        ...{ ...options, onDerived, clock, warnings, order },
        workers: evalWorkers,
        maxMemory: evalMaxMemory,
      });
    if (memo === undefined) await evaluateAll(hosts, options.onDerived);
    else await evaluateUnknown(memo, hosts, { ...options, roots, warnings, evaluate: evaluateAll });
  };
  return {
    referTo: (text) => referTo(nix, text),
    locate: async (reference) => (await findSource(nix, reference)).local,
    lock: (reference) => lockFlake(nix, reference, memo),
    attributes: (flake, attributes, warn) =>
      readAttributes(nix, flake, attributes, warnings).finally(() => warn(...warnings.take())),
    async inventory(flake, attributes, { warn, hosts }) {
      const asked = { flake, attributes, warnings };
      try {
        const known = memo && await recallInventory(memo, asked);
        if (known !== undefined) return inventoryOf(known);
        ahead?.stop();
        ahead = new Ahead(nix, flake, { attributes, hosts, warnings, clock });
        const told = await ahead.inventory ?? await evaluateInventory(nix, asked);
        if (memo !== undefined) keepInventory(memo, asked, told);
        return inventoryOf(told);
      } finally {
        warn(...warnings.take());
      }
    },
    async evaluateHosts(hosts, options) {
      const begun = ahead;
      ahead = undefined;
      await evaluate(hosts, { ...options, ahead: begun }).finally(() => begun?.stop());
    },
    build: (derived, { hosts, ...options }) =>
      buildHosts(nix, derived, {
        ...{ ...options, tempDir, roots, clock },
        settings: settingsOf(hosts),
        again: (lost) => evaluate(lost, { progress: () => {}, warn: () => {}, onDerived: () => {} }),
      }),
    async [Symbol.asyncDispose]() {
      ahead?.stop();
      await memo?.[Symbol.asyncDispose]();
      await roots[Symbol.asyncDispose]();
    },
  };
}

/** What nix goes by of the flakes' settings. Those of the flake that is released have the last word. */
function settingsOf(hosts: readonly HostInFlake[]): NixConfig["used"] {
  const [current, pinned] = [true, false].map((isCurrent) =>
    new Set(hosts.filter(({ pinnedTo }) => (pinnedTo === null) === isCurrent).map(({ flake }) => flake))
  );
  return [...pinned!, ...current!].flatMap(({ nixConfig }) => nixConfig.used);
}
