/**
 * No release goes back behind the one that is there: consumers take the later signing time for the newer release.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { BOOTSTRAP_NONCES_FILE, REVOCATIONS_FILE, signaturePath } from "../contract/layout.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Artifact } from "../model.ts";
import { readFleet, signedAtOf } from "../plan/reuse.ts";
import { judgeSigned, verifyingKey } from "../verify/acceptance.ts";
import type { Origin } from "./base.ts";
import { afterLast, isAhead } from "./clock.ts";
import { type Look, readInCommit, type Reading, readOrNothing, type Run } from "./run.ts";
import { keysOfBefore, type TrustedKeys } from "./trust.ts";

/** A fleet that was released before, and that a key which counts has signed. */
export interface ReleasedFleet {
  /** Where it is, in words that continue `the release`. */
  readonly place: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly signedAt: Timestamp;
  /** The documents beside it that such a key has signed, by their paths in the release directory. */
  readonly sidecars: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** What was released before. */
export interface Earlier {
  /** Null: nothing that a key which counts has signed. */
  readonly onDisk: ReleasedFleet | null;
  /** The latest of the commit that is released, of HEAD, and of the tip of the branch that is pushed to. */
  readonly committed: ReleasedFleet | null;
  /** Whether there is a fleet on disk that no key which counts has signed. */
  readonly untrusted: boolean;
}

/** Where nobody knows a key that counts, nothing counts. */
const NOTHING_KNOWN: Earlier = { onDisk: null, committed: null, untrusted: false };

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
  refuseOlder(run, earlier, true);
  return { run, earlier };
}

/**
 * Finds out the same in a plan, which does not wait.
 *
 * @param keys The keys that consumers trust; null: nobody says which
 * @throws {ReleaseError} as {@linkcode checkOrder}
 */
export async function planOrder(run: Reading, origin: Origin, keys: TrustedKeys | null): Promise<Earlier> {
  if (keys === null) return NOTHING_KNOWN;
  const earlier = await lookForEarlier(run, origin, keys);
  refuseOlder(run, earlier);
  return earlier;
}

