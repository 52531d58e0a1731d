/**
 * No release goes back behind the one that is there: consumers take the later signing time for the newer release.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { equalBytes } from "../bytes.ts";
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE, SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Artifact } from "../model.ts";
import { readFleet, signedAtOf } from "../plan/reuse.ts";
import { judgeSigned, verifyingKey } from "../verify/acceptance.ts";
import type { Origin } from "./base.ts";
import { afterLast, isAhead } from "./clock.ts";
import { type Look, type Reading, readOrNothing, type Run } from "./run.ts";
import { keysOfBefore, type TrustedKeys } from "./trust.ts";

/** A fleet that was released before, and that a key which counts has signed. */
export interface ReleasedFleet {
  /** Where it is, in words that continue `the release`. */
  readonly place: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly signedAt: Timestamp;
}

/** The same, in a commit. */
export interface CommittedFleet extends ReleasedFleet {
  /** What the commit has beside it, by the paths in the release directory; nobody has verified it. */
  readonly sidecars: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** What was released before. */
export interface Earlier {
  /** Null: nothing that a key which counts has signed. */
  readonly onDisk: ReleasedFleet | null;
  /** The latest of the commit that is released, of HEAD, and of the tip of the branch that is pushed to. */
  readonly committed: CommittedFleet | null;
  /** Whether there is a fleet on disk that no key which counts has signed. */
  readonly untrusted: boolean;
}

/** Where nobody knows a key that counts, nothing counts. */
export const NOTHING_KNOWN: Earlier = { onDisk: null, committed: null, untrusted: false };

/**
 * Finds out what was released before, and refuses to release what would be older, before anything is built.
 *
 * @returns that, and the run, at a later time when it had to wait
 * @throws {ReleaseError} of kind `usage` when the signing time is before that of an earlier release
 */
export async function checkOrder(
  begun: Run,
  origin: Origin,
  trusted: TrustedKeys | null,
): Promise<{ run: Run; earlier: Earlier }> {
  const keys = keysOfBefore(begun, trusted);
  if (keys === null) {
    // Nobody loses more than a minute by what anybody may have signed.
    const run = begun.timeFrom === "clock" ? await afterLast(begun, await signedAtOnDisk(begun)) : begun;
    return { run, earlier: NOTHING_KNOWN };
  }
  const earlier = await lookForEarlier(begun, origin, keys);
  const run = await afterLast(begun, signedAtOfLatest(earlier));
  if (!run.config.allowOlder) refuseOlder(run, earlier);
  return { run, earlier };
}

/** Finds what was released before, as a stage. */
export async function lookForEarlier(run: Reading, origin: Origin, keys: TrustedKeys): Promise<Earlier> {
  return await run.stage({
    name: "earlier",
    title: "Looking for earlier releases",
    done: (found) => {
      const latest = signedAtOfLatest(found);
      return latest === null ? "Found no earlier release" : `Found the release of ${latest}`;
    },
  }, () => findEarlier(run, origin, keys));
}

/** When the latest of earlier releases was signed; null: there is none. */
export function signedAtOfLatest({ onDisk, committed }: Earlier): Timestamp | null {
  const times = [onDisk, committed].flatMap((released) => released === null ? [] : [released.signedAt]);
  return times.sort(compareTimestamps).at(-1) ?? null;
}

async function signedAtOnDisk(run: Run): Promise<Timestamp | null> {
  const bytes = await readOrNothing(run, run.config.artifactName);
  return (bytes && readFleet(bytes)?.meta.signedAt) ?? null;
}

/**
 * Refuses a time before that of an earlier release.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function refuseOlder(run: Run, { onDisk, committed }: Earlier): void {
  for (const released of [onDisk, committed]) {
    if (released === null || compareTimestamps(run.now, released.signedAt) >= 0) continue;
    const { place, signedAt } = released;
    throw new ReleaseError(
      "usage",
      `Cannot sign a release at ${run.now}: the release ${place} was signed later, at ${signedAt}`,
      {
        hint: isAhead(signedAt, run.ports.clock.now())
          ? IN_FUTURE
          : `${GIVE_LATER}, or release nevertheless with --allow-older`,
      },
    );
  }
}

const IN_FUTURE =
  "that is in the future: a wrong clock has stamped it, or this machine's clock is wrong. When this one is right, " +
  "release over it with --allow-older; when it is not, give the time with --now";
const GIVE_LATER = "leave out --now and SOURCE_DATE_EPOCH, give a later time";

/** Finds what was released before, on disk and in the commits that are here. */
export async function findEarlier(run: Reading, origin: Origin, keys: TrustedKeys): Promise<Earlier> {
  const onDisk = await readOnDisk(run, keys);
  const committed = await readCommitted(run, origin, keys);
  return { onDisk: onDisk ?? null, committed, untrusted: onDisk === undefined };
}

/** The fleet on disk; null when there is none, and undefined when no key which counts has signed it. */
async function readOnDisk(run: Reading, keys: TrustedKeys): Promise<ReleasedFleet | null | undefined> {
  const { artifactName } = run.config;
  const bytes = await readOrNothing(run, artifactName);
  if (bytes === null) return null;
  const signature = await readOrNothing(run, signaturePath(artifactName));
  const found = await readSigned(bytes, signature, keys);
  return found === null ? undefined : { place: "on disk", ...found };
}

/**
 * Tells of a fleet on disk that does not count: whoever can write a file there must not be able to stop releases.
 */
export function warnOfUntrusted({ config: { artifactName }, warn }: Look, { untrusted }: Earlier): void {
  if (!untrusted) return;
  warn({
    code: "untrusted-release",
    message:
      `"${artifactName}" on disk is replaced whatever it says: it is damaged, signed with a key that is not known ` +
      "here, or rejected by the trust file",
    path: artifactName,
  });
}

/**
 * The latest fleet that the commit which is released, or the branch here or upstream, has and consumers would accept but
 * for its age.
 */
async function readCommitted(
  { config: { artifactName }, ports: { git, releaseDir } }: Reading,
  { ciCommit, repository, place }: Origin,
  keys: TrustedKeys,
): Promise<CommittedFleet | null> {
  const dir = await releaseDir.realPath();
  const own = await git.repositoryOf(dir.existing);
  if (own === null) return null;
  const within = relative(own.root, dir.path);
  const path = join(within, artifactName);
  const beside = SIDECAR_FILES.map((name) => [name, join(within, name)] as const);
  const isFleets = own.root === repository?.root;
  const commits = new Set([own.head, ...isFleets ? [ciCommit, place?.parent ?? null] : []]);
  let latest: CommittedFleet | null = null;
  for (const commit of commits) {
    if (commit === null) continue;
    const paths = [path, signaturePath(path), ...beside.map(([, path]) => path)];
    const files = await git.readCommitted(own, commit, paths).catch(refuseNone);
    const bytes = files.get(path);
    const found = bytes && await readSigned(bytes, files.get(signaturePath(path)) ?? null, keys);
    if (!found) continue;
    if (latest !== null && compareTimestamps(found.signedAt, latest.signedAt) <= 0) continue;
    const sidecars = new Map(beside.flatMap(([name, path]) => {
      const bytes = files.get(path);
      return bytes === undefined ? [] : [[name, bytes] as const];
    }));
    latest = { place: `in commit ${commit.slice(0, 8)}`, sidecars, ...found };
  }
  return latest;
}

/** What is too large for any release is damaged, as on disk, and keeps nobody from the next one. */
export function refuseNone(error: unknown): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  if (error instanceof ReleaseError && error.kind === "io") return new Map();
  throw error;
}

