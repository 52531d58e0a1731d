/**
 * `fleet-release prune`: removes what lies in a release directory and is of no use any more.
 *
 * @module
 */
import { resolve } from "@std/path";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import type { Surroundings } from "../cli/grant.ts";
import { flag, number } from "../cli/option.ts";
import { checkArtifactName } from "../config.ts";
import { SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import { wholeSeconds } from "../contract/time.ts";
import { Interrupt, ReleaseError } from "../errors.ts";
import type { Warn } from "../model.ts";
import type { ReleaseDir } from "../ports.ts";
import { jsonDocument } from "../report/json.ts";
import { plural, printable } from "../text.ts";
import type { TrustedKey } from "../verify/trust.ts";
import {
  fleetFile,
  HELP_OPTIONS,
  INTERRUPTED,
  KEEP_RELEASES,
  lockGrants,
  trustFile,
  waitLock,
} from "./shared.ts";

/** What `prune` is told. Paths are relative to the current directory. */
interface PruneSettings {
  readonly dir: string;
  /** Undefined: whoever has signed them, what lies there is taken for what it says. */
  readonly trustFile: string | undefined;
  readonly artifactName: string;
  readonly keepReleases: number;
  readonly pruneSidecars: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  /** Seconds to wait for another run. */
  readonly waitLock: number | undefined;
}

const OPTIONS = {
  "trust-file": trustFile("take away what none of these keys has signed, too"),
  "artifact-name": fleetFile("What to remove"),
  "keep-releases": number({
    group: "What to remove",
    placeholder: "N",
    least: 1,
    default: KEEP_RELEASES,
    defaultText: `${KEEP_RELEASES}`,
    help: "keep the rollout manifests of the last N releases",
  }),
  "prune-sidecars": flag({
    group: "What to remove",
    help: "remove sidecars and an index that are not of the fleet's release",
  }),
  "dry-run": flag({ group: "What to remove", help: "remove nothing, and print what would be" }),
  "wait-lock": waitLock("What to remove"),
  "json": flag({ group: "Output", help: "print what it removes on stdout as JSON" }),
  ...HELP_OPTIONS,
};

/** The command. */
export const PRUNE = defineCommand({
  name: "prune",
  usage: ["prune [DIR] [OPTION...]"],
  summary: "remove rollout manifests that are of no use any more",
  about:
    "Removes from a release directory (by default `releases`) the rollout manifests of older releases than the\n" +
    "last ones, and those that no consumer would accept, with their signatures. A release does the same. Prints\n" +
    "what it removes, and commits nothing: the next release commits that it is gone.",
  options: OPTIONS,
  operands: "a release directory",
  offers: "directories",
  exitCodes: {
    0: "removed, or there is nothing to remove",
    1: "usage, or a file that cannot be read or removed",
    ...INTERRUPTED,
  },
  example: "fleet-release prune releases --dry-run",
  variables: [],
  grants: [
    {
      permission: "read",
      what: "the directory, its repository, and the links that lead there",
      why: "what is in it says what can go; the lock is in the repository's `.git`",
      of: ({ dir }: PruneSettings, around: Surroundings) => {
        const { path, links } = placeOf(dir, around);
        return [around.repositoryOf(path), path, ...links];
      },
    },
    {
      permission: "write",
      what: "the directory, where it really is",
      why: "files are removed from it",
      of: ({ dir }, around) => [placeOf(dir, around).path],
    },
    ...lockGrants(({ dir }: PruneSettings) => ({ dir, commits: false })),
  ],
  read: readSettings,
  run: prune,
});

function placeOf(dir: string, { cwd, followLinks }: Surroundings) {
  return followLinks(resolve(cwd, dir), dir);
}

/** @throws {ReleaseError} of kind `usage` */
function readSettings({ values, operands: [dir, stray] }: Given<typeof OPTIONS>): PruneSettings {
  if (dir === "") throw new ReleaseError("usage", "prune is given an empty name, expected a directory");
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: "usage: fleet-release prune [DIR] [OPTION...]",
    });
  }
  checkArtifactName(values.artifactName);
  const { artifactName, keepReleases, pruneSidecars, dryRun, waitLock, json } = values;
  return {
    ...{ dir: dir ?? "releases", trustFile: values.trustFile, artifactName },
    ...{ keepReleases, pruneSidecars, dryRun, waitLock, json },
  };
}

/**
 * Removes what a whole release has no use for, while no other run is at work there, and prints what.
 *
 * @throws {ReleaseError} when there is no fleet, another run is at work, or something cannot be read or removed
 */
async function prune(settings: PruneSettings, session: Session): Promise<number> {
  const { dir, dryRun, waitLock: wait } = settings;
  const { world: { cwd, clock, signal }, log } = session;
  const { createReleaseDir } = await import("../adapters/release_dir.ts");
  const releaseDir = createReleaseDir(dir, cwd);
  if (dryRun) return await pruneIn(releaseDir, settings, session);
  const [{ lockReleaseDir }, { recoveryWarning }] = await Promise.all([
    import("../adapters/lock.ts"),
    import("../plan/recovery.ts"),
  ]);
  const warn: Warn = (...warnings) => warnings.forEach((warning) => log.warn(warning));
  try {
    using _lock = await lockReleaseDir(resolve(cwd, dir), dir, { wait, clock, signal, warn });
    const recovery = await releaseDir.recover();
    if (recovery !== null) warn(recoveryWarning(recovery, dir));
    return await pruneIn(releaseDir, settings, session);
  } catch (error) {
    if (!(error instanceof Interrupt)) throw error;
    throw new ReleaseError("interrupted", `${error.message}: nothing was removed`, { cause: error });
  }
}

