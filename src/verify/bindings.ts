/**
 * What binds the files of a release together, beside signatures and time.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { canonicalBytes, sha256Hex } from "../contract/canonical.ts";
import {
  BOOTSTRAP_NONCES_FILE,
  manifestPath,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  rolloutIdOf,
  signaturePath,
  signedPath,
} from "../contract/layout.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { FleetResolved, Meta, ReleaseIndex, RolloutManifest, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import { projectRollouts } from "../plan/rollouts.ts";
import { channelWindows, type FreshnessWindow } from "./acceptance.ts";
import { type ArtifactKind, type ReadDocument, readDocument, readUnsigned } from "./document.ts";
import type { Failure, FileFailure } from "./failure.ts";
import { indexFailures } from "./release_index.ts";

export type { FileFailure } from "./failure.ts";

/**
 * The files of a release directory, by their path relative to it. Of those that no document of a release has the name
 * of, nothing but the name counts.
 */
export type ReleaseFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** A document of the release, read. */
export interface BoundDocument {
  /** Path relative to the release directory. */
  readonly path: string;
  readonly kind: ArtifactKind;
  /** The record that it decodes to, or null. */
  readonly document: ReadDocument["document"];
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** How old its signature may be. */
  readonly windows: readonly FreshnessWindow[];
}

/** A rollout manifest of an earlier release. */
export interface EarlierManifest {
  /** Path relative to the release directory. */
  readonly path: string;
  /** What it says that it belongs to; null when it is not signed, and so not read. */
  readonly of: Pick<RolloutManifest, "fleetResolvedHash" | "meta"> | null;
}

/** The documents of a release, and what is wrong with them and between them. */
export interface Bindings {
  /** The fleet; null when it is not signed, or cannot be read. */
  readonly fleet: FleetResolved | null;
  /** The fleet, the sidecars, the release index, the manifests. */
  readonly documents: readonly BoundDocument[];
  /** The rollout manifests of earlier releases. */
  readonly earlier: readonly EarlierManifest[];
  readonly failures: readonly FileFailure[];
  readonly warnings: readonly Warning[];
}

/** What is known of the files beside their bytes. */
export interface BindOptions {
  /**
   * Whether a trusted key verifies the signature of a document, by its path; by default that of every one. What is not
   * signed is not decoded, and nothing is made of it.
   */
  readonly isSigned?: (path: string) => boolean;
  /** Whether there has to be a release index. */
  readonly requireIndex?: boolean;
}

/**
 * Checks that the files are one release: each is what its name says, sidecars carry the fleet's stamp, each manifest
 * is the projection of the fleet beside it, a release index lists exactly these, and nothing is missing or left over.
 * Pure.
 */
export function bindRelease(
  files: ReleaseFiles,
  artifactName: string,
  { isSigned = () => true, requireIndex = false }: BindOptions = {},
): Bindings {
  const input: BindInput = { files, isSigned };
  const fleet = bindFleet(input, artifactName);
  const sidecars = bindBeside(input, fleet, SIDECARS);
  const manifests = bindManifests(input, fleet);
  const index = bindIndex(input, fleet, { requireIndex, others: [fleet, sidecars, manifests] });
  const parts: readonly Bound[] = [fleet, sidecars, index, manifests];
  const documents = parts.flatMap(({ documents }) => documents);
  const paths = new Set(documents.map(({ path }) => path));
  return {
    fleet: fleet.record,
    documents,
    earlier: manifests.earlier,
    failures: [...parts.flatMap(({ failures }) => failures), ...unpaired(files, paths)],
    warnings: unknownFiles(files, paths),
  };
}

/** The files, and which documents a trusted key has signed. */
export interface BindInput {
  readonly files: ReleaseFiles;
  readonly isSigned: (path: string) => boolean;
}

/** Documents of one kind, and what is wrong with them. */
interface Bound {
  readonly documents: readonly BoundDocument[];
  readonly failures: readonly FileFailure[];
}

/** The fleet, and what the other documents have to agree with. */
interface BoundFleet extends Bound {
  readonly path: string;
  /** Null when it is not signed, or cannot be read. */
  readonly record: FleetResolved | null;
  /** SHA-256 of its bytes, in lower-case hex; null when it is missing. */
  readonly sha256: string | null;
  /** How old the signatures of fleet and sidecars may be. */
  readonly windows: readonly FreshnessWindow[];
  /** The manifests that a consumer projects from it, by their rollout ids. */
  readonly projections: ReadonlyMap<string, RolloutManifest>;
}

