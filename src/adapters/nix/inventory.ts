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
import { INVENTORY } from "./expressions.ts";
import { settingFlags } from "./nix_config.ts";
import { parseShape } from "./output.ts";

/** What {@linkcode INVENTORY} gives. */
const INVENTORY_SHAPE = v.object({
  nixVersion: v.string(),
  storeDir: v.string(),
  hosts: v.object({ nixos: v.array(v.string()), darwin: v.array(v.string()) }),
  attributes: v.record(v.string(), v.object({ ok: v.boolean(), value: v.unknown() })),
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
  const data = { flake: flake.opened, attributes: Object.fromEntries(attributes) };
  const result = await evaluate(nix, INVENTORY, data, {
    options: settingFlags(flake.nixConfig.used),
    listener: { markedBy: crypto.randomUUID(), onWarning: (text) => warnings.note(text) },
  });
  if (result.code !== 0) {
    const { lines, trace: more } = result.error;
    throw new ReleaseError(
      "evaluation",
      `Cannot evaluate the fleet of "${flake.url}": nix exited with ${result.code}`,
      {
        lines: nix.shell.excerpts.of({ title: "the fleet", lines, more }, MOST_SHOWN),
      },
    );
  }
  const { attributes: values, ...inventory } = parseShape(INVENTORY_SHAPE, result.value, "nix eval");
  const found = Object.entries(values).filter(([, { ok }]) => ok);
  return { ...inventory, attributes: new Map(found.map(([key, { value }]) => [key, value])) };
}
