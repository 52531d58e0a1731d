import { assertEquals } from "@std/assert";
import { invalidPaths, outputsOf, requisitesOf } from "../../../src/adapters/nix/store.ts";
import { derivationsOf, NIX_STORE, type NixFleet, nixFleet } from "../../support/nix_fleet.ts";

const GONE = `/nix/store/${"0".repeat(32)}-gone`;

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet(`let kernel = build "kernel" "echo > $out"; in {
    web = host (build "web" "echo \${kernel} > $out");
  }`);
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

Deno.test("invalidPaths() gives the paths that are not in the store, by one command", async () => {
  const [{ drvPath, outPath }] = await derivationsOf(world, "web");
  assertEquals(await invalidPaths(world.nix, [outPath, drvPath, GONE]), new Set([outPath, GONE]));
  assertEquals(world.commands, [
    [NIX_STORE, "--check-validity", "--print-invalid", outPath, drvPath, GONE],
  ]);
});

Deno.test("invalidPaths() of paths that are all there is nothing, and of no path runs nothing", async () => {
  const [{ drvPath }] = await derivationsOf(world, "web");
  assertEquals(await invalidPaths(world.nix, [drvPath]), new Set());
  world.commands.length = 0;
  assertEquals([await invalidPaths(world.nix, []), world.commands], [new Set(), []]);
});

Deno.test("requisitesOf() gives a derivation and all that it is built from, by one command", async () => {
  const [{ drvPath }] = await derivationsOf(world, "web");
  const names = (await requisitesOf(world.nix, drvPath)).map((path) => path.replace(/.*\/[0-9a-z]{32}-/, ""));
  assertEquals(names, ["kernel.drv", "web.drv"]);
  assertEquals(world.commands, [[NIX_STORE, "--query", "--requisites", drvPath]]);
});

Deno.test("outputsOf() gives a derivation's outputs before it is built, by one command", async () => {
  const [{ drvPath, outPath }] = await derivationsOf(world, "web");
  assertEquals(await outputsOf(world.nix, drvPath), [outPath]);
  assertEquals(world.commands, [[NIX_STORE, "--query", "--outputs", drvPath]]);
});

Deno.test("requisitesOf() and outputsOf() give nothing of what the store does not have", async () => {
  assertEquals([await requisitesOf(world.nix, GONE), await outputsOf(world.nix, `${GONE}.drv`)], [[], []]);
});
