/**
 * From evaluated JSON and closure hashes to the exact bytes of a release. Pure: no clock, no files.
 *
 * @module
 */
import type { Artifact, Stamp, Warning } from "../model.ts";
import {
  BOOTSTRAP_NONCES_FILE,
  FLEET_FILE,
  manifestPath,
  MAX_FILE_BYTES,
  MAX_RELEASE_BYTES,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
} from "../contract/layout.ts";
import { canonicalBytes, sha256Hex } from "../contract/canonical.ts";
import { compareBytes, documentPath } from "../contract/records.ts";
import { mebibytes, plural, quoteList } from "../text.ts";
import { decode } from "../contract/schema.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../contract/time.ts";
import {
  type BootstrapNonce,
  type FleetResolved,
  type ReleaseIndex,
  type Revocation,
  SIGNATURE_ALGORITHMS,
  type Timestamp,
} from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import {
  canonicalizeResolved,
  injectClosureHashes,
  metaOf,
  pruneExpiredBootstrapNonces,
  stampMeta,
} from "./fleet.ts";
import { filterExpiredPins } from "./pins.ts";
import { policyOf, projectRollouts, resolveBudgets } from "./rollouts.ts";
import { droppedFieldWarnings, fleetWarnings } from "./warnings.ts";

/** What a flake says about its fleet, decoded, and without the pins that have expired. */
export interface EvaluatedFleet {
  readonly fleet: FleetResolved;
  /** Null: no such artifact. */
  readonly revocations: readonly Revocation[] | null;
  /** Null: no such artifact. */
  readonly bootstrapNonces: readonly BootstrapNonce[] | null;
}

/** What {@linkcode composeRelease} composes a release from. */
export interface ComposeInput {
  /** What the fleet attribute evaluates to. */
  readonly fleet: unknown;
  /** What the revocations attribute evaluates to; absent or null: no such artifact. */
  readonly revocations?: unknown;
  /** What the bootstrap nonces attribute evaluates to; absent or null: no such artifact. */
  readonly bootstrapNonces?: unknown;
  /** Host name to base name of its store path. */
  readonly closureHashes: Readonly<Record<string, string>>;
  /** The signing time, RFC 3339. Pins and nonces expire by it. */
  readonly signedAt: string;
  /** The commit that is released; absent or null outside git. */
  readonly ciCommit?: string | null;
  /** `ed25519` when absent. */
  readonly signatureAlgorithm?: string;
  /** File name of the fleet artifact: `fleet.resolved.json` when absent. */
  readonly artifactName?: string;
  /** Whether there is a release index, which lists the others: none when absent. */
  readonly releaseIndex?: boolean;
  /** Whether a disruption budget that consumers cannot understand is an error. */
  readonly strict?: boolean;
}

/** The bytes of a release. */
export interface ComposedRelease {
  /** Path relative to the release directory to bytes, in the order in which they are signed. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** What the author of the fleet should know. */
  readonly warnings: Warning[];
}

/**
 * Composes the artifacts of a release: everything between evaluation and signature. Pure.
 *
 * @returns the files in the order of signing: the fleet, the sidecars, the rollout manifests by channel name, the index
 * @throws {ReleaseError} of kind `contract`, with the path in the document that is wrong
 *
 * @example
 * ```ts
 * import { composeRelease } from "../../mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { files } = composeRelease({
 *   fleet: { schemaVersion: 1, hosts: {}, channels: {}, waves: {}, meta: { schemaVersion: 1 } },
 *   closureHashes: {},
 *   signedAt: "2026-06-01T12:00:00Z",
 *   revocations: [],
 * });
 * assertEquals([...files.keys()], ["fleet.resolved.json", "revocations.json"]);
 * ```
 */
