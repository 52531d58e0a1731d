/**
 * What binds the files of a release together, beside signatures and time.
 *
 * @module
 */
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE } from "../contract/layout.ts";
import { canonicalBytes, sha256Hex } from "../contract/canonical.ts";
import { equalBytes } from "../bytes.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { FleetResolved, Meta, RolloutManifest, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import { projectManifest, resolveBudgets } from "../plan/rollouts.ts";
import type { Warning } from "../model.ts";
import { channelWindows, type FreshnessWindow } from "./acceptance.ts";
import { type ArtifactKind, type ReadDocument, readDocument } from "./document.ts";
import type { Failure, FailureCode } from "./failure.ts";

/** The files of a release directory, by their path relative to it. */
export type ReleaseFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** A reason to refuse a file. */
export interface FileFailure extends Failure {
  /** Path relative to the release directory. */
  readonly path: string;
}

/** A document of the release, read. */
export interface BoundDocument {
  /** Path relative to the release directory. */
  readonly path: string;
  readonly kind: ArtifactKind;
  readonly read: ReadDocument;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** How old its signature may be. */
  readonly windows: readonly FreshnessWindow[];
}

/** The documents of a release, and what is wrong with them and between them. */
export interface Bindings {
  /** The fleet; null when it cannot be read. */
  readonly fleet: FleetResolved | null;
  /** The fleet, the sidecars, the manifests. */
  readonly documents: readonly BoundDocument[];
  /** Paths of the rollout manifests of earlier releases. */
  readonly earlier: readonly string[];
  readonly failures: readonly FileFailure[];
  readonly warnings: readonly Warning[];
}

/**
 * Checks that the files are one release: each is what its name says, sidecars carry the fleet's stamp, each manifest
 * is the projection of the fleet beside it, and nothing is missing or left over. Pure.
 */
export function bindRelease(files: ReleaseFiles, artifactName: string): Bindings {
  const failures: FileFailure[] = [];
  const refuse = (path: string, code: FailureCode, message: string) => failures.push({ path, code, message });
  const documents: BoundDocument[] = [];
  const read = (path: string, kind: ArtifactKind): ReadDocument => {
    const bytes = files.get(path)!;
    const document = readDocument(bytes, kind);
    failures.push(...document.failures.map((failure) => ({ path, ...failure })));
    // Consumers hash what they write back: a field that the contract does not know, or a time in another form, is lost.
    if (document.failures.length === 0 && !equalBytes(canonicalBytes(document.document), bytes)) {
      refuse(
        path,
        "not-normal",
        "it has fields that the contract does not know, or is not in the contract's normal form",
      );
    }
    return document;
  };

  const fleetBytes = files.get(artifactName);
  const fleetRead = fleetBytes === undefined ? null : read(artifactName, "fleet");
  const fleet = (fleetRead?.document ?? null) as FleetResolved | null;
  const fleetHash = fleetBytes === undefined ? null : sha256Hex(fleetBytes);
  if (fleetBytes === undefined) {
    refuse(artifactName, "missing-fleet", "it is missing, and without it there is no release");
  }
  const projections = fleet === null
    ? new Map<string, RolloutManifest>()
    : projectAll(fleet, fleetHash!, refuse, artifactName);
  const windows = fleet === null ? [] : channelWindows(
    fleet,
    // Of a channel without a rollout nobody waits for news.
    projections.size === 0 ? undefined : [...projections.values()].map(({ channel }) => channel),
  );
  if (fleetRead !== null) {
    documents.push({ path: artifactName, kind: "fleet", read: fleetRead, sha256: fleetHash!, windows });
  }

  for (const [path, kind] of SIDECARS) {
    const bytes = files.get(path);
    if (bytes === undefined || path === artifactName) continue;
    const sidecar = read(path, kind);
    if (fleet !== null && sidecar.document !== null && !sameStamp(sidecar.document.meta, fleet.meta)) {
      refuse(path, "wrong-stamp", "its stamp is not the fleet's");
    }
    documents.push({ path, kind, read: sidecar, sha256: sha256Hex(bytes), windows });
  }

  const earlier: string[] = [];
  const missing = new Map(projections);
  for (const [path, bytes] of files) {
    const id = /^rollouts\/(.+)\.json$/.exec(path)?.[1];
    if (id === undefined) continue;
    const sha256 = sha256Hex(bytes);
    const projected = missing.get(id);
    missing.delete(id);
    if (id !== sha256) {
      refuse(path, "wrong-rollout-id", "its name is not the hash of its bytes");
    } else if (projected !== undefined) {
      // The hash says that these are the bytes of the projection, so there is nothing to read.
      const own = channelWindows(fleet!, [projected.channel]);
      const document = { kind: "rollout-manifest", document: projected, failures: [] } as const;
      documents.push({ path, kind: "rollout-manifest", read: document, sha256, windows: own });
    } else {
      const manifest = read(path, "rollout-manifest").document as RolloutManifest | null;
      if (manifest === null) continue;
      const stranger = fleet === null ? undefined : whyStranger(manifest, fleet, fleetHash!);
      if (stranger === undefined) earlier.push(path);
      else refuse(path, ...stranger);
    }
  }
  for (const [id, { channel }] of missing) {
    refuse(
      artifactName,
      "missing-manifest",
      `channel "${channel}" has no rollout manifest: expected rollouts/${id}.json`,
    );
  }
  const paths = new Set(documents.map(({ path }) => path));
  return {
    fleet,
    documents,
    earlier,
    failures: failures.concat(unpaired(files, paths)),
    warnings: unknownFiles(files, paths),
  };
}

