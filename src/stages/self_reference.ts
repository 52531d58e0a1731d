/**
 * Finds hosts that change with the release of themselves.
 *
 * @module
 */
import { join, relative } from "@std/path";
import type { FleetResolved } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { BuiltHost } from "../model.ts";
import { readFleet } from "../plan/reuse.ts";
import { type ReleaseOnly, selfReferring } from "../plan/self_reference.ts";
import type { Repository } from "../ports.ts";
import { quoteList } from "../text.ts";
import type { Run } from "./run.ts";

/**
 * Warns of hosts whose closure changes with each release commit, so that every run brings new ones to them, for ever. It
 * shows when the commit that is released is the last release's, which changes nothing that a host should read.
 */
export async function warnOfSelfReference(
  run: Run,
  { revision, repository }: { readonly revision: string | null; readonly repository: Repository | null },
  hosts: readonly BuiltHost[],
): Promise<void> {
  if (!run.config.gitCommit || revision === null || repository === null) return;
  const commit = await releaseOnly(run, repository, revision);
  const names = commit === null ? [] : selfReferring(hosts, commit);
  if (names.length === 0) return;
  const one = names.length === 1;
  run.warn({
    code: "self-reference",
    message:
      `The ${one ? "closure" : "closures"} of ${quoteList(names)} ${
        one ? "has" : "have"
      } changed since the last ` +
      `release, and nothing was committed since but that release: ${
        one ? "the host reads" : "the hosts read"
      } the ` +
      `flake's own revision, or its source with "${run.config.releaseDir}" in it, so that each release commit makes ` +
      "new ones. Commit releases to a branch of their own, or give hosts a source without the releases, as by " +
      "lib.fileset. Where that release was made with changes that were not committed, they are what is missing now",
  });
}

/** The commit, when it is that of a release and changes nothing else; null when it is not, or that cannot be told. */
async function releaseOnly(
  { config, ports: { git, releaseDir } }: Run,
  repository: Repository,
  commit: string,
): Promise<ReleaseOnly | null> {
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  const fleetIn = async (commit: string): Promise<FleetResolved | null> => {
    const path = join(dir, config.artifactName);
    const bytes = (await git.readCommitted(repository, commit, [path])).get(path);
    return (bytes && readFleet(bytes)) ?? null;
  };
  try {
    const parent = await git.onlyChange(repository, commit, dir);
    const released = parent === null ? null : await fleetIn(commit);
    if (parent === null || released?.meta.ciCommit !== parent) return null;
    return { released, before: await fleetIn(parent) };
  } catch (error) {
    // A shallow or partial clone lacks what would have to be looked at.
    if (error instanceof ReleaseError && error.kind === "git") return null;
    throw error;
  }
}
