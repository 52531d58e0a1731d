/**
 * The evaluations of a run: attributes, the inventory, and then hosts. What is known from an earlier run is not
 * evaluated, and the process of the inventory goes on with the hosts.
 *
 * @module
 */
import type { HostInFlake, LockedFlake, Warn } from "../../model.ts";
import type { Clock, Inventory, Nix } from "../../ports.ts";
import { Ahead } from "./ahead.ts";
import type { NixContext } from "./context.ts";
import { EvaluationWarnings } from "./evaluation_warnings.ts";
import { evaluateHosts } from "./hosts.ts";
import { evaluateInventory, inventoryOf, readAttributes } from "./inventory.ts";
import { evaluateUnknown, keepInventory, recallInventory } from "./known.ts";
import type { Memo } from "./memo.ts";
import type { TemporaryRoots } from "./temporary_roots.ts";

/** What a run evaluates with. */
export interface EvaluationsOptions {
  /** What is known from earlier runs; undefined: nothing. */
  readonly memo: Memo | undefined;
  readonly roots: TemporaryRoots;
  readonly clock: Clock;
  /** How many processes evaluate hosts at once. */
  readonly workers: number;
  /** MiB that each may take; undefined: its share of what there is. */
  readonly maxMemory: number | undefined;
}

/** The evaluations of a run. */
export class Evaluations {
  readonly #nix: NixContext;
  readonly #options: EvaluationsOptions;
  /** What the fleet's evaluation has warned of, each evaluation of hosts says again. */
  readonly #warnings = new EvaluationWarnings();
  /** The process of the last inventory, until hosts are asked for. */
  #ahead: Ahead | undefined;

  constructor(nix: NixContext, options: EvaluationsOptions) {
    this.#nix = nix;
    this.#options = options;
  }

  /** Ends what has been begun and not been asked for. */
  stop(): void {
    this.#ahead?.stop();
    this.#ahead = undefined;
  }

  /** As {@linkcode Nix} has it. */
  async attributes(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    warn: Warn,
  ): Promise<ReadonlyMap<string, unknown>> {
    try {
      return await readAttributes(this.#nix, flake, attributes, this.#warnings);
    } finally {
      warn(...this.#warnings.take());
    }
  }

  /** As {@linkcode Nix} has it. */
  async inventory(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    { warn, hosts }: Parameters<Nix["inventory"]>[2],
  ): Promise<Inventory> {
    const { memo, clock, maxMemory } = this.#options;
    const asked = { flake, attributes, warnings: this.#warnings };
    try {
      const known = memo && await recallInventory(memo, asked);
      if (known !== undefined) return inventoryOf(known);
      this.stop();
      this.#ahead = new Ahead(this.#nix, flake, {
        attributes,
        hosts,
        warnings: this.#warnings,
        clock,
        maxMemory,
      });
      const told = await this.#ahead.inventory ?? await evaluateInventory(this.#nix, asked);
      if (memo !== undefined) keepInventory(memo, asked, told);
      return inventoryOf(told);
    } finally {
      warn(...this.#warnings.take());
    }
  }

  /** As {@linkcode Nix} has it. */
  async hosts(hosts: readonly HostInFlake[], options: Parameters<Nix["evaluateHosts"]>[1]): Promise<void> {
    const { memo, roots, ...more } = this.#options;
    const warnings = this.#warnings;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const order = hosts.map(({ name }) => name);
    const evaluate = (some: readonly HostInFlake[], onDerived: typeof options.onDerived) =>
      evaluateHosts(this.#nix, some, { ...options, ...more, onDerived, warnings, order, ahead });
    try {
      if (memo === undefined) await evaluate(hosts, options.onDerived);
      else await evaluateUnknown(memo, hosts, { ...options, roots, warnings, evaluate });
    } finally {
      ahead?.stop();
    }
  }
}
