import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { TestFleet } from "../../support/fleet.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { FLAGS, NIX, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

/** A reference to a copy in the store. */
const SNAPSHOT = /^path:\/nix\/store\/[0-9a-z]{32}-[^/?]+\?lastModified=\d+&narHash=sha256-[^&]+(&dir=sub)?$/;

Deno.test("lockFlake() fixes a committed flake to its commit, by one command", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix, commands } = world;
  const head = await fleet.git("rev-parse", "HEAD");
  const { url, ...flake } = await lockFlake(nix, fleet.dir);
  assertEquals(commands, [[NIX, ...FLAGS, "flake", "metadata", "--json", "--no-write-lock-file", fleet.dir]]);
  assertEquals(flake, { revision: head, dirty: false, localDir: fleet.dir });
  const { protocol, pathname, searchParams } = new URL(url);
  assertEquals([protocol, pathname, searchParams.get("rev")], ["git+file:", fleet.dir, head]);
});

Deno.test("lockFlake() fixes a changed flake to the copy in the store, and a later change is not in it", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "fleet.json": "{}" });
  const { url, ...flake } = await lockFlake(nix, fleet.dir);
  assertEquals(flake, { revision: null, dirty: true, localDir: fleet.dir });
  assert(SNAPSHOT.test(url), url);
  await fleet.write({ "fleet.json": "[]" });
  assertEquals((await lockFlake(nix, url)).url, url);
  assertEquals(await Deno.readTextFile(join(url.slice("path:".length).split("?")[0]!, "fleet.json")), "{}");
});

Deno.test("lockFlake() gives a flake outside git no revision, and does not call it changed", async () => {
  await using fleet = await TestFleet.create({ git: false });
  const nix = nixContext(tracedShell(fleet.root).shell, fleet.env(), NO_FLAGS);
  const { url, ...flake } = await lockFlake(nix, `path:${fleet.dir}`);
  assertEquals(flake, { revision: null, dirty: false, localDir: fleet.dir });
  assert(SNAPSHOT.test(url), url);
});

Deno.test("lockFlake() finds the directory of a flake below the root of its repository", async () => {
  await using world = await nixFleet("{}");
  const { fleet, nix } = world;
  await fleet.write({ "sub/flake.nix": "{ outputs = _: {}; }" });
  const head = await fleet.commit("a flake below");
  const { url, ...flake } = await lockFlake(nix, `git+file://${fleet.dir}?dir=sub`);
  assertEquals(flake, { revision: head, dirty: false, localDir: join(fleet.dir, "sub") });
  const { searchParams } = new URL(url);
  assertEquals([searchParams.get("dir"), searchParams.get("rev")], ["sub", head]);
});

Deno.test("lockFlake() refuses what is no flake, with what nix says", async () => {
  await using dir = await TemporaryDirectory.create();
  await using world = await nixFleet("{}");
  const { lines, ...refused } = await rejection(lockFlake(world.nix, `path:${dir.path}`));
  assertEquals(refused, {
    kind: "evaluation",
    message: `Cannot read the flake "path:${dir.path}": nix exited with 1`,
  });
  assert(lines!.some((line) => line.includes("flake.nix")), lines!.join("\n"));
});
