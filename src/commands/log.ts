/**
 * `fleet-release log`: the releases that a directory has had, by the history of its repository.
 *
 * @module
 */
import type { ReleaseHistory } from "../adapters/git/history.ts";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import { flag, number, text } from "../cli/option.ts";
import { checkArtifactName } from "../config.ts";
import { wholeSeconds } from "../contract/time.ts";
import { ReleaseError } from "../errors.ts";
import type { FoundCommit, LoggedRelease, LogReport } from "../report/history.ts";
import type { ReleaseFiles } from "../verify/bindings.ts";
import type { ContentRules } from "../verify/content.ts";
import {
  checkTrust,
  directoryOperand,
  GIT_VARIABLES,
  gitGrants,
  type GivenTrust,
  openShell,
  printReport,
  readTrust,
  UNVERIFIED,
} from "./directory.ts";
import { fleetFile, HELP_OPTIONS, oneKey, trustFile } from "./shared.ts";

/** What `log` is told. Paths are relative to the current directory. */
export interface LogSettings extends GivenTrust {
  readonly dir: string;
  /** The commit, tag or branch that it begins with. */
  readonly revision: string;
  readonly artifactName: string;
  /** So many releases at most; undefined: all. */
  readonly limit: number | undefined;
  /** Whether people are shown what each has changed. */
  readonly withChanges: boolean;
  readonly json: boolean;
}

/** So many releases are shown unless another number is given: a day of an hourly job, nearly. */
const LIMIT = 20;

const OPTIONS = {
  "trust-file": trustFile("verify with the keys that consumers trust; without any, nothing is verified"),
  "public-key": oneKey("verify with the one key that consumers trust"),
  "git": text({
    group: "What to look at",
    placeholder: "REV",
    offers: "revisions",
    default: "HEAD",
    help: "begin with this commit, tag or branch",
  }),
  "artifact-name": fleetFile("What to look at"),
  "limit": number({
    short: "n",
    group: "Output",
    placeholder: "N",
    least: 0,
    default: LIMIT,
    defaultText: `${LIMIT}`,
    help: "show so many releases at most; 0 for all",
  }),
  "changes": flag({ short: "p", group: "Output", help: "show what each release changes" }),
  "json": flag({ group: "Output", help: "print it on stdout as JSON, always with all changes" }),
  ...HELP_OPTIONS,
};

/** The command. */
export const LOG = defineCommand({
  name: "log",
  usage: ["log [DIR] [OPTION...]"],
  summary: "list the releases of the past, and what each has changed",
  about:
    "Lists the releases that a directory (by default `releases`) has had in the history of its repository, the\n" +
    "newest first: when and with which key they were signed, of which commit they are, and what they have changed.\n" +
    "With keys, nothing is told of what consumers would refuse, its age apart.",
  options: OPTIONS,
  operands: "a release directory",
  offers: "directories",
  onlyTells: true,
  exitCodes: {
    0: "listed, whether all of them verify or not",
    1: "usage, keys or a history that cannot be read, or no release in it",
  },
  example: "fleet-release log --trust-file trust.json -n 5 -p",
  variables: GIT_VARIABLES,
  grants: gitGrants<LogSettings>(() => true, ""),
  read: readSettings,
  run: log,
});

/** @throws {ReleaseError} of kind `usage` */
function readSettings(
  { values, operands }: Given<typeof OPTIONS>,
): LogSettings {
  const { git, trustFile, publicKey, artifactName, limit, changes, json } = values;
  const dir = directoryOperand("log", operands);
  checkTrust({ trustFile, publicKey });
  checkArtifactName(artifactName);
  return {
    ...{ dir, revision: git, trustFile, publicKey, artifactName },
    ...{ limit: limit === 0 ? undefined : limit, withChanges: changes, json },
  };
}

/**
 * Prints the releases. Needs permission to run git and sh, and to read the keys.
 *
 * @throws {ReleaseError} when the history or the keys cannot be read, or there is no release in it
 */
async function log(settings: LogSettings, session: Session): Promise<number> {
  const { logLines, longLogLines } = await import("../report/history.ts");
  const report = await look(settings, session);
  const lines = settings.withChanges ? longLogLines : logLines;
  printReport(report, settings.json ? undefined : lines, session);
  return 0;
}

async function look(settings: LogSettings, session: Session): Promise<LogReport> {
  const { dir, revision, artifactName, limit } = settings;
  const { cwd, clock } = session.world;
  const [{ trust, warnings }, { releaseHistory, readHistory }, { historyWarnings }, git] = await Promise.all([
    readTrust(settings, session, wholeSeconds(clock.now())),
    import("../adapters/git/history.ts"),
    import("../report/history.ts"),
    openShell(session),
  ]);
  const location = { cwd, revision, dir };
  // One more than is shown: against that one the last of them has changed something.
  const range = { artifactName, limit: limit && limit + 1 };
  const history = await releaseHistory(git, location, range);
  const files = readHistory(git, location, history.commits);
  const isWhole = settings.json || settings.withChanges;
  const found = await readAll(history, files, { artifactName, trust, isWhole });
  const more = limit !== undefined && found.length > limit;
  const releases = (more ? found.slice(0, limit) : found).filter((release) => release !== null);
  if (releases.length === 0 && !more) throw noRelease(settings);
  return {
    schema: "fleet-release/log/1",
    verified: trust !== null,
    ...{ releases, more },
    warnings: [...trust === null ? [UNVERIFIED] : [], ...warnings, ...historyWarnings(dir, history)],
  };
}

/** What there is of each commit of a history, of whose files two releases are in memory at a time. */
async function readAll(
  { commits, isCut }: ReleaseHistory,
  files: AsyncIterable<ReleaseFiles>,
  { isWhole, ...rules }: ContentRules & { readonly isWhole: boolean },
): Promise<(LoggedRelease | null)[]> {
  const [{ readContent }, { loggedRelease, withoutDetails }] = await Promise.all([
    import("../verify/content.ts"),
    import("../report/history.ts"),
  ]);
  const releases: (LoggedRelease | null)[] = [];
  const keep = (release: LoggedRelease | null) =>
    releases.push(release === null || isWhole ? release : withoutDetails(release));
  let newer: FoundCommit | undefined;
  let read = 0;
  for await (const ofCommit of files) {
    const { commit, committedAt } = commits[read++]!;
    const found = { commit, committedAt, ...await readContent(ofCommit, rules) };
    if (newer !== undefined) keep(loggedRelease(newer, found));
    newer = found;
  }
  if (newer !== undefined) keep(loggedRelease(newer, isCut ? "cut" : null));
  return releases;
}

function noRelease({ dir, revision, artifactName }: LogSettings): ReleaseError {
  return new ReleaseError("git", `Found no release in "${dir}" in the history of ${revision}`, {
    hint:
      `there, "${artifactName}" was never committed: give the directory, relative to the current one, with --git ` +
      "another branch, or with --artifact-name the fleet's name",
  });
}
