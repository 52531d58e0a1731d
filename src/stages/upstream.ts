/**
 * What the branch that is pushed to has of other runs: a newer release is never gone back from, and the same one is not
 * made twice.
 *
 * @module
 */
import { relative } from "@std/path";
import { equalBytes } from "../bytes.ts";
import { canonicalBytes } from "../contract/canonical.ts";
import { decodeUtf8, parseJson } from "../contract/json.ts";
import {
  BOOTSTRAP_NONCES_FILE,
  RELEASE_INDEX_FILE,
  REVOCATIONS_FILE,
  signaturePath,
} from "../contract/layout.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { FleetResolved, Meta, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Stamp } from "../model.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../plan/reuse.ts";
import type { CommitBase, ReleaseFile, Repository } from "../ports.ts";
import { hideSecrets } from "../secrets.ts";
import { verifyRelease } from "../verify/release.ts";
import { type Origin, type Place, refuseDiverged } from "./base.ts";
import { isAhead } from "./clock.ts";
import { readSigned, refuseNone } from "./order.ts";
import { readInCommit, type Run } from "./run.ts";
import { isTrusted, keysOfBefore, type TrustedKeys } from "./trust.ts";

/** A release that is signed, and where it is to go. */
export interface Ready {
  readonly repository: Repository;
  readonly place: Place;
  readonly files: readonly ReleaseFile[];
  /** What is committed beside them. */
  readonly attributes: readonly ReleaseFile[];
  readonly stamp: Stamp;
  readonly trusted: TrustedKeys | null;
  /** What the release changes, in one line. */
  readonly summary: string;
}

