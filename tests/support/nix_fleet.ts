/**
 * Real nix commands on a real fleet.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type NixContext, nixContext } from "../../src/adapters/nix/context.ts";
import { AS_EVENTS } from "../../src/adapters/nix/events.ts";
import { EvaluationWarnings } from "../../src/adapters/nix/evaluation_warnings.ts";
import { evaluateHosts, startProcess } from "../../src/adapters/nix/hosts.ts";
import { lockFlake } from "../../src/adapters/nix/flake.ts";
import type { NixError } from "../../src/adapters/nix/nix_error.ts";
import type { EvaluationJob } from "../../src/adapters/nix/workers.ts";
import type { DerivedHost, HostDerivation, LockedFlake } from "../../src/model.ts";
import { which } from "./command.ts";
import { SYSTEM_CLOCK } from "../../src/world.ts";
import { TestFleet } from "./fleet.ts";
import { flakeOf } from "./releases.ts";
import { type Traced, tracedShell } from "./traced.ts";

/** The absolute path of nix. */
export const NIX: string = which("nix");
/** The absolute path of the nix-store beside it. */
export const NIX_STORE: string = join(NIX, "../nix-store");

/** What every command is told that takes options. */
export const FLAGS: readonly string[] = ["--extra-experimental-features", "nix-command flakes"];

/** What nix is run with when it evaluates: its path, how it logs, and what every command is told. */
export const EVALUATOR: readonly string[] = [NIX, ...AS_EVENTS, "--option", "show-trace", "true", ...FLAGS];

/** No options of the operator's own. */
export const NO_FLAGS = { options: [], builders: undefined, maxJobs: undefined } as const;

/** A fleet, the nix that looks at it, and what that was run with. */
export interface NixFleet extends Traced, AsyncDisposable {
  readonly fleet: TestFleet;
  readonly nix: NixContext;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A fleet whose hosts are given as nix code, as {@linkcode flakeOf} reads it. */
export async function nixFleet(hosts: string): Promise<NixFleet> {
  const fleet = await TestFleet.create({ files: { "flake.nix": flakeOf(hosts) } });
  const traced = tracedShell(fleet.root);
  return {
    ...traced,
    fleet,
    nix: nixContext(traced.shell, fleet.env(), NO_FLAGS),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** The nix of a fleet with a registry beside it in the place of the one that nix has from the network. */
export async function withRegistry(
  { fleet, shell }: NixFleet,
  aliases: Readonly<Record<string, unknown>>,
): Promise<NixContext> {
  const registry = join(fleet.root, "registry.json");
  const flakes = Object.entries(aliases).map(([id, to]) => ({ from: { type: "indirect", id }, to }));
  await Deno.writeTextFile(registry, JSON.stringify({ version: 2, flakes }));
  return nixContext(shell, fleet.env(), { ...NO_FLAGS, options: [["flake-registry", registry]] });
}

/** The flake of a fleet, locked. What that runs is not kept. */
export async function locked({ fleet, nix, commands }: NixFleet): Promise<LockedFlake> {
  const flake = await lockFlake(nix, fleet.dir);
  commands.length = 0;
  return flake;
}

/** What one process tells of hosts, in their order, as far as it comes, and why it ends before it has told of all. */
export async function evaluatedAtOnce(
  nix: NixContext,
  job: EvaluationJob,
): Promise<{ told: (HostDerivation | null)[]; error: NixError | null }> {
  const told: (HostDerivation | null)[] = [];
  const listener = {
    onStarted: (index: number) => assertEquals(index, told.length),
    onEvaluated: (index: number, derivation: HostDerivation | null) => {
      assertEquals(index, told.length);
      told.push(derivation);
    },
  };
  const { ended } = startProcess(nix, job, { listener, warnings: new EvaluationWarnings() });
  return { error: (await ended)?.error ?? null, told };
}

/** NixOS hosts of a fleet, evaluated. What that runs is not kept. */
export async function derivationsOf(
  world: NixFleet,
  ...names: string[]
): Promise<[DerivedHost, ...DerivedHost[]]> {
  const flake = await locked(world);
  const hosts = names.map((name) => ({ name, kind: "nixos" as const, flake, channel: null, pinnedTo: null }));
  const derivations = await evaluateHosts(world.nix, hosts, {
    ...{ workers: 1, clock: SYSTEM_CLOCK, progress: () => {} },
    ...{ warnings: new EvaluationWarnings(), warn: () => {} },
  });
  world.commands.length = 0;
  const [first, ...others] = derivations.map((derivation, index) => ({ ...hosts[index]!, ...derivation }));
  return [first!, ...others];
}
