import { assertEquals } from "@std/assert";
import { RELEASE } from "../../src/commands/release.ts";
import { nixOptions } from "../../tools/nix_options.ts";
import { PROJECT, SYSTEM } from "../support/command.ts";
import { PACKAGED, SharedFlake } from "../support/nix_package.ts";

const ignore = !PACKAGED;
// With the tests that are among its checks.
const shared = new SharedFlake(["tests/contract", "tests/golden", "tests/plan", "tests/support"]);
Deno.test.afterAll(() => shared[Symbol.asyncDispose]());
const SYSTEMS = ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"];

Deno.test({
  name: "nix flake show evaluates all that the flake has, for all four systems",
  ignore,
  async fn() {
    const flake = await shared.flake();
    const show = ["flake", "show", "--json"];
    const all = await flake.own([...show, "--all-systems"]);
    // Nix 2.8 has no such option, and shows all systems anyway.
    const { code, stdout, stderr } = all.code === 0 ? all : await flake.own(show);
    assertEquals(code, 0, stderr);

    const outputs = JSON.parse(stdout);
    const names = Object.fromEntries(
      ["apps", "checks", "devShells", "packages"].map((kind) => [
        kind,
        SYSTEMS.map((system) => Object.keys(outputs[kind][system])),
      ]),
    );
    assertEquals(names, {
      apps: SYSTEMS.map(() => ["default", "release"]),
      checks: SYSTEMS.map(() => ["decisions", "package", "starts"]),
      devShells: SYSTEMS.map(() => ["default"]),
      packages: SYSTEMS.map(() => ["default", "fleet-release"]),
    });
    assertEquals(Object.keys(outputs["formatter"]), SYSTEMS);
    assertEquals(Object.keys(outputs).sort(), [
      "apps",
      "checks",
      "devShells",
      "flakeModules",
      "formatter",
      "lib",
      "overlays",
      "packages",
      "templates",
    ]);
  },
});

Deno.test({
  name: "nix flake check passes",
  ignore,
  async fn() {
    const flake = await shared.flake();
    const { code, stderr } = await flake.own(["flake", "check"]);
    assertEquals(code, 0, stderr);
  },
});

Deno.test({
  name: "flake.lock is complete: nix takes it as it is, and asks for nothing",
  ignore,
  async fn() {
    const flake = await shared.flake();
    const { code, stdout, stderr } = await flake.nix([
      "flake",
      "metadata",
      "--json",
      `path:${flake.project}`,
    ]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const { locks: { nodes } } = JSON.parse(stdout);
    assertEquals(Object.keys(nodes), ["nixpkgs", "root"]);
    assertEquals(nodes.nixpkgs.locked.rev, "02e08985a27c65ffd33d434eeb2e660a2e4dc84d");
  },
});

Deno.test({
  name: "the overlay brings the same program into another nixpkgs",
  ignore,
  async fn() {
    const flake = await shared.flake();
    const apply = "o: let pkgs = { callPackage = file: _: toString file; }; in (o pkgs pkgs).fleet-release";
    const { code, stdout, stderr } = await flake.own(["eval", "--raw"], "#overlays.default", [
      "--apply",
      apply,
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(stdout.replace(/^.*-source/, ""), "/nix/package.nix");
  },
});

Deno.test("nix/options.json is what the table of options makes", async () => {
  const written = JSON.parse(await Deno.readTextFile(`${PROJECT}/nix/options.json`));
  assertEquals(written, nixOptions(RELEASE));
});

Deno.test("every setting has a name of its own", () => {
  const names = nixOptions(RELEASE).map(({ name }) => name);
  assertEquals(names.length, new Set(names).size);
});

Deno.test({
  name: "an older Deno than the program wants is refused by name",
  ignore,
  async fn() {
    const flake = await shared.flake();
    const apply = `p: (p.override { deno = { version = "2.8.2"; }; }).name`;
    const { code, stderr } = await flake.own(["eval"], `#packages.${SYSTEM}.default`, ["--apply", apply]);
    assertEquals(
      [code, stderr.match(/fleet-release wants .*/g)?.at(-1)],
      [1, "fleet-release wants Deno 2.8.3 or later, and this nixpkgs has 2.8.2"],
    );
  },
});
