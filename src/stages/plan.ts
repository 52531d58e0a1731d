/**
 * What a release would change, as far as that can be known before it is built.
 *
 * @module
 */
import { RELEASE_INDEX_FILE } from "../contract/layout.ts";
import { lookup, mapRecord } from "../contract/records.ts";
import { closureHash, parseStorePath, type StorePath } from "../contract/store_path.ts";
import type { FleetResolved } from "../contract/types.ts";
import type { BuiltHost, DerivedHost, PackageChange } from "../model.ts";
import { type Changes, changesBetween, summaryOf } from "../plan/changes.ts";
import { composeArtifacts, type EvaluatedFleet } from "../plan/compose.ts";
import { plural } from "../text.ts";
import type { Against } from "./against.ts";
import { buildHosts } from "./build.ts";
import { releaseIn } from "./changes.ts";
import type { FleetToRelease } from "./fleet.ts";
import { evaluateHosts } from "./evaluate.ts";
import { withWayRound } from "./hints.ts";
import type { Look } from "./run.ts";
import type { Source } from "./source.ts";
import { Stream } from "./stream.ts";

/** What the closures of the hosts are, of those that are evaluated. */
export interface PlannedClosures {
  /** By the host; without those of which nobody knows it before they are built. */
  readonly paths: ReadonlyMap<string, StorePath>;
  /** The hosts whose closures are not in the store, so that a release has to build or fetch them. */
  readonly missing: readonly string[];
  /** The hosts whose closures get their names only when they are built: they are content-addressed. */
  readonly unknown: readonly string[];
}

/** What is asked of a plan beside what is asked of the release. */
export interface PlanOptions {
  /** What to compare with, as `readAgainst` takes it. */
  readonly against: string | undefined;
  /** Whether closures are compared, too, package by package. */
  readonly diffClosures: boolean;
  /** Whether what would change is built, so that it can be compared. */
  readonly build: boolean;
}

/** What a release would change. */
export interface Planned {
  readonly source: Source;
  /** Null: there is no release that counts. */
  readonly against: Against | null;
  readonly changes: Changes;
  readonly closures: PlannedClosures;
  /** Null: nobody has asked. */
  readonly differences: readonly ClosureDifference[] | null;
}

/** Evaluates the hosts, and gives them in the order of the release. */
export async function planHosts(
  run: Look,
  { source, fleet }: Pick<ToPlan, "source" | "fleet">,
): Promise<DerivedHost[]> {
  const stream = new Stream<DerivedHost>();
  await withWayRound(run, fleet.hosts, () => evaluateHosts(run, { source, fleet }, stream));
  const derived = new Map((await Array.fromAsync(stream)).map((host) => [host.name, host]));
  return fleet.hosts.map(({ name }) => derived.get(name)!);
}

/** What a plan goes by. */
export interface ToPlan {
  readonly source: Source;
  readonly fleet: FleetToRelease;
  /** Null: there is none. */
  readonly against: Against | null;
  readonly closures: PlannedClosures;
}

/** Finds out which closures are in the store. */
export async function lookAtClosures(
  run: Look,
  { storeDir }: FleetToRelease,
  hosts: readonly DerivedHost[],
): Promise<PlannedClosures> {
  return await run.stage({
    name: "closures",
    title: `Looking for ${plural(hosts.length, "closure")} in the store`,
    done: ({ missing, unknown }) =>
      `Found ${hosts.length - missing.length - unknown.length} of ${
        plural(hosts.length, "closure")
      } in the store`,
  }, async () => {
    const paths = new Map<string, StorePath>();
    const unknown: string[] = [];
    // What a flake says of its outputs may be anything.
    const outputs = await run.ports.nix.outputsOf(hosts);
    for (const { name } of hosts) {
      const path = parseStorePath(outputs.get(name) ?? "", storeDir);
      if (path === undefined) unknown.push(name);
      else paths.set(name, path);
    }
    const there = await run.ports.nix.present([...new Set(paths.values())]);
    return {
      paths,
      missing: hosts.flatMap(({ name }) => paths.has(name) && !there.has(paths.get(name)!) ? [name] : []),
      unknown,
    };
  });
}

/**
 * Builds the hosts that would get another closure, as far as these are not in the store, and those of which nobody knows
 * it yet.
 *
 * @throws {ReleaseError} of kind `build`
 */
export async function buildChanged(
  run: Look,
  { fleet: { storeDir }, against, closures }: Omit<ToPlan, "source">,
  derived: readonly DerivedHost[],
): Promise<PlannedClosures> {
  const [missing, unknown] = [new Set(closures.missing), new Set(closures.unknown)];
  const hosts = derived.filter(({ name }) =>
    unknown.has(name) ||
    missing.has(name) && hashIn(against, name) !== closureHash(closures.paths.get(name)!, storeDir)
  );
  const build = () =>
    buildHosts(run, {
      ...{ fleet: { hosts, storeDir }, derived: Stream.of(hosts) },
      built: new Stream<BuiltHost>(),
    });
  const built = await withWayRound(run, derived, build);
  const names = new Set(built.map(({ name }) => name));
  return {
    paths: new Map([...closures.paths, ...built.map(({ name, storePath }) => [name, storePath] as const)]),
    missing: closures.missing.filter((name) => !names.has(name)),
    unknown: [],
  };
}

