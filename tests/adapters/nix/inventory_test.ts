import { assert, assertEquals } from "@std/assert";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { applyTo, INVENTORY } from "../../../src/adapters/nix/expressions.ts";
import { readAttributes, readInventory } from "../../../src/adapters/nix/inventory.ts";
import { expectRun, SYSTEM } from "../../support/command.ts";
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

Deno.test("readInventory() looks up what nix does, below packages and legacyPackages before the outputs", async () => {
  await using world = await nixFleet("{}");
  const outputs = `{
    a.b = null; c = []; top.d = 1;
    packages.${SYSTEM} = { top = { d = 2; e = null; }; n = null; };
    packages.other.a.b = 0;
    legacyPackages.${SYSTEM} = { top = { d = 3; f = 3; }; nixosConfigurations.old = throw "no host"; };
    nixosConfigurations.lost = {}; darwinConfigurations.mac = {};
  }`;
  await world.fleet.write({ "flake.nix": `{ outputs = _: ${outputs}; }` });
  await world.fleet.commit("attributes");
  const paths = new Map(
    ["a.b", "a.x.y", "top.d", "top.e", "top.f", ".top.d", ".top.f"].map((path) => [path, path.split(".")]),
  );
  const flake = await locked(world);
  const warnings = new EvaluationWarnings();
  const { hosts, attributes } = await readInventory(world.nix, flake, paths, warnings);
  const expected = new Map<string, unknown>([
    ...[[".top.d", 1], ["a.b", null], ["top.d", 2], ["top.e", null], ["top.f", 3]] as const,
  ]);
  assertEquals([hosts, attributes], [{ nixos: ["old"], darwin: ["mac"] }, expected]);
  assertEquals(await readAttributes(world.nix, flake, paths, warnings), expected);
  // Nor does nix look any further.
  for (const path of [["c", "0"], ["n", "x"]]) {
    const { lines } = await rejection(readAttributes(world.nix, flake, new Map([["key", path]]), warnings));
    const said = `'${path[0] === "n" ? `packages.${SYSTEM}.n` : "c"}' is not an attribute set`;
    assert(lines!.some((line) => line.includes(said)), lines!.join("\n"));
  }
});

Deno.test("readInventory() refuses a fleet that does not evaluate, with what nix says", async () => {
  await using world = await nixFleet('throw "has no attribute"');
  const flake = await locked(world);
  const { lines, ...refused } = await rejection(
    readInventory(world.nix, flake, new Map(), new EvaluationWarnings()),
  );
  assertEquals(refused, {
    kind: "evaluation",
    message: `Cannot evaluate the fleet of "${flake.reference}": nix exited with 1`,
  });
  assert(lines!.some((line) => line.includes("error: has no attribute")), lines!.join("\n"));
});
