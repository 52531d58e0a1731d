/**
 * What is released: the flake at one fixed state, and where it comes from.
 *
 * @module
 */
import { dirname, join, relative } from "@std/path";
import { signKeyDescriptor } from "../config.ts";
import { ATTRIBUTES_FILE, isDocumentPath } from "../contract/layout.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { LockedFlake } from "../model.ts";
import { isPlainPath } from "../plan/flake_reference.ts";
import { isWithin } from "../plan/paths.ts";
import { pinSourceAt } from "../plan/pins.ts";
import type { AskedOfFlake, FlakeSource, Repository } from "../ports.ts";
import { signKeyVariable } from "../secrets.ts";
import { plural, quoteList } from "../text.ts";
import { attributesFor } from "./attributes.ts";
import { findPlace, type Origin, refuseDiverged } from "./base.ts";
import { checkClock, lookAtHead } from "./clock.ts";
import { checkCommittable } from "./committable.ts";
import type { Look, Reading, Run } from "./run.ts";

/** The flake at one fixed state, and its repository. */
export interface SeenSource {
  readonly flake: LockedFlake;
  /** The repository that the flake lies in; null outside git, and for a flake of another machine. */
  readonly repository: Repository | null;
}

/** The flake at one fixed state, and where it comes from. */
export interface Source extends Origin, SeenSource {
}

/**
 * Locks the flake, finds its repository, and checks all that can be checked before work begins. Every later nix call
 * is given what is locked here, and never `.` again.
 */
export async function lockSource(run: Run): Promise<Source> {
  return await sourceStage(run, () => resolveSource(run));
}

async function sourceStage<Seen extends SeenSource>(run: Look, see: () => Promise<Seen>): Promise<Seen> {
  const { buildFlake } = run.config;
  return await run.stage({
    name: "source",
    title: `Reading flake ${buildFlake}`,
    done: ({ flake }) => `Read flake ${buildFlake} at ${flake.revision?.slice(0, 8) ?? "no commit"}`,
  }, see);
}

/** Locks the flake as a release would that is not committed. */
export async function planSource(run: Reading): Promise<Source> {
  return await sourceStage(run, async () => uncommitted(run, await findSource(run)));
}

/** Locks the flake as it is, to look at it: nothing is asked of it that only a release needs. */
export async function seeSource(run: Look): Promise<SeenSource> {
  const { config: { buildFlake }, ports: { git } } = run;
  return await sourceStage(run, async () => {
    const { flake, around: repository } = await lockAsked(run, (dir) => git.repositoryOf(dir));
    return { flake: { ...flake, reference: buildFlake }, repository };
  });
}

/** What a release asks of the flake, where it asks no other. */
function askedBy({ attributes, config: { hosts } }: Look): AskedOfFlake | undefined {
  if ([...attributes.values()].some(({ flake }) => flake !== undefined)) return undefined;
  return { attributes: new Map([...attributes].map(([name, { path }]) => [name, path])), hosts };
}

/**
 * Locks the flake that is asked for.
 *
 * @param lookAround Finds out about the directory that it is in, side by side with nix
 * @param likely What is going to be asked of it
 * @returns with it what that came to; null for a flake that is not on this machine
 */
async function lockAsked<Around>(
  run: Look,
  lookAround: (dir: string) => Promise<Around>,
  likely?: AskedOfFlake,
): Promise<{ flake: LockedFlake; around: Around | null }> {
  const { config, ports: { nix } } = run;
  const { text: reference, directory } = await nix.referTo(config.buildFlake);
  if (directory === null) refuseAttribute(reference);
  const [flake, around] = await Promise.all([
    lockFlake(run, reference, likely).catch((error) => {
      throw directory === null || isPlainPath(directory) ? error : withHintOfName(error);
    }),
    // A flake is looked for upwards from here, and in no other repository.
    directory === null ? null : lookAround(directory),
  ]);
  if (flake.localDir === null) return { flake, around: null };
  return { flake, around: around ?? await lookAround(flake.localDir) };
}

/** What is locked, before it is known whether and where its release is committed. */
interface FoundSource extends SeenSource {
  /** The changes in its repository that are of release files. */
  readonly left: readonly string[];
  /** When the commit was made that is checked out, as far as that counts. */
  readonly committedAt: Timestamp | null;
}

async function findSource(run: Reading): Promise<FoundSource> {
  const { flake: asked, around } = await lockAsked(run, (dir) => lookAround(run, dir), askedBy(run));
  const { repository, committedAt } = around ?? NOWHERE;
  const left = repository === null ? [] : await releaseFilesIn(run, asked, repository);
  return { flake: await withoutLeftovers(run, { asked, left }, repository), repository, left, committedAt };
}

function uncommitted(run: Look, { flake, repository, ...more }: FoundSource): Source {
  return checked(run, { flake, repository, place: null, attributes: [] }, more);
}

