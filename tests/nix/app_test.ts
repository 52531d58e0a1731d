import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT, SYSTEM } from "../support/command.ts";
import { FLAKE, KEY, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { PACKAGED, TestFlake } from "../support/nix_package.ts";
import { onlyHosts } from "../support/releases.ts";

const ignore = !PACKAGED;

/** The demo fleet. */
async function demoFleet(): Promise<TestFleet> {
  const names = ["flake.nix", "fleet.nix", "hosts.nix", "pins.json"];
  const demo = join(PROJECT, "examples/demo-fleet");
  const files = names.map(async (name) => [name, await Deno.readTextFile(join(demo, name))]);
  return await TestFleet.create({
    files: {
      "build-system.json": JSON.stringify({ system: SYSTEM }),
      ...Object.fromEntries(await Promise.all(files)),
    },
  });
}

/** A fleet of one host, whose flake adds apps to the fleet in `fleet.nix`. */
async function consumerFleet(flake: string): Promise<TestFleet> {
  return await TestFleet.create({
    edit: onlyHosts("db"),
    nixos: ["db"],
    files: { "fleet.nix": FLAKE, "flake.nix": flake },
  });
}

/** Points a consumer's inputs at the project and the stand-ins, locks them, and commits. */
async function consume(fleet: TestFleet): Promise<TestFlake> {
  const flake = await TestFlake.create(fleet);
  const text = await Deno.readTextFile(join(fleet.dir, "flake.nix"));
  const standIns = join(flake.project, "tests/fixtures");
  await fleet.write({
    "flake.nix": text.replace("PROJECT", flake.project).replace("NIXPKGS", flake.nixpkgs).replace(
      "STANDINS",
      standIns,
    ),
  });
  await fleet.git("add", "-A");
  const { code, stderr } = await flake.nix(["flake", "lock"]);
  assertEquals(code, 0, stderr);
  await fleet.commit("Apps");
  return flake;
}

/** What a release writes, but for what is committed beside it, and for the names of its rollout manifests. */
async function released(fleet: TestFleet, dir = "releases"): Promise<string[]> {
  const files = await fleet.files(join(fleet.dir, dir));
  const paths = [...files.keys()].filter((path) => path !== ".gitattributes");
  return paths.map((path) => path.replace(/[0-9a-f]{64}/, "…"));
}

const FLEET = ["fleet.resolved.json", "fleet.resolved.json.sig"];
const ROLLOUT = ["rollouts/….json", "rollouts/….json.sig"];
const SIDECARS = ["bootstrap-nonces.json", "bootstrap-nonces.json.sig"];

Deno.test({
  name: "nix run releases the demo fleet from another directory",
  ignore,
  async fn() {
    await using fleet = await demoFleet();
    const flake = await TestFlake.create(fleet);
    const { code, stderr } = await flake.own(["run"], "#release", [
      "--",
      ...["--build-flake", fleet.dir, "--release-dir", join(fleet.dir, "releases")],
      ...["--sign-key", KEY, "--public-key", PUBLIC_KEY, "--git-commit"],
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(await released(fleet), [...FLEET, ...ROLLOUT, ...ROLLOUT]);
    assertEquals(await fleet.git("status", "--porcelain"), "");
  },
});

const WITH_APPS = `{
  inputs.fleet-release.url = "path:PROJECT";
  inputs.fleet-release.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixpkgs.url = "path:NIXPKGS";

  outputs =
    { self, nixpkgs, fleet-release }:
    let
      pkgs = nixpkgs.legacyPackages.${SYSTEM};
      hook = pkgs.runCommand "hook" { } ''
        mkdir -p $out/bin
        printf '#!/bin/sh\\necho "$NIXFLEET_HOST" >>pushed\\n' >$out/bin/push-to-our-cache
        chmod +x $out/bin/push-to-our-cache
      '';
      common = {
        signKey = "env:RELEASE_KEY";
        publicKey = "${PUBLIC_KEY}";
        bootstrapNoncesAttr = "fleet.bootstrapNonces";
      };
    in
    (import ./fleet.nix).outputs { inherit self; } // {
      apps.${SYSTEM} = {
        release = fleet-release.lib.mkReleaseApp {
          inherit pkgs;
          settings = common // {
            pushCmd = "push-to-our-cache";
            releaseDir = "own";
            git = { commit = true; userName = "Fleet CI"; userEmail = "ci@example.com"; };
            nixOptions.cores = "1";
          };
          runtimeInputs = [ hook ];
        };
        release-canary = fleet-release.lib.mkReleaseApp {
          inherit pkgs;
          settings = common // { releaseDir = "canary"; };
        };
      };
    };
}
`;

Deno.test({
  name: "apps of a consumer's flake release with their settings, and what stands behind -- wins",
  ignore,
  async fn() {
    await using fleet = await consumerFleet(WITH_APPS);
    const flake = await consume(fleet);
    const env = { RELEASE_KEY: await Deno.readTextFile(KEY), NIXFLEET_GIT_USER_NAME: "Somebody" };
    const succeed = async (...args: string[]) => {
      const { code, stderr } = await flake.nix(["run", ...args], { env });
      assertEquals(code, 0, stderr);
    };

    await succeed(".#release");
    assertEquals(await released(fleet, "own"), [...SIDECARS, ...FLEET, ...ROLLOUT]);
    assertEquals(await fleet.git("log", "-1", "--format=%an <%ae>"), "Fleet CI <ci@example.com>");
    assertEquals(await Deno.readTextFile(join(fleet.dir, "pushed")), "db\n");

    await succeed(".#release-canary", "--", "--release-dir", "elsewhere", "--git-commit", "--sign-key", KEY);
    assertEquals(await released(fleet, "elsewhere"), [...SIDECARS, ...FLEET, ...ROLLOUT]);
    assertEquals(await released(fleet, "canary"), []);
    assertEquals(await fleet.git("log", "-1", "--format=%an"), "Somebody");
  },
});

const WITH_FLAKE_PARTS = `{
  inputs.fleet-release.url = "path:PROJECT";
  inputs.fleet-release.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixpkgs.url = "path:NIXPKGS";
  inputs.flake-parts.url = "path:STANDINS/flake-parts-standin";

  outputs =
    inputs@{ self, ... }:
    (import ./fleet.nix).outputs { inherit self; }
    // inputs.flake-parts.lib.mkFlake { inherit inputs; } {
      imports = [ inputs.fleet-release.flakeModules.default ];
      systems = [ "${SYSTEM}" ];
      perSystem = {
        fleet-release.apps.release.settings = {
          signKey = "env:RELEASE_KEY";
          git.commit = true;
        };
      };
    };
}
`;

Deno.test({
  name: "an app that the flake-parts module makes releases, also when the module is imported twice",
  ignore,
  async fn() {
    await using fleet = await consumerFleet(WITH_FLAKE_PARTS);
    const flake = await consume(fleet);
    const { code, stderr } = await flake.nix(["run", ".#release"], {
      env: { RELEASE_KEY: await Deno.readTextFile(KEY) },
    });
    assertEquals(code, 0, stderr);
    assertEquals(await released(fleet), [...FLEET, ...ROLLOUT]);

    // As when another module brings it.
    const once = await Deno.readTextFile(join(fleet.dir, "flake.nix"));
    const twice = once.replace(/imports = \[ (\S+) \]/, "imports = [ $1 $1 ]");
    assertEquals(twice.split("flakeModules.default").length, 3);
    await fleet.write({ "flake.nix": twice });
    const program = await flake.nix(["eval", "--raw", `.#apps.${SYSTEM}.release.program`]);
    assertEquals(program.code, 0, program.stderr);
    const [name] = /release$/.exec(program.stdout) ?? [];
    assertEquals(name, "release");
  },
});

Deno.test({
  name: "the flakes in docs/nix.md have the apps that it says",
  ignore,
  async fn() {
    await using fleet = await TestFleet.create({ git: false });
    const flake = await TestFlake.create(fleet);
    const docs = await Deno.readTextFile(join(PROJECT, "docs/nix.md"));
    const flakes = [...docs.matchAll(/```nix\n(\{.*?)```/gs)].map(([, text]) => text!);
    const apps = [];
    for (const text of flakes) {
      await fleet.write({ "flake.nix": flake.pointToHere(text).replaceAll("x86_64-linux", SYSTEM) });
      const names = "apps: builtins.mapAttrs (_: app: builtins.seq app.program app.type) apps";
      const output = `path:${fleet.dir}#apps.${SYSTEM}`;
      const args = ["eval", "--json", "--no-write-lock-file", output, "--apply", names];
      const { code, stdout, stderr } = await flake.nix(args);
      assertEquals(code, 0, stderr);
      apps.push(JSON.parse(stdout));
    }
    assertEquals(apps, [{ release: "app", "release-canary": "app" }, { release: "app" }]);
  },
});
