/**
 * Evaluates every host to its derivation, from the current commit or from the one that it is pinned to.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { documentPath } from "../contract/records.ts";
import { ReleaseError } from "../errors.ts";
import type { DerivedHost, HostDerivation, HostInFlake, HostRef, LockedFlake } from "../model.ts";
import { directoryUrl } from "../plan/flake_reference.ts";
import { pinSourceAt } from "../plan/pins.ts";
import type { Repository } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import type { FleetToRelease } from "./fleet.ts";
import { withHints, withWayRound } from "./hints.ts";
import { evaluationLimit, type Run } from "./run.ts";
import { lockFlake, type Source } from "./source.ts";

/**
 * Evaluates the hosts, and gives each with its derivation, in their order.
 *
 * @throws {ReleaseError} of kind `evaluation` when one does not evaluate, or nix gives no derivation for it
 */
export async function evaluateHosts(
  run: Run,
  source: Source,
  { hosts }: FleetToRelease,
): Promise<DerivedHost[]> {
  const count = plural(hosts.length, "host");
  return await run.stage(
    {
      name: "evaluate",
      title: `Evaluating ${count}`,
      done: () => `Evaluated ${count}`,
      limit: evaluationLimit(run),
    },
    async () => {
      const flakes = new Map<string | null, LockedFlake>([[null, source.flake]]);
      const groups = Map.groupBy(hosts, ({ pinnedTo }) => pinnedTo);
      await Promise.all([...groups].map(async ([commit, pinned]) => {
        if (commit !== null) flakes.set(commit, await lockPinned(run, source, { commit, hosts: pinned }));
      }));
      const placed = hosts.map((host) => ({ ...host, flake: flakes.get(host.pinnedTo)! }));
      const evaluate = () =>
        run.ports.nix.evaluateHosts(placed, (name, state) => run.host("evaluate", name, state), run.warn);
      const derivations = await withHints(run, source, () => withWayRound(run, hosts, evaluate));
      return withDerivations(placed, derivations);
    },
  );
}

/** Each host with its own derivation: that of another one would be built and run in its place. */
function withDerivations(
  hosts: readonly HostInFlake[],
  derivations: readonly HostDerivation[],
): DerivedHost[] {
  const lost = hosts.filter(({ name }, index) => derivations[index]?.name !== name);
  if (lost.length > 0) {
    throw new ReleaseError(
      "evaluation",
      `Nothing was evaluated for host ${quoteList(lost.map(({ name }) => name))}`,
    );
  }
  return hosts.map((host, index) => {
    const { drvPath, outPath, outputName } = derivations[index]!;
    return { ...host, drvPath, outPath, outputName };
  });
}

/** Locks the pin source at a commit, and checks that nix took that commit and no other. */
async function lockPinned(
  run: Run,
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
