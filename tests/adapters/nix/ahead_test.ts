// The process that gives the inventory and goes on with the hosts.

import { assert, assertEquals } from "@std/assert";
import { createNix } from "../../../src/adapters/nix/nix.ts";
import { readInventory } from "../../../src/adapters/nix/inventory.ts";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import type { HostsSpec } from "../../../src/config.ts";
import type { AskedOfFlake } from "../../../src/ports.ts";
import type { HostDerivation, HostInFlake, Warning } from "../../../src/model.ts";
import { SYSTEM_CLOCK } from "../../../src/world.ts";
import { join } from "@std/path";
import { rejection } from "../../support/pure.ts";
import { derivationsOf, locked, type NixFleet, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

const ATTRIBUTES = new Map([["fleet", ["fleet", "resolved"]]]);
const ALL: HostsSpec = { kind: "auto", exclude: [] };

/** The nix commands of a run. */
function nixOf(world: NixFleet, options: readonly (readonly [string, string])[] = []) {
  return createNix(world.shell, {
    ...{ ...NO_FLAGS, options, env: world.fleet.env(), tempDir: join(world.fleet.root, "tmp") },
    ...{ evalWorkers: 2, clock: SYSTEM_CLOCK },
  });
}

/** How the inventory is asked for. */
interface Asking {
  readonly hosts?: HostsSpec;
  /** What is told to be asked for when the flake is locked; by default nothing. */
  readonly likely?: AskedOfFlake;
  /** What the operator tells nix. */
  readonly options?: readonly (readonly [string, string])[];
}

/** Asks for the inventory and then for hosts, and gives what came of both, and by how many evaluations. */
async function evaluated(
  world: NixFleet,
  names: readonly string[],
  { hosts = ALL, likely, options }: Asking = {},
) {
  const warnings: Warning[] = [];
  const warn = (...more: readonly Warning[]) => void warnings.push(...more);
  await using nix = nixOf(world, options);
  const flake = likely === undefined ? await locked(world) : await nix.lock(world.fleet.dir, likely);
  const inventory = await nix.inventory(flake, ATTRIBUTES, { warn, hosts });
  const early = warnings.splice(0);
  const refs = names.map((name): HostInFlake => ({
    name,
    kind: "nixos",
    channel: null,
    pinnedTo: null,
    flake,
  }));
  const derived = new Map<string, HostDerivation>();
  const told: string[] = [];
  await nix.evaluateHosts(refs, {
    warn,
    progress: (name, state) => told.push(`${name} ${state}`),
    onDerived: ({ name }, derivation) => derived.set(name, derivation),
  });
  const evaluations = world.commands.filter((argv) => argv.includes("eval")).length;
  const messages = (some: readonly Warning[]) => some.map(({ message }) => message);
  return { inventory, derived, told, evaluations, early: messages(early), late: messages(warnings) };
}

Deno.test("an inventory's process goes on with the hosts, and gives what two would", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = builtins.trace "of b" (host (build "b" "echo > $out"));
    "it's \\"\${"x"}\\"" = host (build "c" "echo > $out");
  }`);
  const names = ["a", "b", 'it\'s "x"'];
  const alone = await readInventory(world.nix, await locked(world), ATTRIBUTES, new EvaluationWarnings());
  const { inventory, derived, told, evaluations, early, late } = await evaluated(world, names);
  assertEquals([inventory, evaluations], [alone, 1]);
  assertEquals([...derived.keys()], names);
  assertEquals(told, names.flatMap((name) => [`${name} started`, `${name} done`]));
  const apart = await derivationsOf(world, ...names);
  assertEquals([...derived.values()].map(({ drvPath }) => drvPath), apart.map(({ drvPath }) => drvPath));
  assertEquals([early, late], [[], ['Evaluation of host "b": of b']]);
});

Deno.test("an inventory's process evaluates the hosts alone that --hosts asks for, and none with a pin", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = throw "not b";
    web1 = throw "not web1";
  }`);
  const fleet = JSON.parse(await Deno.readTextFile(join(world.fleet.dir, "fleet.json")));
  fleet.hosts.web1.pin = { commit: "HEAD", reason: "audit" };
  fleet.hosts.a = { ...fleet.hosts.web2, channel: "edge", tags: ["lab"] };
  fleet.hosts.b = fleet.hosts.web2;
  await world.fleet.write({ "fleet.json": JSON.stringify(fleet) });
  await world.fleet.commit("pin");
  for (
    const hosts of [
      { kind: "auto", exclude: ["b"] },
      { kind: "explicit", hosts: ["a"] },
      { kind: "explicit", hosts: ["web1", "a"] },
      { kind: "explicit", hosts: ["@lab"] },
      { kind: "explicit", hosts: ["%edge", "we*"] },
      { kind: "explicit", hosts: ["!b", "!web?"] },
      { kind: "auto", exclude: ["%stable"] },
    ] satisfies HostsSpec[]
  ) {
    const { evaluations, derived, inventory } = await evaluated(world, ["a"], { hosts });
    assertEquals([evaluations, [...derived.keys()]], [1, ["a"]]);
    assertEquals(inventory.hosts.nixos, ["a", "b", "web1"]);
  }
});