/** Compares what would be released with what is there. */
export async function compareReleases(run: Look, plan: ToPlan): Promise<Changes> {
  return await run.stage({
    name: "changes",
    title: "Comparing with the release that is there",
    done: (changes) => {
      const what = plan.against === null ? "nothing" : "the release that is there";
      return `Compared with ${what}: ${summaryOf(changes)}`;
    },
  }, () => changesBetween(plan.against?.release ?? null, nextRelease(run, plan)));
}

/** What would be released, read back from its bytes. */
function nextRelease(run: Look, { source, fleet, against, closures }: ToPlan): EvaluatedFleet {
  const { config: { artifactName }, now, sidecars, warn } = run;
  const { evaluated, storeDir, findings } = fleet;
  const isInFleet = (name: string) => Object.hasOwn(evaluated.fleet.hosts, name);
  const known = [...closures.paths].map(([name, path]) => [name, closureHash(path, storeDir)] as const);
  const unknown = closures.unknown.map((name) => [name, NOT_KNOWN] as const);
  const { artifacts, warnings } = composeArtifacts(evaluated, {
    closureHashes: Object.fromEntries([...known, ...unknown].filter(([name]) => isInFleet(name))),
    // Nothing of it is compared.
    stamp: { signedAt: now, ciCommit: source.ciCommit, signatureAlgorithm: "ed25519" },
    now,
    artifactName,
    releaseIndex: sidecars.includes(RELEASE_INDEX_FILE),
  });
  for (const { code, message } of findings.filter(({ code }) => code === "host-not-in-fleet")) {
    warn({ code, message });
  }
  for (const warning of warnings) warn(warning);
  const next = releaseIn(new Map(artifacts.map(({ path, bytes }) => [path, bytes])), artifactName)!;
  return { ...next, fleet: asBefore(next.fleet, against) };
}

/** In the place of a closure of which nobody knows the name yet; no store path has it. */
const NOT_KNOWN = "not known yet";

/** A closure that nobody knows yet counts as it is: that it may change is told beside it. */
function asBefore(fleet: FleetResolved, against: Against | null): FleetResolved {
  const hosts = mapRecord(
    fleet.hosts,
    (host, name) => host.closureHash === NOT_KNOWN ? { ...host, closureHash: hashIn(against, name) } : host,
  );
  return { ...fleet, hosts };
}

function hashIn(against: Against | null, name: string): string | null {
  return (against && lookup(against.release.fleet.hosts, name)?.closureHash) ?? null;
}

/** How the closures of hosts differ that go from one to another. */
export interface ClosureDifference {
  /** The hosts that do. */
  readonly hosts: readonly string[];
  readonly before: StorePath;
  readonly after: StorePath;
  /** Which of the two are not in the store; none: they were compared. */
  readonly missing: readonly ("before" | "after")[];
  readonly packages: readonly PackageChange[];
}

/** So many closures are compared at once: each is a process that reads all of two. */
const AT_ONCE = 4;

/** Compares the closures that hosts have with those that they would get, package by package. */
export async function diffClosures(
  run: Look,
  { hosts }: Changes,
  { storeDir }: FleetToRelease,
): Promise<ClosureDifference[]> {
  const pathOf = (hash: string | null | undefined) =>
    hash ? parseStorePath(`${storeDir}/${hash}`, storeDir) : undefined;
  const pairs = new Map<string, { hosts: string[]; before: StorePath; after: StorePath }>();
  for (const { name, aspects, ...states } of hosts) {
    const [before, after] = [pathOf(states.before?.closureHash), pathOf(states.after?.closureHash)];
    if (!aspects.includes("closure") || before === undefined || after === undefined) continue;
    const pair = pairs.get(`${before} ${after}`) ?? { hosts: [], before, after };
    pair.hosts.push(name);
    pairs.set(`${before} ${after}`, pair);
  }
  const count = plural(pairs.size, "closure");
  return await run.stage({
    name: "diff",
    title: `Comparing ${count} with what is there`,
    done: (found) =>
      `Compared ${found.filter(({ missing }) => missing.length === 0).length} of ${count} with what is there`,
  }, async () => {
    const { nix } = run.ports;
    const all = [...pairs.values()];
    const there = await nix.present([...new Set(all.flatMap(({ before, after }) => [before, after]))]);
    const differences: ClosureDifference[] = [];
    for (let index = 0; index < all.length; index += AT_ONCE) {
      differences.push(
        ...await Promise.all(
          all.slice(index, index + AT_ONCE).map(async (pair) => {
            const missing = (["before", "after"] as const).filter((end) => !there.has(pair[end]));
            const packages = missing.length > 0 ? [] : await nix.diffClosures(pair.before, pair.after);
            return { ...pair, missing, packages };
          }),
        ),
      );
    }
    return differences;
  });
}
