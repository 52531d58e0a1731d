import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createInputs, LARGEST_INPUT, readInput } from "../../src/adapters/files.ts";
import { expectRun, which } from "../support/command.ts";
import { pureTest, rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

/** How to mend what is no file. */
const GIVE_FILE = "give the file itself, or a pipe by its own name, as the shell does for <(command)";

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

Deno.test("createInputs() finds where a file really is, through links, and that a pipe is nowhere", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.mkdir(join(dir.path, "sub"));
  await Deno.writeTextFile(join(dir.path, "sub/key"), "");
  await Deno.symlink("sub", join(dir.path, "keys"));
  await Deno.symlink("keys/key", join(dir.path, "link"));
  const inputs = createInputs(dir.path);
  const paths = ["sub/key", "keys/key", "link", "gone"];
  const found = await Promise.all(paths.map((path) => inputs.realPath(path)));
  assertEquals(found, [...Array(3).fill(join(dir.path, "sub/key")), null]);
});

Deno.test("createInputs() names the file that cannot be read as it was given, in the reason too", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeTextFile(join(dir.path, "file"), "");
  const inputs = createInputs(dir.path);
  const reasons: [path: string, reason: string][] = [
    ["gone", "No such file or directory (os error 2): stat 'gone'"],
    ["./sub/../gone", "No such file or directory (os error 2): stat './sub/../gone'"],
    [join(dir.path, "gone"), `No such file or directory (os error 2): stat '${dir.path}/gone'`],
    [".", "it is a directory, expected a file"],
    ["file/below", "Not a directory (os error 20): stat 'file/below'"],
    ["", "Empty path is not allowed"],
  ];
  for (const [path, reason] of reasons) {
    assertEquals(await rejection(inputs.read(path)), {
      kind: "io",
      message: `Cannot read "${path}": ${reason}`,
      ...path === "." ? { hint: GIVE_FILE } : {},
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

/** Runs a shell command in a directory. */
async function sh(cwd: string, command: string): Promise<void> {
  await expectRun([which("sh"), "-c", command], { cwd, env: { PATH: Deno.env.get("PATH")! } });
}

Deno.test("createInputs() reads regular files, links to them, and no device or pipe that a link leads to", async () => {
  await using dir = await TemporaryDirectory.create();
  await sh(
    dir.path,
    "echo text > file; ln -s file link; ln -s /dev/zero zero; mkfifo pipe; ln -s pipe to-pipe",
  );
  const inputs = createInputs(dir.path);
  assertEquals(new TextDecoder().decode(await inputs.read("link")), "text\n");
  const refused: [path: string, kind: string][] = [
    ["zero", "a device"],
    ["/dev/zero", "a device"],
    ["to-pipe", "a pipe"],
  ];
  for (const [path, kind] of refused) {
    assertEquals(await rejection(inputs.read(path)), {
      kind: "io",
      message: `Cannot read "${path}": it is ${kind}, expected a file`,
      hint: GIVE_FILE,
    });
  }
});

Deno.test("createInputs() reads a pipe that is named itself to its end, and no further than a key or a trust file goes", async () => {
  await using dir = await TemporaryDirectory.create();
  await sh(dir.path, "mkfifo pipe");
  const inputs = createInputs(dir.path);
  const [text] = await Promise.all([inputs.read("pipe"), sh(dir.path, "echo text > pipe")]);
  assertEquals(new TextDecoder().decode(text), "text\n");
  const tooLarge = { kind: "io" as const, message: 'Cannot read "pipe": it is larger than 1 MiB' };
  const [refused] = await Promise.all([
    rejection(inputs.read("pipe")),
    sh(dir.path, "cat /dev/zero > pipe; true"),
  ]);
  assertEquals(refused, tooLarge);
});

Deno.test("readInput() reads as much as it is told, and refuses more", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeFile(join(dir.path, "file"), new Uint8Array(LARGEST_INPUT));
  assertEquals((await readInput("file", dir.path)).length, LARGEST_INPUT);
  await Deno.writeFile(join(dir.path, "file"), new Uint8Array(LARGEST_INPUT + 1));
  assertEquals(await rejection(readInput("file", dir.path)), {
    kind: "io",
    message: 'Cannot read "file": it is larger than 1 MiB',
  });
  assertEquals((await readInput("file", dir.path, 2 * LARGEST_INPUT)).length, LARGEST_INPUT + 1);
});
