// What is kept of evaluations, file by file.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import * as v from "valibot";
import { Memo } from "../../../src/adapters/nix/memo.ts";
import { locked, nixFleet } from "../../support/nix_fleet.ts";

Deno.test("Memo gives what was kept of a flake, as far as nix reads the same from it", async () => {
  await using world = await nixFleet("{}");
  const dir = join(world.fleet.root, "kept");
  const flake = await locked(world);
  const other = { ...flake, storePath: `${flake.storePath}-by-other-attributes` };
  const asked = { what: "number", key: [], shape: v.number() };
  {
    await using memo = new Memo(world.nix, { dir, own: world.fleet.root });
    memo.admit(flake, false);
    memo.keep(flake, { ...asked, value: () => 7 });
  }
  await using memo = new Memo(world.nix, { dir, own: world.fleet.root });
  memo.admit(flake, true);
  assertEquals(await memo.recall(flake, asked), 7);
  assertEquals(await memo.recall(other, asked), undefined);
});

Deno.test("Memo reads numbers as nix prints them, and leaves nothing of what cannot be written", async () => {
  await using world = await nixFleet("{}");
  const dir = join(world.fleet.root, "kept");
  const memo = new Memo(world.nix, { dir, own: world.fleet.root });
  for (const number of [2 ** 53, -(2 ** 63), 1e300]) {
    memo.write("number", number);
    assertEquals(memo.read("number", v.number()), number);
  }
  await Deno.mkdir(join(dir, "place.json/taken"), { recursive: true });
  memo.write("place", 1);
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["number.json", "place.json"]);
});

Deno.test("Memo keeps what was used last, and takes as much of it as its bounds say", async () => {
  await using world = await nixFleet("{}");
  const { root } = world.fleet;
  const dir = join(root, "cache/evaluations");
  const open = () => new Memo(world.nix, { dir, own: root });
  const [first, second] = [open(), open()];
  for (let index = 0; index < 310; index++) {
    first.write(`n${index}`, { index });
    const time = new Date(2026, 0, 1, 0, index);
    Deno.utimeSync(join(dir, `n${index}.json`), time, time);
  }
  const shape = v.object({ index: v.number() });
  assertEquals(first.read("n3", shape), { index: 3 });
  // A run makes room when it first writes.
  second.write("new", { index: -1 });
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
  assertEquals(names.length, 301);
  assertEquals([first.read("n3", shape), first.read("n4", shape)], [{ index: 3 }, undefined]);
  assertEquals(first.read("n5", v.object({ other: v.string() })), undefined);
  assertEquals(Deno.statSync(dir).mode! & 0o777, 0o700);
});

Deno.test("Memo tells a nix by its version and settings, but for those of builds, and none that may be impure", async () => {
  await using world = await nixFleet("{}");
  const { root } = world.fleet;
  const identityWith = (...flags: string[]) =>
    new Memo({ ...world.nix, flags: [...world.nix.flags, ...flags] }, { dir: root, own: root }).identity();
  const identity = await identityWith();
  assertEquals(typeof identity, "string");
  assertEquals(await identityWith("--max-jobs", "7", "--builders", "ssh://other"), identity);
  assertEquals(await identityWith("--option", "allow-import-from-derivation", "false") === identity, false);
  assertEquals(await identityWith("--option", "pure-eval", "false"), undefined);
});