async function resolveSource(run: Run): Promise<Source> {
  const { config } = run;
  const found = await findSource(run);
  if (!config.gitCommit) return uncommitted(run, found);
  const { flake: whole, repository, left, committedAt } = found;
  const own = await checkCommittable(run, repository, config.buildFlake);
  const place = await findPlace(run, own, whole.revision);
  const flake = place.pending === null ? whole : await withoutRelease(run, whole, place.pending);
  const attributes = await attributesFor(run, own, place);
  const source = checked(run, { flake, repository, place, attributes }, { left, committedAt });
  if (!place.moves && place.named && place.parent !== null) {
    await refuseDiverged(run, own, place.parent, source.ciCommit);
  }
  return source;
}

/** The repository that a directory lies in, and when the commit was made that is checked out, as far as that counts. */
async function lookAround(run: Look, dir: string): Promise<{
  readonly repository: Repository | null;
  readonly committedAt: Timestamp | null;
}> {
  const repository = await run.ports.git.repositoryOf(dir);
  return { repository, committedAt: await lookAtHead(run, repository) };
}

const NOWHERE = { repository: null, committedAt: null };

/** The source, once it is known that it may be released without a revision, if it has none. */
function checked(
  run: Look,
  found: Omit<Source, "ciCommit">,
  { left, committedAt }: { readonly left: readonly string[]; readonly committedAt: Timestamp | null },
): Source {
  const { repository } = found;
  // What messages call it; nix may have been given a longer form.
  const flake = { ...found.flake, reference: run.config.buildFlake };
  const source = { ...found, flake, ciCommit: flake.revision ?? repository?.head ?? null };
  if (flake.revision === null) checkUnlocked(source, left, run);
  checkClock(run, repository, committedAt);
  return source;
}

/** The flake at the commit that was released last, where that release is checked out and is not upstream yet. */
async function withoutRelease(run: Run, flake: LockedFlake, released: string): Promise<LockedFlake> {
  return flake.repositoryUrl === null
    ? flake
    : await lockFlake(run, pinSourceAt(flake.repositoryUrl, released));
}

/**
 * Refuses what is behind a `#`, which would choose a part of the flake, as in `nix build .#web1`.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function refuseAttribute(reference: string): void {
  const attribute = reference.slice(reference.indexOf("#") + 1);
  if (!reference.includes("#") || attribute === "") return;
  throw new ReleaseError(
    "usage",
    `Cannot use --build-flake "${reference}": "#${attribute}" names an attribute, expected a flake`,
    { hint: "leave it out; --hosts says which hosts are released" },
  );
}

/** The error for a directory whose path has to be written as a URL, which not every version of nix reads. */
function withHintOfName(error: unknown): unknown {
  if (!(error instanceof ReleaseError && error.kind === "evaluation") || error.hint !== undefined) {
    return error;
  }
  return error.with({
    hint: "older versions of nix read no path with such characters in it: give the directory another name",
  });
}

/** The changes in a flake's repository that are of release files. */
export async function releaseFilesIn(
  { config, ports: { releaseDir } }: Reading,
  { dirty, differing }: Pick<LockedFlake, "dirty" | "differing">,
  { root }: Repository,
): Promise<string[]> {
  if (!dirty || differing.length === 0) return [];
  const dir = (await releaseDir.realPath()).path;
  return differing.filter((path) => {
    const name = relative(dir, join(root, path));
    return name === ATTRIBUTES_FILE || isDocumentPath(name, config.artifactName);
  });
}

/**
 * The flake at the commit that is checked out, where the only changes are in the release directory: a run that could not
 * commit what it had written leaves such, and the next one releases that commit as if they were not there.
 */
async function withoutLeftovers(
  run: Look,
  { asked, left }: { readonly asked: LockedFlake; readonly left: readonly string[] },
  repository: Repository | null,
): Promise<LockedFlake> {
  const { differing, repositoryUrl } = asked;
  const areAll = left.length > 0 && left.length === differing.length;
  if (!areAll || repositoryUrl === null || !repository?.head) return asked;
  // What is changed within submodules, nobody has looked at.
  if (/[?&]submodules=1/.test(repositoryUrl)) return asked;
  run.warn({
    code: "release-left-behind",
    message:
      `The only changes that are not committed are of release files, as a run that was interrupted leaves ` +
      `them (${quoteList(left, 3)}): what is released is commit ${repository.head.slice(0, 8)}`,
  });
  return await lockFlake(run, pinSourceAt(repositoryUrl, repository.head));
}

/**
 * Locks a flake, of which nix copies the source into its store, where everybody can read it: a signing key that is in it
 * is refused before.
 *
 * @param likely What is going to be asked of it
 * @throws {ReleaseError} of kind `usage` when the key is in the source, and `evaluation` when nix cannot read the flake
 */
