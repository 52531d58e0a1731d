import { assert, assertEquals } from "@std/assert";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { applyTo, INVENTORY } from "../../../src/adapters/nix/expressions.ts";
import { readInventory } from "../../../src/adapters/nix/inventory.ts";
import { expectRun } from "../../support/command.ts";
import { sampleFleet } from "../../support/fleet.ts";
import { rejection } from "../../support/pure.ts";
import { EVALUATOR, locked, NIX, nixFleet } from "../../support/nix_fleet.ts";

Deno.test("readInventory() gives hosts, attributes and nix's version by one command, and evaluates no host", async () => {
  await using world = await nixFleet('{ web = throw "no host"; "a.b" = host (throw "none"); }');
  const flake = await locked(world);
  const attributes = new Map([["fleet", ["fleet", "resolved"]], ["gone", ["fleet", "gone", "deeper"]]]);
  const inventory = await readInventory(world.nix, flake, attributes, new EvaluationWarnings());
  assertEquals(world.commands, [[
    ...[...EVALUATOR, "eval", "--json", "--expr"],
    applyTo(INVENTORY, { flake: flake.opened, attributes: Object.fromEntries(attributes) }),
  ]]);
  const version = await expectRun([NIX, "--version"], { env: world.fleet.env() });
  assertEquals(inventory, {
    nixVersion: version.trim().replace(/^nix \(Nix\) /, ""),
    storeDir: "/nix/store",
    hosts: { nixos: ["a.b", "web"], darwin: [] },
    attributes: new Map([["fleet", sampleFleet()]]),
  });
});

Deno.test("readInventory() tells an attribute that is null from one that is not there", async () => {
  await using world = await nixFleet("{}");
  await world.fleet.write({ "flake.nix": "{ outputs = _: { a.b = null; c = []; }; }" });
  await world.fleet.commit("attributes");
  const paths = new Map([["null", ["a", "b"]], ["below", ["a", "b", "c"]], ["list", ["c", "0"]]]);
  const warnings = new EvaluationWarnings();
  const { hosts, attributes } = await readInventory(world.nix, await locked(world), paths, warnings);
  assertEquals([hosts, attributes], [{ nixos: [], darwin: [] }, new Map([["null", null]])]);
});

Deno.test("readInventory() refuses a fleet that does not evaluate, with what nix says", async () => {
  await using world = await nixFleet('throw "has no attribute"');
  const flake = await locked(world);
  const { lines, ...refused } = await rejection(
    readInventory(world.nix, flake, new Map(), new EvaluationWarnings()),
  );
  assertEquals(refused, {
    kind: "evaluation",
    message: `Cannot evaluate the fleet of "${flake.url}": nix exited with 1`,
  });
  assert(lines!.some((line) => line.includes("error: has no attribute")), lines!.join("\n"));
});
