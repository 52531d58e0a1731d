import { assertEquals } from "@std/assert";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import type { ReleaseError } from "../../../src/errors.ts";
import { lockFlake } from "../../../src/adapters/nix/flake.ts";
import { pinSourceAt } from "../../../src/plan/pins.ts";
import { TestFleet } from "../../support/fleet.ts";
import { NO_FLAGS } from "../../support/nix_fleet.ts";
import { tracedShell } from "../../support/traced.ts";

/** A fleet with two commits on its branch, and one that this does not contain, which a bare clone has too. */
async function history() {
  const fleet = await TestFleet.create();
  const first = await fleet.head();
  await fleet.git("checkout", "-q", "-b", "side");
  const side = await fleet.commit("aside");
  await fleet.git("checkout", "-q", "main");
  await fleet.write({ "flake.nix": "{ outputs = _: {}; }" });
  await fleet.commit("second");
  await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
  await fleet.git("clone", "-q", "--depth", "1", `file://${fleet.dir}`, "../shallow");
  await fleet.git("archive", "--prefix=fleet/", "-o", "../fleet.tar.gz", "HEAD");
  return { fleet, first, side };
}

let world: Awaited<ReturnType<typeof history>>;
Deno.test.beforeAll(async () => {
  world = await history();
});
Deno.test.afterAll(() => world.fleet[Symbol.asyncDispose]());

/** What nix makes of a pin source at a commit. ROOT stands for the test's directory, and DIR for the flake's. */
async function lockPin(source: string, commit: string) {
  const { fleet } = world;
  const nix = nixContext(tracedShell(fleet.dir).shell, fleet.env(), NO_FLAGS);
  const url = source.replace("DIR", fleet.dir).replace("ROOT", fleet.root);
  const locked = await lockFlake(nix, pinSourceAt(url, commit));
  // What is evaluated is the locked flake, and it says by itself which commit it is.
  return { revision: locked.revision, says: new RegExp(`[?&]rev=${commit}(&|$)`).test(locked.url) };
}

const SOURCES = [
  "git+file://DIR",
  "git+file:DIR",
  "git+file://DIR?submodules=1",
  "git+file://DIR?shallow=1",
  "git+file://DIR?allRefs=1",
  "git+file://DIR?ref=main",
  "git+file://DIR?ref=main&submodules=1",
  "git+file://DIR?rev=0123456789abcdef0123456789abcdef01234567",
  "git+file://DIR?lfs=1",
  "path:DIR",
  "DIR",
  ".",
  "DIR?submodules=1",
  "git+file://ROOT/remote.git?ref=main",
];

for (const source of SOURCES) {
  Deno.test(`lockFlake() takes a commit that HEAD contains from the pin source ${source}`, async () => {
    assertEquals(await lockPin(source, world.first), { revision: world.first, says: true });
  });
}

for (const source of ["git+file://DIR", "git+file://ROOT/remote.git?ref=side"]) {
  Deno.test(`lockFlake() takes a commit that HEAD does not contain from the pin source ${source}`, async () => {
    assertEquals(await lockPin(source, world.side), { revision: world.side, says: true });
  });
}

for (const source of ["path:../fleet", "file://ROOT/fleet.tar.gz"]) {
  Deno.test(`lockFlake() gives no revision for the pin source ${source}, of which nix believes any`, async () => {
    assertEquals((await lockPin(source, world.first)).revision, null);
  });
}

const LACKING =
  "the repository is shallow, and lacks that commit: `git fetch --unshallow` brings all of them";

Deno.test("lockFlake() says of a shallow clone that it lacks the commit, and takes what nix has of that", async () => {
  const { first } = world;
  const of = (source: string, commit: string) =>
    lockPin(source, commit).catch((error: ReleaseError) => error.hint);
  assertEquals(await of("ROOT/shallow", "0".repeat(39) + "1"), LACKING);
  const taken = { revision: first, says: true };
  assertEquals(await of("git+file://DIR", first), taken);
  // Nix 2.8 goes by the commit alone, which it has by now, and newer ones look into the repository first.
  const given = await of("git+file://ROOT/shallow", first);
  assertEquals(given, given === LACKING ? LACKING : taken);
});