export async function lockFlake(
  run: Look,
  reference: string,
  likely?: AskedOfFlake,
): Promise<LockedFlake> {
  await refuseKeyInSource(run, reference);
  const flake = await run.ports.nix.lock(reference, likely);
  checkFiltered(run, flake, reference);
  const { passedOver } = flake.nixConfig;
  if (passedOver.length > 0) {
    run.warn({
      code: "flake-config",
      message: `The nixConfig of "${reference}" sets ${quoteList(passedOver)}, which nix passes over: ` +
        "with --accept-flake-config it goes by that",
    });
  }
  return flake;
}

/**
 * Refuses a signing key that nix would copy with the source of a flake.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export async function refuseKeyInSource(run: Look, reference: string): Promise<void> {
  const { config: { signKey }, ports: { nix, inputs } } = run;
  if (signKey === undefined || !isKeyFile(signKey)) return;
  const key = await inputs.realPath(signKey);
  const source = key === null ? null : await nix.locate(reference);
  if (key === null || source === null || !await isCopied(run, source, key)) return;
  throw new ReleaseError(
    "usage",
    `The signing key "${signKey}" is part of the source of the flake "${reference}", which nix copies to where ` +
      "everybody on this machine can read it",
    {
      hint: source.inGit
        ? `git tracks the key: keep it outside of "${source.root}", and make a new one, since others may have it`
        : `nix copies all of "${source.root}": keep the key outside of it`,
    },
  );
}

/** Whether a `--sign-key` names a file. */
export function isKeyFile(signKey: string): boolean {
  return signKeyVariable(signKey) === undefined && signKeyDescriptor(signKey) === undefined;
}

/** What git has changed on its way out of the commit is in no commit. */
function checkFiltered(
  { config, warn }: Look,
  { differing, revision }: LockedFlake,
  reference: string,
): void {
  if (differing.length === 0 || revision === null) return;
  const problem = `git gives ${plural(differing.length, "file")} other contents than commit ` +
    `${revision.slice(0, 8)} has: ${quoteList(differing)}`;
  if (config.requireClean) {
    throw new ReleaseError("usage", `Cannot release "${reference}" with --require-clean: ${problem}`, {
      hint:
        "its attributes or filters (LFS, git-crypt, line ends) change them, or `git update-index` hides a change",
    });
  }
  warn({
    code: "filtered-files",
    message: `The source is not what its commit says: ${problem}. The closures are of the former`,
  });
}

/** Whether nix copies a file with a source. Both paths are without symbolic links: a link is copied, not what it names. */
async function isCopied({ ports: { git } }: Look, source: FlakeSource, file: string): Promise<boolean> {
  if (!isWithin(file, source.root)) return false;
  if (!source.inGit) return true;
  const root = await git.repositoryOf(source.root);
  const isTracked = async (repository: Repository, path: string) =>
    await git.tracks(
      repository,
      relative(repository.root, path),
      repository.root === root?.root ? source.revision : null,
    );
  if (root !== null && await isTracked(root, file)) return true;
  // A submodule has an index of its own, and the repository around it has the submodule in its own. Whether nix copies
  // submodules depends on more than the reference.
  for (let path = file;;) {
    const nearest = await git.repositoryOf(dirname(path));
    if (nearest === null || !isWithin(nearest.root, source.root)) return false;
    if (!await isTracked(nearest, path)) return false;
    if (nearest.root === root?.root) return true;
    path = nearest.root;
  }
}

/**
 * A source without a locked revision is refused, or the release says of its commit what may not be so.
 *
 * @param left The changes that are of release files
 */
function checkUnlocked(
  { flake, repository, ciCommit }: Source,
  left: readonly string[],
  { config, warn }: Look,
): void {
  const reason = flake.dirty
    ? `there are changes that are not committed${changesOf(flake.differing, left)}`
    : repository === null
    ? "it is not in git"
    : `"${config.buildFlake}" is read as a plain directory`;
  if (config.requireClean) {
    throw new ReleaseError(
      "usage",
      `Cannot release "${config.buildFlake}" with --require-clean: ${reason}`,
      {
        hint: flake.dirty
          ? `commit or stash the changes${left.length === 0 ? "" : "; the release files can stay"}`
          : "give a flake reference that nix locks to a commit",
      },
    );
  }
  warn({
    code: flake.dirty ? "dirty-tree" : "no-commit",
    message: `The source has no locked revision (${reason}): ` +
      (ciCommit === null
        ? "the release names no commit"
        : `the release names commit ${ciCommit.slice(0, 8)}, which need not contain what is built`),
  });
}

/** The user's own changes, and apart from them what a run has left. */
export function changesOf(differing: readonly string[], left: readonly string[]): string {
  const own = differing.filter((path) => !left.includes(path));
  if (own.length === 0) return differing.length === 0 ? "" : `: ${quoteList(differing)}`;
  const files = left.length === 0 ? "" : `, and ${plural(left.length, "release file")} that a run has left`;
  return `: ${quoteList(own)}${files}`;
}