/** Beside the fleet, by the names that they have. */
const SIDECARS: readonly [path: string, kind: ArtifactKind][] = [
  [REVOCATIONS_FILE, "revocations"],
  [BOOTSTRAP_NONCES_FILE, "bootstrap-nonces"],
];

/** The manifests that a consumer projects from the fleet, by their rollout ids. */
function projectAll(
  fleet: FleetResolved,
  fleetHash: string,
  refuse: (path: string, code: FailureCode, message: string) => void,
  artifactName: string,
): Map<string, RolloutManifest> {
  const projections = new Map<string, RolloutManifest>();
  const budgets = resolveBudgets(fleet);
  for (const channel of Object.keys(fleet.channels)) {
    try {
      const manifest = projectManifest(fleet, channel, fleetHash, budgets);
      if (manifest !== null) projections.set(sha256Hex(canonicalBytes(manifest)), manifest);
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error;
      refuse(artifactName, "wrong-document", error.message);
    }
  }
  return projections;
}

/**
 * A manifest that is no projection of the fleet is one of an earlier release, unless a consumer could take it for
 * current: because it names this fleet, or because it was signed no earlier.
 */
function whyStranger(
  manifest: RolloutManifest,
  fleet: FleetResolved,
  fleetHash: string,
): [FailureCode, string] | undefined {
  if (manifest.fleetResolvedHash === fleetHash) {
    return sameStamp(manifest.meta, fleet.meta)
      ? ["wrong-fleet", "it is not the projection of the fleet beside it"]
      : ["wrong-stamp", "its stamp is not the fleet's"];
  }
  const { signedAt } = manifest.meta;
  return isEarlier(signedAt, fleet.meta.signedAt) ? undefined : [
    "stranger",
    `it belongs to another fleet, but was signed at ${signedAt}, no earlier than the fleet beside it`,
  ];
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
    if (path.endsWith(".sig") && !files.has(path.slice(0, -".sig".length))) {
      failures.push({
        path,
        code: "missing-document",
        message: "there is nothing beside it that it could sign",
      });
    }
    if (path.endsWith(".json") && !documents.has(path) && !files.has(`${path}.sig`)) {
      failures.push({ path, code: "no-signature", message: "it has no signature" });
    }
  }
  return failures;
}

/** Signed files that no release of this name has: another fleet's, say. Nothing here says what they should be. */
function unknownFiles(files: ReleaseFiles, documents: ReadonlySet<string>): Warning[] {
  return [...files.keys()]
    .filter((path) => /^[^/]+\.json$/.test(path) && !documents.has(path) && files.has(`${path}.sig`))
    .map((path) => ({
      code: "unknown-file",
      message: `${JSON.stringify(path)} is signed, but no part of this release: it was not verified`,
      path,
    }));
}
