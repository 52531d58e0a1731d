import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createInputs } from "../../src/adapters/files.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

Deno.test("createInputs() reads paths relative to its directory, and absolute ones", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.mkdir(join(dir.path, "sub"));
  await Deno.writeTextFile(join(dir.path, "key"), "text", { mode: 0o640 });
  const inputs = createInputs(join(dir.path, "sub"));
  for (const path of ["../key", join(dir.path, "key")]) {
    assertEquals(new TextDecoder().decode(await inputs.read(path)), "text");
    assertEquals((await inputs.mode(path))! & 0o777, 0o640);
  }
});

Deno.test("createInputs() names the file that cannot be read as it was given, in the reason too", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeTextFile(join(dir.path, "file"), "");
  const inputs = createInputs(dir.path);
  const reasons: [path: string, reason: string][] = [
    ["gone", "No such file or directory (os error 2): readfile 'gone'"],
    ["./sub/../gone", "No such file or directory (os error 2): readfile './sub/../gone'"],
    [join(dir.path, "gone"), `No such file or directory (os error 2): readfile '${dir.path}/gone'`],
    [".", "Is a directory (os error 21): readfile '.'"],
    ["file/below", "Not a directory (os error 20)"],
    ["", "Empty path is not allowed"],
  ];
  for (const [path, reason] of reasons) {
    assertEquals(await rejection(inputs.read(path)), {
      kind: "io",
      message: `Cannot read "${path}": ${reason}`,
    });
  }
  assertEquals(await rejection(inputs.mode("gone")), {
    kind: "io",
    message: `Cannot read "gone": No such file or directory (os error 2): stat 'gone'`,
  });
});

pureTest("createInputs() names a file that there is no permission to read as it was given", async () => {
  assertEquals(await rejection(createInputs("/srv/fleet").read("key.pem")), {
    kind: "io",
    message: 'Cannot read "key.pem": Requires read access to "key.pem", run again with the --allow-read flag',
  });
});