export function composeRelease(input: ComposeInput): ComposedRelease {
  const signedAt = parseTimestamp(input.signedAt);
  if (signedAt === undefined) {
    throw new ReleaseError(
      "contract",
      `Cannot read the signing time "${input.signedAt}": expected ${TIMESTAMP_FORM}`,
      {
        path: "signedAt",
      },
    );
  }
  const signatureAlgorithm = SIGNATURE_ALGORITHMS.find((known) =>
    known === (input.signatureAlgorithm ?? "ed25519")
  );
  if (signatureAlgorithm === undefined) {
    throw new ReleaseError("contract", `Unknown signature algorithm "${input.signatureAlgorithm}"`, {
      path: "signatureAlgorithm",
      hint: `expected ${SIGNATURE_ALGORITHMS.join(" or ")}`,
    });
  }
  const { evaluated, warnings } = decodeFleet(input, signedAt, input.strict ?? false);
  const composed = composeArtifacts(evaluated, {
    closureHashes: input.closureHashes,
    stamp: { signedAt, ciCommit: input.ciCommit ?? null, signatureAlgorithm },
    now: signedAt,
    artifactName: input.artifactName ?? FLEET_FILE,
    releaseIndex: input.releaseIndex ?? false,
  });
  return {
    files: new Map(composed.artifacts.map(({ path, bytes }) => [path, bytes])),
    warnings: [...warnings, ...composed.warnings],
  };
}

/**
 * Decodes what the flake says, checks it, and drops the pins that have expired.
 *
 * @param now What pins expire by
 * @param strict Whether a disruption budget that consumers cannot understand is an error
 * @throws {ReleaseError} of kind `contract`, with the path in the document that is wrong
 */
export function decodeFleet(
  documents: Pick<ComposeInput, "fleet" | "revocations" | "bootstrapNonces">,
  now: Timestamp,
  strict: boolean,
): { evaluated: EvaluatedFleet; warnings: Warning[] } {
  const { fleet, expired } = filterExpiredPins(decode("fleet", documents.fleet), now);
  // Found out here and not when the manifests are made, which is after everything has been built.
  for (const channel of Object.keys(fleet.channels)) policyOf(fleet, channel);
  refuseTooLarge(fleet);
  const warnings = droppedFieldWarnings("fleet", documents.fleet, strict);
  warnings.push(...expiredPinWarnings(expired));
  const sidecar = <Name extends "revocations" | "bootstrapNonces">(name: Name) => {
    const document = documents[name];
    if (document === undefined || document === null) return null;
    const decoded = decode(name, document);
    for (const warning of droppedFieldWarnings(name, document, strict)) warnings.push(warning);
    return decoded;
  };
  return {
    evaluated: { fleet, revocations: sidecar("revocations"), bootstrapNonces: sidecar("bootstrapNonces") },
    warnings,
  };
}

/** Warns of the hosts whose pins have expired. */
export function expiredPinWarnings(expired: readonly string[]): Warning[] {
  if (expired.length === 0) return [];
  return [{
    code: "expired-pin",
    message: `The ${expired.length === 1 ? "pin" : "pins"} of ${quoteList(expired)} ${
      expired.length === 1 ? "has" : "have"
    } expired: released from the current commit`,
    path: documentPath(["hosts", expired[0]!, "pin"]),
  }];
}

/**
 * Refuses a fleet whose release would be more than anybody reads, as far as that is known before its hosts are built: each
 * manifest names all hosts of all budgets.
 *
 * @throws {ReleaseError} of kind `contract`
 */
export function refuseTooLarge(fleet: FleetResolved): void {
  if (fleet.disruptionBudgets.length === 0) return;
  const channels = new Set(Object.values(fleet.hosts).map(({ channel }) => channel)).size;
  const bytes = canonicalBytes(resolveBudgets(fleet)).length * channels;
  if (bytes <= MAX_RELEASE_BYTES) return;
  const message =
    `the disruption budgets, with the names of all hosts that they choose, are in the rollout manifest of each of ` +
    `${plural(channels, "channel")}, and come to ${mebibytes(bytes)} there`;
  throw tooLarge(message, "disruptionBudgets");
}

