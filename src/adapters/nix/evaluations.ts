/**
 * The evaluations of a run: attributes, the inventory, and then hosts. What is known from an earlier run is not
 * evaluated, and the process of the inventory goes on with the hosts.
 *
 * @module
 */
import type { HostInFlake, LockedFlake, Warn } from "../../model.ts";
import type { AskedOfFlake, Clock, Inventory, Nix } from "../../ports.ts";
import { Ahead, type LikelyFlake } from "./ahead.ts";
import type { NixContext } from "./context.ts";
import { EvaluationWarnings } from "./evaluation_warnings.ts";
import { evaluateHosts } from "./hosts.ts";
import { type Asked, attributesOf, evaluateAttributes, evaluateInventory, inventoryOf } from "./inventory.ts";
import { evaluateOnce, evaluateUnknown, type Kind } from "./known.ts";
import type { Memo } from "./memo.ts";
import type { StoreServer } from "./store_server.ts";

/** What a run evaluates with. */
export interface EvaluationsOptions {
  /** What is known from earlier runs; undefined: nothing. */
  readonly memo: Memo | undefined;
  readonly store: StoreServer;
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

  /**
   * Begins with the inventory of a flake that is likely to be asked for. What is found out of the flake meanwhile may show
   * that it is another one: then this counts for nothing.
   */
  begin(flake: LikelyFlake, asked: AskedOfFlake): void {
    this.stop();
    this.#ahead = new Ahead(this.#nix, flake, asked, this.#options);
  }

  /** As {@linkcode Nix} has it. */
  async attributes(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    warn: Warn,
  ): Promise<ReadonlyMap<string, unknown>> {
    const told = await this.#told(
      "attributes",
      { flake, attributes },
      warn,
      (warnings) => evaluateAttributes(this.#nix, { flake, attributes, warnings }),
    );
    return attributesOf(told);
  }

  /** As {@linkcode Nix} has it. */
  async inventory(
    flake: LockedFlake,
    attributes: ReadonlyMap<string, readonly string[]>,
    { warn, hosts }: Parameters<Nix["inventory"]>[2],
  ): Promise<Inventory> {
    const asked = { attributes, hosts };
    if (!this.#ahead?.isFor(flake, asked)) this.stop();
    const told = await this.#told("inventory", { flake, attributes }, warn, async (warnings) => {
      if (this.#ahead === undefined) this.begin(flake, asked);
      return await this.#ahead!.inventoryOf(flake, warnings) ??
        await evaluateInventory(this.#nix, { flake, attributes, warnings });
    });
    return inventoryOf(told);
  }

  /** What an evaluation of a flake gives or gave, after its warnings have been told. */
  async #told(
    what: Kind,
    asked: Omit<Asked, "warnings">,
    warn: Warn,
    evaluate: (warnings: Asked["warnings"]) => Promise<unknown>,
  ): Promise<unknown> {
    const { memo } = this.#options;
    const warnings = this.#warnings;
    try {
      return memo === undefined
        ? await evaluate(warnings)
        : await evaluateOnce(memo, what, { ...asked, warnings }, evaluate);
    } finally {
      warn(...warnings.take());
    }
  }

  /** As {@linkcode Nix} has it. */
  async hosts(hosts: readonly HostInFlake[], options: Parameters<Nix["evaluateHosts"]>[1]): Promise<void> {
    const { memo, store, ...more } = this.#options;
    const warnings = this.#warnings;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const order = hosts.map(({ name }) => name);
    const evaluate = (some: readonly HostInFlake[], onDerived: typeof options.onDerived) =>
      evaluateHosts(this.#nix, some, { ...options, ...more, onDerived, warnings, order, ahead });
    try {
      if (memo === undefined) await evaluate(hosts, options.onDerived);
      else await evaluateUnknown(memo, hosts, { ...options, store, warnings, evaluate });
    } finally {
      ahead?.stop();
    }
  }
}
