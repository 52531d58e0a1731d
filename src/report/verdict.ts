/**
 * What `verify` says of a verdict, for people and as JSON.
 *
 * @module
 */
import type { RolloutManifest } from "../contract/types.ts";
import type { Warning } from "../model.ts";
import { plural, printable } from "../text.ts";
import type { ArtifactVerdict, FailureCode } from "../verify/artifact.ts";
import type { ReleaseVerdict } from "../verify/release.ts";
import type { KeySlot, TrustedKey } from "../verify/trust.ts";

/** What `--json` prints, behind its schema. */
export interface Report {
  readonly verified: boolean;
  /** When it was signed; null when that cannot be told. */
  readonly signedAt: string | null;
  /** The commit that it names. */
  readonly ciCommit: string | null;
  /** The full commit that the files were read from; null when they were read from disk. */
  readonly gitCommit: string | null;
  /** The documents, each with the key that verifies it. */
  readonly files: readonly { path: string; kind: string | null; sha256: string; key: KeySlot | null }[];
  /** Every reason to refuse it. */
  readonly failures: readonly { path: string; code: FailureCode; message: string }[];
  readonly warnings: readonly Warning[];
  /** What was verified, for people. */
  readonly summary: string;
}

/** The report of a whole release. */
export function releaseReport(
  verdict: ReleaseVerdict,
  { commit, warnings }: {
    /** The commit that it was read from; null when it was read from disk. */
    readonly commit: string | null;
    readonly warnings: readonly Warning[];
  },
): Report {
  const { meta, files, hosts, earlierManifests } = verdict;
  const earlier = earlierManifests === 0
    ? ""
    : `, beside ${plural(earlierManifests, "manifest")} of earlier releases`;
  return {
    verified: verdict.verified,
    signedAt: meta?.signedAt ?? null,
    ciCommit: meta?.ciCommit ?? null,
    gitCommit: commit,
    files: files.map(({ path, kind, sha256, key }) => ({ path, kind, sha256, key: key?.slot ?? null })),
    failures: verdict.failures,
    warnings: [...warnings, ...verdict.warnings],
    summary: `a release of ${plural(hosts, "host")} in ${plural(files.length, "file")}${sidecarsOf(files)}${
      stampOf(meta)
    }${keysOf(files.map(({ key }) => key))}${earlier}`,
  };
}

/** The report of one file. */
export function fileReport(
  path: string,
  { verified, kind, document, sha256, key, failures }: ArtifactVerdict<TrustedKey>,
  warnings: readonly Warning[],
): Report {
  const meta = document?.meta ?? null;
  const what = kind === "rollout-manifest" && document !== null
    ? `a rollout manifest of channel "${(document as RolloutManifest).channel}"`
    : `${kind === null ? "a document" : `the ${kind}`}`;
  return {
    verified,
    signedAt: meta?.signedAt ?? null,
    ciCommit: meta?.ciCommit ?? null,
    gitCommit: null,
    files: [{ path, kind, sha256, key: key?.slot ?? null }],
    failures: failures.map((failure) => ({ path, ...failure })),
    warnings,
    summary: `${what}${stampOf(meta)}${keysOf([key])}`,
  };
}

/** No signature says which sidecars a release has, so people are told. */
function sidecarsOf(files: ReleaseVerdict["files"]): string {
  const missing = (["revocations", "bootstrap-nonces"] as const)
    .filter((kind) => !files.some((file) => file.kind === kind));
  return missing.length === 0 ? "" : `, without ${missing.join(" and ")}`;
}

function stampOf(meta: { signedAt: string | null; ciCommit: string | null } | null): string {
  if (meta === null) return "";
  return `, signed at ${meta.signedAt}${
    meta.ciCommit === null ? "" : ` from commit ${meta.ciCommit.slice(0, 8)}`
  }`;
}

function keysOf(keys: readonly (TrustedKey | null)[]): string {
  const slots = [...new Set(keys.flatMap((key) => key === null ? [] : [key.slot]))];
  return slots.length === 0 ? "" : ` by the ${slots.join(" and the ")} key`;
}

/** One reason to refuse a release, for people. */
export function failureLine({ path, code, message }: Report["failures"][number]): string {
  return `refused ${JSON.stringify(path)}: ${message} [${code}]`;
}

/** The report for people: one line when all is well, else one for each reason. */
export function reportLines({ verified, failures, summary, gitCommit }: Report): string[] {
  const where = gitCommit === null ? "" : `, in commit ${gitCommit}`;
  const lines = verified ? [`verified ${summary}${where}`] : [
    ...failures.map(failureLine),
    `refused: ${plural(failures.length, "reason")}${where}`,
  ];
  return lines.map(printable);
}
