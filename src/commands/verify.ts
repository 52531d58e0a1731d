/**
 * `fleet-release verify`: whether a release, or one file of it, is one that consumers accept.
 *
 * @module
 */
import { readReleaseTree } from "../adapters/git/tree.ts";
import { createInputs } from "../adapters/files.ts";
import { readReleaseFiles } from "../adapters/release_dir.ts";
import { type CommandTrace, Shell } from "../adapters/process.ts";
import { plural, stripControls } from "../text.ts";
import type { VerifySettings } from "../cli/parse.ts";
import { wholeSeconds } from "../contract/time.ts";
import type { RolloutManifest } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Clock, Log } from "../ports.ts";
import { GIT_ENVIRONMENT, requireEnvironment } from "../release.ts";
import { type ArtifactVerdict, type FailureCode, verifyArtifact } from "../verify/artifact.ts";
import type { ReleaseFiles } from "../verify/bindings.ts";
import { type ReleaseVerdict, verifyRelease } from "../verify/release.ts";
import { type KeySlot, parseTrustFile, type Trust, trustAt, type TrustedKey } from "../verify/trust.ts";

/** What `--json` prints. */
export interface Report {
  readonly verified: boolean;
  /** When it was signed; null when that cannot be told. */
  readonly signedAt: string | null;
  /** The commit that it names. */
  readonly ciCommit: string | null;
  /** The documents, each with the key that verifies it. */
  readonly files: readonly { path: string; kind: string | null; sha256: string; key: KeySlot | null }[];
  /** Every reason to refuse it. */
  readonly failures: readonly { path: string; code: FailureCode; message: string }[];
  readonly warnings: readonly Warning[];
  /** What was verified, for people. */
  readonly summary: string;
}

/** The world that `verify` sees. */
export interface VerifyWorld {
  readonly log: Log & CommandTrace;
  readonly clock: Clock;
}

/**
 * Verifies. Needs permission to read what it reads, and with `--git` to run git and sh.
 *
 * @throws {ReleaseError} when something cannot be read
 */
export async function verify(settings: VerifySettings, { log, clock }: VerifyWorld): Promise<Report> {
  const now = settings.now ?? wholeSeconds(clock.now());
  const record = parseTrustFile(settings.trustFile, await createInputs(Deno.cwd()).read(settings.trustFile));
  const { trust, warnings } = trustAt(record, now);
  const { subject } = settings;
  if (subject.kind === "directory") {
    const files = subject.git === undefined
      ? await readReleaseFiles(subject.dir, Deno.cwd())
      : await readCommit(subject.dir, subject.git, log);
    const { artifactName, freshnessWindowSeconds } = settings;
    const verdict = await verifyRelease(files, { artifactName, trust, now, freshnessWindowSeconds });
    return releaseReport(verdict, warnings);
  }
  const verdict = await verifyFile(settings, subject, trust, now);
  return fileReport(subject.file, verdict, warnings);
}

async function readCommit(dir: string, revision: string, log: CommandTrace): Promise<ReleaseFiles> {
  const env = gitEnvironment();
  const cwd = Deno.cwd();
  const shell = new Shell({ path: env["PATH"] ?? "", cwd, trace: log });
  return await readReleaseTree(shell, env, { cwd, revision, dir });
}

async function verifyFile(
  { freshnessWindowSeconds }: VerifySettings,
  subject: Exclude<VerifySettings["subject"], { kind: "directory" }>,
  { keys, rejectBefore }: Trust,
  now: string,
): Promise<ArtifactVerdict<TrustedKey>> {
  const bytes = await createInputs(Deno.cwd()).read(subject.file);
  const signature = await readSignature(subject);
  const options = { bytes, signature, keys, now, freshnessWindowSeconds, rejectBefore };
  if (subject.kind === "artifact") {
    const verdict = await verifyArtifact(options);
    const message = "it is a rollout manifest: verify it as one, with its --rollout-id";
    return verdict.kind === "rollout-manifest"
      ? withFailure(verdict, { code: "wrong-document", message })
      : verdict;
  }
  const verdict = await verifyArtifact({ ...options, kind: "rollout-manifest" });
  if (verdict.sha256 === subject.rolloutId) return verdict;
  const message = `its rollout id is ${verdict.sha256}, expected ${subject.rolloutId}`;
  return withFailure(verdict, { code: "wrong-rollout-id", message });
}

/** A file without the signature that belongs beside it is refused; one that was named has to be there. */
async function readSignature(
  { file, signature }: { file: string; signature: string },
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return await createInputs(Deno.cwd()).read(signature);
  } catch (error) {
    const isMissing = error instanceof ReleaseError && error.cause instanceof Deno.errors.NotFound;
    if (isMissing && signature === `${file}.sig`) return null;
    throw error;
  }
}

/** The repository may be a stranger's: git gets what it needs, and nothing of what the user may hold for releases. */
function gitEnvironment(): Record<string, string> {
  const all = requireEnvironment(GIT_ENVIRONMENT);
  return Object.fromEntries(
    Object.entries(all).filter(([name]) =>
      GIT_ENVIRONMENT.includes(name) || /^GIT_CONFIG_(KEY|VALUE)_/.test(name)
    ),
  );
}

function withFailure(
  verdict: ArtifactVerdict<TrustedKey>,
  failure: ArtifactVerdict["failures"][number],
): ArtifactVerdict<TrustedKey> {
  return { ...verdict, verified: false, failures: [...verdict.failures, failure] };
}

function releaseReport(verdict: ReleaseVerdict, warnings: readonly Warning[]): Report {
  const { meta, files, hosts, earlierManifests } = verdict;
  const earlier = earlierManifests === 0
    ? ""
    : `, beside ${plural(earlierManifests, "manifest")} of earlier releases`;
  return {
    verified: verdict.verified,
    signedAt: meta?.signedAt ?? null,
    ciCommit: meta?.ciCommit ?? null,
    files: files.map(({ path, kind, sha256, key }) => ({ path, kind, sha256, key: key?.slot ?? null })),
    failures: verdict.failures,
    warnings: [...warnings, ...verdict.warnings],
    summary: `a release of ${plural(hosts, "host")} in ${plural(files.length, "file")}${sidecarsOf(files)}${
      stampOf(meta)
    }${keysOf(files.map(({ key }) => key))}${earlier}`,
  };
}

function fileReport(
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

/** The report for people: one line when all is well, else one for each reason. */
export function reportLines({ verified, failures, summary }: Report): string[] {
  if (verified) return [`verified ${summary}`];
  return [
    ...failures.map(({ path, code, message }) =>
      `refused ${JSON.stringify(path)}: ${stripControls(message)} [${code}]`
    ),
    `refused: ${plural(failures.length, "reason")}`,
  ];
}
