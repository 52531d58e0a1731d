/**
 * What the release changes against the last one.
 *
 * @module
 */
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE } from "../contract/layout.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { decode } from "../contract/schema.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { Meta } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Artifact } from "../model.ts";
import { type Changes, changesBetween, summaryOf } from "../plan/changes.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import { readFleet } from "../plan/reuse.ts";
import { sameStamp } from "../verify/bindings.ts";
import type { Earlier } from "./order.ts";
import { type Reading, readOrNothing } from "./run.ts";

/** The documents of a release, by their paths. */
type Documents = ReadonlyMap<string, Uint8Array>;

/**
 * Compares what is going to be signed with what was released last: the later of what is on disk and what is committed, of
 * what a key which counts has signed. Where nobody knows such a key, what is on disk.
 *
 * @param commits Whether the release is going to be committed: what is on disk and not committed does not count then
 */
export async function compareWithLast(
  run: Reading,
  artifacts: readonly Artifact[],
  earlier: Earlier,
  commits = false,
): Promise<Changes> {
  const changes = await run.stage({
    name: "changes",
    title: "Comparing with the last release",
    done: (changes) => `Compared with the last release: ${summaryOf(changes)}`,
  }, async () => {
    const before = await lastRelease(run, earlier, commits);
    const { artifactName } = run.config;
    const after = new Map(artifacts.map(({ path, bytes }) => [path, bytes]));
    return changesBetween(
      before && releaseIn(before.documents, artifactName),
      releaseIn(after, artifactName)!,
    );
  });
  run.show({ changes });
  return changes;
}

/** What was released last. */
export interface LastRelease {
  /** Where it is, in words that continue `the release`. */
  readonly place: string;
  readonly documents: Documents;
}

/** What was released last; null: nothing that counts. */
export async function lastRelease(
  run: Reading,
  { onDisk, committed, untrusted }: Earlier,
  commits = false,
): Promise<LastRelease | null> {
  const { artifactName } = run.config;
  const isCommitted = committed !== null &&
    (commits || onDisk === null || compareTimestamps(committed.signedAt, onDisk.signedAt) > 0);
  // What is on disk alone may be of a run that could not commit it.
  const last = isCommitted ? committed : commits ? null : onDisk;
  if (last !== null) {
    return { place: last.place, documents: new Map([[artifactName, last.bytes], ...last.sidecars]) };
  }
  if (onDisk !== null || untrusted) return null;
  const bytes = await readOrNothing(run, artifactName);
  if (bytes === null) return null;
  const documents = new Map([[artifactName, bytes]]);
  for (const path of [REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE]) {
    const sidecar = await readOrNothing(run, path);
    if (sidecar !== null) documents.set(path, sidecar);
  }
  return { place: "on disk", documents };
}

/**
 * What the documents of a release say; null when there is no fleet among them. A sidecar that is damaged, or was not signed
 * as one release with the fleet, says nothing: the latter is left of an earlier one.
 */
export function releaseIn(documents: Documents, artifactName: string): EvaluatedFleet | null {
  const bytes = documents.get(artifactName);
  const fleet = bytes && readFleet(bytes);
  if (fleet === undefined) return null;
  const revocations = sidecarIn(
    documents.get(REVOCATIONS_FILE),
    fleet.meta,
    (value) => decode("revocationsArtifact", value),
  );
  const nonces = sidecarIn(
    documents.get(BOOTSTRAP_NONCES_FILE),
    fleet.meta,
    (value) => decode("bootstrapNoncesArtifact", value),
  );
  return {
    fleet,
    revocations: revocations?.revocations ?? null,
    bootstrapNonces: nonces?.bootstrapNonces ?? null,
  };
}

function sidecarIn<T extends { readonly meta: Meta }>(
  bytes: Uint8Array | undefined,
  stamp: Meta,
  read: (value: unknown) => T,
): T | null {
  if (bytes === undefined) return null;
  try {
    const document = read(parseJson(decodeUtf8(bytes)));
    return sameStamp(document.meta, stamp) ? document : null;
  } catch (error) {
    if (error instanceof ReleaseError) return null;
    throw error;
  }
}
