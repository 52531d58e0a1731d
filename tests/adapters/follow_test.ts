import { assertEquals } from "@std/assert";
import { follow } from "../../src/adapters/follow.ts";
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