/** Finds what was released before, as a stage. */
async function lookForEarlier(run: Reading, origin: Origin, keys: TrustedKeys): Promise<Earlier> {
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
function signedAtOfLatest({ onDisk, committed }: Earlier): Timestamp | null {
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
 * @param hasWaited Whether the run has waited already, as one by the clock does, for what clocks may differ by
 * @throws {ReleaseError} of kind `usage`
 */
export function refuseOlder(run: Look, { onDisk, committed }: Earlier, hasWaited = false): void {
  const { now, timeFrom, config, ports: { clock } } = run;
  if (config.allowOlder) return;
  for (const released of [onDisk, committed]) {
    if (released === null || compareTimestamps(now, released.signedAt) >= 0) continue;
    const { place, signedAt } = released;
    const isInFuture = isAhead(signedAt, clock.now());
    if (timeFrom === "clock" && !isInFuture && !hasWaited) continue;
    throw new ReleaseError(
      "usage",
      `Cannot sign a release at ${now}: the release ${place} was signed later, at ${signedAt}`,
      { hint: isInFuture ? IN_FUTURE : `${GIVE_LATER}, or release nevertheless with --allow-older` },
    );
  }
}

const IN_FUTURE =
  "that is in the future: a wrong clock has stamped it, or this machine's clock is wrong. When this one is right, " +
  "release over it with --allow-older; when it is not, give the time with --now";
const GIVE_LATER = "leave out --now and SOURCE_DATE_EPOCH, give a later time";

/** Finds what was released before, on disk and in the commits that are here. */
export async function findEarlier(run: Reading, origin: Origin, keys: TrustedKeys): Promise<Earlier> {
  const onDisk = await findOnDisk(run, keys);
  const committed = await readCommitted(run, origin, keys);
  return { onDisk: onDisk ? { place: "on disk", ...onDisk } : null, committed, untrusted: onDisk === null };
}

/** Reads of a fleet that runs are changing all the time. */
const MOST_READS = 10;

/**
 * Finds what {@linkcode findSigned} does, on disk. A plan, and `doctor`, keep no release from being written there
 * meanwhile: a fleet and a signature that do not belong together are read again until they have stood still.
 */
async function findOnDisk(run: Reading, keys: TrustedKeys): ReturnType<typeof findSigned> {
  let before = new Map<string, Uint8Array<ArrayBuffer> | null>();
  for (let reads = 1;; reads++) {
    const seen: typeof before = new Map();
    const read = async (path: string) => {
      const bytes = await readOrNothing(run, path);
      seen.set(path, bytes);
      return bytes;
    };
    const found = await findSigned(read, run.config.artifactName, keys);
    const stoodStill = [...seen].every(([path, bytes]) => isSame(bytes, before.get(path)));
    if (found !== null || stoodStill || reads === MOST_READS) return found;
    before = seen;
  }
}

function isSame(bytes: Uint8Array | null, other: Uint8Array | null | undefined): boolean {
  return bytes !== null && other ? equalBytes(bytes, other) : bytes === other;
}

/** What lies beside a fleet and says something that it does not. */
const BESIDE = [REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE];

/**
 * Finds a fleet that a key which counts has signed, and what lies beside it.
 *
 * @param read Gives the bytes of a path in the release directory; null: there are none
 * @returns null when no such key has signed the fleet, and undefined when there is none
 */
async function findSigned(
  read: (path: string) => Promise<Uint8Array<ArrayBuffer> | null>,
  artifactName: string,
  keys: TrustedKeys,
): Promise<Omit<ReleasedFleet, "place"> | null | undefined> {
  const signed = async (path: string) => {
    const bytes = await read(path);
    return bytes && { bytes, signature: await read(signaturePath(path)) };
  };
  const fleet = await signed(artifactName);
  if (fleet === null) return undefined;
  const found = await readSigned(fleet.bytes, fleet.signature, keys);
  if (found === null) return null;
  const sidecars = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of BESIDE) {
    const sidecar = await signed(path);
    if (!sidecar?.signature) continue;
    const { bytes, signature } = sidecar;
    if (await verifyingKey(bytes, signature, keys.keys) !== null) sidecars.set(path, bytes);
  }
  return { ...found, sidecars };
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
  run: Reading,
  { ciCommit, repository, place }: Origin,
  keys: TrustedKeys,
): Promise<ReleasedFleet | null> {
  const { config: { artifactName }, ports: { git, releaseDir } } = run;
  const own = await git.repositoryOf((await releaseDir.realPath()).existing);
  if (own === null) return null;
  const paths = [artifactName, ...BESIDE].flatMap((path) => [path, signaturePath(path)]);
  const isFleets = own.root === repository?.root;
  const commits = new Set([own.head, ...isFleets ? [ciCommit, place?.parent ?? null] : []]);
  let latest: ReleasedFleet | null = null;
  for (const commit of commits) {
    if (commit === null) continue;
    const files = await readInCommit(run, { repository: own, commit }, paths).catch(refuseNone);
    const found = await findSigned((path) => Promise.resolve(files.get(path) ?? null), artifactName, keys);
    if (!found) continue;
    if (latest !== null && compareTimestamps(found.signedAt, latest.signedAt) <= 0) continue;
    latest = { place: `in commit ${commit.slice(0, 8)}`, ...found };
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
export function checkTellsApart(run: Run, artifacts: readonly Artifact[], earlier: Earlier): void {
  if (run.config.allowOlder) return;
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
  const { onDisk } = earlier;
  if (onDisk === null || compareTimestamps(onDisk.signedAt, run.now) !== 0) return;
  for (const { path, bytes } of artifacts) {
    const old = onDisk.sidecars.get(path);
    if (old === undefined || equalBytes(old, bytes)) continue;
    if (signedAtOf(old) === run.now) same(path, "on disk");
  }
}