function tooLarge(problem: string, path: string): ReleaseError {
  return new ReleaseError("contract", `Cannot make a release that nobody would read: ${problem}`, {
    path,
    hint:
      `verify reads files of ${mebibytes(MAX_FILE_BYTES)} and releases of ${mebibytes(MAX_RELEASE_BYTES)}: ` +
      "choose fewer hosts in disruptionBudgets, or make fleets of fewer channels",
  });
}

/** What the artifacts are made from beside the evaluated fleet. */
export interface ComposeOptions {
  /** Host name to base name of its store path. */
  readonly closureHashes: Readonly<Record<string, string>>;
  readonly stamp: Stamp;
  /** What nonces expire by: the signing time, or the present when an older stamp is kept. */
  readonly now: Timestamp;
  readonly artifactName: string;
  /** Whether there is a release index, by default none. */
  readonly releaseIndex?: boolean;
}

/**
 * Makes the artifacts of a release, in the order in which they are signed.
 *
 * @throws {ReleaseError} of kind `contract` when a channel names a rollout policy that does not exist, or the release is
 * larger than `verify` reads
 */
export function composeArtifacts(
  evaluated: EvaluatedFleet,
  { closureHashes, stamp, now, artifactName, releaseIndex = false }: ComposeOptions,
): { fleet: FleetResolved; artifacts: Artifact[]; warnings: Warning[] } {
  const injected = injectClosureHashes(evaluated.fleet, closureHashes);
  const fleet = stampMeta(injected.fleet, stamp);
  const fleetArtifact = artifact(artifactName, canonicalizeResolved(fleet));
  const artifacts: Artifact[] = [];
  let bytesLeft = MAX_RELEASE_BYTES;
  const add = (made: Artifact) => {
    const { length } = made.bytes;
    bytesLeft -= length;
    if (length > MAX_FILE_BYTES) throw tooLarge(`"${made.path}" has ${mebibytes(length)}`, made.path);
    if (bytesLeft < 0) throw tooLarge(`it has more than ${mebibytes(MAX_RELEASE_BYTES)}`, made.path);
    artifacts.push(made);
  };
  add(fleetArtifact);
  const meta = metaOf(stamp);
  const { revocations, bootstrapNonces } = evaluated;
  if (revocations !== null) {
    add(artifact(REVOCATIONS_FILE, canonicalBytes({ schemaVersion: 1, revocations, meta })));
  }
  if (bootstrapNonces !== null) {
    const live = pruneExpiredBootstrapNonces(bootstrapNonces, now);
    add(
      artifact(BOOTSTRAP_NONCES_FILE, canonicalBytes({ schemaVersion: 1, bootstrapNonces: live, meta })),
    );
  }
  const project = projectRollouts(fleet, fleetArtifact.sha256);
  for (const channel of Object.keys(fleet.channels).sort(compareBytes)) {
    const rollout = project(channel);
    if (rollout === null) continue;
    const { bytes, rolloutId } = rollout;
    add({ path: manifestPath(rolloutId), bytes, sha256: rolloutId, rolloutId });
  }
  if (releaseIndex) {
    const files = Object.fromEntries(artifacts.map(({ path, sha256 }) => [path, sha256]));
    const index: ReleaseIndex = { schemaVersion: 1, artifact: artifactName, files, meta };
    add(artifact(RELEASE_INDEX_FILE, canonicalBytes(index)));
  }
  const warnings = fleetWarnings(fleet);
  if (injected.unknownHosts.length > 0) {
    warnings.unshift({
      code: "unknown-host",
      message:
        `${quoteList(injected.unknownHosts)} ${injected.unknownHosts.length === 1 ? "was" : "were"} built, ` +
        `but the fleet does not know ${
          injected.unknownHosts.length === 1 ? "it" : "them"
        }: not in the release`,
      path: "hosts",
    });
  }
  return { fleet, artifacts, warnings };
}

function artifact(path: string, bytes: Uint8Array<ArrayBuffer>): Artifact {
  return { path, bytes, sha256: sha256Hex(bytes) };
}
