/**
 * Composes the exact bytes of the release. From here on nothing changes them.
 *
 * @module
 */
import { RELEASE_INDEX_FILE } from "../contract/layout.ts";
import type { Artifact, BuiltHost, SignedArtifact, Stamp } from "../model.ts";
import { composeArtifacts } from "../plan/compose.ts";
import { plural } from "../text.ts";
import type { Origin } from "./base.ts";
import type { FleetToRelease } from "./fleet.ts";
import { checkTellsApart, type Earlier, warnOfUntrusted } from "./order.ts";
import { reuseRelease } from "./previous.ts";
import type { Run } from "./run.ts";
import { warnOfSelfReference } from "./self_reference.ts";
import type { TrustedKeys } from "./trust.ts";

/** What is to be signed, or has been. */
export interface Composed {
  readonly artifacts: readonly Artifact[];
  readonly stamp: Stamp;
  /** The release on disk, when it may stay as it is. */
  readonly kept: readonly SignedArtifact[] | null;
}

/** What a release is composed of. */
export interface Parts {
  readonly source: Origin;
  /** The commit that hosts were built from; null: the flake is locked to none, or none was built. */
  readonly revision: string | null;
  readonly fleet: Pick<FleetToRelease, "evaluated">;
  readonly trusted: TrustedKeys | null;
  readonly hosts: readonly BuiltHost[];
  readonly earlier: Earlier;
}

/** Composes the artifacts of the release, or finds that the one on disk has the same. */
export async function composeRelease(run: Run, parts: Parts): Promise<Composed> {
  return await run.stage({
    name: "compose",
    title: "Composing the release",
    done: ({ artifacts, kept }) =>
      `Composed ${plural(artifacts.length, "artifact")}${
        kept === null ? "" : ", unchanged since they were signed"
      }`,
  }, () => compose(run, parts));
}

async function compose(run: Run, parts: Parts): Promise<Composed> {
  const { source, revision, fleet: { evaluated }, trusted, hosts } = parts;
  const { config, now, ports, sidecars } = run;
  const stamp = { signedAt: now, ciCommit: source.ciCommit, signatureAlgorithm: ports.signer.algorithm };
  const closureHashes = Object.fromEntries(hosts.map(({ name, closureHash }) => [name, closureHash]));
  const { artifactName } = config;
  const releaseIndex = sidecars.includes(RELEASE_INDEX_FILE);
  const options = { closureHashes, stamp, now, artifactName, releaseIndex };
  const fresh = composeArtifacts(evaluated, options);
  run.show({ fleet: fresh.fleet });
  // One by one: there may be more of them than a call takes arguments.
  for (const warning of fresh.warnings) run.warn(warning);
  await warnOfSelfReference(run, { revision, repository: source.repository }, hosts);
  // One that is committed and not upstream yet is not made twice.
  const isKept = config.reuseUnchangedSignature || source.place !== null && source.place.pending !== null;
  const reused = isKept
    ? await reuseRelease(run, { evaluated, options, fleet: fresh.fleet, trusted, earlier: parts.earlier })
    : null;
  if (reused !== null) return { artifacts: reused.signed, stamp: reused.stamp, kept: reused.signed };
  warnOfUntrusted(run, parts.earlier);
  checkTellsApart(run, fresh.artifacts, parts.earlier);
  return { artifacts: fresh.artifacts, stamp, kept: null };
}
