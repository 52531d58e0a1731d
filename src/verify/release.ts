/**
 * Whether a consumer accepts a whole release: every document, and what binds them together.
 *
 * @module
 */
import { isDocumentPath, signaturePath } from "../contract/layout.ts";
import type { Meta, Timestamp } from "../contract/types.ts";
import { plural } from "../text.ts";
import type { Warning } from "../model.ts";
import { judgeSigned, verifyingKey } from "./acceptance.ts";
import { bindRelease, type ReleaseFiles } from "./bindings.ts";
import type { ArtifactKind } from "./document.ts";
import type { FileFailure } from "./failure.ts";
import type { Trust, TrustedKey } from "./trust.ts";

/** What a release is judged by. */
export interface VerifyReleaseOptions {
  /** File name of the fleet artifact. */
  readonly artifactName: string;
  /** The keys that verify. */
  readonly trust: Trust;
  /** The present, in the normal form of the contract. */
  readonly now: Timestamp;
  /** How old a signature may be, and 60 seconds more; undefined: each channel's own window. */
  readonly freshnessWindowSeconds: number | undefined;
  /** Whether there has to be a release index. */
  readonly requireIndex?: boolean;
}

/** A file that is part of the release. */
export interface VerifiedFile {
  /** Path relative to the release directory. */
  readonly path: string;
  /** What it is. */
  readonly kind: ArtifactKind;
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly sha256: string;
  /** Which key verifies its signature, or null. */
  readonly key: TrustedKey | null;
}

/** What has been found about a release. */
export interface ReleaseVerdict {
  /** Whether there is nothing to refuse it for. */
  readonly verified: boolean;
  /** All that there is to refuse it for, the fleet first. */
  readonly failures: readonly FileFailure[];
  /** What somebody should know who trusts it. */
  readonly warnings: readonly Warning[];
  /** The stamp of the fleet; null when no trusted key has signed it, or it cannot be read. */
  readonly meta: Meta | null;
  /** Hosts that the fleet has. */
  readonly hosts: number;
  /** The documents of the release: the fleet, the sidecars, the release index, the manifests. */
  readonly files: readonly VerifiedFile[];
  /** How many rollout manifests of earlier releases lie beside those of this one. */
  readonly earlierManifests: number;
}

/**
 * Verifies a whole release directory, and finds all that is wrong with it. Pure.
 *
 * @example
 * ```ts
 * import { parseTrustFile, trustAt, verifyRelease } from "../../mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const now = "2026-06-01T12:00:00Z";
 * const text = '{"schemaVersion":1,"ciReleaseKey":{"current":null}}';
 * const { trust } = trustAt(parseTrustFile("trust.json", new TextEncoder().encode(text)), now);
 * const verdict = await verifyRelease(new Map(), {
 *   artifactName: "fleet.resolved.json",
 *   trust,
 *   now,
 *   freshnessWindowSeconds: undefined,
 * });
 * assertEquals(verdict.failures.map(({ code }) => code), ["missing-fleet"]);
 * ```
 */
export async function verifyRelease(
  files: ReleaseFiles,
  { artifactName, trust, now, freshnessWindowSeconds, requireIndex = false }: VerifyReleaseOptions,
): Promise<ReleaseVerdict> {
  // Signatures come first: what nobody trusted has signed may be anything, and nothing is made of it.
  const signers = await findSigners(files, artifactName, trust.keys);
  const isSigned = (path: string) => signers.has(path);
  const bindings = bindRelease(files, artifactName, { isSigned, requireIndex });
  const signatureFailures: FileFailure[] = [];
  const verified: VerifiedFile[] = [];
  // Without a fleet there are no windows, and that it is not there, or not signed, says enough.
  const given = freshnessWindowSeconds ?? (bindings.fleet === null ? Infinity : undefined);
  for (const { path, kind, document, sha256, windows } of bindings.documents) {
    const key = signers.get(path) ?? null;
    const signature = files.get(signaturePath(path)) ?? null;
    const { failures } = judgeSigned({ signature, declared: document?.meta ?? null }, key, {
      ...trust,
      freshness: { now, windows: given === undefined ? windows : [{ seconds: given }] },
    });
    for (const failure of failures) signatureFailures.push({ path, ...failure });
    verified.push({ path, kind, sha256, key });
  }
  // What is said of the fleet comes first: where it is wrong, the rest follows from that.
  const failures = [...signatureFailures, ...bindings.failures].sort((a, b) =>
    Number(b.path === artifactName) - Number(a.path === artifactName)
  );
  const unsigned = bindings.earlier.filter(({ path }) => files.has(signaturePath(path)) && !isSigned(path));
  return {
    verified: failures.length === 0,
    failures,
    warnings: [...bindings.warnings, ...earlierWarnings(unsigned.length)],
    meta: bindings.fleet?.meta ?? null,
    hosts: Object.keys(bindings.fleet?.hosts ?? {}).length,
    files: verified,
    earlierManifests: bindings.earlier.length,
  };
}

/** The key that verifies the signature of each document; without those that none verifies. */
export async function findSigners(
  files: ReleaseFiles,
  artifactName: string,
  keys: readonly TrustedKey[],
): Promise<Map<string, TrustedKey>> {
  const signers = new Map<string, TrustedKey>();
  for (const [path, bytes] of files) {
    const signature = files.get(signaturePath(path));
    if (signature === undefined || !isDocumentPath(path, artifactName)) continue;
    const key = await verifyingKey(bytes, signature, keys);
    if (key !== null) signers.set(path, key);
  }
  return signers;
}

/**
 * Manifests of earlier releases are what machines went by until now. No consumer takes one for current, and the keys
 * that signed them may have gone since, so that one which does not verify is no reason to refuse the release.
 */
function earlierWarnings(unverified: number): Warning[] {
  if (unverified === 0) return [];
  return [{
    code: "earlier-manifests",
    message:
      `${plural(unverified, "rollout manifest")} of earlier releases cannot be verified with these keys: ` +
      "no consumer asks for them any more, and `fleet-release prune` with these keys removes them",
  }];
}
