import { assertEquals } from "@std/assert";
import { follow, MOST_FOLLOWED } from "../../src/adapters/follow.ts";
import { TemporaryDirectory } from "../support/traced.ts";

Deno.test("follow() hands on what is written until the end, and not what comes later", async () => {
  await using dir = await TemporaryDirectory.create();
  const path = `${dir.path}/file`;
  const append = (text: string) => Deno.writeTextFileSync(path, text, { append: true });
  // Twice what is read at once, so that it ends before the rest of it is read.
  const first = "1".repeat(1 << 17);
  append(first);
  using file = await Deno.open(path);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let seen = "";
  await follow(file, ended, (chunk) => {
    seen += new TextDecoder().decode(chunk);
    // It ends with what it has written last, and who still writes then keeps nobody.
    append(seen.length < first.length ? "2" : "x".repeat(chunk.length + 1));
    resolve();
  });
  assertEquals(seen.startsWith(`${first}2`), true);
});

Deno.test("follow() reads to the end of what has failed, too", async () => {
  await using dir = await TemporaryDirectory.create();
  const path = `${dir.path}/file`;
  const text = "ü".repeat(200_000);
  await Deno.writeTextFile(path, text);
  using file = await Deno.open(path);
  const chunks: Uint8Array[] = [];
  const ended = Promise.reject(new Error("no"));
  await follow(file, ended, (chunk) => void chunks.push(chunk));
  assertEquals(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text(), text);
});

Deno.test("follow() empties a file that grows large, and leaves out what it cannot keep up with", async () => {
  await using dir = await TemporaryDirectory.create();
  const path = `${dir.path}/file`;
  const append = (text: string) => Deno.writeTextFileSync(path, text, { append: true });
  append("0".repeat(MOST_FOLLOWED + 5));
  using file = await Deno.open(path, { read: true, write: true });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const chunks: Uint8Array[] = [];
  const watch = setInterval(() => Deno.statSync(path).size === 0 && append("1"), 1);
  await follow(file, ended, (chunk) => {
    chunks.push(chunk);
    if (chunk.length === 1) resolve();
  });
  clearInterval(watch);
  const seen = await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text();
  const note = "\n[5 bytes left out]\n";
  assertEquals([seen.slice(0, note.length + 1), seen.slice(-2)], [`${note}0`, "01"]);
  assertEquals(seen.length, note.length + MOST_FOLLOWED + 1);
});
