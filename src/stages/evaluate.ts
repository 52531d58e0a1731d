/**
 * Evaluates every host to its derivation, from the current commit or from the one that it is pinned to.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import type { DerivedHost, HostDerivation, HostInFlake } from "../model.ts";
import type { HostProgress } from "../ports.ts";
import { plural, quoteList } from "../text.ts";
import type { FleetToRelease } from "./fleet.ts";
import { withHints } from "./hints.ts";
import { evaluationLimit, type Look } from "./run.ts";
import type { Source } from "./source.ts";
import type { Stream } from "./stream.ts";

/**
 * Evaluates the hosts, and hands each on with its derivation as soon as it has that. Ends what it hands them to.
 *
 * @throws {ReleaseError} of kind `evaluation` when one does not evaluate, or nix gives no derivation for it
 */
export async function evaluateHosts(
  run: Look,
  { source, fleet: { hosts } }: { readonly source: Source; readonly fleet: Pick<FleetToRelease, "hosts"> },
  derived: Stream<DerivedHost>,
): Promise<void> {
  const count = plural(hosts.length, "host");
  const seen = new Set<HostInFlake>();
  const onDerived = (host: HostInFlake, derivation: HostDerivation) => {
    const { name, drvPath, outPath, outputName } = derivation;
    // That of another host would be built and run in its place.
    if (seen.has(host) || name !== host.name) return;
    seen.add(host);
    derived.push({ ...host, drvPath, outPath, outputName });
  };
  const progress: HostProgress = (name, state, since) => run.host("evaluate", name, state, since);
  const evaluate = () => run.ports.nix.evaluateHosts(hosts, { progress, warn: run.warn, onDerived });
  await run.stage(
    {
      name: "evaluate",
      title: `Evaluating ${count}`,
      hosts: hosts.length,
      done: () => `Evaluated ${count}`,
      limit: evaluationLimit(run),
    },
    async () => {
      await withHints(run, source, evaluate);
      const lost = hosts.filter((host) => !seen.has(host));
      if (lost.length === 0) return;
      const names = quoteList(lost.map(({ name }) => name));
      throw new ReleaseError("evaluation", `Nothing was evaluated for host ${names}`);
    },
  ).finally(() => derived.end());
}
