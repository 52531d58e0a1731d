/**
 * The first, cheap evaluation: what the flake has, without evaluating a host.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { LockedFlake } from "../../model.ts";
import type { Inventory } from "../../ports.ts";
import { MOST_SHOWN } from "../excerpts.ts";
import type { NixContext } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluationWarnings } from "./evaluation_warnings.ts";
import { ATTRIBUTES, INVENTORY } from "./expressions.ts";
import { settingFlags } from "./nix_config.ts";
import { parseShape } from "./output.ts";

/** What {@linkcode ATTRIBUTES} gives. */
const ATTRIBUTES_SHAPE = v.record(v.string(), v.object({ ok: v.boolean(), value: v.unknown() }));

/** What {@linkcode INVENTORY} gives. */
const INVENTORY_SHAPE = v.object({
  nixVersion: v.string(),
  storeDir: v.string(),
  hosts: v.object({ nixos: v.array(v.string()), darwin: v.array(v.string()) }),
  attributes: ATTRIBUTES_SHAPE,
});

/**
 * Evaluates the host names and the attributes at the given paths, and no host.
 *
 * @param attributes Paths of attributes by keys of the caller's own
 * @param warnings Take note of what the flake warns of
 * @throws {ReleaseError} of kind `evaluation` when the flake does not evaluate
 */
export async function readInventory(
  nix: NixContext,
  flake: LockedFlake,
  attributes: ReadonlyMap<string, readonly string[]>,
  warnings: EvaluationWarnings,
): Promise<Inventory> {
  return inventoryOf(await evaluateInventory(nix, { flake, attributes, warnings }));
}

/**
 * Evaluates the same.
 *
 * @returns what {@linkcode inventoryOf} reads
 */
export async function evaluateInventory(nix: NixContext, asked: Asked): Promise<unknown> {
  return await evaluateHeard(nix, INVENTORY, asked);
}

/**
 * Reads what {@linkcode INVENTORY} gives.
 *
 * @throws {ReleaseError} of kind `evaluation` when it is something else
 */
export function inventoryOf(told: unknown): Inventory {
  const { attributes, ...inventory } = parseShape(INVENTORY_SHAPE, told, "nix eval");
  return { ...inventory, attributes: foundIn(attributes) };
}

/**
 * Evaluates the attributes at the given paths, and nothing else.
 *
 * @param attributes Paths of attributes by keys of the caller's own
 * @param warnings Take note of what the flake warns of
 * @returns by the same keys those that the flake has
 * @throws {ReleaseError} of kind `evaluation` when the flake does not evaluate
 */
export async function readAttributes(
  nix: NixContext,
  flake: LockedFlake,
  attributes: ReadonlyMap<string, readonly string[]>,
  warnings: EvaluationWarnings,
): Promise<ReadonlyMap<string, unknown>> {
  return attributesOf(await evaluateAttributes(nix, { flake, attributes, warnings }));
}

/**
 * Evaluates the same.
 *
 * @returns what {@linkcode attributesOf} reads
 */
export async function evaluateAttributes(nix: NixContext, asked: Asked): Promise<unknown> {
  return await evaluateHeard(nix, ATTRIBUTES, asked);
}

/**
 * Reads what {@linkcode ATTRIBUTES} gives.
 *
 * @throws {ReleaseError} of kind `evaluation` when it is something else
 */
export function attributesOf(told: unknown): Map<string, unknown> {
  return foundIn(parseShape(ATTRIBUTES_SHAPE, told, "nix eval"));
}

/** What is asked of a flake. */
export interface Asked {
  readonly flake: LockedFlake;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  readonly warnings: Pick<EvaluationWarnings, "note">;
}

async function evaluateHeard(
  nix: NixContext,
  expression: string,
  { flake, attributes, warnings }: Asked,
): Promise<unknown> {
  const data = { flake: flake.opened, attributes: Object.fromEntries(attributes) };
  const result = await evaluate(nix, expression, data, {
    options: settingFlags(flake.nixConfig.used),
    listener: { markedBy: crypto.randomUUID(), onWarning: (text) => warnings.note(text) },
    source: flake.storePath,
  });
  if (result.code === 0) return result.value;
  const { lines, trace: more } = result.error;
  throw new ReleaseError(
    "evaluation",
    `Cannot evaluate the fleet of "${flake.reference}": nix exited with ${result.code}`,
    { lines: nix.shell.excerpts.of({ title: "the fleet", lines, more }, MOST_SHOWN) },
  );
}

function foundIn(values: v.InferOutput<typeof ATTRIBUTES_SHAPE>): Map<string, unknown> {
  return new Map(Object.entries(values).flatMap(([key, { ok, value }]) => ok ? [[key, value]] : []));
}