function bindFleet(input: BindInput, path: string): BoundFleet {
  const bytes = input.files.get(path);
  if (bytes === undefined) {
    const failures: FileFailure[] = [{ path, ...MISSING_FLEET }];
    return { path, record: null, sha256: null, windows: [], projections: new Map(), documents: [], failures };
  }
  const { document, failures } = readNormal(input, path, "fleet");
  const record = document as FleetResolved | null;
  const sha256 = sha256Hex(bytes);
  const projected = record === null ? NOTHING_PROJECTED : projectAll(record, sha256);
  const channels = [...projected.manifests.values()].map(({ channel }) => channel);
  const windows = record === null ? [] : channelWindows(
    record,
    // Of a channel without a rollout nobody waits for news.
    channels.length === 0 ? undefined : channels,
  );
  return {
    path,
    record,
    sha256,
    windows,
    projections: projected.manifests,
    documents: [{ path, kind: "fleet", document, sha256, windows }],
    failures: [...failures, ...projected.failures.map((failure) => ({ path, ...failure }))],
  };
}

/** The documents that carry the fleet's stamp, by their names. */
function bindBeside(input: BindInput, fleet: BoundFleet, beside: typeof SIDECARS): Bound {
  const documents: BoundDocument[] = [];
  const failures: FileFailure[] = [];
  for (const [path, kind] of beside) {
    const bytes = input.files.get(path);
    if (bytes === undefined || path === fleet.path) continue;
    const { document, ...read } = readNormal(input, path, kind);
    failures.push(...read.failures);
    if (fleet.record !== null && document !== null && !sameStamp(document.meta, fleet.record.meta)) {
      failures.push({ path, ...OTHER_STAMP });
    }
    documents.push({ path, kind, document, sha256: sha256Hex(bytes), windows: fleet.windows });
  }
  return { documents, failures };
}

/** The release index, and what it says against the others. */
function bindIndex(
  input: BindInput,
  fleet: BoundFleet,
  { requireIndex, others }: { readonly requireIndex: boolean; readonly others: readonly Bound[] },
): Bound {
  const path = RELEASE_INDEX_FILE;
  if (requireIndex && !input.files.has(path)) {
    const message =
      "it is missing, and without it files of another release with the same stamp are not told apart";
    return { documents: [], failures: [{ path, code: "missing-index", message }] };
  }
  const { documents, failures } = bindBeside(input, fleet, [[path, "release-index"]]);
  const index = documents[0]?.document as ReleaseIndex | null | undefined;
  // Of a fleet that cannot be read nobody knows which manifests belong to it, and it is refused for that.
  if (index === undefined || index === null || fleet.record === null) return { documents, failures };
  const hashes = new Map(
    others.flatMap(({ documents }) => documents.map(({ path, sha256 }) => [path, sha256])),
  );
  return { documents, failures: [...failures, ...indexFailures(index, fleet.path, hashes)] };
}

function bindManifests(
  input: BindInput,
  fleet: BoundFleet,
): Bound & Pick<Bindings, "earlier"> {
  const documents: BoundDocument[] = [];
  const failures: FileFailure[] = [];
  const earlier: EarlierManifest[] = [];
  const missing = new Map(fleet.projections);
  for (const [path, bytes] of input.files) {
    const id = rolloutIdOf(path);
    if (id === undefined) continue;
    const sha256 = sha256Hex(bytes);
    const projected = missing.get(id);
    missing.delete(id);
    if (id !== sha256) {
      failures.push({ path, code: "wrong-rollout-id", message: "its name is not the hash of its bytes" });
    } else if (projected !== undefined) {
      // The hash says that these are the bytes of the projection, so there is nothing to read.
      const windows = channelWindows(fleet.record!, [projected.channel]);
      documents.push({ path, kind: "rollout-manifest", document: projected, sha256, windows });
    } else if (!input.isSigned(path)) {
      // No consumer takes it, so that it does not matter which release it is of, where it is known not to be of this.
      if (fleet.record !== null) earlier.push({ path, of: null });
      else documents.push({ path, kind: "rollout-manifest", document: null, sha256, windows: [] });
    } else {
      const { document, ...read } = readNormal(input, path, "rollout-manifest");
      failures.push(...read.failures);
      if (document === null) continue;
      // Not all of it is kept: there may be years of them.
      const { fleetResolvedHash, meta } = document as RolloutManifest;
      const stranger = whyStranger({ fleetResolvedHash, meta }, fleet);
      if (stranger === undefined) earlier.push({ path, of: { fleetResolvedHash, meta } });
      else failures.push({ path, ...stranger });
    }
  }
  for (const [id, { channel }] of missing) {
    const message = `channel "${channel}" has no rollout manifest: expected ${manifestPath(id)}`;
    failures.push({ path: fleet.path, code: "missing-manifest", message });
  }
  return { documents, failures, earlier };
}

