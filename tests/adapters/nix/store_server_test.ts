import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { StoreServer } from "../../../src/adapters/nix/store_server.ts";
import { rejection } from "../../support/pure.ts";
import { NIX_STORE, type NixFleet, nixFleet } from "../../support/nix_fleet.ts";

const NONE = `/nix/store/${"0".repeat(32)}-none.drv`;
/** Answers the first words, takes a part of a question, and is gone. */
const LOST = String
  .raw`printf '\313\356\122\124\0\0\0\0\2\2\0\0\0\0\0\0'; head -c 20 >/dev/null; echo 'it is gone' >&2; exit 1`;

/** The context of a fleet, with a nix-store that does what a script says. `$count` counts how often it was started. */
async function withNixStore({ fleet, nix }: NixFleet, script: string) {
  const [nixStore, started] = [join(fleet.root, "nix-store"), join(fleet.root, "started")];
  await Deno.writeTextFile(started, "");
  await Deno.writeTextFile(
    nixStore,
    `#!/bin/sh\necho $$ >>${started}\ncount=$(wc -l <${started})\n${script}\nexec ${NIX_STORE} "$@"\n`,
    { mode: 0o755 },
  );
  const processes = async () => (await Deno.readTextFile(started)).split("\n").filter(Boolean).map(Number);
  return { nix: { ...nix, nixStore }, processes };
}

Deno.test("StoreServer asks another process where its own is lost before it has answered, and says what one says that is lost each time", async () => {
  await using world = await nixFleet("{}");
  const some = await withNixStore(world, `[ $count -gt 1 ] || { ${LOST}; }`);
  {
    await using store = new StoreServer(some.nix);
    assertEquals(await store.hold([NONE]), new Set());
    assertEquals((await some.processes()).length, 2);
  }
  const all = await withNixStore(world, LOST);
  await using store = new StoreServer(all.nix);
  const { message, lines } = await rejection(store.hold([NONE]));
  assertEquals(message, "Cannot ask the store what is there: nix-store gives no answer");
  assertEquals(lines?.at(0), "| it is gone");
  await Deno.chmod(all.nix.nixStore, 0o644);
  await using none = new StoreServer(all.nix);
  assertEquals((await rejection(none.hold([NONE]))).lines, [`| spawn ${all.nix.nixStore} EACCES`]);
});

Deno.test("StoreServer ends a process that has not begun to answer", async () => {
  await using world = await nixFleet("{}");
  const { nix, processes } = await withNixStore(world, "exec sleep 600");
  const store = new StoreServer(nix);
  const answer = rejection(store.hold([NONE]));
  while ((await processes()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const [pid] = await processes() as [number];
  let timer;
  const late = new Promise((resolve) => timer = setTimeout(resolve, 60_000)).then(() => Deno.kill(pid));
  await Promise.race([store[Symbol.asyncDispose](), late.then(() => Promise.reject(new Error("it waits")))]);
  clearTimeout(timer);
  await answer;
  assertEquals((await processes()).length, 1);
});
