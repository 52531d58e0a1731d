/**
 * A release directory, on disk or in a commit, as the commands find it that judge one.
 *
 * @module
 */
import { dirname } from "@std/path";
import type { ComingFleet } from "../adapters/release_dir.ts";
import { equalBytes } from "../bytes.ts";
import type { Session } from "../cli/command.ts";
import type { Grant } from "../cli/grant.ts";
import { signedPath } from "../contract/layout.ts";
import type { FleetResolved } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { ReleaseFiles } from "../verify/bindings.ts";
import type { ReleaseVerdict, VerifyReleaseOptions } from "../verify/release.ts";
import { found, MORE_VARIABLES } from "./shared.ts";

/** A release directory to judge. */
export interface ReleasePlace {
  readonly dir: string;
  /** The commit, tag or branch that it is read from; undefined: it is read from disk. */
  readonly git: string | undefined;
}

/** The programs of `--git`. */
const GIT_PROGRAMS = ["git", "sh"];
/** The variables that git needs to read a commit. */
export const GIT_VARIABLES: readonly string[] = [
  "HOME",
  "PATH",
  "XDG_CONFIG_HOME",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_NOSYSTEM",
];

/**
 * What has to be permitted to read a directory from a commit.
 *
 * @param revisionOf What `--git` is given; undefined: the directory is on disk
 */
export function gitGrants<Settings>(
  revisionOf: (settings: Settings) => string | undefined,
): Grant<Settings>[] {
  const withGit = (settings: Settings, values: () => readonly string[]) =>
    revisionOf(settings) === undefined ? [] : values();
  return [
    {
      permission: "run",
      what: "with `--git`, `git` and `sh`",
      why: "git has the files",
      of: (settings, around) => withGit(settings, () => found(GIT_PROGRAMS, around)),
    },
    {
      permission: "read",
      what: "with `--git`, the directories of these programs",
      why: "to find them; git itself reads the repository",
      of: (settings, around) =>
        withGit(settings, () => found(GIT_PROGRAMS, around).map((path) => dirname(path))),
    },
    {
      permission: "env",
      what: "with `--git`, the variables that git goes by, each by name",
      why: "they are all that it gets",
      of: (settings) =>
        withGit(
          settings,
          () => [...GIT_VARIABLES, ...MORE_VARIABLES],
        ),
    },
  ];
}

/** Reads of a directory that runs are changing all the time. */
const MOST_READS = 10;

/**
 * Judges a directory as `verify` does. No two files can change at one time, so that one which is refused is read again
 * until it has stood still: a run may have been putting another release there.
 */
export async function judgeDirectory(
  subject: ReleasePlace,
  options: VerifyReleaseOptions,
  session: Session,
): Promise<FoundFiles & { readonly verdict: ReleaseVerdict }> {
  const { verifyRelease } = await import("../verify/release.ts");
  const read = () => readFiles(subject, options, session);
  let found = await read();
  for (let reads = 1; reads < MOST_READS; reads++) {
    const verdict = await verifyRelease(found.files, options);
    if (verdict.verified || found.commit !== null) return { ...found, verdict };
    const again = await read();
    if (sameFiles(found.files, again.files)) return { ...again, verdict };
    found = again;
  }
  throw new ReleaseError("io", `Cannot read "${subject.dir}": it changes all the time`);
}

function sameFiles(a: ReleaseFiles, b: ReleaseFiles): boolean {
  return a.size === b.size && [...a].every(([path, bytes]) => {
    const other = b.get(path);
    return other !== undefined && equalBytes(bytes, other);
  });
}

/** The warning of a directory that is between two releases. */
export function interruption({ dir }: ReleasePlace): Warning {
  return {
    code: "interrupted-publication",
    message:
      `A release is being put into "${dir}", or the run that did so was interrupted: this is what consumers ` +
      "find there now. The next run finishes it or takes it back",
    path: dir,
  };
}

/** The files of a directory, and where they are from. */
export interface FoundFiles {
  readonly files: ReleaseFiles;
  /** The commit that they are in; null: they are on disk. */
  readonly commit: string | null;
  /** Whether a publication has begun there and not ended. */
  readonly interrupted: boolean;
}

/** The files of a directory, as they are on disk or in a commit. */
async function readFiles(
  { dir, git }: ReleasePlace,
  options: VerifyReleaseOptions,
  { world, log }: Session,
): Promise<FoundFiles> {
  const { cwd } = world;
  const { artifactName } = options;
  if (git === undefined) {
    const { readRelease } = await import("../adapters/release_dir.ts");
    const { files, interrupted, coming } = await readRelease({ dir, cwd }, artifactName);
    const early = coming === null ? [] : await manifestsOf(coming, options);
    early.forEach((path) => files.delete(path));
    return { files, interrupted, commit: null };
  }
  const [{ readReleaseTree }, { Shell }, { withSafePath }] = await Promise.all([
    import("../adapters/git/tree.ts"),
    import("../adapters/process.ts"),
    import("../adapters/search_path.ts"),
  ]);
  // The repository may be a stranger's: git gets what it needs, and nothing of what the user may hold for releases.
  const { env, warnings } = withSafePath(Object.fromEntries(
    Object.entries(world.environment.require(GIT_VARIABLES)).filter(([name]) =>
      GIT_VARIABLES.includes(name) || /^GIT_CONFIG_(KEY|VALUE)_/.test(name)
    ),
  ));
  warnings.forEach((warning) => log.warn(warning));
  const shell = new Shell({ path: env["PATH"] ?? "", cwd, trace: log });
  const tree = await readReleaseTree(shell, env, { cwd, revision: git, dir }, artifactName);
  return { ...tree, interrupted: false };
}

/**
 * What is there of the manifests of a fleet that is about to come, and that consumers accept: nobody asks for them until
 * it is there. Of any other fleet a journal may say what it likes.
 */
async function manifestsOf(
  { early, ...fleet }: ComingFleet,
  { trust: { keys, rejectBefore }, now, freshnessWindowSeconds }: VerifyReleaseOptions,
): Promise<readonly string[]> {
  const [{ verifyArtifact }, { projectedPaths }] = await Promise.all([
    import("../verify/artifact.ts"),
    import("../verify/bindings.ts"),
  ]);
  const judging = { keys, rejectBefore, now, freshnessWindowSeconds };
  const { verified, document } = await verifyArtifact({ ...fleet, ...judging, kind: "fleet" });
  if (!verified) return [];
  const manifests = new Set(projectedPaths(document as FleetResolved, fleet.bytes));
  return early.filter((path) => manifests.has(signedPath(path) ?? path));
}
