/**
 * The program, as lists of stages. Read this file first.
 *
 * ```
 * release  = prepare → closures → publish
 * resign   = previous           → publish            what was released before, signed anew: no nix
 * prepare  = source, fleet, trust, order, previous   what is released, and whether it can be
 * closures = evaluate ⇒ build → push                 what machines will run: built as it is evaluated
 * previous = place, trust, order, previous           what is there, and whether consumers accept it
 * publish  = compose, changes, confirm, sign, check, upstream, write, commit, push
 * check    = source, fleet                           what is wrong with a fleet: no host, and no key
 * plan     = source, fleet, trust, order, previous, against, evaluate, closures, changes
 *                                                    what a release would change: nothing is built, and no key
 * ```
 *
 * Nothing is pushed before everything is built, nothing is written before everything is signed and verified, and
 * nothing is committed before everything is written.
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };
import type { GitPushTarget } from "./config.ts";
import type { BuiltHost, DerivedHost, SignedArtifact, Stamp } from "./model.ts";
import { type Changes, summaryOf } from "./plan/changes.ts";
import { changeLines } from "./report/changes.ts";
import {
  outcomeOf,
  type PublicationFacts,
  type ResignOutcome,
  resignOutcomeOf,
  type RunOutcome,
} from "./report/outcome.ts";
import {
  commitOf,
  findOrigin,
  readReleaseAgain,
  type ReleaseAgain,
  withSidecarsOnDisk,
} from "./stages/again.ts";
import type { Origin } from "./stages/base.ts";
import { buildHosts } from "./stages/build.ts";
import { readAgainst } from "./stages/against.ts";
import { compareWithLast } from "./stages/changes.ts";
import { checkRelease } from "./stages/check.ts";
import { commitRelease, lookUpstream, pushCommit } from "./stages/commit.ts";
import { composeRelease, type Parts } from "./stages/compose.ts";
import { confirmRelease } from "./stages/confirm.ts";
import { evaluateHosts } from "./stages/evaluate.ts";
import { type CheckedFleet, checkFleet, evaluateFleet, type FleetToRelease } from "./stages/fleet.ts";
import { refuseWarnings, warnOfOtherPlace, warnOfOversights } from "./stages/oversights.ts";
import { withWayRound } from "./stages/hints.ts";
import { checkOrder, type Earlier, planOrder } from "./stages/order.ts";
import {
  buildChanged,
  compareReleases,
  diffClosures,
  lookAtClosures,
  planHosts,
  type Planned,
  type PlanOptions,
} from "./stages/plan.ts";
import { keepOtherHosts, planOtherHosts } from "./stages/previous.ts";
import { filesToWrite, prunedSidecars, recoverRelease, writeRelease } from "./stages/publish.ts";
import { pushClosures, pushEarly } from "./stages/push.ts";
import type { Look, Planning, Run } from "./stages/run.ts";
import { signArtifacts } from "./stages/sign.ts";
import { lockSource, planSource, type SeenSource, seeSource, type Source } from "./stages/source.ts";
import { Stream } from "./stages/stream.ts";
import { together } from "./stages/together.ts";
import { checkTrust, readTrustedKeys, type TrustedKeys } from "./stages/trust.ts";
import { refuseSuperseded } from "./stages/upstream.ts";

/**
 * Makes one release.
 *
 * @throws {ReleaseError} whose kind tells what went wrong; before the stage `write`, nothing has changed on disk,
 * but that what an earlier run left half done is whole
 */
export async function release(begun: Run): Promise<RunOutcome> {
  const { run, ...prepared } = await prepare(begun);
  const hosts = await closures(run, prepared);
  const { source: { flake }, fleet: { nixVersion } } = prepared;
  const facts = await publish(run, { ...prepared, revision: flake.revision, hosts });
  return outcomeOf({ ...facts, flake: flake.url, nixVersion, hosts });
}

/**
 * Signs the release that is there anew, as a release of the same commit at this time would be signed.
 *
 * @throws {ReleaseError} as {@linkcode release}
 */
export async function resign(begun: Run): Promise<ResignOutcome> {
  const { run, before, ...parts } = await previous(begun);
  return resignOutcomeOf(await publish(run, parts), before.signedAt);
}

/** @returns what is published again, and the run, at the time that it is then signed at */
async function previous(begun: Run): Promise<Parts & { readonly run: Run; readonly before: ReleaseAgain }> {
  await recoverRelease(begun);
  const asBefore = await withSidecarsOnDisk(begun);
  const origin = await findOrigin(asBefore);
  const trusted = await checkTrust(asBefore, null);
  const { run, earlier } = await checkOrder(asBefore, origin, trusted);
  const source = { ...origin, ciCommit: commitOf(earlier) };
  await refuseSuperseded(run, source, trusted);
  const before = await readReleaseAgain(run, { trusted, earlier });
  // Every host has its closure already.
  return { run, before, source, revision: null, fleet: before, trusted, hosts: [], earlier };
}

/**
 * Finds all that is wrong with a fleet, without evaluating a host.
 *
 * @throws {ReleaseError} of kind `evaluation` when the flake cannot be read
 */
export async function check(begun: Look): Promise<CheckedFleet & SeenSource> {
  const source = await seeSource(begun);
  return { ...await checkFleet(begun, source), ...source };
}

/**
 * Finds out what a release would change.
 *
 * @throws {ReleaseError} as {@linkcode release} would before anything is built
 */
