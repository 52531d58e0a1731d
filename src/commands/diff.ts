/**
 * `fleet-release diff`: what one release changes against another.
 *
 * @module
 */
import { resolve } from "@std/path";
import { isDirectoryName } from "../plan/release_name.ts";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import { flag, text } from "../cli/option.ts";
import { checkArtifactName } from "../config.ts";
import { wholeSeconds } from "../contract/time.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import type { ComparedRelease, DiffReport } from "../report/diff.ts";
import type { ContentRules } from "../verify/content.ts";
import {
  checkTrust,
  GIT_VARIABLES,
  gitGrants,
  type GivenTrust,
  interruption,
  judgeDirectory,
  printReport,
  readTrust,
  type ReleasePlace,
  UNVERIFIED,
} from "./directory.ts";
import { fleetFile, HELP_OPTIONS, oneKey, trustFile } from "./shared.ts";

/** A release, and what it is called on the command line. */
interface NamedPlace extends ReleasePlace {
  readonly name: string;
}

/** What `diff` is told. Paths are relative to the current directory. */
export interface DiffSettings extends GivenTrust {
  readonly before: NamedPlace;
  readonly after: NamedPlace;
  readonly artifactName: string;
  /** Whether the exit code says that they differ. */
  readonly exitCode: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  "trust-file": trustFile("verify with the keys that consumers trust; without any, nothing is verified"),
  "public-key": oneKey("verify with the one key that consumers trust"),
  "release-dir": text({
    group: "What to compare",
    placeholder: "DIR",
    default: "releases",
    help: "where the release is in a commit, and on disk",
  }),
  "artifact-name": fleetFile("What to compare"),
  "exit-code": flag({ group: "Output", help: "exit with 10 when they differ in anything but their stamp" }),
  "json": flag({ group: "Output", help: "print it on stdout as JSON" }),
  ...HELP_OPTIONS,
};

/** The command. */
export const DIFF = defineCommand({
  name: "diff",
  usage: ["diff BEFORE [AFTER] [OPTION...]"],
  summary: "show what one release changes against another",
  about:
    "Compares two releases: hosts by channel and wave, each with its old and new closure, and all else that differs.\n" +
    "Each of them is a commit, tag or branch, or a directory, which begins with `.` or `/` or ends with `/`: no\n" +
    "revision does. Without AFTER it is the release on disk.",
  options: OPTIONS,
  operands: "two revisions or directories",
  offers: "releases",
  onlyTells: true,
  exitCodes: {
    0: "compared; with --exit-code, nothing differs",
    1: "usage, or something cannot be read",
    3: "one of them would be refused by consumers, its age apart",
    10: "with --exit-code, they differ",
  },
  example: "fleet-release diff HEAD~1 HEAD --trust-file trust.json",
  variables: GIT_VARIABLES,
  grants: [
    {
      permission: "read",
      what: "the directories that are compared",
      why: "those that are no commits",
      of: ({ before, after }: DiffSettings, { cwd }) =>
        [before, after].flatMap(({ dir, git }) => git === undefined ? [resolve(cwd, dir)] : []),
    },
    ...gitGrants(
      ({ before, after }: DiffSettings) => before.git !== undefined || after.git !== undefined,
      "for a commit, ",
    ),
  ],
  read: readSettings,
  run: diff,
});

/** @throws {ReleaseError} of kind `usage` */
function readSettings({ values, operands }: Given<typeof OPTIONS>): DiffSettings {
  const { trustFile, publicKey, releaseDir, artifactName, exitCode, json } = values;
  const [before, after, stray] = operands;
  const usage = { hint: "usage: fleet-release diff BEFORE [AFTER] [OPTION...]" };
  if (before === undefined) throw new ReleaseError("usage", "diff wants a release to compare with", usage);
  if (stray !== undefined) throw new ReleaseError("usage", `Unknown argument "${stray}"`, usage);
  if (operands.includes("")) {
    throw new ReleaseError("usage", "diff is given an empty name, expected a revision or a directory");
  }
  checkTrust({ trustFile, publicKey });
  checkArtifactName(artifactName);
  const onDisk = { name: releaseDir, dir: releaseDir, git: undefined };
  return {
    before: placeOf(before, releaseDir),
    after: after === undefined ? onDisk : placeOf(after, releaseDir),
    ...{ trustFile, publicKey, artifactName, exitCode, json },
  };
}

