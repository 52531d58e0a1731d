/**
 * Finds the flake that each host is in, at the commit that it is built from.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { documentPath } from "../contract/records.ts";
import { ReleaseError } from "../errors.ts";
import type { HostInFlake, HostRef, LockedFlake, PinnedHost } from "../model.ts";
import { directoryUrl } from "../plan/flake_reference.ts";
import { pinSourceAt } from "../plan/pins.ts";
import type { Repository } from "../ports.ts";
import { quoteList } from "../text.ts";
import type { Look } from "./run.ts";
import { lockFlake, type Source } from "./source.ts";

/**
 * Gives each host the flake that it is in.
 *
 * @throws {ReleaseError} of kind `evaluation` when the pin source does not have a commit that a host is pinned to
 */
export async function placeHosts(
  run: Look,
  source: Source,
  hosts: readonly PinnedHost[],
): Promise<HostInFlake[]> {
  const flakes = new Map<string | null, LockedFlake>([[null, source.flake]]);
  const pinned = Map.groupBy(hosts, ({ pinnedTo }) => pinnedTo);
  await Promise.all([...pinned].map(async ([commit, hosts]) => {
    if (commit !== null) flakes.set(commit, await lockPinned(run, source, { commit, hosts }));
  }));
  return hosts.map((host) => ({ ...host, flake: flakes.get(host.pinnedTo)! }));
}

/** Locks the pin source at a commit, and checks that nix took that commit and no other. */
async function lockPinned(
  run: Look,
  { flake, repository }: Source,
  { commit, hosts }: { readonly commit: string; readonly hosts: readonly HostRef[] },
): Promise<LockedFlake> {
  // What is checked out is here, whatever has not been committed beside it.
  const here = commit === repository?.head ? repositoryUrl(flake, repository) : null;
  const reference = pinSourceAt(here ?? run.config.pinSourceUrl!, commit);
  const pinned = await lockFlake(run, reference).catch((error) => {
    if (!(error instanceof ReleaseError && error.kind === "evaluation")) throw error;
    throw error.with({
      path: documentPath(["hosts", hosts[0]!.name, "pin", "commit"]),
      hint: error.hint ?? "--pin-source-url must lead to a repository that has the pinned commit",
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

/** A reference to the repository that a flake lies in, also when nix reads the flake as a plain directory. */
function repositoryUrl({ repositoryUrl, localDir }: LockedFlake, { root }: Repository): string {
  if (repositoryUrl !== null) return repositoryUrl;
  const dir = relative(root, localDir ?? root);
  return directoryUrl(join(root, dir), { root, dir, isShallow: false });
}
