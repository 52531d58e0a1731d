import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { buildHosts } from "../../../src/adapters/nix/build.ts";
import { buildFailure } from "../../../src/adapters/nix/build_failure.ts";
import { BuildLog } from "../../../src/adapters/nix/build_log.ts";
import { AS_EVENTS } from "../../../src/adapters/nix/events.ts";
import { realise } from "../../../src/adapters/nix/realise.ts";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import type { DerivedHost } from "../../../src/model.ts";
import { rejection } from "../../support/pure.ts";
import {
  derivationsOf,
  FLAGS,
  NIX_STORE,
  type NixFleet,
  nixFleet,
  NO_FLAGS,
} from "../../support/nix_fleet.ts";

const STORE = "/nix/store";

/** Builds in a directory of its own, and tells what it was told. */
async function build({ nix, fleet }: NixFleet, derivations: readonly DerivedHost[]) {
  const told: string[] = [];
  const tempDir = await Deno.makeTempDir({ dir: join(fleet.root, "tmp") });
  const progress = (name: string, state: string) => told.push(`${name} ${state}`);
  const built = await buildHosts(nix, derivations, { storeDir: STORE, tempDir, progress });
  return { built: new Map(derivations.map(({ name }, index) => [name, String(built[index])])), told };
}

const withoutHashes = (lines: readonly string[] = []) =>
  lines.map((line) => line.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, "STORE/"));

Deno.test("buildHosts() builds a derivation of two hosts once, and tells of both", async () => {
  await using world = await nixFleet(
    `let same = host (build "same" "echo > $out"); in { a = same; b = same; }`,
  );
  const derivations = await derivationsOf(world, "a", "b");
  const [{ drvPath, outPath }] = derivations;
  const built = new Map([["a", outPath], ["b", outPath]]);
  assertEquals(await build(world, derivations), {
    built,
    told: ["a started", "b started", "a done", "b done"],
  });
  assertEquals(world.commands.map(([, , ...rest]) => rest.filter((word) => word.includes("!"))), [
    [`${drvPath}!out`],
  ]);
  // What is there already is done, and was never begun.
  assertEquals(await build(world, derivations), { built, told: ["a done", "b done"] });
});

Deno.test("buildHosts() refuses with the hosts that were not built, and the log of what failed them", async () => {
  await using world = await nixFleet(`let kernel = build "kernel" "echo no space >&2; exit 6"; in {
    web = host (build "web" "echo \${kernel} > $out");
    good = host (build "good" "echo > $out");
  }`);
  const { lines, ...refused } = await rejection(build(world, await derivationsOf(world, "good", "web")));
  assertEquals(refused, { kind: "build", message: 'Cannot build host "web": nix-store exited with 100' });
  assertEquals(withoutHashes(lines), [
    'derivation STORE/kernel.drv failed, which host "web" needs',
    "  | no space",
    "  | error: builder for 'STORE/kernel.drv' failed with exit code 6",
  ]);
});

