/**
 * The release that a plan compares with: the last one, or another that the user names.
 *
 * @module
 */
import { JOURNAL_FILE, SIDECAR_FILES, signaturePath } from "../contract/layout.ts";
import { type ErrorDetails, ReleaseError } from "../errors.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import { isDirectoryName } from "../plan/release_name.ts";
import { beingPublished } from "../plan/recovery.ts";
import type { ReleaseFiles } from "../verify/bindings.ts";
import { readContent } from "../verify/content.ts";
import { lastRelease, releaseIn } from "./changes.ts";
import { type Earlier, warnOfUntrusted } from "./order.ts";
import { type Planning, readInCommit } from "./run.ts";
import type { TrustedKeys } from "./trust.ts";

/** A release to compare with. */
export interface Against {
  /** Where it is, in words that continue `the release`. */
  readonly place: string;
  readonly release: EvaluatedFleet;
  /** Whether a key that consumers trust has signed it; false where nobody says which these are. */
  readonly verified: boolean;
}

/** What is known of releases. */
export interface Known {
  /** The keys that consumers trust; null: nobody says which, and nothing is verified. */
  readonly keys: TrustedKeys | null;
  /** What was released before. */
  readonly earlier: Earlier;
}

/**
 * Reads the release to compare with.
 *
 * @param named A directory, as {@linkcode isDirectoryName} tells it, or a commit, tag or branch of the repository that has
 * the release directory; undefined: the last release
 * @returns null when there is no last release that counts
 * @throws {ReleaseError} of kind `git` when no commit has that name, or more than one, `usage` when there is no release, and
 * `smoke-verify` when consumers would refuse it, its age apart
 */
export async function readAgainst(
  run: Planning,
  named: string | undefined,
  known: Known,
): Promise<Against | null> {
  if (named === undefined) warnOfUntrusted(run, known.earlier);
  return await run.stage({
    name: "against",
    title: `Reading the release ${named === undefined ? `in ${run.config.releaseDir}` : named}`,
    done: (found) =>
      found === null
        ? "Found nothing to compare with"
        : `Read the release of ${found.release.fleet.meta.signedAt}`,
  }, () => named === undefined ? readLast(run, known) : readNamed(run, named, known));
}

async function readLast(run: Planning, { keys, earlier }: Known): Promise<Against | null> {
  const { config, ports: { releaseDir }, warn } = run;
  if (await releaseDir.has(JOURNAL_FILE)) warn(beingPublished(config.releaseDir));
  const last = await lastRelease(run, earlier, config.gitCommit);
  const release = last && releaseIn(last.documents, config.artifactName);
  if (last !== null && release === null) warnOfUntrusted(run, { ...earlier, untrusted: true });
  return release && { place: last!.place, release, verified: keys !== null };
}

async function readNamed(run: Planning, named: string, { keys }: Known): Promise<Against> {
  const { artifactName } = run.config;
  const { place, files } = await find(run, named);
  if (!files.has(artifactName)) {
    throw refused(named, `there is no release ${place}`, {
      hint: `a release has "${artifactName}"; --artifact-name says another name`,
    });
  }
  const { content: release, failures } = await readContent(files, { artifactName, trust: keys });
  if (release !== null) return { place, release, verified: keys !== null };
  throw new ReleaseError(
    "smoke-verify",
    `Cannot compare with "${named}": consumers would refuse the release ${place}`,
    {
      lines: failures.map(({ path, code, message }) => `"${path}": ${message} [${code}]`),
      hint: keys === null
        ? undefined
        : "another key may have signed it: give that, too, or none, so that nothing is verified",
    },
  );
}

function refused(named: string, reason: string, details: ErrorDetails): ReleaseError {
  return new ReleaseError("usage", `Cannot compare with "${named}": ${reason}`, details);
}

/** A place that has a release, or may have one. */
interface Place {
  /** As in {@linkcode Against}. */
  readonly place: string;
  /** By the paths in the release directory. */
  readonly files: ReleaseFiles;
}

async function find(run: Planning, named: string): Promise<Place> {
  const { config: { artifactName }, ports: { git, releaseDir, directory } } = run;
  // What is read of a release: its documents but for the manifests, and their signatures.
  const paths = [artifactName, ...SIDECAR_FILES].flatMap((path) => [path, signaturePath(path)]);
  if (isDirectoryName(named)) {
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const path of paths) {
      const bytes = await directory(named).read(path);
      if (bytes !== null) files.set(path, bytes);
    }
    return { place: `in "${named}"`, files };
  }
  const { path, existing } = await releaseDir.realPath();
  const repository = await git.repositoryOf(existing);
  const asDirectory = `a directory is written as ./${named}`;
  if (repository === null) throw refused(named, `"${path}" is in no git repository`, { hint: asDirectory });
  const commit = await git.findCommit(repository, named).catch((error) => {
    throw error instanceof ReleaseError ? error.with({ hint: `${error.hint}; ${asDirectory}` }) : error;
  });
  const files = await readInCommit(run, { repository, commit }, paths);
  return { place: `in commit ${commit.slice(0, 8)}`, files };
}