export async function plan(run: Planning, asked: PlanOptions): Promise<Planned> {
  const source = await planSource(run);
  await warnOfOtherPlace(run, source);
  const declared = await evaluateFleet(run, source);
  const keys = await readTrustedKeys(run, declared.trusted);
  const earlier = await planOrder(run, source, keys);
  const fleet = await planOtherHosts(run, declared, { keys, earlier });
  refuseWarnings(run, declared.findings);
  const against = await readAgainst(run, asked.against, { keys, earlier });
  const hosts = await planHosts(run, { source, fleet });
  const found = await lookAtClosures(run, fleet, hosts);
  const closures = asked.build ? await buildChanged(run, { fleet, against, closures: found }, hosts) : found;
  const changes = await compareReleases(run, { source, fleet, against, closures });
  const differences = asked.diffClosures ? await diffClosures(run, changes, fleet) : null;
  return { source, against, changes, closures, differences };
}

/** What is known before anything is built. */
interface Prepared {
  readonly source: Source;
  readonly fleet: FleetToRelease;
  /** The keys that consumers trust; null when nobody says which. */
  readonly trusted: TrustedKeys | null;
  /** What was released before. */
  readonly earlier: Earlier;
}

/** @returns with the run, at the time that the release is of */
async function prepare(begun: Run): Promise<Prepared & { readonly run: Run }> {
  await recoverRelease(begun);
  const source = await lockSource(begun);
  await warnOfOversights(begun, source);
  const declared = await evaluateFleet(begun, source);
  // Whether consumers would accept what is going to be signed, before hours of building.
  const trusted = await checkTrust(begun, declared.trusted);
  await refuseSuperseded(begun, source, trusted);
  const { run, earlier } = await checkOrder(begun, source, trusted);
  // Hosts that are left out keep what the last release gives them, once it is known to be ours.
  const fleet = await keepOtherHosts(run, declared, { trusted, earlier });
  refuseWarnings(run, declared.findings);
  return { run, source, fleet, trusted, earlier };
}

/** What is evaluated is built meanwhile, and with `--push-early` pushed. A host that fails does not stop the others. */
async function closures(run: Run, { source, fleet, earlier }: Prepared): Promise<BuiltHost[]> {
  const derived = new Stream<DerivedHost>();
  const built = new Stream<BuiltHost>();
  const pushesEarly = run.config.pushEarly;
  const stages = () =>
    together(
      evaluateHosts(run, { source, fleet }, derived),
      buildHosts(run, { fleet, derived, built }),
      pushesEarly ? pushEarly(run, built, { most: fleet.hosts.length, earlier }) : Promise.resolve(),
    );
  const [, hosts] = await withWayRound(run, fleet.hosts, stages);
  if (!pushesEarly) await pushClosures(run, hosts, earlier);
  return hosts;
}

async function publish(run: Run, parts: Parts): Promise<PublicationFacts> {
  const { source, trusted } = parts;
  const composed = await composeRelease(run, parts);
  const changes = await compareWithLast(run, composed.artifacts, parts.earlier, source.place !== null);
  // What stays as it is was signed before.
  if (composed.kept === null) await confirmRelease(run, () => changeLines(changes));
  const signed = await signArtifacts(run, composed);
  await checkRelease(run, { signed, stamp: composed.stamp, trusted });

  const { stamp } = composed;
  const { came, commit, to } = await store(run, source, { signed, trusted, stamp, changes });
  return {
    outcome: came,
    releaseCommit: commit,
    pushedTo: to,
    programVersion: metadata.version,
    stamp,
    signed,
    reused: composed.kept !== null,
    changes,
    notes: run.notes,
  };
}

/** What a release is stored from. */
interface ToStore {
  readonly signed: readonly SignedArtifact[];
  readonly trusted: TrustedKeys | null;
  readonly stamp: Stamp;
  readonly changes: Changes;
}

/** Where a release has come to be, and what that is called. */
interface Stored {
  readonly came: RunOutcome["outcome"];
  readonly commit: string | null;
  readonly to: GitPushTarget | null;
}

/** Writes, commits and pushes a release, unless the branch that it would be pushed to has it already. */
async function store(
  run: Run,
  origin: Origin,
  { signed, trusted, stamp, changes }: ToStore,
): Promise<Stored> {
  const { repository, place, attributes } = origin;
  if (place === null) {
    const { written } = await writeRelease(run, signed, { trusted, commit: null });
    return { came: written.length > 0 ? "released" : "no-change", commit: null, to: null };
  }
  const files = filesToWrite(signed);
  const summary = summaryOf(changes);
  const ready = { repository: repository!, place, files, attributes, stamp, trusted, summary };
  const base = await lookUpstream(run, ready);
  if (base === null) return { came: "already-released", commit: null, to: null };
  const parent = base.moves ? ready.repository.head : base.parent;
  const written = await writeRelease(run, signed, {
    trusted,
    commit: { repository: ready.repository, parent },
  });
  const removed = [...written.removed, ...prunedSidecars(run)];
  const committed = await commitRelease(run, ready, { base, removed });
  const { commit, to, already } = await pushCommit(run, ready, committed, { base, removed });
  const changed = committed !== null ? "released" : to !== null ? "pushed" : "no-change";
  return { came: already ? "already-released" : changed, commit, to };
}
