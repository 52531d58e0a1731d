// What nix decides of --hosts before it goes on with the hosts, and what the program decides.

import { assert, assertEquals } from "@std/assert";
import { wantedOf } from "../../../src/adapters/nix/ahead.ts";
import { evaluate } from "../../../src/adapters/nix/evaluate.ts";
import { WANTED } from "../../../src/adapters/nix/expressions.ts";
import type { HostsSpec } from "../../../src/config.ts";
import { ReleaseError } from "../../../src/errors.ts";
import { enumerateHosts } from "../../../src/plan/hosts.ts";
import { nixFleet } from "../../support/nix_fleet.ts";
import { type RandomHosts, randomHosts } from "../../support/random_hosts.ts";

/** The names of the hosts that are wanted, of each case. */
const ALL_WANTED = `
{ cases }: map ({ inventory, fleet, only, except, terms }:
let${WANTED}
in builtins.filter (name: isWanted { inherit name; }) (inventory.hosts.nixos ++ inventory.hosts.darwin)) cases`;

/** What is chosen; undefined: it is refused. */
function chosen({ spec, names, fleet }: RandomHosts): string[] | undefined {
  try {
    return enumerateHosts(spec, names, fleet).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof ReleaseError) return undefined;
    throw error;
  }
}

const TWO = { names: { nixos: ["a", "b"], darwin: [] }, fleet: {} };

Deno.test("nix goes on with the hosts that --hosts chooses, or with those of them that have plain names", async () => {
  await using world = await nixFleet("{ }");
  const random = randomHosts(900).flatMap((one) => {
    const names = chosen(one);
    return names === undefined ? [] : [{ ...one, expected: names }];
  });
  assert(random.length > 200, `${random.length} of them choose hosts`);
  // What `check` asks for.
  const none: HostsSpec = { kind: "explicit", hosts: [] };
  // Another flake has the fleet.
  const byTag: HostsSpec = { kind: "explicit", hosts: ["!@eu"] };
  const all = [
    ...random,
    { ...TWO, spec: none, expected: [] },
    { ...TWO, fleet: null, spec: byTag, expected: [] },
  ];
  const cases = all.map(({ names, fleet, spec }) => ({
    ...wantedOf(spec),
    ...{ inventory: { hosts: names }, fleet: fleet && { hosts: fleet } },
  }));
  const told: string[][] = [];
  // As much at once as an argument has room for.
  for (let start = 0; start < cases.length; start += 90) {
    const { value, stderr } = await evaluate(world.nix, ALL_WANTED, {
      cases: cases.slice(start, start + 90),
    });
    assert(Array.isArray(value), stderr.join("\n"));
    told.push(...value);
  }
  for (const [index, { expected, ...one }] of all.entries()) {
    const hasTerms = cases[index]!.terms.length > 0;
    const plain = expected.filter((name) => !hasTerms || /^[ -~]+$/.test(name));
    assertEquals(told[index]!.sort(), plain, Deno.inspect(one));
  }
  assertEquals(told.length, all.length);
});