Deno.test("an inventory's process is charged with the host that ends it, and the others are evaluated", async () => {
  await using world = await nixFleet(`{
    a = host (build "a" "echo > $out");
    b = host (let x = x; in x);
    c = host (build "c" "echo > $out");
  }`);
  const { message } = await rejection(evaluated(world, ["a", "b", "c"]));
  assertEquals(message, 'Cannot evaluate 1 host: "b"');
});

/** The evaluations of a fleet's hosts that were begun. */
function begun({ commands }: NixFleet): number {
  return commands.filter((argv) => argv.at(-1)!.includes("deriveAll")).length;
}

const LIKELY: AskedOfFlake = { attributes: ATTRIBUTES, hosts: ALL };

Deno.test("an inventory's process begins while the flake is looked at, and is the one that is asked for", async () => {
  await using world = await nixFleet(`builtins.trace "of all" {
    a = builtins.trace "of a" (host (build "a" "echo > $out"));
  }`);
  const { evaluations, derived, early, late } = await evaluated(world, ["a"], { likely: LIKELY });
  // What it is, what it declares, and all else.
  assertEquals([evaluations, begun(world), [...derived.keys()]], [3, 1, ["a"]]);
  assertEquals([early, late], [["Evaluation: of all"], ['Evaluation of host "a": of a']]);
});

const NOT_LIKELY: Record<string, Asking & { readonly settings?: string }> = {
  "the flake has settings for nix": {
    settings: "nixConfig.max-jobs = 1;",
    options: [["accept-flake-config", "true"]],
  },
  "other hosts are asked for": { likely: { ...LIKELY, hosts: { kind: "explicit", hosts: ["b"] } } },
};

for (const [claim, { settings = "", ...asking }] of Object.entries(NOT_LIKELY)) {
  Deno.test(`an inventory's process counts for nothing where ${claim}`, async () => {
    await using world = await nixFleet(
      `builtins.trace "of all" { a = host (build "a" "echo > $out"); b = {}; }`,
    );
    const text = await Deno.readTextFile(join(world.fleet.dir, "flake.nix"));
    await world.fleet.write({ "flake.nix": text.replace("{", `{ ${settings}`) });
    await world.fleet.git("commit", "--all", "--allow-empty", "--message", "settings");
    const { derived, early, late } = await evaluated(world, ["a"], { likely: LIKELY, ...asking });
    assertEquals([[...derived.keys()], begun(world)], [["a"], 2]);
    assertEquals([early, late], [["Evaluation: of all"], []]);
  });
}

Deno.test("an inventory's process does not begin before it is known that all inputs are locked, where nix would take others", async () => {
  await using world = await nixFleet("{}");
  const options = [["pure-eval", "false"]] as const;
  await using nix = nixOf(world, options);
  await nix.lock(world.fleet.dir, LIKELY);
  assertEquals(begun(world), 0);
});

const OTHERWISE: Record<string, [value: string, read: unknown]> = {
  "a path, which it would copy": ["./fleet.json", undefined],
  "bytes that are no text": ["builtins.readFile ./latin", "refused"],
  "a function": ["x: x", "refused"],
  "a set with a text of its own": ['{ __toString = _: "text"; }', "text"],
  "more than a line of a log has": [
    'builtins.concatStringsSep "" (builtins.genList (_: "0123456789") 500000)',
    "0123456789".repeat(500_000),
  ],
};

for (const [what, [value, read]] of Object.entries(OTHERWISE)) {
  Deno.test(`an inventory with ${what} is told by another process, as nix eval prints it`, async () => {
    await using world = await nixFleet(`{ a = host (build "a" "echo > $out"); }`);
    const flake = await Deno.readTextFile(join(world.fleet.dir, "flake.nix"));
    await Deno.writeFile(join(world.fleet.dir, "latin"), new Uint8Array([0x41, 0xe4, 0x42]));
    await world.fleet.write({
      "flake.nix": flake.replace(/fleet\.resolved = [^;]*;/, `fleet.resolved = { it = ${value}; };`),
    });
    await world.fleet.commit("value");
    if (read === "refused") {
      const alone = await rejection(
        readInventory(world.nix, await locked(world), ATTRIBUTES, new EvaluationWarnings()),
      );
      assertEquals(await rejection(evaluated(world, ["a"])), alone);
      return;
    }
    const { inventory, derived } = await evaluated(world, ["a"]);
    const alone = await readInventory(world.nix, await locked(world), ATTRIBUTES, new EvaluationWarnings());
    assertEquals(inventory, alone);
    if (read !== undefined) assertEquals(inventory.attributes.get("fleet"), { it: read });
    else {
      const { it } = inventory.attributes.get("fleet") as { it: string };
      assert(/^\/nix\/store\/.*fleet\.json$/.test(it), it);
    }
    assertEquals([...derived.keys()], ["a"]);
  });
}
