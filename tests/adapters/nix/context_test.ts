import { assertEquals } from "@std/assert";
import { closeDoorsOfNix } from "../../../src/adapters/git/doors.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { NO_FLAGS } from "../../support/nix_fleet.ts";

/** A directory with programs of these names. */
async function programs(...names: string[]): Promise<TemporaryDirectory> {
  const dir = await TemporaryDirectory.create();
  for (const name of names) await Deno.writeTextFile(`${dir.path}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
  return dir;
}

Deno.test("nixContext() takes the first nix, the nix-store beside it, and runs nothing", async () => {
  await using first = await programs("nix", "nix-store");
  await using second = await programs("nix", "nix-store");
  const { shell, commands } = tracedShell("/", `${first.path}:${second.path}`);
  const { nix, nixStore } = nixContext(shell, {}, NO_FLAGS);
  assertEquals([nix, nixStore, commands], [`${first.path}/nix`, `${first.path}/nix-store`, []]);
});

Deno.test("nixContext() takes the nix-store on PATH for a nix that has none beside it", async () => {
  await using wrapper = await programs("nix");
  await using real = await programs("nix", "nix-store");
  const { nix, nixStore } = nixContext(
    tracedShell("/", `${wrapper.path}:${real.path}`).shell,
    {},
    NO_FLAGS,
  );
  assertEquals([nix, nixStore], [`${wrapper.path}/nix`, `${real.path}/nix-store`]);
});

Deno.test("nixContext() refuses a PATH without nix, or without nix-store", async () => {
  await using first = await programs("nix");
  await using second = await programs("nix-store");
  const hint = "install Nix (https://nixos.org/download), or add its bin directory to PATH";
  const find = (path: string) =>
    rejection(Promise.try(() => nixContext(tracedShell("/", path).shell, {}, NO_FLAGS)));
  assertEquals(await find(first.path), {
    kind: "io",
    message: `Cannot find "nix-store" beside "${first.path}/nix" or on PATH`,
    hint,
  });
  assertEquals(await find(second.path), { kind: "io", message: 'Cannot find "nix" on PATH', hint });
});

Deno.test("nixContext() tells nix what the operator says, behind the features that it needs", async () => {
  await using dir = await programs("nix", "nix-store");
  const { shell } = tracedShell("/", dir.path);
  const flags = { options: [["cores", "4"], ["sandbox", "true"]], builders: "@/b", maxJobs: "0" } as const;
  assertEquals(nixContext(shell, {}, flags).flags, [
    ...["--extra-experimental-features", "nix-command flakes"],
    ...["--option", "cores", "4", "--option", "sandbox", "true"],
    ...["--max-jobs", "0"],
    ...["--builders", "@/b"],
  ]);
});

Deno.test("nixContext() leaves out what would send nix's git to another repository, and closes its doors", async () => {
  await using dir = await programs("nix", "nix-store");
  const { shell } = tracedShell("/", dir.path);
  const env = { HOME: "/home/a", GIT_DIR: "/other/.git", GIT_SSH: "ssh" };
  const kept = { HOME: "/home/a", GIT_SSH: "ssh" };
  assertEquals(nixContext(shell, env, NO_FLAGS).env, closeDoorsOfNix(kept));
});
