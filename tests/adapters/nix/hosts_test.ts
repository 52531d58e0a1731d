import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { applyTo, HOSTS, ONE_HOST } from "../../../src/adapters/nix/expressions.ts";
import { evaluateHosts } from "../../../src/adapters/nix/hosts.ts";
import type { HostInFlake, HostRef, LockedFlake, Warning } from "../../../src/model.ts";
import { SYSTEM_CLOCK } from "../../../src/world.ts";
import { rejection } from "../../support/pure.ts";
import { tracedShell } from "../../support/traced.ts";
import {
  evaluatedAtOnce,
  EVALUATOR,
  locked,
  NIX,
  type NixFleet,
  nixFleet,
  NO_FLAGS,
} from "../../support/nix_fleet.ts";

const hosts = (...names: string[]): HostRef[] => names.map((name) => ({ name, kind: "nixos" }));

/** Two hosts that evaluate, one that throws, and one that breaks all of its process. */
const FLEET = `{
  good = host (builtins.trace "warning: everything is deprecated" (build "good" "echo > $out"));
  docs = host (build "docs" "echo > $out" // { outputSpecified = true; outputName = "docs"; });
  throws = host (builtins.trace "warning: everything is deprecated" (throw "out of memory"));
  breaks = host (builtins.abort "no way");
  number = host (build "number" "echo > $out" // { outputSpecified = true; outputName = 1; });
  endless = host (build "endless" "echo > $out" // { outputSpecified = true; outputName = 1.0e308 * 10.0; });
  option = host (build "option" "echo > $out" // { drvPath = "--version"; });
  empty = host (build "empty" "echo > $out" // { outputSpecified = true; outputName = ""; });
}`;

let world: NixFleet;
Deno.test.beforeAll(async () => {
  world = await nixFleet(FLEET);
});
Deno.test.afterAll(() => world[Symbol.asyncDispose]());

Deno.test("startProcess() tells each host's derivation by one command, and null for one that throws", async () => {
  const flake = await locked(world);
  const asked = hosts("docs", "throws", "good");
  const { told, error } = await evaluatedAtOnce(world.nix, { flake, hosts: asked });
  const mark = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(world.commands[0]!.at(-1)!)![0];
  const expression = applyTo(HOSTS, { flake: flake.opened, hosts: asked, mark });
  assertEquals(world.commands, [[...EVALUATOR, "eval", "--json", "--expr", expression]]);
  assertEquals(error, null);
  const withoutHash = (path: string) => path.replace(/[0-9a-z]{32}/, "HASH");
  assertEquals(
    told.map((host) =>
      host && { ...host, drvPath: withoutHash(host.drvPath), outPath: withoutHash(host.outPath) }
    ),
    [
      {
        ...{ name: "docs", kind: "nixos", outputName: "docs" },
        ...{ drvPath: "/nix/store/HASH-docs.drv", outPath: "/nix/store/HASH-docs" },
      },
      null,
      {
        ...{ name: "good", kind: "nixos", outputName: "out" },
        ...{ drvPath: "/nix/store/HASH-good.drv", outPath: "/nix/store/HASH-good" },
      },
    ],
  );
});

Deno.test("startProcess() evaluates one host so that nix says what is wrong with it", async () => {
  const flake = await locked(world);
  const { told, error } = await evaluatedAtOnce(world.nix, { flake, hosts: hosts("throws") });
  const expression = applyTo(ONE_HOST, { flake: flake.opened, host: { name: "throws", kind: "nixos" } });
  assertEquals(world.commands, [[...EVALUATOR, "eval", "--json", "--expr", expression]]);
  assertEquals(told, []);
  assert(error!.lines.some((line) => line.includes("error: out of memory")), error!.lines.join("\n"));
});

Deno.test("startProcess() tells of the hosts before one that ends the whole process, and what nix says of that", async () => {
  const job = { flake: await locked(world), hosts: hosts("good", "breaks", "docs") };
  const { told, error } = await evaluatedAtOnce(world.nix, job);
  assertEquals(told.map((host) => host?.name), ["good"]);
  assert(error!.lines.some((line) => line.includes("no way")), error!.lines.join("\n"));
});

/** Hosts of a flake, on no pin. */
function inFlake(flake: LockedFlake, refs: readonly HostRef[]): HostInFlake[] {
  return refs.map((host) => ({ ...host, channel: null, pinnedTo: null, flake }));
}

Deno.test("evaluateHosts() gives the derivations in the order of the hosts, whatever flake each is in", async () => {
  const flake = await locked(world);
  const other = { ...flake };
  const mixed = inFlake(flake, hosts("good", "docs")).map((host, index) => ({
    ...host,
    ...(index === 0 ? { flake: other, pinnedTo: "c0ffee" } : {}),
  }));
  const options = {
    workers: 2,
    clock: { now: () => Temporal.Now.instant(), monotonic: () => performance.now() },
    progress: () => {},
    warnings: new EvaluationWarnings(),
    warn: (...warnings: Warning[]) => void told.push(...warnings),
  };
  const told: Warning[] = [];
  const found = await evaluateHosts(world.nix, mixed, options);
  assertEquals(found.map(({ name }) => name), ["good", "docs"]);
  assertEquals(told.map(({ hosts }) => hosts), [["good"]]);
  // A record that says more of a host than nix asks for is not handed on.
  assertEquals(Object.keys(found[0]!), ["name", "kind", "drvPath", "outPath", "outputName"]);
});

