/**
 * The library of fleet-release: compose, sign, publish and verify the releases of a Nix fleet.
 *
 * `release` runs the whole pipeline and needs permission to run nix, git and the hooks, and to read and write the
 * release directory. Everything else is pure and needs no permission.
 *
 * @example Compose a release without touching the world
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * const { files, warnings } = composeRelease({
 *   fleet: { schemaVersion: 1, hosts: {}, channels: {}, waves: {}, meta: { schemaVersion: 1 } },
 *   closureHashes: {},
 *   signedAt: "2026-06-01T12:00:00Z",
 * });
 * assertEquals([...files.keys()], ["fleet.resolved.json"]);
 * assertEquals(warnings, []);
 * ```
 *
 * @module
 */
export {
  type GitPushTarget,
  type HostsSpec,
  type ReleaseConfig,
  type SignatureEncoding,
} from "./src/config.ts";
export { canonicalBytes, sha256Hex } from "./src/contract/canonical.ts";
export { canonicalize } from "./src/contract/json.ts";
export { closureHash, type StorePath } from "./src/contract/store_path.ts";
export type * from "./src/contract/types.ts";
export { type PublicKey, type SignedBytes, verifySignature } from "./src/crypto/signature.ts";
export { type ErrorDetails, type ErrorKind, type ExitCode, ReleaseError } from "./src/errors.ts";
export { renderCommitMessage } from "./src/plan/commit_message.ts";
export { type Artifact } from "./src/model.ts";
export { type ComposedRelease, type ComposeInput, composeRelease } from "./src/plan/compose.ts";
export {
  canonicalizeResolved,
  injectClosureHashes,
  pruneExpiredBootstrapNonces,
  stampMeta,
} from "./src/plan/fleet.ts";
export { type Stamp } from "./src/model.ts";
export { enumerateHosts, type HostLabels } from "./src/plan/hosts.ts";
export { type HostKind, type HostNames, type HostRef } from "./src/model.ts";
export { filterExpiredPins, pinTargetCommit, validatePinSourceUrl } from "./src/plan/pins.ts";
export { loadExistingSignedAtIfUnchanged } from "./src/plan/reuse.ts";
export type { HostAspect, HostChange, HostInRelease, Part, PartChange } from "./src/plan/changes.ts";
export type { ReportedChanges } from "./src/report/changes.ts";
export type { Publication, ReleasedArtifact, ReleasedHost, RunOutcome } from "./src/report/outcome.ts";
export type { HostWork } from "./src/model.ts";
export type { CommandTrace } from "./src/adapters/process.ts";
export type { Builds, Clock, HostState, Log, Stage, Tally } from "./src/ports.ts";
export { release, type ReleaseOptions, validateConfig } from "./src/commands/release.ts";
export type { StageTime } from "./src/stages/run.ts";
export { computeRolloutId, projectManifest } from "./src/plan/rollouts.ts";
export type { Warning } from "./src/model.ts";
export { type FileFailure, type ReleaseFiles } from "./src/verify/bindings.ts";
export {
  type ReleaseVerdict,
  type VerifiedFile,
  verifyRelease,
  type VerifyReleaseOptions,
} from "./src/verify/release.ts";
export { type KeySlot, parseTrustFile, type Trust, trustAt, type TrustedKey } from "./src/verify/trust.ts";
export {
  type ArtifactKind,
  type ArtifactVerdict,
  type Failure,
  type FailureCode,
  verifyArtifact,
  type VerifyArtifactOptions,
} from "./src/verify/artifact.ts";
