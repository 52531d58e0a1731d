import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { realise } from "../../../src/adapters/nix/realise.ts";
import type { DerivedHost } from "../../../src/model.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { derivationsOf, FLAGS, NIX_STORE, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

const SILENT = { add: () => undefined, end() {} };
const target = ({ drvPath, outputName }: DerivedHost) => `${drvPath}!${outputName}`;

Deno.test("realise() builds all targets by one command, keeps them, and gives each one's path", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo hello from a >&2; echo > $out");
    b = host (build "b" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "b", "a");
  const [b, a] = derivations as [DerivedHost, DerivedHost];
  const root = join(world.fleet.root, "tmp/kept");
  const log: string[] = [];
  const built = await realise(world.nix, [target(b), target(a)], {
    root,
    settings: [["extra-sandbox-paths", ""]],
    begin: () => ({
      add(line) {
        log.push(line);
        return line.includes("hello") ? "seen" : undefined;
      },
      end: (isBuilt) => log.push(`built: ${isBuilt}`),
    }),
  });
  assertEquals(world.commands, [[
    ...[NIX_STORE, "--realise", target(b), target(a), ...FLAGS],
    ...["--option", "extra-sandbox-paths", "", ...FLAGS, "--keep-going", "--log-format", "internal-json"],
    ...["--add-root", root, "--indirect"],
  ]]);
  assertEquals(built, { paths: new Map([[target(b), b.outPath], [target(a), a.outPath]]) });
  assertEquals([await Deno.readLink(root), await Deno.readLink(`${root}-2`)], [b.outPath, a.outPath]);
  assertEquals(log.pop(), "built: true");
  assert(log.every((line) => line.startsWith("@nix {")), log.join("\n"));
  // Where other processes are at work in the store, nix says that too.
  assertEquals(world.output.filter((line) => !line.endsWith("is busy")), ["seen"]);
});

Deno.test("realise() goes on when one target fails, and gives how the command ended", async () => {
  await using world = await nixFleet(`{
    bad = host (build "bad" "exit 3");
    good = host (build "good" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "bad", "good");
  const ended: [targets: readonly string[], isBuilt: boolean][] = [];
  const root = join(world.fleet.root, "tmp/kept");
  const built = await realise(world.nix, derivations.map(target), {
    root,
    settings: [["extra-sandbox-paths", ""]],
    begin: (asked) => ({ add: () => undefined, end: (isBuilt) => ended.push([asked, isBuilt]) }),
  });
  assert("failure" in built);
  assertEquals(built.failure.code, 100);
  assertEquals(ended, [[derivations.map(target), false]]);
  assert((await Deno.stat(derivations[1]!.outPath)).isFile);
});

Deno.test("realise() refuses an answer that has not one path for each target", async () => {
  await using dir = await TemporaryDirectory.create();
  for (const name of ["nix", "nix-store"]) {
    await Deno.writeTextFile(join(dir.path, name), "#!/bin/sh\necho one\necho two\n", { mode: 0o755 });
  }
  const { shell } = tracedShell(dir.path, `${dir.path}:/usr/bin:/bin`);
  const nix = nixContext(shell, { PATH: "/usr/bin:/bin" }, NO_FLAGS);
  const options = { settings: [], root: join(dir.path, "kept"), begin: () => SILENT };
  assertEquals(await rejection(realise(nix, ["a!out"], options)), {
    kind: "build",
    message: "Cannot tell what was built: nix-store gave 2 paths for 1 derivations",
  });
});
