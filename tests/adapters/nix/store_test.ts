import { assertEquals } from "@std/assert";
import { AS_EVENTS } from "../../../src/adapters/nix/events.ts";
import { neededBy, systemsOf, unbuilt } from "../../../src/adapters/nix/store.ts";
import { expectRun, SYSTEM } from "../../support/command.ts";
import { derivationsOf, FLAGS, NIX_STORE, type NixFleet, nixFleet } from "../../support/nix_fleet.ts";

const GONE = `/nix/store/${"0".repeat(32)}-gone.drv`;

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet(`let kernel = build "kernel" "echo > $out"; in {
    kernel = host kernel;
    web = host (build "web" "echo \${kernel} > $out");
    structured = host (build "structured" "" // derivation {
      name = "structured"; system = "${SYSTEM}"; builder = "/bin/sh"; __structuredAttrs = true; a = [ 1 ];
    });
  }`);
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

Deno.test("unbuilt() gives the derivations of which the store lacks an output, by one command that builds nothing", async () => {
  const [web, kernel] = await derivationsOf(world, "web", "kernel");
  const target = `${web.drvPath}!out`;
  assertEquals(await unbuilt(world.nix, [kernel!.drvPath, target]), new Set([kernel!.drvPath, web.drvPath]));
  assertEquals(world.commands, [[
    ...[NIX_STORE, "--realise", "--dry-run", kernel!.drvPath, target, ...FLAGS],
    ...["--option", "substitute", "false", ...AS_EVENTS],
  ]]);
  await expectRun([NIX_STORE, "--realise", kernel!.drvPath], { env: world.fleet.env() });
  assertEquals(await unbuilt(world.nix, [kernel!.drvPath, target]), new Set([web.drvPath]));
  // What it would build first, and was not asked of, is not among them.
  world.commands.length = 0;
  assertEquals([await unbuilt(world.nix, []), world.commands], [new Set(), []]);
});

Deno.test("neededBy() gives a derivation and all that are built from it, by one command for each", async () => {
  const [web, kernel] = await derivationsOf(world, "web", "kernel");
  const found = await neededBy(world.nix, [web.drvPath, kernel!.drvPath, GONE]);
  assertEquals([...found].map(([drv, by]) => [drv, by.toSorted()]), [
    [web.drvPath, [web.drvPath]],
    [kernel!.drvPath, [kernel!.drvPath, web.drvPath].toSorted()],
    [GONE, [GONE]],
  ]);
  assertEquals(
    world.commands,
    [...found.keys()].map((drv) => [NIX_STORE, "--query", "--referrers-closure", drv, ...FLAGS]),
  );
});

Deno.test("systemsOf() gives the system of each derivation that says it plainly", async () => {
  const [web, structured] = await derivationsOf(world, "web", "structured");
  const found = await systemsOf(world.nix, [structured!.drvPath, web.drvPath, GONE]);
  assertEquals([...found], [[web.drvPath, SYSTEM]]);
});
