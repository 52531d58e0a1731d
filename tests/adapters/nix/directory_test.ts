import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { referTo } from "../../../src/adapters/nix/directory.ts";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { expectRun } from "../../support/command.ts";
import { FLAGS, NIX, type NixFleet, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";
import { rejection } from "../../support/pure.ts";
import { tracedShell } from "../../support/traced.ts";

/** A name that means something in a URL at every second character. */
const ODD = "a#b?c=%20 +d";
const ODD_URL = "a%23b%3Fc=%2520%20+d";

let world: NixFleet;
/** Beside the fleet, which is in git: links, the same outside of git, and both under an odd name. */
Deno.test.beforeAll(async () => {
  world = await nixFleet("{}");
  const { fleet: { root, dir }, fleet } = world;
  await Deno.mkdir(join(dir, ODD));
  await Deno.copyFile(join(dir, "flake.nix"), join(dir, ODD, "flake.nix"));
  await Deno.copyFile(join(dir, "fleet.json"), join(dir, ODD, "fleet.json"));
  await fleet.commit("a flake in a sub-directory");
  await fleet.git("clone", "-q", ".", join(root, "in git", ODD));
  for (const name of ["plain", ODD]) {
    await Deno.mkdir(join(root, name));
    for (const file of ["flake.nix", "fleet.json"]) {
      await Deno.copyFile(join(dir, file), join(root, name, file));
    }
  }
  await Deno.mkdir(join(root, ODD, "deep"));
  await Deno.symlink("fleet", join(root, "link"));
  await Deno.mkdir(join(root, "github:org/fleet"), { recursive: true });
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

/** Nix in the directory that all of them are in. */
function inRoot() {
  const { root } = world.fleet;
  return nixContext(tracedShell(root).shell, world.fleet.env(), NO_FLAGS);
}

Deno.test("referTo() takes a directory that is there for what is meant, by its real path", async () => {
  const { root, dir } = world.fleet;
  const references: [text: string, given: string, directory: string | null][] = [
    // As it is, where nix reads the same.
    [dir, dir, dir],
    ["./fleet", "./fleet", dir],
    [".", ".", root],
    // The alias of a registry, and what is no flake to nix.
    ["fleet", dir, dir],
    ["fleet/", dir, dir],
    ["link", dir, dir],
    ["./link", dir, dir],
    ["plain", join(root, "plain"), join(root, "plain")],
    // A path with an attribute or a query behind it.
    [ODD, `path:${root}/${ODD_URL}`, join(root, ODD)],
    [`./${ODD}/deep`, `path:${root}/${ODD_URL}`, join(root, ODD, "deep")],
    [join(root, "in git", ODD), `git+file://${root}/in%20git/${ODD_URL}`, join(root, "in git", ODD)],
    [`fleet/${ODD}`, `git+file://${dir}?dir=a%23b%3Fc%3D%2520%20%2Bd`, join(dir, ODD)],
    // A scheme makes a URL of it, whatever directory has that name.
    ["github:org/fleet", "github:org/fleet", null],
    ["./github:org/fleet", `path:${root}/github:org/fleet`, join(root, "github:org/fleet")],
    // What nix takes it for.
    ...["gone", "fleet#x", "./fleet?dir=x", "path:fleet", `git+file://${dir}`, "github:org/fleet", "~"].map(
      (text): [string, string, null] => [text, text, null],
    ),
    ["fleet/flake.nix", "fleet/flake.nix", null],
  ];
  for (const [text, given, directory] of references) {
    assertEquals([text, await referTo(inRoot(), text)], [text, { text: given, directory }]);
  }
  // A variable of shells leads nowhere else.
  const nix = nixContext(tracedShell(root).shell, { ...world.fleet.env(), CDPATH: dir }, NO_FLAGS);
  assertEquals((await referTo(nix, ODD)).directory, join(root, ODD));
});

Deno.test("a directory of any name is locked to what nix takes it for from within", async () => {
  const { root, dir } = world.fleet;
  const nix = inRoot();
  const env = world.fleet.env();
  const isOld = /\b2\.[0-8]\./.test(await expectRun([NIX, "--version"], { env }));
  const path = async (cwd: string, reference: string) => {
    const argv = [NIX, ...FLAGS, "flake", "metadata", "--json", reference];
    return JSON.parse(await expectRun(argv, { cwd, env })).path;
  };
  const places: [directory: string, anyVersion: boolean][] = [
    [join(dir, ODD), true],
    [join(root, ODD), false],
    [join(root, "in git", ODD), false],
  ];
  for (const [directory, anyVersion] of places) {
    const { text } = await referTo(nix, directory);
    if (isOld && !anyVersion) {
      // These cannot be told of such a directory by any reference.
      assertEquals((await rejection(lockFlake(nix, text))).kind, "evaluation", directory);
    } else {
      const { url } = await lockFlake(nix, text);
      assertEquals(await path(root, url), await path(directory, "."), directory);
    }
  }
});
