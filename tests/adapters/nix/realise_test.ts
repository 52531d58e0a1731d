import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { realise, realiseAll } from "../../../src/adapters/nix/realise.ts";
import type { DerivedHost } from "../../../src/model.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { derivationsOf, FLAGS, NIX_STORE, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

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
    onLog: (line) => {
      log.push(line);
      return line.includes("hello") ? "seen" : undefined;
    },
  });
  assertEquals(world.commands, [[
    ...[NIX_STORE, "--realise", target(b), target(a), ...FLAGS],
    ...["--option", "extra-sandbox-paths", "", ...FLAGS, "--keep-going", "--log-format", "internal-json"],
    ...["--add-root", root, "--indirect"],
  ]]);
  assertEquals(built, { paths: new Map([[target(b), b.outPath], [target(a), a.outPath]]) });
  assertEquals([await Deno.readLink(root), await Deno.readLink(`${root}-2`)], [b.outPath, a.outPath]);
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
  const root = join(world.fleet.root, "tmp/kept");
  const built = await realise(world.nix, derivations.map(target), {
    root,
    settings: [["extra-sandbox-paths", ""]],
    onLog: () => undefined,
  });
  assert("failure" in built);
  assertEquals(built.failure.code, 100);
  assert((await Deno.stat(derivations[1]!.outPath)).isFile);
});

Deno.test("realiseAll() builds the first window alone, and two at once then, which share the jobs, and keeps all of them", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = host (build "b" "echo > $out");
    c = host (build "c" "exit 3");
    d = host (build "d" "echo > $out");
    e = host (build "e" "echo > $out");
    f = host (build "f" "echo > $out");
  }`);
  const derivations = await derivationsOf(world, "a", "b", "c", "d", "e", "f");
  const targets = derivations.map(target);
  const buildIn = async (name: string, some: readonly string[], jobs: string) => {
    world.commands.length = 0;
    const nix = nixContext(world.shell, world.fleet.env(), { ...NO_FLAGS, maxJobs: jobs });
    const root = join(world.fleet.root, "tmp", name);
    return {
      root,
      ...await realiseAll(nix, some, { root, settings: [], onLog: () => undefined, window: 2 }),
    };
  };
  /** The targets of each process, and how many it builds at once. */
  const asked = () =>
    world.commands.filter((argv) => argv.includes("--realise")).map((argv) => [
      argv.filter((word) => targets.includes(word)),
      argv[argv.lastIndexOf("--max-jobs") + 1],
    ]);
  const failed = await buildIn("failed", targets, "3");
  assert("failure" in failed);
  assertEquals(failed.failure.code, 100);
  // What is behind the window with the one that fails is built, too.
  assertEquals(asked(), [[targets.slice(0, 2), "3"], [targets.slice(2, 4), "2"], [targets.slice(4), "1"]]);
  const good = derivations.filter(({ name }) => name !== "c");
  const built = await buildIn("built", good.map(target), "1");
  assertEquals(asked().map(([, jobs]) => jobs), ["1", "1", "1"]);
  assert("paths" in built);
  assertEquals(built.paths, new Map(good.map((host) => [target(host), host.outPath])));
  const links = ["", "-2", ".1", ".1-2", ".2"].map((end) => built.root + end);
  assertEquals(links.map((link) => Deno.readLinkSync(link)), good.map(({ outPath }) => outPath));
  assertEquals(await buildIn("none", [], "1"), {
    root: join(world.fleet.root, "tmp/none"),
    paths: new Map(),
  });
  assertEquals(world.commands, []);
});

Deno.test("realise() refuses an answer that has not one path for each target", async () => {
  await using dir = await TemporaryDirectory.create();
  for (const name of ["nix", "nix-store"]) {
    await Deno.writeTextFile(join(dir.path, name), "#!/bin/sh\necho one\necho two\n", { mode: 0o755 });
  }
  const { shell } = tracedShell(dir.path, `${dir.path}:/usr/bin:/bin`);
  const nix = nixContext(shell, { PATH: "/usr/bin:/bin" }, NO_FLAGS);
  const options = { settings: [], root: join(dir.path, "kept"), onLog: () => undefined };
  assertEquals(await rejection(realise(nix, ["a!out"], options)), {
    kind: "build",
    message: "Cannot tell what was built: nix-store gave 2 paths for 1 derivations",
  });
});
