import { assertEquals } from "@std/assert";
import { appendToStepFile } from "../../src/adapters/step_files.ts";
import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

Deno.test("appendToStepFile() appends what there is room for, and says which file it could not write", async () => {
  await using dir = await TemporaryDirectory.create();
  const path = `${dir.path}/summary`;
  const rooms: number[] = [];
  const append = (text: string | undefined, to = path) =>
    appendToStepFile(to, 10, (room) => {
      rooms.push(room);
      return text;
    });
  await append("é\n");
  await append("two\n");
  assertEquals(await Deno.readTextFile(path), "é\ntwo\n");
  const full = await rejection(append(undefined));
  assertEquals(full, { kind: "io", message: `Cannot write to "${path}": it is full` });
  assertEquals([await Deno.readTextFile(path), rooms], ["é\ntwo\n", [10, 7, 3]]);
  const nowhere = await rejection(append("x", `${dir.path}/none/file`));
  assertEquals(nowhere.kind, "io");
  assertEquals(
    nowhere.message.startsWith(`Cannot write to "${dir.path}/none/file": `),
    true,
    nowhere.message,
  );
});
