/**
 * What the release on disk has to say in the making of the next one.
 *
 * @module
 */
import { equalBytes } from "../bytes.ts";
import { SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import { lookup } from "../contract/records.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { FleetResolved } from "../contract/types.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { type ErrorDetails, type ErrorKind, ReleaseError } from "../errors.ts";
import { composeArtifacts, type ComposeOptions, type EvaluatedFleet } from "../plan/compose.ts";
import { injectClosureHashes } from "../plan/fleet.ts";
import type { SignedArtifact, Stamp } from "../model.ts";
import { loadExistingSignedAtIfUnchanged, readFleet } from "../plan/reuse.ts";
import { quoteList } from "../text.ts";
import { judgeSigned, verifyingKey } from "../verify/acceptance.ts";
import { type FileFailure, projectedPaths, type ReleaseFiles } from "../verify/bindings.ts";
import { verifyRelease } from "../verify/release.ts";
import type { FleetToRelease } from "./fleet.ts";
import type { Earlier } from "./order.ts";
import { type Look, type Reading, readOrNothing, type Run } from "./run.ts";
import { isTrusted, keysOfBefore, type TrustedKeys } from "./trust.ts";

/** What is known of what was released before. */
export interface Before {
  readonly trusted: TrustedKeys | null;
  readonly earlier: Earlier;
}

/**
 * A partial run: the hosts that it leaves out keep the closure that the release on disk gives them. Without it they
 * would fall out of their rollouts. What is kept is signed again, so that it has to be what was signed before.
 *
 * @param fleet What the flake declares
 * @throws {ReleaseError} of kind `smoke-verify` when the release on disk cannot be trusted or is older than it may be,
 * `contract` when it is damaged, and `usage` when there is no key to verify it with
 */
export async function keepOtherHosts(
  run: Run,
  fleet: FleetToRelease,
  before: Before,
): Promise<FleetToRelease> {
  return await withKeptClosures(run, fleet, {
    verifies: true,
    read: () => readPrevious(run, before, KEEPING),
  });
}

/**
 * The same in a plan, which has no key of its own.
 *
 * @param before The keys that consumers trust, and what they have signed; null: nobody says which, and what is on disk is
 * not verified
 * @throws {ReleaseError} as {@linkcode keepOtherHosts}
 */
export async function planOtherHosts(
  run: Reading,
  fleet: FleetToRelease,
  { keys, earlier: { committed } }: { readonly keys: TrustedKeys | null; readonly earlier: Earlier },
): Promise<FleetToRelease> {
  const read = () => keys === null ? readUnverified(run) : readPreviousBy(run, { keys, committed }, KEEPING);
  return await withKeptClosures(run, fleet, { verifies: keys !== null, read });
}

async function readUnverified(
  { config: { artifactName }, ports: { releaseDir } }: Reading,
): Promise<Pick<PreviousRelease, "fleet"> | null> {
  const bytes = await releaseDir.read(artifactName);
  if (bytes === null) return null;
  const fleet = readFleet(bytes);
  if (fleet !== undefined) return { fleet };
  const { restore, instead } = KEEPING;
  throw refusing(KEEPING)("smoke-verify", `"${artifactName}" on disk is damaged`, [restore, instead]);
}

/** @param read Reads the release that closures are kept of; null: there is none */
async function withKeptClosures(
  run: Look,
  fleet: FleetToRelease,
  { verifies, read }: {
    readonly verifies: boolean;
    readonly read: () => Promise<Pick<PreviousRelease, "fleet"> | null>;
  },
): Promise<FleetToRelease> {
  const [doing, done] = verifies ? ["Verifying", "Verified"] : ["Reading", "Read"];
  const { hosts: spec } = run.config;
  const partial = spec.kind === "explicit" || spec.exclude.length > 0;
  const chosen = new Set(fleet.hosts.map(({ name }) => name));
  const { evaluated } = fleet;
  const left = Object.entries(evaluated.fleet.hosts)
    .filter(([name, { closureHash }]) => !chosen.has(name) && closureHash === null)
    .map(([name]) => name);
  if (!partial || left.length === 0) return fleet;
  const previous = await run.stage({
    name: "previous",
    title: `${doing} the last release`,
    done: (found) => found === null ? "Found no earlier release" : `${done} the last release`,
  }, read);
  if (previous === null) return fleet;
  const closures: Record<string, string> = {};
  for (const name of left) {
    const kept = lookup(previous.fleet.hosts, name)?.closureHash ?? null;
    if (kept !== null) closures[name] = kept;
  }
  const names = Object.keys(closures);
  if (names.length > 0) {
    run.warn({
      code: "kept-closure",
      message:
        `This run leaves out ${quoteList(names)}: ${
          names.length === 1 ? "it keeps" : "they keep"
        } the closure ` +
        "that the release on disk gives",
    });
  }
  return {
    ...fleet,
    evaluated: { ...evaluated, fleet: injectClosureHashes(evaluated.fleet, closures).fleet },
  };
}

/** A release on disk that consumers would accept. */
export interface PreviousRelease {
  readonly fleet: FleetResolved;
  /** The bytes of its files, as far as they were asked for, by their path relative to the release directory. */
  readonly files: ReleaseFiles;
}

/** What the release on disk is read for. */
export interface Purpose {
  /** What cannot be done when it is refused. */
  readonly problem: string;
  /** How there may be another one. */
  readonly restore: string;
  /** What can be done in its place. */
  readonly instead: string;
  /** What `--allow-older` does then. */
  readonly allow: string;
  /** Whether the sidecars and the index are read, too, so that all of it has to be one release. */
  readonly whole: boolean;
}

const KEEPING: Purpose = {
  problem: "Cannot keep the closures of other hosts",
  restore: "restore it from git",
  instead: "release all hosts with --hosts auto",
  allow: "keep what it gives with --allow-older",
  whole: false,
};

/**
 * The release on disk; null when there is none, and none was committed.
 *
 * @throws {ReleaseError} of kind `smoke-verify` when it cannot be trusted or is older than it may be, `contract` when it
 * is damaged, and `usage` when there is no key to verify it with
 */
export async function readPrevious(
  run: Run,
  { trusted, earlier: { committed } }: Before,
  purpose: Purpose,
): Promise<PreviousRelease | null> {
  return await readPreviousBy(run, { keys: keysOfBefore(run, trusted), committed }, purpose);
}

async function readPreviousBy(
  run: Reading,
  { keys, committed }: { readonly keys: TrustedKeys | null } & Pick<Earlier, "committed">,
  purpose: Purpose,
): Promise<PreviousRelease | null> {
  const refuse = refusing(purpose);
  const { config: { artifactName, allowOlder }, ports: { releaseDir } } = run;
  const bytes = await releaseDir.read(artifactName);
  if (bytes === null) {
    if (committed === null) return null;
    throw refuse(
      "smoke-verify",
      `"${artifactName}" is not on disk, but ${committed.place}`,
      restoring(purpose),
    );
  }
  if (keys === null) {
    throw refuse("usage", `only a command knows what signed "${artifactName}" on disk`, [
      "give the keys that consumers trust with --trust-file, --trust-attr or --public-key",
      purpose.instead,
    ]);
  }
  const previous = await readAccepted(run, bytes, keys, purpose);
  const { signedAt } = previous.fleet.meta;
  if (committed !== null && !allowOlder && compareTimestamps(signedAt!, committed.signedAt) < 0) {
    throw refuse(
      "smoke-verify",
      `"${artifactName}" on disk was signed at ${signedAt}, before the one ${committed.place}, which was ` +
        `signed at ${committed.signedAt}`,
      [...restoring(purpose), purpose.allow],
    );
  }
  return previous;
}

/** Reads the release on disk, unless `verify` would refuse it. */
async function readAccepted(
  { config: { artifactName, allowOlder }, now, ports: { releaseDir } }: Reading,
  bytes: Uint8Array<ArrayBuffer>,
  trust: TrustedKeys,
  purpose: Purpose,
): Promise<PreviousRelease> {
  const files = new Map([[artifactName, bytes]]);
  const add = async (path: string) => {
    const found = await releaseDir.read(path);
    if (found !== null) files.set(path, found);
  };
  await add(signaturePath(artifactName));
  const signature = files.get(signaturePath(artifactName)) ?? null;
  // Nothing is made of what nobody has signed.
  const key = signature && await verifyingKey(bytes, signature, trust.keys);
  if (key === null) {
    const { failures } = judgeSigned({ signature, declared: null }, key, trust);
    throw refuseFailures(purpose, failures.map((failure) => ({ path: artifactName, ...failure })));
  }
  const fleet = readFleet(bytes);
  if (fleet === undefined) {
    throw refusing(purpose)("contract", `"${artifactName}" on disk is damaged`, restoring(purpose));
  }
  for (const path of [...projectedPaths(fleet, bytes), ...purpose.whole ? SIDECAR_FILES : []]) {
    await add(path);
    await add(signaturePath(path));
  }
  const freshnessWindowSeconds = allowOlder ? Infinity : undefined;
  const { failures } = await verifyRelease(files, { artifactName, trust, now, freshnessWindowSeconds });
  if (failures.length > 0) throw refuseFailures(purpose, failures);
  return { fleet, files };
}

/** The error for a release that consumers would refuse. */
function refuseFailures(purpose: Purpose, failures: readonly FileFailure[]): ReleaseError {
  const [{ path, code, message }, ...others] = failures as readonly [FileFailure, ...FileFailure[]];
  const all = (code: FileFailure["code"]) => failures.every((failure) => failure.code === code);
  const hints = all("stale")
    ? [purpose.instead, purpose.allow]
    : all("bad-signature")
    ? [...restoring(purpose), OTHER_KEYS]
    : restoring(purpose);
  return refusing(purpose)(
    "smoke-verify",
    `"${path}" on disk cannot be trusted: ${message}`,
    hints,
    { code, lines: others.map(({ path, message }) => `also "${path}": ${message}`) },
  );
}

function restoring({ restore, instead }: Purpose): readonly string[] {
  return [restore, instead];
}

/** An earlier key may have signed, which is not among those that are known. */
const OTHER_KEYS = "give its key, too, with --trust-file or --public-key, if another one signed it";

function refusing({ problem }: Purpose) {
  return (kind: ErrorKind, reason: string, hints: readonly string[], details: ErrorDetails = {}) => {
    const hint = `${hints.slice(0, -1).join(", ")}, or ${hints.at(-1)}`;
    return new ReleaseError(kind, `${problem}: ${reason}`, { hint, ...details });
  };
}

/** What would be released if nothing were kept. */
export interface NewRelease {
  readonly evaluated: EvaluatedFleet;
  readonly options: ComposeOptions;
  /** The fleet, stamped anew. */
  readonly fleet: FleetResolved;
  readonly trusted: TrustedKeys | null;
  readonly earlier: Earlier;
}

/**
 * The release on disk, if it may stay as it is: every artifact of the new one, with the old stamp put in, is there
 * byte for byte and signed, by a key that consumers trust, or where these are not known, by the one that signs.
 */
export async function reuseRelease(
  run: Run,
  { evaluated, options, fleet, trusted, earlier: { committed } }: NewRelease,
): Promise<{ signed: SignedArtifact[]; stamp: Stamp } | null> {
  const existing = await readOrNothing(run, options.artifactName);
  const old = existing && loadExistingSignedAtIfUnchanged(existing, fleet, options.now);
  if (existing === null || old === null) return null;
  // What git has instead is newer, or as new and another: to keep this one would be a way back.
  const isBehind = committed !== null && compareTimestamps(old.signedAt, committed.signedAt) <= 0;
  if (isBehind && !equalBytes(existing, committed.bytes)) return null;
  const keys = keysOfBefore(run, trusted);
  if (keys === null) {
    run.warn({
      code: "unverifiable-release",
      message:
        "The release on disk is unchanged, but signed anew: only the sign command knows what signed it. Give the " +
        "keys that consumers trust with --trust-file, --trust-attr or --public-key",
    });
    return null;
  }
  const stamp = { ...options.stamp, ...old };
  const { artifacts } = composeArtifacts(evaluated, { ...options, stamp });
  const signed: SignedArtifact[] = [];
  for (const artifact of artifacts) {
    const bytes = await readOrNothing(run, artifact.path);
    const signature = await readOrNothing(run, signaturePath(artifact.path));
    if (bytes === null || signature?.length !== SIGNATURE_LENGTH || !equalBytes(bytes, artifact.bytes)) {
      return null;
    }
    // By a key that has been replaced since, say: then it is time to sign anew.
    if (!await isTrusted({ bytes, signature }, stamp, keys)) return null;
    signed.push({ ...artifact, signature });
  }
  return { signed, stamp };
}