/** Reads a document whose bytes have to be those that a consumer writes back. */
export function readNormal(
  { files, isSigned }: BindInput,
  path: string,
  kind: ArtifactKind,
): { document: ReadDocument["document"]; failures: FileFailure[] } {
  const bytes = files.get(path)!;
  const { document, failures } = isSigned(path) ? readDocument(bytes, kind) : readUnsigned(bytes, kind);
  const found: FileFailure[] = failures.map((failure) => ({ path, ...failure }));
  // Consumers hash what they write back: a field that the contract does not know, or a time in another form, is lost.
  if (document !== null && failures.length === 0 && !equalBytes(canonicalBytes(document), bytes)) {
    const message = "it has fields that the contract does not know, or is not in the contract's normal form";
    found.push({ path, code: "not-normal", message });
  }
  return { document, failures: found };
}

/** Said of the fleet's name when nothing is there. */
export const MISSING_FLEET: Failure = {
  code: "missing-fleet",
  message: "it is missing, and without it there is no release",
};

/** Said of a document beside a fleet that it does not belong to. */
export const OTHER_STAMP: Failure = { code: "wrong-stamp", message: "its stamp is not the fleet's" };

/** Beside the fleet, by the names that they have. */
const SIDECARS: readonly [path: string, kind: ArtifactKind][] = [
  [REVOCATIONS_FILE, "revocations"],
  [BOOTSTRAP_NONCES_FILE, "bootstrap-nonces"],
];

/** The manifests that a consumer projects from a fleet, by their rollout ids, and why some cannot be. */
interface Projected {
  readonly manifests: ReadonlyMap<string, RolloutManifest>;
  readonly failures: readonly Failure[];
}

const NOTHING_PROJECTED: Projected = { manifests: new Map(), failures: [] };

/** The paths of the rollout manifests that a fleet has, as far as they can be projected from it. */
export function projectedPaths(fleet: FleetResolved, bytes: Uint8Array<ArrayBuffer>): string[] {
  return [...projectAll(fleet, sha256Hex(bytes)).manifests.keys()].map(manifestPath);
}

function projectAll(fleet: FleetResolved, fleetHash: string): Projected {
  const manifests = new Map<string, RolloutManifest>();
  const failures: Failure[] = [];
  const project = projectRollouts(fleet, fleetHash);
  for (const channel of Object.keys(fleet.channels)) {
    try {
      const rollout = project(channel);
      if (rollout !== null) manifests.set(rollout.rolloutId, rollout.manifest);
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error;
      failures.push({ code: "wrong-document", message: error.message });
    }
  }
  return { manifests, failures };
}

/**
 * A manifest that is no projection of the fleet is one of an earlier release, unless a consumer could take it for
 * current: because it names this fleet, or because it was signed no earlier.
 */
function whyStranger(
  manifest: NonNullable<EarlierManifest["of"]>,
  { record, sha256 }: BoundFleet,
): Failure | undefined {
  if (record === null) return undefined;
  if (manifest.fleetResolvedHash === sha256) {
    return sameStamp(manifest.meta, record.meta)
      ? { code: "wrong-fleet", message: "it is not the projection of the fleet beside it" }
      : OTHER_STAMP;
  }
  const { signedAt } = manifest.meta;
  if (isEarlier(signedAt, record.meta.signedAt)) return undefined;
  const message =
    `it belongs to another fleet, but was signed at ${signedAt}, no earlier than the fleet beside it`;
  return { code: "stranger", message };
}

function isEarlier(a: Timestamp | null, b: Timestamp | null): boolean {
  return a !== null && b !== null && compareTimestamps(a, b) < 0;
}

/** Whether two documents were signed as one release. */
export function sameStamp(a: Meta, b: Meta): boolean {
  return a.signedAt === b.signedAt && a.ciCommit === b.ciCommit &&
    a.signatureAlgorithm === b.signatureAlgorithm;
}

/**
 * Signatures without what they sign, and JSON without a signature. The documents' own signatures are looked at when
 * they are verified.
 */
function unpaired(files: ReleaseFiles, documents: ReadonlySet<string>): FileFailure[] {
  const failures: FileFailure[] = [];
  for (const path of files.keys()) {
    const signed = signedPath(path);
    if (signed !== undefined && !files.has(signed)) {
      const message = "there is nothing beside it that it could sign";
      failures.push({ path, code: "missing-document", message });
    }
    if (path.endsWith(".json") && !documents.has(path) && !files.has(signaturePath(path))) {
      failures.push({ path, code: "no-signature", message: "it has no signature" });
    }
  }
  return failures;
}

/** Signed files that no release of this name has: another fleet's, say. Nothing here says what they should be. */
function unknownFiles(files: ReleaseFiles, documents: ReadonlySet<string>): Warning[] {
  return [...files.keys()]
    .filter((path) => /^[^/]+\.json$/.test(path) && !documents.has(path) && files.has(signaturePath(path)))
    .map((path) => ({
      code: "unknown-file",
      message: `${JSON.stringify(path)} is signed, but no part of this release: it was not verified`,
      path,
    }));
}
