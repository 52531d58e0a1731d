// What `doctor` sees of a real machine.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createMachine } from "../../src/adapters/machine.ts";
import { nixContext } from "../../src/adapters/nix/context.ts";
import { validateConfig } from "../../src/commands/release.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { Machine } from "../../src/ports.ts";
import { expectRun, which } from "../support/command.ts";
import { NO_FLAGS } from "../support/nix_fleet.ts";
import { TemporaryDirectory, tracedShell } from "../support/traced.ts";

const PATH = Deno.env.get("PATH")!;

function machineIn(dir: string, env: Record<string, string> = {}, options: [string, string][] = []): Machine {
  const { shell } = tracedShell(dir);
  const whole = { PATH, HOME: dir, NIX_CONFIG: "build-users-group =", ...env };
  const config = validateConfig({ signCmd: "sign" });
  const nix = () => nixContext(shell, whole, { ...NO_FLAGS, options });
  return createMachine({ config, shell, env: whole, nix });
}

Deno.test("a machine tells of nix what it says itself, and whether its store can be opened", async () => {
  await using dir = await TemporaryDirectory.create();
  const machine = machineIn(dir.path, {}, [["builders", "ssh://there"]]);
  const { path, version } = await machine.nixVersion();
  assertEquals(path, which("nix"));
  assert((await expectRun([path, "--version"], { env: { PATH } })).includes(version), version);
  assertEquals(await machine.nixFacts(), {
    ...{ storeDir: "/nix/store", lacks: [], store: "auto", builders: "ssh://there", buildUsers: "" },
  });
  assertEquals(await machine.openStore(), null);
  assertEquals(await machine.isStoreClosed("/nix/store"), false);
  // Only root builds as somebody else.
  const isRoot = (await expectRun([which("id"), "-u"], { env: { PATH } })).trim() === "0";
  assertEquals(await machine.lacksBuildUsers("no-such-group"), isRoot);
  for (const env of [{ NIX_REMOTE: "daemon" }, { NIX_STATE_DIR: join(dir.path, "none") }]) {
    assertEquals(await machineIn(dir.path, env).lacksBuildUsers("no-such-group"), false);
  }
  const refused = await machine.openStore("ssh://nowhere.invalid");
  assert(
    refused !== null && refused.length > 0 && refused.every((line) => line.startsWith("| ")),
    `${refused}`,
  );
  // Of a store that cannot be opened, nix says what it is all the same.
  const closed = machineIn(dir.path, {}, [["store", "/proc/none"]]);
  assertEquals((await closed.nixFacts()).store, "/proc/none");
  assert(await closed.openStore() !== null, "it was opened");
});

Deno.test("a machine tells of files, directories and room", async () => {
  await using dir = await TemporaryDirectory.create();
  const machine = machineIn(dir.path);
  const file = join(dir.path, "a file");
  await Deno.writeTextFile(file, "one\n  two\\n \nthree");
  assertEquals(await machine.textOf(file), "one\n  two\\n \nthree");
  assertEquals(await machine.textOf(join(dir.path, "none")), null);
  assertEquals(await machine.canWrite(dir.path), true);
  assertEquals(await machine.canWrite(file), false);
  assertEquals(await machine.canWrite(join(dir.path, "none")), false);
  const page = join(dir.path, "page");
  machine.checkReport(page);
  await Deno.writeTextFile(page, "<!doctype html>of an earlier run");
  machine.checkReport(page);
  assertThrows(() => machine.checkReport(file), ReleaseError, `"${file}": it is a file, and no page`);
  const within = join(dir.path, "releases", "run.html");
  assertThrows(() => machine.checkReport(within), ReleaseError, "it is in the release directory");
  // Root may write whatever the modes are.
  await Deno.chmod(dir.path, 0o500);
  const isRoot = (await expectRun([which("id"), "-u"], { env: { PATH } })).trim() === "0";
  assertEquals(await machine.canWrite(dir.path), isRoot);
  await Deno.chmod(dir.path, 0o700);
  const free = await machine.freeIn(dir.path);
  const { stdout } = await new Deno.Command("df", { args: ["-P", "-k", dir.path] }).output();
  const size = Number(new TextDecoder().decode(stdout).trimEnd().split("\n")[1]!.split(/ +/)[1]) * 1024;
  assert(free !== null && free > 0 && free <= size, `${free} of ${size}`);
  assertEquals(await machine.freeIn(join(dir.path, "none")), null);
});

Deno.test("a machine tells what a hook would not find, and what a shell cannot read", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.writeTextFile(join(dir.path, "own"), "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(join(dir.path, "no-program"), "");
  const machine = machineIn(dir.path, { TOKEN: "" });
  const asked = ["sh", "none-such", "./own", "./no-program", "exit", "if", "/none/such"];
  assertEquals(await machine.missing(asked), ["none-such", "./no-program", "/none/such"]);
  assertEquals(await machine.missing([]), []);
  const touch = `echo >'${join(dir.path, "touched")}'`;
  assertEquals(await machine.canParse(touch), true);
  assertEquals(await machine.canParse(`${touch}; if`), false);
  assertEquals(await Deno.stat(join(dir.path, "touched")).catch(() => null), null);
  assertEquals([machine.isSet("TOKEN"), machine.isSet("NONE")], [true, false]);
});