/** A fleet that a key which counts has signed; null: it is none such. */
export async function readSigned(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer> | null,
  keys: TrustedKeys,
): Promise<Pick<ReleasedFleet, "bytes" | "signedAt"> | null> {
  const key = signature && await verifyingKey(bytes, signature, keys.keys);
  const fleet = key && readFleet(bytes);
  if (!fleet) return null;
  const { failures } = judgeSigned({ signature, declared: fleet.meta }, key, keys);
  const { signedAt } = fleet.meta;
  return failures.length > 0 || signedAt === null ? null : { bytes, signedAt };
}

/**
 * Refuses another release with the stamp of one that is there: which of them is the newer one, nobody could tell.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export async function checkTellsApart(
  run: Run,
  artifacts: readonly Artifact[],
  { trusted, earlier }: { readonly trusted: TrustedKeys | null; readonly earlier: Earlier },
): Promise<void> {
  const keys = keysOfBefore(run, trusted);
  if (run.config.allowOlder || keys === null) return;
  const [fleet] = artifacts;
  const same = (path: string, place: string) => {
    throw new ReleaseError(
      "usage",
      `Cannot sign another release at ${run.now}: "${path}" ${place} was signed at that time, and differs`,
      {
        hint: `${GIVE_LATER}, keep an unchanged one with --reuse-unchanged-signature, or replace it with ` +
          "--allow-older",
      },
    );
  };
  for (const released of [earlier.onDisk, earlier.committed]) {
    if (released === null || compareTimestamps(released.signedAt, run.now) !== 0) continue;
    if (!equalBytes(released.bytes, fleet!.bytes)) same(fleet!.path, released.place);
  }
  if (earlier.onDisk === null || compareTimestamps(earlier.onDisk.signedAt, run.now) !== 0) return;
  for (const { path, bytes } of artifacts) {
    if (path !== REVOCATIONS_FILE && path !== BOOTSTRAP_NONCES_FILE) continue;
    const old = await readOrNothing(run, path);
    if (old === null || equalBytes(old, bytes)) continue;
    const signature = await readOrNothing(run, signaturePath(path));
    if (signature === null || await verifyingKey(old, signature, keys.keys) === null) continue;
    if (signedAtOf(old) === run.now) same(path, "on disk");
  }
}
