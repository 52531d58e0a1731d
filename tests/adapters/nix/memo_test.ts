import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import * as v from "valibot";
import { Memo } from "../../../src/adapters/nix/memo.ts";
import { nixFleet } from "../../support/nix_fleet.ts";

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
