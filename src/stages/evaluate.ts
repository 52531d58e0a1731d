/**
 * What the flake says: first the fleet, then the derivations of its hosts.
 *
 * @module
 */
import type { ReleaseConfig } from "../config.ts";
import { documentPath, lookup } from "../contract/records.ts";
import { quoteList } from "../text.ts";
import type { FleetResolved, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import { keepOtherHosts } from "./previous.ts";
import { parseAttributePath } from "../plan/attributes.ts";
import { decodeFleet, type EvaluatedFleet } from "../plan/compose.ts";
import { enumerateHosts } from "../plan/hosts.ts";
import { type HostRef, type Warn } from "../model.ts";
import { pinNames, pinSourceAt, pinTargetCommit, resolvePins, validatePinSourceUrl } from "../plan/pins.ts";
import type { HostDerivation, Inventory, LockedFlake, Ports } from "../ports.ts";
import type { Source } from "./source.ts";

/** The fleet as the flake declares it, and the hosts of it that this run releases. */
export interface FleetToRelease {
  readonly storeDir: string;
  /** In the order of the release. */
  readonly hosts: readonly HostRef[];
  readonly evaluated: EvaluatedFleet;
  /** What `--trust-attr` evaluates to; null without it. */
  readonly trusted: unknown;
}

/**
 * Evaluates host names, fleet and sidecars in one cheap evaluation, and checks them, so that mistakes show before
 * anything is built.
 */
export async function evaluateFleet(
  config: ReleaseConfig,
  source: Source,
  now: Timestamp,
  ports: Ports,
  warn: Warn,
): Promise<FleetToRelease> {
  const inventory = await ports.nix.inventory(source.flake, attributePaths(config));
  const hosts = enumerateHosts(config.hosts, inventory.hosts);
  const { trusted, ...evaluated } = documents(config, inventory);
  const decoded = decodeFleet(evaluated, now, config.strict);
  warn(...decoded.warnings);
  const fleet = await resolvePinnedCommits(decoded.evaluated.fleet, source, ports);
  validatePinSourceUrl(fleet, source.ciCommit, config.pinSourceUrl);
  const partial = config.hosts.kind === "explicit" || config.hosts.exclude.length > 0;
  return {
    storeDir: inventory.storeDir,
    hosts,
    trusted,
    evaluated: {
      ...decoded.evaluated,
      fleet: partial ? await keepOtherHosts(fleet, hosts, config.artifactName, ports, warn) : fleet,
    },
  };
}

/** Evaluates every host to its derivation, from the current commit or from the one that it is pinned to. */
export async function evaluateHosts(
  config: ReleaseConfig,
  { flake, ciCommit }: Source,
  { hosts, evaluated }: FleetToRelease,
  ports: Ports,
): Promise<HostDerivation[]> {
  const groups = Map.groupBy(
    hosts,
    ({ name }) => pinTargetCommit(lookup(evaluated.fleet.hosts, name)?.pin, ciCommit),
  );
  const jobs = await Promise.all([...groups].map(async ([commit, hosts]) => ({
    flake: commit === null ? flake : await lockPinned(config, commit, hosts, ports),
    hosts,
    together: commit !== null,
  })));
  const derivations = await ports.nix.evaluateHosts(jobs, (host, state) => ports.log.host(host, state));
  // In the order of the release again, which the groups have lost.
  const byName = new Map(derivations.map((derivation) => [derivation.name, derivation]));
  return hosts.flatMap(({ name }) => byName.get(name) ?? []);
}

/** Where the flake says what, by the names that {@linkcode documents} takes them out by. */
export function attributePaths(config: ReleaseConfig): Map<string, string[]> {
  const { fleetResolvedAttr, revocationsAttr, bootstrapNoncesAttr, trustAttr } = config;
  const paths = new Map([["fleet", parseAttributePath("--fleet-resolved-attr", fleetResolvedAttr)]]);
  if (revocationsAttr !== undefined) {
    paths.set("revocations", parseAttributePath("--revocations-attr", revocationsAttr));
  }
  if (bootstrapNoncesAttr !== undefined) {
    paths.set("bootstrapNonces", parseAttributePath("--bootstrap-nonces-attr", bootstrapNoncesAttr));
  }
  if (trustAttr !== undefined) paths.set("trusted", parseAttributePath("--trust-attr", trustAttr));
  return paths;
}

/** The evaluated JSON; an attribute that was asked for and is not there, or is null, is an error. */
function documents(config: ReleaseConfig, { attributes }: Inventory) {
  const take = (key: string, option: string, attribute: string | undefined) => {
    if (attribute === undefined) return null;
    const value = attributes.get(key) ?? null;
    if (value !== null) return value;
    throw new ReleaseError(
      "evaluation",
      `The flake has no attribute "${attribute}", which ${option} names${
        attributes.has(key) ? ": it is null" : ""
      }`,
      { path: attribute, hint: `add it to the flake's outputs, or give another ${option}` },
    );
  };
  return {
    fleet: take("fleet", "--fleet-resolved-attr", config.fleetResolvedAttr),
    revocations: take("revocations", "--revocations-attr", config.revocationsAttr),
    bootstrapNonces: take("bootstrapNonces", "--bootstrap-nonces-attr", config.bootstrapNoncesAttr),
    trusted: take("trusted", "--trust-attr", config.trustAttr),
  };
}

const FULL_COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Replaces what pins name by full commits, so that what is signed says which commit is run. */
async function resolvePinnedCommits(
  fleet: FleetResolved,
  { repository }: Source,
  { git }: Ports,
): Promise<FleetResolved> {
  const commits = new Map<string, string>();
  for (const [name, host] of pinNames(fleet)) {
    // A full id is asked for too: it may be that of a tag. What the repository here lacks, the pin source may have.
    const commit = (repository && await git.resolveCommit(repository, name)) ??
      (FULL_COMMIT.test(name) ? name : null);
    if (commit === null) {
      throw new ReleaseError("usage", `Cannot resolve the pin of host "${host}": "${name}" names no commit`, {
        path: documentPath(["hosts", host, "pin", "commit"]),
        hint: repository === null
          ? "the flake is not in a local git repository: give the full commit"
          : "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
      });
    }
    commits.set(name, commit);
  }
  return resolvePins(fleet, commits);
}

/** Locks the pin source at a commit, and checks that nix took that commit and no other. */
async function lockPinned(
  { pinSourceUrl }: ReleaseConfig,
  commit: string,
  hosts: readonly HostRef[],
  { nix }: Ports,
): Promise<LockedFlake> {
  const reference = pinSourceAt(pinSourceUrl!, commit);
  const pinned = await nix.lock(reference).catch((error) => {
    if (!(error instanceof ReleaseError && error.kind === "evaluation")) throw error;
    const { kind, message, lines } = error;
    throw new ReleaseError(kind, message, {
      path: documentPath(["hosts", hosts[0]!.name, "pin", "commit"]),
      lines,
      hint: "--pin-source-url must lead to a repository that has the pinned commit",
      cause: error,
    });
  });
  if (pinned.revision !== commit) {
    throw new ReleaseError(
      "evaluation",
      `The pin source gives ${pinned.revision ?? "no commit"} instead of ${commit}, which ` +
        `${quoteList(hosts.map(({ name }) => name))} ${hosts.length === 1 ? "is" : "are"} pinned to`,
      {
        path: documentPath(["hosts", hosts[0]!.name, "pin", "commit"]),
        hint: `--pin-source-url must lead to a git repository: ${reference}`,
      },
    );
  }
  return pinned;
}