/** The release in a commit, as far as it is looked at. */
interface Committed {
  readonly commit: string;
  readonly fleet: FleetResolved;
  /** The bytes of its files, by their path relative to the release directory. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** A release that is going to be made, or has been. */
type Ours = Pick<Stamp, "ciCommit" | "signedAt">;

/**
 * Makes sure that the branch which is pushed to has no newer release, before anything is built.
 *
 * @throws {ReleaseError} of kind `superseded` when it has
 */
export async function refuseSuperseded(
  run: Run,
  { repository, place, ciCommit }: Origin,
  trusted: TrustedKeys | null,
): Promise<void> {
  if (place === null || place.moves || place.parent === null || run.config.gitPush === undefined) return;
  const theirs = await releaseIn(run, repository!, { commit: place.parent, trusted });
  if (theirs !== null) await refuseNewer(run, repository!, theirs, { ciCommit, signedAt: run.now });
}

async function refuseNewer(
  run: Run,
  repository: Repository,
  theirs: Committed,
  ours: Ours,
): Promise<void> {
  if (run.config.allowOlder) return;
  if (await isNewer(run, repository, theirs.fleet.meta, ours)) throw superseded(run, theirs, ours);
}

/**
 * Finds out where the commit goes, now that the branch is where it is.
 *
 * @param tip The tip of the branch, with what it needs; null: there is none
 * @returns null when another run has put the same release there
 * @throws {ReleaseError} of kind `superseded` when the branch has a newer release, and `git` when it has gone another way
 * than the one that is checked out, or has a release that was signed later
 */
export async function settle(run: Run, ready: Ready, tip: string | null): Promise<CommitBase | null> {
  const { git } = run.ports;
  const { repository, place, stamp, trusted } = ready;
  if (tip === null) return place;
  const { head } = repository;
  const isBehind = head !== null && (tip === head || await git.hasInHistory(repository, head, tip));
  if (place.moves && isBehind) return place;
  const theirs = await releaseIn(run, repository, { commit: tip, trusted });
  if (theirs !== null) {
    if (await isOurs(run, ready, theirs)) return null;
    await refuseNewer(run, repository, theirs, stamp);
    refuseLater(run, ready, theirs);
  }
  if (place.named && !place.again) await refuseDiverged(run, repository, tip, stamp.ciCommit);
  return { parent: tip, moves: false, stages: place.named };
}

/**
 * Whether what the branch has is the release that we have made, by another run: all but the stamp, which is as good. One
 * that is damaged is none: the branch is to have one that consumers accept.
 */
async function isOurs(
  run: Run,
  { repository, place, files, stamp, trusted }: Ready,
  theirs: Committed,
): Promise<boolean> {
  const { git } = run.ports;
  const { signedAt, ciCommit } = theirs.fleet.meta;
  if (signedAt === null || ciCommit === null || ciCommit !== stamp.ciCommit) return false;
  const { artifactName } = run.config;
  const fileOf = (path: string) => files.find((file) => file.path === path)?.bytes;
  const ours = readFleet(fileOf(artifactName)!)!;
  const now = compareTimestamps(signedAt, stamp.signedAt) > 0 ? signedAt : stamp.signedAt;
  const bytes = theirs.files.get(artifactName)!;
  if (loadExistingSignedAtIfUnchanged(bytes, ours, now) === null) return false;
  for (const path of [REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE]) {
    const sidecar = fileOf(path);
    if (sidecar === undefined) continue;
    const found = theirs.files.get(path);
    if (found === undefined || !equalBytes(found, restamped(sidecar, theirs.fleet.meta))) return false;
  }
  const keys = keysOfBefore(run, trusted);
  const signature = theirs.files.get(signaturePath(artifactName));
  if (signature === undefined) return false;
  if (keys !== null) {
    if (!await isTrusted({ bytes, signature }, { ...stamp, signedAt }, keys)) return false;
    const requireIndex = fileOf(RELEASE_INDEX_FILE) !== undefined;
    if (!await isWhole(run, repository, theirs.commit, { keys, now, requireIndex })) return false;
  }
  // On a branch for releases, one that was there before is one to follow: it is signed anew.
  const before = place.moves ? repository.head : place.parent;
  const seen = before === null ? null : await releaseIn(run, repository, { commit: before, trusted });
  const appeared = seen === null || !equalBytes(seen.files.get(artifactName)!, bytes);
  return appeared || place.follows && await git.hasInHistory(repository, theirs.commit, ciCommit);
}

/** Whether `verify` accepts the release in a commit, whatever its age. */
async function isWhole(
  { config: { artifactName }, ports: { git, releaseDir } }: Run,
  repository: Repository,
  commit: string,
  { keys, now, requireIndex }: {
    readonly keys: TrustedKeys;
    readonly now: Timestamp;
    readonly requireIndex: boolean;
  },
): Promise<boolean> {
  const dir = relative(repository.root, (await releaseDir.realPath()).path);
  try {
    const files = await git.committedRelease(repository, { commit, dir, artifactName });
    const options = { artifactName, trust: keys, now, freshnessWindowSeconds: Infinity, requireIndex };
    return (await verifyRelease(files, options)).failures.length === 0;
  } catch (error) {
    // A link in the place of a file, or more than a release can have.
    if (error instanceof ReleaseError) return false;
    throw error;
  }
}

/** A document as it would be with another stamp. */
function restamped(bytes: Uint8Array, { signedAt, ciCommit }: Meta): Uint8Array {
  const document = parseJson(decodeUtf8(bytes)) as { readonly meta: Meta };
  return canonicalBytes({ ...document, meta: { ...document.meta, signedAt, ciCommit } });
}

/** Newer is told by the commits, and only where these do not tell it, by the time: an old job that runs again is late. */
async function isNewer(
  { config: { gitPush }, ports: { git } }: Run,
  repository: Repository,
  theirs: Meta,
  ours: Ours,
): Promise<boolean> {
  if (theirs.ciCommit !== null && ours.ciCommit !== null && theirs.ciCommit !== ours.ciCommit) {
    const pair = { commit: ours.ciCommit, other: theirs.ciCommit };
    const order = await git.orderOf(repository, gitPush!.remote, pair);
    if (order !== null) return order === "after";
  }
  return theirs.signedAt !== null && compareTimestamps(theirs.signedAt, ours.signedAt) > 0;
}

/** The release that a commit has; null when it has none, or what nobody who counts has signed: that stops no other. */
async function releaseIn(
  run: Run,
  repository: Repository,
  { commit, trusted }: { readonly commit: string; readonly trusted: TrustedKeys | null },
): Promise<Committed | null> {
  const { artifactName } = run.config;
  const paths = [artifactName, signaturePath(artifactName), REVOCATIONS_FILE, BOOTSTRAP_NONCES_FILE];
  const files = await readInCommit(run, { repository, commit }, paths).catch(refuseNone);
  const bytes = files.get(artifactName);
  const fleet = bytes && readFleet(bytes);
  if (!fleet) return null;
  const keys = keysOfBefore(run, trusted);
  const signature = files.get(signaturePath(artifactName)) ?? null;
  if (keys !== null && await readSigned(bytes, signature, keys) === null) return null;
  return { commit, fleet, files };
}

function superseded(
  { config: { gitPush } }: Run,
  { commit, fleet: { meta: { ciCommit, signedAt } } }: Committed,
  ours: Ours,
): ReleaseError {
  const { remote, branch } = gitPush!;
  const of = (commit: string | null) => commit === null ? "no commit" : `commit ${commit.slice(0, 8)}`;
  return new ReleaseError(
    "superseded",
    `Superseded: "${branch}" of "${hideSecrets(remote)}" has a newer release, in ${
      commit.slice(0, 8)
    }, which is of ` +
      `${of(ciCommit)} and was signed at ${signedAt}; this one is of ${of(ours.ciCommit)}`,
    {
      hint: "release what the fleet's branch is at now, sign the newer one anew when that is here, " +
        "or with --allow-older go back to this one",
    },
  );
}

/** Of two releases consumers take the one that was signed later for the newer, whatever it is of. */
function refuseLater(
  { config: { gitPush, artifactName, allowOlder }, ports: { clock } }: Run,
  { files, stamp }: Ready,
  theirs: Committed,
): void {
  const { signedAt } = theirs.fleet.meta;
  const order = signedAt === null ? -1 : compareTimestamps(signedAt, stamp.signedAt);
  const ours = files.find(({ path }) => path === artifactName)!.bytes;
  const isSame = order === 0 && equalBytes(ours, theirs.files.get(artifactName)!);
  if (allowOlder || order < 0 || isSame) return;
  const { remote, branch } = gitPush!;
  throw new ReleaseError(
    "git",
    `Cannot push the release of ${stamp.signedAt} to "${branch}" of "${
      hideSecrets(remote)
    }": it has one that was ` +
      `signed at ${signedAt}`,
    {
      hint: signedAt !== null && isAhead(signedAt, clock.now())
        ? "that is in the future: run again when it has passed, or with --allow-older where a wrong clock has stamped it"
        : "that was signed while this run was at work: run again, and what is signed then is later. What is evaluated, " +
          "built and pushed to caches is there already",
    },
  );
}
