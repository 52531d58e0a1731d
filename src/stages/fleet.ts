/**
 * What the flake says about its fleet.
 *
 * @module
 */
import type { HostsSpec } from "../config.ts";
import { documentPath, lookup } from "../contract/records.ts";
import { tryDecode } from "../contract/schema.ts";
import type { FleetResolved } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Finding, HostInFlake, HostNames, LockedFlake } from "../model.ts";
import { type AttributeName, ATTRIBUTES } from "../plan/attributes.ts";
import { decodeFleet, type EvaluatedFleet } from "../plan/compose.ts";
import { isPath } from "../plan/flake_reference.ts";
import { enumerateHosts } from "../plan/hosts.ts";
import { lintDocuments, type Linted, lintFleet } from "../plan/lints.ts";
import { UNKNOWN_PIN } from "../plan/lints/hosts.ts";
import { ADOPTING, FORM, SMALLEST_FLEET } from "../plan/smallest_fleet.ts";
import { pinNames, pinTargetCommit, resolvePins, validatePinSourceUrl } from "../plan/pins.ts";
import { partFindings } from "../plan/warnings.ts";
import type { Inventory } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import { evaluationLimit, type Look } from "./run.ts";
import { withHints } from "./hints.ts";
import { placeHosts } from "./pins.ts";
import { lockFlake, type SeenSource, type Source } from "./source.ts";

/** The fleet as the flake declares it, and the hosts of it that this run releases. */
export interface FleetToRelease {
  readonly storeDir: string;
  readonly nixVersion: string;
  /** In the order of the release, each with the commit that it is built from, and its flake at that. */
  readonly hosts: readonly HostInFlake[];
  /** How many hosts the flake has, with those that this run leaves out. */
  readonly hostsOfFlake: number;
  readonly evaluated: EvaluatedFleet;
  /** What `--trust-attr` evaluates to; null without it. */
  readonly trusted: unknown;
  /** What is found of it without evaluating a host. */
  readonly findings: readonly Finding[];
}

/**
 * Evaluates host names, fleet and sidecars in one cheap evaluation, and checks them, so that mistakes show before
 * anything is built.
 */
export async function evaluateFleet(run: Look, source: Source): Promise<FleetToRelease> {
  return await run.stage({
    name: "fleet",
    title: "Evaluating the fleet",
    limit: evaluationLimit(run),
    done: ({ hosts, hostsOfFlake }) =>
      `Evaluated the fleet: releasing ${hosts.length} of ${plural(hostsOfFlake, "host")}`,
  }, () => readFleet(run, source));
}

async function readFleet(run: Look, source: Source): Promise<FleetToRelease> {
  const { config, now, warn } = run;
  const { inventory, values } = await readFlakes(run, source, config.hosts);
  const documents = documentsOf(run, values);
  const trusted = valueOf("trusted", run, values);
  const decoded = withForm(() => decodeFleet(documents, now, config.strict));
  const selected = enumerateHosts(config.hosts, inventory.hosts, decoded.evaluated.fleet.hosts);
  const findings = lintFleet(decoded.evaluated.fleet, documents.fleet, {
    ...{ names: inventory.hosts, now },
    choose: () => new Set(selected.map(({ name }) => name)),
  });
  for (const warning of [...decoded.warnings, ...partFindings(findings).early]) warn(warning);
  const fleet = await resolvePinnedCommits(decoded.evaluated.fleet, source, run);
  run.show({ fleet });
  validatePinSourceUrl(fleet, source.ciCommit, config.pinSourceUrl);
  const pinned = selected.map((host) => {
    const { channel = null, pin } = lookup(fleet.hosts, host.name) ?? {};
    return { ...host, channel, pinnedTo: pinTargetCommit(pin, source.flake.revision) };
  });
  return {
    storeDir: inventory.storeDir,
    nixVersion: inventory.nixVersion,
    hosts: await placeHosts(run, source, pinned),
    hostsOfFlake: countOf(inventory.hosts),
    trusted,
    evaluated: { ...decoded.evaluated, fleet },
    findings,
  };
}

/** What is found of the fleet without evaluating a host. */
export interface CheckedFleet extends Linted {
  /** How many hosts the flake has. */
  readonly hostsOfFlake: number;
}

/** Evaluates the same, and finds all that is wrong with it. */
export async function checkFleet(run: Look, source: SeenSource): Promise<CheckedFleet> {
  return await run.stage({
    name: "fleet",
    title: "Evaluating the fleet",
    limit: evaluationLimit(run),
    done: ({ hostsOfFlake }) => `Evaluated the fleet: ${plural(hostsOfFlake, "host")}`,
  }, async () => {
    // None is going to be asked for.
    const { inventory: { hosts: names }, values } = await readFlakes(run, source, {
      kind: "explicit",
      hosts: [],
    });
    const { config: { hosts: spec }, now } = run;
    const isAll = spec.kind === "auto" && spec.exclude.length === 0;
    const choose = (hosts: FleetResolved["hosts"]) =>
      new Set(enumerateHosts(spec, names, hosts).map(({ name }) => name));
    const documents = documentsOf(run, values);
    const noCommits = await unknownPins(documents.fleet, source, run);
    const linted = lintDocuments(documents, { names, now, noCommits, choose: isAll ? undefined : choose });
    return { ...linted, hostsOfFlake: countOf(names) };
  });
}

function countOf({ nixos, darwin }: HostNames): number {
  return new Set([...nixos, ...darwin]).size;
}

/** What the flake says about its fleet, as it evaluates. */
function documentsOf(run: Look, values: ReadonlyMap<string, unknown>) {
  const said = (name: AttributeName) => valueOf(name, run, values);
  return {
    fleet: said("fleet"),
    revocations: said("revocations"),
    bootstrapNonces: said("bootstrapNonces"),
  };
}