async function pruneIn(
  releaseDir: ReleaseDir,
  settings: PruneSettings,
  { world }: Session,
): Promise<number> {
  const { artifactName, keepReleases, pruneSidecars, dryRun } = settings;
  const { findRemovable } = await import("../verify/retention.ts");
  const keys = await readKeys(settings, world);
  const fleet = await readFleetOf(releaseDir, settings, keys);
  const manifests = await releaseDir.manifests();
  const strangers = await releaseDir.signedStrangers(artifactName);
  const rules = { fleet, others: strangers, keys, keep: keepReleases };
  const { damaged, outdated } = await findRemovable(manifests, rules);
  const others = await otherSidecars(releaseDir, fleet);
  const removed = [...damaged, ...outdated, ...(pruneSidecars ? others : [])].sort();
  if (!dryRun) {
    world.signal.throwIfAborted();
    const { stuck } = await releaseDir.publish([], removed);
    for (const error of stuck.values()) throw error;
  }
  const pruned: Pruned = { dryRun, removed, kept: pruneSidecars ? [] : others };
  world.stdout.write(
    settings.json ? jsonDocument("prune", pruned) : `${linesOf(pruned, artifactName).join("\n")}\n`,
  );
  return 0;
}

/** What is removed, and what is not but could be, by path. This is what `--json` prints, behind its schema. */
interface Pruned {
  readonly dryRun: boolean;
  /** In a dry run, what would be. */
  readonly removed: readonly string[];
  /** The sidecars and the index that are not of the fleet's release, with their signatures. */
  readonly kept: readonly string[];
}

function linesOf({ dryRun, removed, kept }: Pruned, artifactName: string): string[] {
  const head = `${dryRun ? "Would remove" : "Removed"} ${plural(removed.length, "file")}`;
  const left = `Not of the release of ${artifactName}, and kept without --prune-sidecars:`;
  const indented = (paths: readonly string[]) => paths.map((path) => `  ${path}`);
  return [head, ...indented(removed), ...kept.length === 0 ? [] : [left, ...indented(kept)]].map(printable);
}

/** The keys of the trust file; null without one. */
async function readKeys(
  { trustFile }: PruneSettings,
  { cwd, clock }: Session["world"],
): Promise<readonly TrustedKey[] | null> {
  if (trustFile === undefined) return null;
  const [{ createInputs }, { parseTrustFile, trustAt }] = await Promise.all([
    import("../adapters/files.ts"),
    import("../verify/trust.ts"),
  ]);
  const record = parseTrustFile(trustFile, await createInputs(cwd).read(trustFile));
  return trustAt(record, wholeSeconds(clock.now())).trust.keys;
}

/**
 * The fleet, which says what belongs to it.
 *
 * @throws {ReleaseError} of kind `contract` when there is none that says so
 */
async function readFleetOf(
  releaseDir: ReleaseDir,
  { dir, artifactName }: PruneSettings,
  keys: readonly TrustedKey[] | null,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> }> {
  const [{ readFleet }, { verifyingKey }] = await Promise.all([
    import("../plan/reuse.ts"),
    import("../verify/acceptance.ts"),
  ]);
  const bytes = await releaseDir.read(artifactName);
  const signature = await releaseDir.read(signaturePath(artifactName));
  const isSigned = keys === null ||
    bytes !== null && signature !== null && await verifyingKey(bytes, signature, keys) !== null;
  if (bytes !== null && isSigned && readFleet(bytes) !== undefined) return { path: artifactName, bytes };
  const problem = bytes === null
    ? "is not there"
    : isSigned
    ? "is damaged"
    : "is not signed by a trusted key";
  throw new ReleaseError("contract", `Cannot prune "${dir}": "${artifactName}" ${problem}`, {
    hint: "without it nobody knows what belongs to the release: make one, or name it with --artifact-name",
  });
}

/** The sidecars and the index on disk, with their signatures, that have another stamp than the fleet. */
async function otherSidecars(
  releaseDir: ReleaseDir,
  fleet: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<string[]> {
  const { bindRelease } = await import("../verify/bindings.ts");
  const files = new Map([[fleet.path, fleet.bytes]]);
  for (const path of SIDECAR_FILES) {
    const bytes = await releaseDir.read(path);
    if (bytes !== null) files.set(path, bytes);
  }
  const others = bindRelease(files, fleet.path).failures
    .filter(({ path, code }) => code === "wrong-stamp" && path !== fleet.path)
    .flatMap(({ path }) => [path, signaturePath(path)]);
  const there: string[] = [];
  for (const path of others) if (await releaseDir.has(path)) there.push(path);
  return there;
}