Deno.test("buildFailure() asks the store once what was not built, and of each that failed who needs it", async () => {
  await using world = await nixFleet(`let bad = build "bad" "echo its own fault; exit 1"; in {
    bad = host bad;
    good = host (build "good" "echo > $out");
    middle = host (build "top" "echo \${build "middle" "echo \${bad} > $out"} > $out");
  }`);
  const derivations = await derivationsOf(world, "good", "bad", "middle");
  const [good, bad, middle] = derivations as [DerivedHost, DerivedHost, DerivedHost];
  const targets = derivations.map(({ drvPath }) => `${drvPath}!out`);
  const log = new BuildLog(() => {});
  const realised = await realise(world.nix, targets, {
    root: join(world.fleet.root, "tmp/kept"),
    settings: [],
    onLog: (line) => log.add(line),
  });
  if (!("failure" in realised)) throw new Error("it was built");
  world.commands.length = 0;
  const failure = { derivations, log, result: realised.failure };
  const { kind, message, lines } = await buildFailure(world.nix, failure);
  const logs = [`derivation ${bad.drvPath} failed, which 2 hosts need: "bad", "middle"`, "  | its own fault"];
  const end = `  | error: builder for '${bad.drvPath}' failed with exit code 1`;
  assertEquals({ kind, message, lines }, {
    kind: "build",
    message: 'Cannot build host "bad", "middle": nix-store exited with 100',
    lines: [...logs, end],
  });
  assertEquals(world.commands, [
    [
      ...[NIX_STORE, "--realise", "--dry-run", ...log.started(), ...targets],
      ...[...FLAGS, "--option", "substitute", "false", ...AS_EVENTS],
    ],
    [NIX_STORE, "--query", "--referrers-closure", bad.drvPath, ...FLAGS],
  ]);
  assertEquals(log.started().toSorted(), [bad.drvPath, good.drvPath].toSorted());
  // By way of its daemon, nix does not say what kind of failure it was, and repeats logs. What is left is of its own.
  log.add(`@nix ${
    JSON.stringify({
      action: "msg",
      level: 0,
      msg: `error: '${bad.drvPath}' failed;\n   last 1 log lines:\n   > its own fault\n` +
        `   For full logs, run 'nix log ${bad.drvPath}'.\nerror: ${middle.drvPath} needs it`,
    })
  }`);
  const { lines: more } = await buildFailure(world.nix, {
    ...failure,
    result: { ...realised.failure, code: 1 },
  });
  assertEquals(more.slice(0, 2), logs);
  assertEquals(more.slice(2).filter((line) => !line.startsWith(`| error: b`)), [
    `| error: '${bad.drvPath}' failed;`,
  ]);
});

Deno.test("createNix() goes from a fleet's reference to what is built of its hosts", async () => {
  await using world = await nixFleet(`{ web = host (build "web" "echo > $out"); }`);
  const { fleet, shell } = world;
  const nix = createNix(shell, {
    ...NO_FLAGS,
    env: fleet.env(),
    tempDir: join(fleet.root, "tmp"),
    evalWorkers: 2,
    clock: { now: () => Temporal.Now.instant(), monotonic: () => performance.now() },
  });
  const flake = await nix.lock(fleet.dir);
  const { storeDir, hosts } = await nix.inventory(flake, new Map(), () => {});
  const refs = hosts.nixos.map((name) => ({
    name,
    kind: "nixos" as const,
    channel: null,
    pinnedTo: null,
    flake,
  }));
  const derivations = await nix.evaluateHosts(refs, () => {}, () => {});
  const toBuild = derivations.map((derivation, index) => ({ ...refs[index]!, ...derivation }));
  const built = await nix.build(toBuild, storeDir, () => {});
  assertEquals<string[]>(built, [derivations[0]!.outPath]);
  assertEquals(
    world.commands.flatMap(([, ...words]) => words.find((word) => /^(eval|--realise)$/.test(word)) ?? []),
    ["eval", "eval", "eval", "eval", "--realise"],
  );
});

Deno.test("buildHosts() goes by the settings of all flakes, and those of the released one have the last word", async () => {
  await using world = await nixFleet(`{ web = host (build "web" "echo > $out"); }`);
  const [web] = await derivationsOf(world, "web");
  const setting = (value: string, name = "max-silent-time") => ({
    ...web.flake,
    nixConfig: { used: [[name, value] as const], passedOver: [] },
  });
  const [current, pinned] = [setting("1"), setting("2")];
  const hosts: DerivedHost[] = [
    { ...web, flake: current },
    { ...web, flake: pinned, pinnedTo: "a".repeat(40) },
    { ...web, flake: current },
  ];
  await build(world, hosts);
  const [argv] = world.commands;
  const values = argv!.flatMap((word, index) => argv![index - 1] === "max-silent-time" ? [word] : []);
  assertEquals(values, ["2", "1"]);
});
