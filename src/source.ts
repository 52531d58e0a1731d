/**
 * What is released: the flake, its repository, its pins, and all that can be checked before work begins.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { BOOTSTRAP_NONCES_FILE, type ReleaseConfig, REVOCATIONS_FILE } from "./config.ts";
import { quoteList } from "./contract/records.ts";
import type { FleetResolved } from "./contract/types.ts";
import { ReleaseError } from "./errors.ts";
import { parseAttributePath } from "./plan/attributes.ts";
import type { HostRef } from "./plan/hosts.ts";
import { pinNames, pinSourceAt, resolvePins } from "./plan/pins.ts";
import type { Warn } from "./plan/warnings.ts";
import type { Identity, Inventory, LockedFlake, Ports, Repository } from "./ports.ts";

/** The flake at one fixed state, and where it comes from. */
export interface Source {
  readonly flake: LockedFlake;
  /** The repository that the flake lies in; null outside git, and for a flake of another machine. */
  readonly repository: Repository | null;
  /** The commit that the release names; null outside git. */
  readonly ciCommit: string | null;
}

/** Locks the flake, finds its repository, and checks all that can be checked before work begins. */
export async function resolveSource(config: ReleaseConfig, ports: Ports, warn: Warn): Promise<Source> {
  const { nix, git } = ports;
  attributePaths(config);
  const flake = await nix.lock(config.buildFlake);
  const repository = flake.localDir === null ? null : await git.repositoryOf(flake.localDir);
  const ciCommit = flake.revision ?? repository?.head ?? null;
  if (flake.revision === null) {
    const reason = flake.dirty
      ? "there are changes that are not committed"
      : repository === null
      ? "it is not in git"
      : `"${config.buildFlake}" is read as a plain directory`;
    if (config.requireClean) {
      throw new ReleaseError(
        "usage",
        `Cannot release "${config.buildFlake}" with --require-clean: ${reason}`,
        {
          hint: flake.dirty
            ? "commit or stash the changes"
            : "give a flake reference that nix locks to a commit",
        },
      );
    }
    warn({
      code: flake.dirty ? "dirty-tree" : "no-commit",
      message: `The source has no locked revision (${reason}): ` +
        (ciCommit === null
          ? "the release names no commit"
          : `the release names commit ${ciCommit.slice(0, 8)}, which need not contain what is built`),
    });
  }
  if (config.gitCommit) await checkCommittable(config, ports, repository);
  return { flake, repository, ciCommit };
}

/** The release directory must be where a commit can take it from; found out before anything is built. */
async function checkCommittable(
  config: ReleaseConfig,
  ports: Ports,
  repository: Repository | null,
): Promise<void> {
  const { git, releaseDir } = ports;
  if (repository === null) {
    throw new ReleaseError(
      "usage",
      `Cannot commit the release: "${config.buildFlake}" is not in a local git repository`,
      {
        hint: "run it on a checkout of the fleet, or leave out --git-commit and --git-push",
      },
    );
  }
  const dir = await releaseDir.realPath();
  const own = await git.repositoryOf(dir.existing);
  const prefix = relative(repository.root, dir.path);
  if (own?.root !== repository.root || prefix.startsWith("..")) {
    throw new ReleaseError(
      "usage",
      `Cannot commit "${config.releaseDir}": it is outside the repository of the flake`,
      {
        hint: `give a --release-dir within ${repository.root}, or leave out --git-commit and --git-push`,
      },
    );
  }
  const paths = [config.artifactName, REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE, "rollouts/manifest.json"]
    .flatMap((path) => [join(prefix, path), join(prefix, `${path}.sig`)]);
  const ignored = await git.firstIgnored(repository, paths);
  if (ignored !== null) {
    throw new ReleaseError("usage", `Cannot commit "${config.releaseDir}": git ignores "${ignored}"`, {
      hint: "take it out of .gitignore, or give another --release-dir",
    });
  }
  await git.checkIdentity(repository, identityOf(config));
}

/** Who the commit is made by. */
export function identityOf(config: ReleaseConfig): Identity {
  return { name: config.gitUserName, email: config.gitUserEmail };
}

/** Where the flake says what, by the names that {@linkcode documents} takes them out by. */
export function attributePaths(config: ReleaseConfig): Map<string, string[]> {
  const { fleetResolvedAttr, revocationsAttr, bootstrapNoncesAttr } = config;
  const paths = new Map([["fleet", parseAttributePath("--fleet-resolved-attr", fleetResolvedAttr)]]);
  if (revocationsAttr !== undefined) {
    paths.set("revocations", parseAttributePath("--revocations-attr", revocationsAttr));
  }
  if (bootstrapNoncesAttr !== undefined) {
    paths.set("bootstrapNonces", parseAttributePath("--bootstrap-nonces-attr", bootstrapNoncesAttr));
  }
  return paths;
}

/** The evaluated JSON; an attribute that was asked for and is not there, or is null, is an error. */
export function documents(config: ReleaseConfig, { attributes }: Inventory) {
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
  };
}

const FULL_COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Replaces what pins name by full commits, so that what is signed says which commit is run. */
export async function resolvePinnedCommits(
  fleet: FleetResolved,
  { repository }: Source,
  { git }: Ports,
): Promise<FleetResolved> {
  const commits = new Map<string, string>();
  for (const [name, host] of pinNames(fleet)) {
    const commit = FULL_COMMIT.test(name) ? name : repository && await git.resolveCommit(repository, name);
    if (commit === null) {
      throw new ReleaseError("usage", `Cannot resolve the pin of host "${host}": "${name}" names no commit`, {
        path: `hosts.${host}.pin.commit`,
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
export async function lockPinned(
  { pinSourceUrl }: ReleaseConfig,
  commit: string,
  hosts: readonly HostRef[],
  { nix }: Ports,
): Promise<LockedFlake> {
  const reference = pinSourceAt(pinSourceUrl!, commit);
  const pinned = await nix.lock(reference);
  if (pinned.revision !== commit) {
    throw new ReleaseError(
      "evaluation",
      `The pin source gives ${pinned.revision ?? "no commit"} instead of ${commit}, which ` +
        `${quoteList(hosts.map(({ name }) => name))} ${hosts.length === 1 ? "is" : "are"} pinned to`,
      {
        path: `hosts.${hosts[0]!.name}.pin.commit`,
        hint: `--pin-source-url must lead to a git repository: ${reference}`,
      },
    );
  }
  return pinned;
}
