/**
 * What a release says, also one that is not the current one: by the rules of `verify`, but for its age.
 *
 * @module
 */
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE, signaturePath } from "../contract/layout.ts";
import type { BootstrapNonces, FleetResolved, Revocations } from "../contract/types.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import { judgeSigned } from "./acceptance.ts";
import {
  type BindInput,
  MISSING_FLEET,
  OTHER_STAMP,
  readNormal,
  type ReleaseFiles,
  sameStamp,
} from "./bindings.ts";
import type { ArtifactKind } from "./document.ts";
import type { FileFailure } from "./failure.ts";
import { findSigners } from "./release.ts";
import type { Trust, TrustedKey } from "./trust.ts";

/** What has been found of a release. */
export interface ReleaseContent {
  /** What it says; null when there is anything to refuse it for, and when it is not there. */
  readonly content: EvaluatedFleet | null;
  /** The key that verifies the fleet's signature; null: none does, or no keys are given. */
  readonly key: TrustedKey | null;
  /** All that its documents are refused for; `missing-fleet`: there is no release. */
  readonly failures: readonly FileFailure[];
}

/** What it is read by. */
export interface ContentRules {
  /** File name of the fleet artifact. */
  readonly artifactName: string;
  /** Null: nothing is verified, and what is there is believed. */
  readonly trust: Trust | null;
}

/**
 * Reads the fleet of a release and its sidecars. With keys, what none of them has signed is not decoded. Neither the age
 * nor rollout manifests are looked at. Pure.
 */
export async function readContent(
  files: ReleaseFiles,
  { artifactName, trust }: ContentRules,
): Promise<ReleaseContent> {
  if (!files.has(artifactName)) {
    const failures: FileFailure[] = [{ path: artifactName, ...MISSING_FLEET }];
    return { content: null, key: null, failures };
  }
  const signers = trust && await findSigners(files, artifactName, trust.keys);
  const input: BindInput = { files, isSigned: (path) => signers === null || signers.has(path) };
  const failures: FileFailure[] = [];
  const read = (path: string, kind: ArtifactKind) => {
    const { document, ...found } = readNormal(input, path, kind);
    failures.push(...found.failures);
    if (trust === null) return document;
    const signed = { signature: files.get(signaturePath(path)) ?? null, declared: document?.meta ?? null };
    const judged = judgeSigned(signed, signers!.get(path) ?? null, trust);
    failures.push(...judged.failures.map((failure) => ({ path, ...failure })));
    return document;
  };
  const fleet = read(artifactName, "fleet") as FleetResolved | null;
  const sidecar = (path: string, kind: ArtifactKind) => {
    if (!files.has(path)) return null;
    const document = read(path, kind);
    if (fleet !== null && document !== null && !sameStamp(document.meta, fleet.meta)) {
      failures.push({ path, ...OTHER_STAMP });
    }
    return document;
  };
  const revocations = sidecar(REVOCATIONS_FILE, "revocations") as Revocations | null;
  const nonces = sidecar(BOOTSTRAP_NONCES_FILE, "bootstrap-nonces") as BootstrapNonces | null;
  const content = fleet === null || failures.length > 0 ? null : {
    ...{ fleet, revocations: revocations?.revocations ?? null },
    bootstrapNonces: nonces?.bootstrapNonces ?? null,
  };
  return { content, key: signers?.get(artifactName) ?? null, failures };
}
