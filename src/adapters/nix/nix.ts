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
import { evaluateHosts } from "./hosts.ts";
import { readAttributes, readInventory } from "./inventory.ts";
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
}

/**
 * The nix commands of the operator's own nix.
 *
 * @throws {ReleaseError} of kind `io` when there is no nix
 */
export function createNix(shell: Shell, settings: NixSettings): Nix & AsyncDisposable {
  const { env, tempDir, evalWorkers, evalMaxMemory, clock } = settings;
  const nix = nixContext(shell, env, settings);
  // What the fleet's evaluation has warned of, each evaluation of hosts says again.
  const warnings = new EvaluationWarnings();
  // The process of the last inventory, until its hosts are asked for.
  let ahead: Ahead | undefined;
  const roots = new TemporaryRoots(nix);
  const evaluate: Nix["evaluateHosts"] = async (hosts, options) => {
    const workers = { workers: evalWorkers, maxMemory: evalMaxMemory };
    const begun = ahead;
    ahead = undefined;
    await evaluateHosts(nix, hosts, { ...options, ...workers, clock, warnings, ahead: begun })
      .finally(() => begun?.stop());
  };
  return {
    referTo: (text) => referTo(nix, text),
    locate: async (reference) => (await findSource(nix, reference)).local,
    lock: (reference) => lockFlake(nix, reference),
    attributes: (flake, attributes, warn) =>
      readAttributes(nix, flake, attributes, warnings).finally(() => warn(...warnings.take())),
    async inventory(flake, attributes, { warn, hosts }) {
      ahead?.stop();
      ahead = new Ahead(nix, flake, { attributes, hosts, warnings, clock });
      try {
        return await ahead.inventory ?? await readInventory(nix, flake, attributes, warnings);
      } finally {
        warn(...warnings.take());
      }
    },
    evaluateHosts: evaluate,
    build: (derived, { hosts, ...options }) =>
      buildHosts(nix, derived, {
        ...{ ...options, tempDir, roots, clock },
        settings: settingsOf(hosts),
        again: (lost) => evaluate(lost, { progress: () => {}, warn: () => {}, onDerived: () => {} }),
      }),
    async [Symbol.asyncDispose]() {
      ahead?.stop();
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
