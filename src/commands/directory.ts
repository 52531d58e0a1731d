/**
 * A release directory, on disk or in a commit, as the commands find it that judge one.
 *
 * @module
 */
import { dirname } from "@std/path";
import type { Shell } from "../adapters/process.ts";
import type { ComingFleet } from "../adapters/release_dir.ts";
import { equalBytes } from "../bytes.ts";
import type { Session } from "../cli/command.ts";
import type { Grant } from "../cli/grant.ts";
import { signedPath } from "../contract/layout.ts";
import type { FleetResolved, Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import { beingPublished } from "../plan/recovery.ts";
import { jsonPieces } from "../report/json.ts";
import type { ReleaseFiles } from "../verify/bindings.ts";
import type { ReleaseVerdict, VerifyReleaseOptions } from "../verify/release.ts";
import type { Trust } from "../verify/trust.ts";
import { found, MORE_VARIABLES } from "./shared.ts";

/** What a command has found that only tells of it. */
interface Report {
  readonly schema: string;
  readonly warnings: readonly Warning[];
}

/**
 * Prints what a command has found: on stdout as JSON, or in lines for people, and in the log what there is to warn of.
 *
 * @param lines Gives those lines; undefined: JSON is asked for
 */
export function printReport<R extends Report>(
  report: R,
  lines: ((report: R) => readonly string[]) | undefined,
  { world: { stdout }, log }: Session,
): void {
  report.warnings.forEach((warning) => log.warn(warning));
  if (lines !== undefined) stdout.write(`${lines(report).join("\n")}\n`);
  else for (const piece of jsonPieces(report)) stdout.write(piece);
}

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
 * @param usesGit Whether one is read from there
 * @param when When that is so, as in "with `--git`, "
 */
export function gitGrants<Settings>(
  usesGit: (settings: Settings) => boolean,
  when: string,
): Grant<Settings>[] {
  const withGit = (settings: Settings, values: () => readonly string[]) => usesGit(settings) ? values() : [];
  return [
    {
      permission: "run",
      what: `${when}\`git\` and \`sh\``,
      why: "git has the files",
      of: (settings, around) => withGit(settings, () => found(GIT_PROGRAMS, around)),
    },
    {
      permission: "read",
      what: `${when}the directories of these programs`,
      why: "to find them; git itself reads the repository",
      of: (settings, around) =>
        withGit(settings, () => found(GIT_PROGRAMS, around).map((path) => dirname(path))),
    },
    {
      permission: "env",
      what: `${when}the variables that git goes by, each by name`,
      why: "they are all that it gets",
      of: (settings) => withGit(settings, () => [...GIT_VARIABLES, ...MORE_VARIABLES]),
    },
  ];
}

/**
 * The one operand of a command about a release directory, by default `releases`.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function directoryOperand(command: string, [dir = "releases", stray]: readonly string[]): string {
  if (dir === "") throw new ReleaseError("usage", `${command} is given an empty name, expected a directory`);
  if (stray === undefined) return dir;
  throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
    hint: `usage: fleet-release ${command} [DIR] [OPTION...]`,
  });
}

/** The keys that consumers trust, as they are given: in one of these, or in none. */
export interface GivenTrust {
  readonly trustFile: string | undefined;
  readonly publicKey: string | undefined;
}

/**
 * Refuses keys that are given twice.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function checkTrust({ trustFile, publicKey }: GivenTrust): void {
  if (trustFile === undefined || publicKey === undefined) return;
  throw new ReleaseError("usage", "Two sources of trusted keys: --trust-file and --public-key", {
    hint: "give one of them",
  });
}

/** What somebody should know who has given no keys. */
export const UNVERIFIED: Warning = {
  code: "unverified",
  message: "No signature is verified: neither --trust-file nor --public-key is given",
};

/**
 * Reads the keys.
 *
 * @param now What the successor of a trust file retires by
 * @returns null when none are given
 * @throws {ReleaseError} when they cannot be read
 */
export async function readTrust(
  { trustFile, publicKey }: GivenTrust,
  { world: { cwd } }: Session,
  now: Timestamp,
): Promise<{ trust: Trust | null; warnings: readonly Warning[] }> {
  const { parseTrustFile, trustAt, trustOfKey } = await import("../verify/trust.ts");
  if (publicKey !== undefined) return { trust: trustOfKey(publicKey), warnings: [] };
  if (trustFile === undefined) return { trust: null, warnings: [] };
  const { createInputs } = await import("../adapters/files.ts");
  return trustAt(parseTrustFile(trustFile, await createInputs(cwd).read(trustFile)), now);
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
  return beingPublished(dir);
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
  session: Session,
): Promise<FoundFiles> {
  const { cwd } = session.world;
  const { artifactName } = options;
  if (git === undefined) {
    const { readRelease } = await import("../adapters/release_dir.ts");
    const { files, interrupted, coming } = await readRelease({ dir, cwd }, artifactName);
    const early = coming === null ? [] : await manifestsOf(coming, options);
    early.forEach((path) => files.delete(path));
    return { files, interrupted, commit: null };
  }
  const { readReleaseTree } = await import("../adapters/git/tree.ts");
  const { shell, env } = await openShell(session);
  const tree = await readReleaseTree(shell, env, { cwd, revision: git, dir }, artifactName);
  return { ...tree, interrupted: false };
}

/** What git is run with. */
export async function openShell(
  { world, log }: Session,
): Promise<{ shell: Shell; env: Readonly<Record<string, string>> }> {
  const [{ Shell }, { withSafePath }] = await Promise.all([
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
  return { shell: new Shell({ path: env["PATH"] ?? "", cwd: world.cwd, trace: log }), env };
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