Deno.test("evaluateHosts() refuses with every host that does not evaluate, each with nix's words", async () => {
  const flake = await locked(world);
  const told: string[] = [];
  const warned: Warning[] = [];
  const { lines, ...refused } = await rejection(
    evaluateHosts(world.nix, inFlake(flake, hosts("breaks", "good", "throws")), {
      workers: 2,
      clock: { now: () => Temporal.Now.instant(), monotonic: () => performance.now() },
      progress: (name, state) => told.push(`${name} ${state}`),
      warnings: new EvaluationWarnings(),
      warn: (...warnings) => void warned.push(...warnings),
    }),
  );
  assertEquals(refused, { kind: "evaluation", message: 'Cannot evaluate 2 hosts: "breaks", "throws"' });
  const [breaks, throws] = ["breaks", "throws"].map((name) => lines!.indexOf(`host "${name}":`));
  assert(breaks === 0 && throws! > breaks);
  const says = (from: number, to: number | undefined, text: string) =>
    lines!.slice(from + 1, to).some((line) => line.startsWith("  | ") && line.includes(text));
  assert(says(breaks, throws, "no way") && says(throws!, undefined, "out of memory"), lines!.join("\n"));
  assertEquals(told.filter((line) => line.endsWith(" done")), ["good done"]);
  // What is warned of is told also when hosts fail.
  assertEquals(warned, [{
    code: "evaluation",
    message: 'Evaluation of 2 hosts ("good", "throws"): everything is deprecated',
    hosts: ["good", "throws"],
  }]);
});

Deno.test("startProcess() says of which host what is no derivation, whatever the flake has made of it", async () => {
  const flake = await locked(world);
  const wrong = {
    number: "outputName of config.system.build.toplevel is of type int, expected the name of an output",
    endless: "outputName of config.system.build.toplevel is of type float, expected the name of an output",
    option: 'drvPath of config.system.build.toplevel is "--version", expected a derivation in the store',
    empty: 'outputName of config.system.build.toplevel is "", expected the name of an output',
  };
  const { told } = await evaluatedAtOnce(world.nix, { flake, hosts: hosts("good", ...Object.keys(wrong)) });
  assertEquals(told.map((host) => host?.name ?? null), ["good", null, null, null, null]);
  for (const [name, message] of Object.entries(wrong)) {
    const { error } = await evaluatedAtOnce(world.nix, { flake, hosts: hosts(name) });
    assert(error!.lines.some((line) => line.includes(`error: ${message}`)), error!.lines.join("\n"));
  }
});

Deno.test("evaluateHosts() names a host whose name fits into no argument, before it evaluates any", async () => {
  const flake = await locked(world);
  const named = (name: string): HostInFlake => ({
    name,
    kind: "nixos",
    channel: null,
    pinnedTo: null,
    flake,
  });
  const clock = { now: () => Temporal.Now.instant(), monotonic: () => 0 };
  const warnings = new EvaluationWarnings();
  const options = { workers: 1, clock, progress: () => {}, warnings, warn: () => {} };
  const long: [name: string, bytes: number][] = [["x".repeat(131_000), 131_000], [
    '"'.repeat(40_000),
    40_000,
  ]];
  for (const [name, bytes] of [...long, ["\u20ac".repeat(44_000), 132_000] as const]) {
    assertEquals(await rejection(evaluateHosts(world.nix, [named("good"), named(name)], options)), {
      kind: "evaluation",
      message:
        `Cannot evaluate the host ${
          JSON.stringify(name.slice(0, 40))
        } and so on: its name has ${bytes} bytes, ` +
        "too many for an argument of nix",
      hint: "written as nix code it has to fit into 131071 bytes; give the host a shorter name",
    });
  }
  assertEquals(world.commands, []);
});

Deno.test("evaluateHosts() evaluates where there is less memory than a process would begin with", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = host (build "b" "echo > $out");
  }`);
  const flake = await locked(world);
  const bin = join(world.fleet.root, "bin");
  await Deno.mkdir(bin);
  for (const program of ["nix", "nix-store"]) {
    const script = `#!/bin/sh\nulimit -v 800000\nexec ${join(NIX, "..", program)} "$@"\n`;
    await Deno.writeTextFile(join(bin, program), script, { mode: 0o755 });
  }
  const { shell } = tracedShell(world.fleet.root, `${bin}:${Deno.env.get("PATH")}`);
  const small = nixContext(shell, world.fleet.env(), NO_FLAGS);
  const options = {
    ...{ workers: 2, clock: SYSTEM_CLOCK, warnings: new EvaluationWarnings() },
    progress: () => {},
    warn: () => {},
  };
  const asked = inFlake(flake, hosts("a", "b"));
  assertEquals(await evaluateHosts(small, asked, options), await evaluateHosts(world.nix, asked, options));
});