function placeOf(name: string, releaseDir: string): NamedPlace {
  return isDirectoryName(name) ? { name, dir: name, git: undefined } : { name, dir: releaseDir, git: name };
}

/**
 * Compares two releases, and prints what differs. Needs permission to read them, and for a commit to run git and sh.
 *
 * @throws {ReleaseError} when one cannot be read, or is refused
 */
async function diff(settings: DiffSettings, session: Session): Promise<number> {
  const { diffLines } = await import("../report/diff.ts");
  const report = await compare(settings, session);
  printReport(report, settings.json ? undefined : diffLines, session);
  return settings.exitCode && report.changed ? 10 : 0;
}

async function compare(settings: DiffSettings, session: Session): Promise<DiffReport> {
  const now = wholeSeconds(session.world.clock.now());
  const [{ trust, warnings }, { changesBetween }, { diffReport }] = await Promise.all([
    readTrust(settings, session, now),
    import("../plan/changes.ts"),
    import("../report/diff.ts"),
  ]);
  const rules = { artifactName: settings.artifactName, trust, now };
  const before = await readPlace(settings.before, rules, session);
  const after = await readPlace(settings.after, rules, session);
  return diffReport(changesBetween(before.content, after.content), {
    verified: trust !== null,
    ...{ before: before.release, after: after.release },
    warnings: [...trust === null ? [UNVERIFIED] : [], ...warnings, ...before.warnings, ...after.warnings],
  });
}

/** One of the releases, as it was found. */
interface Found {
  readonly content: EvaluatedFleet;
  readonly release: ComparedRelease;
  readonly warnings: readonly Warning[];
}

async function readPlace(
  place: NamedPlace,
  rules: ContentRules & { readonly now: string },
  session: Session,
): Promise<Found> {
  const [{ readContent }, { comparedRelease }] = await Promise.all([
    import("../verify/content.ts"),
    import("../report/diff.ts"),
  ]);
  const { artifactName, trust, now } = rules;
  // However old it is, it is compared.
  const judged = { artifactName, trust: trust ?? NOBODY, now, freshnessWindowSeconds: Infinity };
  const { files, commit, interrupted } = await judgeDirectory(place, judged, session)
    .catch((error) => Promise.reject(withWayToWrite(place, error)));
  const { content, key, failures } = await readContent(files, rules);
  const { name } = place;
  if (content === null) {
    throw new ReleaseError(
      "smoke-verify",
      `Cannot compare with the release of "${name}": it would be refused`,
      {
        lines: failures.map(({ path, code, message }) => `"${path}": ${message} [${code}]`),
        hint:
          "`fleet-release verify` says all of it; without keys, releases are compared that nobody vouches for",
      },
    );
  }
  return {
    content,
    release: comparedRelease({ name, commit }, content, key),
    warnings: interrupted ? [interruption(place)] : [],
  };
}

/** Who has named a directory may not think of how it is told from a revision. */
function withWayToWrite({ name, dir, git }: NamedPlace, error: unknown): unknown {
  if (git === undefined || !(error instanceof ReleaseError) || error.kind !== "git") return error;
  const way =
    `"${name}" is looked for as a commit, tag or branch, and its release in "${dir}" (--release-dir); ` +
    `a directory is written ./${name}`;
  return error.with({ hint: error.hint === undefined ? way : `${error.hint}; ${way}` });
}

const NOBODY = { keys: [], rejectBefore: null };
