/**
 * The nix commands, as the pipeline sees them.
 *
 * @module
 */
import type { Clock, Nix } from "../../ports.ts";
import type { Shell } from "../process.ts";
import { buildHosts } from "./build.ts";
import { nixContext, type NixFlags } from "./context.ts";
import { referTo } from "./directory.ts";
import { EvaluationWarnings } from "./evaluation_warnings.ts";
import { lockFlake } from "./flake.ts";
import { evaluateHosts } from "./hosts.ts";
import { readAttributes, readInventory } from "./inventory.ts";
import { findSource } from "./source.ts";

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
export function createNix(shell: Shell, settings: NixSettings): Nix {
  const { env, tempDir, evalWorkers, evalMaxMemory, clock } = settings;
  const nix = nixContext(shell, env, settings);
  // What the fleet's evaluation has warned of, each evaluation of hosts says again.
  const warnings = new EvaluationWarnings();
  return {
    referTo: (text) => referTo(nix, text),
    locate: async (reference) => (await findSource(nix, reference)).local,
    lock: (reference) => lockFlake(nix, reference),
    attributes: (flake, attributes, warn) =>
      readAttributes(nix, flake, attributes, warnings).finally(() => warn(...warnings.take())),
    inventory: (flake, attributes, warn) =>
      readInventory(nix, flake, attributes, warnings).finally(() => warn(...warnings.take())),
    evaluateHosts: (hosts, progress, warn) =>
      evaluateHosts(nix, hosts, {
        workers: evalWorkers,
        maxMemory: evalMaxMemory,
        clock,
        progress,
        warnings,
        warn,
      }),
    build: (hosts, storeDir, progress) => buildHosts(nix, hosts, { storeDir, tempDir, progress }),
  };
}
