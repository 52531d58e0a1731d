/**
 * What is known of a flake from an earlier run: its inventory, its attributes, and the derivations of its hosts.
 *
 * @module
 */
import * as v from "valibot";
import type { HostDerivation, HostInFlake, HostRef, LockedFlake } from "../../model.ts";
import type { HostProgress } from "../../ports.ts";
import { EvaluationWarnings } from "./evaluation_warnings.ts";
import type { Asked } from "./inventory.ts";
import type { Memo } from "./memo.ts";
import type { StoreServer } from "./store_server.ts";

/** What an evaluation of a flake gave that is of no host, and what was warned of meanwhile. */
const TOLD = v.object({ told: v.unknown(), warnings: v.array(v.string()) });

/** What is evaluated of a flake. */
export type Kind = "inventory" | "attributes";

/**
 * What an evaluation of a flake gives, by an earlier run where it is known, with what that has warned of.
 *
 * @param evaluate Evaluates it, and takes note of warnings where it is told to
 */
export async function evaluateOnce(
  memo: Memo,
  what: Kind,
  { flake, attributes, warnings }: Asked,
  evaluate: (warnings: Asked["warnings"]) => Promise<unknown>,
): Promise<unknown> {
  const key = [...attributes];
  const known = await memo.recall(flake, { what, key, shape: TOLD });
  known?.warnings.forEach((text) => warnings.note(text));
  if (known !== undefined) return known.told;
  const own = new EvaluationWarnings();
  const told = await evaluate({
    note(text, host) {
      warnings.note(text, host);
      own.note(text, host);
    },
  });
  const noted = own.of(undefined);
  const value = { told, warnings: noted ?? [] } satisfies v.InferOutput<typeof TOLD>;
  if (noted !== undefined) memo.keep(flake, { what, key, value: () => value });
  return told;
}

/** Hosts, each with its derivation and what was warned of it. */
const HOSTS = v.array(v.object({
  kind: v.picklist(["nixos", "darwin"]),
  name: v.string(),
  drvPath: v.string(),
  outPath: v.string(),
  outputName: v.string(),
  warnings: v.array(v.string()),
}));
type KnownHost = v.InferOutput<typeof HOSTS>[number];

/** Told of a host that is evaluated. */
type OnDerived = (host: HostInFlake, derivation: HostDerivation) => void;

/** What hosts are evaluated with. */
export interface EvaluateWith {
  /** Keep what is known, and tell whether it is there still. */
  readonly store: StoreServer;
  readonly warnings: EvaluationWarnings;
  readonly progress: HostProgress;
  readonly onDerived: OnDerived;
  /** Evaluates those of which nothing is known. */
  readonly evaluate: (hosts: readonly HostInFlake[], onDerived: OnDerived) => Promise<unknown>;
}

/** Evaluates those hosts that are not known from an earlier run, and keeps what they come to. */
export async function evaluateUnknown(
  memo: Memo,
  hosts: readonly HostInFlake[],
  { store, warnings, progress, onDerived, evaluate }: EvaluateWith,
): Promise<void> {
  const groups = [...Map.groupBy(hosts, ({ flake }) => flake)];
  const kept = new Map<LockedFlake, readonly KnownHost[]>();
  for (const [flake] of groups) {
    kept.set(flake, await memo.recall(flake, { what: "hosts", key: [], shape: HOSTS }) ?? []);
  }
  const known = new Map<HostInFlake, KnownHost>();
  for (const [flake, asked] of groups) {
    const found = new Map(kept.get(flake)!.map((host) => [keyOf(host), host]));
    for (const host of asked) if (found.has(keyOf(host))) known.set(host, found.get(keyOf(host))!);
  }
  const there = known.size === 0
    ? new Set<string>()
    : await store.hold([...known.values()].map(({ drvPath }) => drvPath));
  const isKnown = (host: HostInFlake) => there.has(known.get(host)?.drvPath ?? "");
  const unknown = hosts.filter((host) => !isKnown(host));
  for (const host of unknown) known.delete(host);
  for (const [host, { warnings: texts, ...derivation }] of known) {
    texts.forEach((text) => warnings.note(text, host.name));
    progress(host.name, "done");
    onDerived(host, derivation);
  }
  const derived = new Map<HostInFlake, HostDerivation>();
  await evaluate(unknown, (host, derivation) => {
    derived.set(host, derivation);
    onDerived(host, derivation);
  }).finally(() => {
    for (const [flake, of] of Map.groupBy([...derived], ([{ flake }]) => flake)) {
      keepHosts(memo, { flake, kept: kept.get(flake)!, derived: of, warnings });
    }
  });
}

/** What is kept of a flake's hosts, and what has been evaluated now. */
interface ToKeep {
  readonly flake: LockedFlake;
  readonly kept: readonly KnownHost[];
  readonly derived: readonly (readonly [HostInFlake, HostDerivation])[];
  readonly warnings: EvaluationWarnings;
}

function keepHosts(memo: Memo, { flake, kept, derived, warnings }: ToKeep): void {
  const now = derived.flatMap(([, { kind, name, drvPath, outPath, outputName }]): KnownHost[] => {
    const noted = warnings.of(name);
    return noted === undefined ? [] : [{ kind, name, drvPath, outPath, outputName, warnings: noted }];
  });
  const keys = new Set(now.map(keyOf));
  memo.keep(flake, {
    what: "hosts",
    key: [],
    value: () => [...kept.filter((host) => !keys.has(keyOf(host))), ...now],
  });
}

function keyOf({ kind, name }: HostRef): string {
  return `${kind} ${name}`;
}