/** Decodes a document, and says where its form is described when that is what is wrong. */
function withForm<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof ReleaseError && error.kind === "contract") || error.hint !== undefined) {
      throw error;
    }
    throw error.with({ hint: `what it has to look like: ${FORM}` });
  }
}

/**
 * What the flakes say that the attributes name: nearly always the one that is released, which is asked once.
 *
 * @param hosts Which hosts are going to be asked for
 */
async function readFlakes(
  run: Look,
  source: SeenSource,
  hosts: HostsSpec,
): Promise<{ inventory: Inventory; values: ReadonlyMap<string, unknown> }> {
  const { attributes, ports: { nix }, warn } = run;
  const own = new Map<string, readonly string[]>();
  const others = new Map<string, Map<AttributeName, readonly string[]>>();
  for (const [name, { flake, path }] of attributes) {
    const other = flake === undefined ? undefined : await otherFlake(run, flake);
    if (other === undefined) own.set(name, path);
    else others.set(other, (others.get(other) ?? new Map()).set(name, path));
  }
  const inventory = await withHints(
    run,
    source,
    () => nix.inventory(source.flake, own, { warn, hosts }),
  );
  const values = new Map(inventory.attributes);
  for (const [reference, paths] of others) {
    const flake = await lockFlake(run, reference);
    checkLocked(flake, [...paths.keys()], run);
    for (const [name, value] of await nix.attributes(flake, paths, warn)) values.set(name, value);
  }
  return { inventory, values };
}

/**
 * The reference of a flake as nix is given it; undefined when it refers to the one that is released. A bare name is an
 * alias of a registry: who writes to the repository could put a directory in its place, with keys that are to be trusted.
 */
async function otherFlake({ config, ports: { nix } }: Look, flake: string): Promise<string | undefined> {
  if (flake === config.buildFlake) return undefined;
  if (!isPath(flake)) return flake;
  const [own, other] = await Promise.all([nix.referTo(config.buildFlake), nix.referTo(flake)]);
  const isOwn = other.directory === null ? other.text === own.text : other.directory === own.directory;
  return isOwn ? undefined : other.text;
}

/** What is told by another flake is part of the release, and counts as its source. */
function checkLocked(
  { revision, dirty, differing }: LockedFlake,
  names: readonly AttributeName[],
  run: Look,
): void {
  if (revision !== null) return;
  const { config, warn } = run;
  const { option, setting } = ATTRIBUTES[names[0]!];
  if (!config.requireClean) {
    const changes = differing.length === 0
      ? ""
      : `, with changes that are not committed: ${quoteList(differing)}`;
    warn({
      code: dirty ? "dirty-tree" : "no-commit",
      message: `The flake of ${option} "${config[setting]}" has no locked revision${changes}`,
    });
    return;
  }
  throw new ReleaseError(
    "usage",
    `Cannot release ${option} "${
      config[setting]
    }" with --require-clean: nix cannot lock its flake to a commit`,
    { hint: "commit or stash changes that it has, or give a flake reference that nix locks to a commit" },
  );
}

/** The evaluated JSON; an attribute that was asked for and is not there, or is null, is an error. */
function valueOf(name: AttributeName, { config }: Look, values: ReadonlyMap<string, unknown>): unknown {
  const { option, setting } = ATTRIBUTES[name];
  const attribute = config[setting];
  if (attribute === undefined) return null;
  const value = values.get(name) ?? null;
  if (value !== null) return value;
  const isNew = name === "fleet" && !values.has(name);
  throw new ReleaseError(
    "evaluation",
    `The flake has no attribute "${attribute}", which ${option} names${
      values.has(name) ? ": it is null" : ""
    }`,
    {
      path: attribute,
      lines: isNew ? ["the smallest that is valid:", ...SMALLEST_FLEET.map((line) => `  ${line}`)] : [],
      hint: `add it to the flake's outputs, or give another ${option}${
        isNew ? `; ${ADOPTING} explains it` : ""
      }`,
    },
  );
}

/** What the pins of a fleet name that is no commit. */
async function unknownPins(
  document: unknown,
  { repository }: SeenSource,
  { ports: { git } }: Look,
): Promise<ReadonlySet<string>> {
  const read = tryDecode("fleet", document);
  const unknown = new Set<string>();
  for (const name of "document" in read ? pinNames(read.document).keys() : []) {
    if (await commitAt(name, repository, git) === null) unknown.add(name);
  }
  return unknown;
}

const FULL_COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The full commit that a pin names; null: it names none. */
async function commitAt(
  name: string,
  repository: SeenSource["repository"],
  git: Look["ports"]["git"],
): Promise<string | null> {
  // A full id is asked for too: it may be that of a tag. What the repository here lacks, the pin source may have.
  return (repository && await git.resolveCommit(repository, name)) ?? (FULL_COMMIT.test(name) ? name : null);
}

/** Replaces what pins name by full commits, so that what is signed says which commit is run. */
async function resolvePinnedCommits(
  fleet: FleetResolved,
  { repository }: Source,
  { ports: { git } }: Look,
): Promise<FleetResolved> {
  const commits = new Map<string, string>();
  for (const [name, host] of pinNames(fleet)) {
    const commit = await commitAt(name, repository, git);
    if (commit === null) {
      throw new ReleaseError("usage", `Cannot resolve the pin of host "${host}": "${name}" names no commit`, {
        path: documentPath(["hosts", host, "pin", "commit"]),
        hint: repository === null
          ? "the flake is not in a local git repository: give the full commit"
          : UNKNOWN_PIN,
      });
    }
    commits.set(name, commit);
  }
  return resolvePins(fleet, commits);
}
