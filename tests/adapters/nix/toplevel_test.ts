// Which output of which derivation a host is: that which `nix build` builds for it.

import { assert, assertEquals } from "@std/assert";
import { expectRun, SYSTEM } from "../../support/command.ts";
import { evaluatedAtOnce, FLAGS, locked, NIX, type NixFleet, nixFleet } from "../../support/nix_fleet.ts";

/** Hosts whose derivations have several outputs, or that are strings. */
const FLEET = `let
  several = name: outputs: derivation {
    inherit name outputs;
    system = "${SYSTEM}";
    builder = "/bin/sh";
    args = ["-c" "for output in $outputs; do eval \\"echo > \\\\$$output\\"; done"];
  };
  installing = names: several "installing" [ "bin" "out" "doc" ] // { meta.outputsToInstall = names; };
in {
  plain = host (several "plain" [ "out" ]);
  outNotFirst = host (several "out-not-first" [ "bin" "out" ]);
  installed = host (installing [ "doc" ]);
  several = host (installing [ "bin" "out" ]);
  chosen = host ((several "chosen" [ "out" "bin" ]).bin // { outputSpecified = true; meta.outputsToInstall = [ "out" ]; });
  noOut = host (several "no-out" [ "bin" "doc" ]);
  noneOut = host (installing [ "bin" "doc" ]);
  noList = host (several "no-list" [ "bin" "out" ] // { meta.outputsToInstall = "out"; });
  text = host "\${several "text" [ "out" "bin" ]}";
  textOfBin = host (several "text-of-bin" [ "out" "bin" ]).bin.outPath;
  within = host "\${several "within" [ "out" ]}/x";
  two = host "\${several "one" [ "out" ]}\${several "two" [ "out" ]}";
  file = host "\${./fleet.json}";
  derivation = host (several "derivation" [ "out" ]).drvPath;
  nothing = host null;
}`;

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet(FLEET);
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

/** What the hosts are built by: the output, and its path; or null. */
async function evaluated(...names: string[]): Promise<([string, string] | null)[]> {
  const hosts = names.map((name) => ({ name, kind: "nixos" as const }));
  const { told, error } = await evaluatedAtOnce(world.nix, { flake: await locked(world), hosts });
  assertEquals(error, null);
  return told.map((host) => host && [host.outputName, host.outPath]);
}

/** What `nix build` builds for each host: outputs and their paths. */
async function builtByNix(...names: string[]): Promise<Record<string, string>[]> {
  const installables = names.map((name) => `.#nixosConfigurations.${name}.config.system.build.toplevel`);
  const argv = [NIX, ...FLAGS, "build", "--json", "--no-link", ...installables];
  const out = await expectRun(argv, { cwd: world.fleet.dir, env: world.fleet.env() });
  return JSON.parse(out).map(({ outputs }: { outputs: Record<string, string> }) => outputs);
}

/** Whether this nix builds the first output of a derivation, whatever that says of itself. */
async function takesFirst(): Promise<boolean> {
  const version = await expectRun([NIX, "--version"], { env: world.fleet.env() });
  return /\b2\.[0-8]\./.test(version);
}

Deno.test("a host is the output of its derivation that nix builds, and out where nix builds several", async () => {
  const names = ["plain", "outNotFirst", "installed", "several", "chosen"];
  const [found, built] = [await evaluated(...names), await builtByNix(...names)];
  for (const [index, [output, path]] of found.map((host) => host!).entries()) {
    // In no order that all versions keep.
    const outputs = built.find((outputs) => outputs[output] === path);
    const isChosen = outputs !== undefined && (Object.keys(outputs).length === 1 || output === "out");
    assert(isChosen, `${names[index]}: ${output} ${path}`);
  }
  assertEquals(
    found.map((host) => host?.[0]),
    await takesFirst() ? ["out", "bin", "bin", "bin", "bin"] : ["out", "out", "doc", "out", "bin"],
  );
});

Deno.test("a host that nix finds no output for is refused, with what it says of itself", async () => {
  const problems: Record<string, string> = {
    within: "is a string, expected the path of one output of a derivation",
    two: "is a string, expected the path of one output of a derivation",
    file: "is a string, expected the path of one output of a derivation",
    derivation: "is a string, expected the path of one output of a derivation",
    nothing: "is of type null, expected a derivation",
    ...await takesFirst() ? {} : {
      noOut: 'has no output "out"',
      noneOut: 'has the meta.outputsToInstall ["bin","doc"], expected one, or out among them',
      noList: "has a meta.outputsToInstall that is no list",
    },
  };
  const names = Object.keys(problems);
  assertEquals(await evaluated(...names), names.map(() => null));
  for (const [name, problem] of Object.entries(problems)) {
    const job = { flake: await locked(world), hosts: [{ name, kind: "nixos" as const }] };
    const { error } = await evaluatedAtOnce(world.nix, job);
    const said = `config.system.build.toplevel ${problem}`;
    assert(error!.lines.some((line) => line.includes(said)), `${said}\n${error!.lines.join("\n")}`);
  }
});

Deno.test("a host that is a string is the output that this is the path of", async () => {
  const found = await evaluated("text", "textOfBin");
  assertEquals(found.map((host) => [host?.[0], host?.[1].replace(/^.*\/[0-9a-z]{32}-/, "")]), [
    ["out", "text"],
    ["bin", "text-of-bin-bin"],
  ]);
  // Older versions of nix build no string.
  if (await takesFirst()) return;
  const built = await builtByNix("text", "textOfBin");
  assertEquals<unknown>(found, built.map((outputs) => Object.entries(outputs)[0]));
});
