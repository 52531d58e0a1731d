/**
 * `fleet-release status`: whether a release is still fresh, and when it is due to be signed anew.
 *
 * @module
 */
import { resolve } from "@std/path";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import { flag, text } from "../cli/option.ts";
import { checkArtifactName } from "../config.ts";
import { parseTimestamp, TIMESTAMP_FORM, wholeSeconds } from "../contract/time.ts";
import { ReleaseError } from "../errors.ts";
import type { StatusReport } from "../report/release_status.ts";
import type { ReleaseState } from "../verify/status.ts";
import {
  checkTrust,
  directoryOperand,
  GIT_VARIABLES,
  gitGrants,
  type GivenTrust,
  interruption,
  judgeDirectory,
  printReport,
  readTrust,
  type ReleasePlace,
} from "./directory.ts";
import { fleetFile, HELP_OPTIONS, oneKey, trustFile } from "./shared.ts";

/** What `status` is told. Paths are relative to the current directory, and keys are given. */
export interface StatusSettings extends GivenTrust {
  readonly place: ReleasePlace;
  readonly artifactName: string;
  /** In the normal form of times; undefined: the clock. */
  readonly now: string | undefined;
  readonly json: boolean;
}

const OPTIONS = {
  "trust-file": trustFile("the keys that consumers trust"),
  "public-key": oneKey("the one key that consumers trust"),
  "git": text({
    group: "What to look at",
    placeholder: "REV",
    offers: "revisions",
    help: "read the directory from this commit, tag or branch, without a checkout",
  }),
  "artifact-name": fleetFile("What to look at"),
  "now": text({
    group: "What to look at",
    placeholder: "TIME",
    help: "time to judge by, RFC 3339, in place of the clock",
  }),
  "json": flag({ group: "Output", help: "print it on stdout as JSON" }),
  ...HELP_OPTIONS,
};

const EXIT_CODES: Readonly<Record<ReleaseState, number>> = { fresh: 0, due: 3, stale: 4, refused: 4 };

/** The command. */
export const STATUS = defineCommand({
  name: "status",
  usage: ["status [DIR] --trust-file FILE [OPTION...]", "status [DIR] --public-key KEY [OPTION...]"],
  summary: "tell whether a release is fresh, and when it is due",
  about:
    "Tells of a release directory (by default `releases`), channel by channel, by which key it is signed, until\n" +
    "when consumers accept it, and when it is due to be signed anew. Judges by the rules of verify.",
  options: OPTIONS,
  operands: "a release directory",
  offers: "directories",
  onlyTells: true,
  exitCodes: {
    0: "fresh",
    2: "arguments, or a file that cannot be read",
    3: "due to be signed anew, and accepted still",
    4: "stale, or refused for another reason",
  },
  example: "fleet-release status --git origin/main --trust-file trust.json",
  variables: GIT_VARIABLES,
  grants: [
    {
      permission: "read",
      what: "without `--git`, the directory",
      why: "what is looked at",
      of: ({ place: { dir, git } }: StatusSettings, { cwd }) => git === undefined ? [resolve(cwd, dir)] : [],
    },
    ...gitGrants(({ place }: StatusSettings) => place.git !== undefined, "with `--git`, "),
  ],
  read: readSettings,
  run: status,
  failureCode: () => 2,
});

/** @throws {ReleaseError} of kind `usage` */
function readSettings(
  { values, operands }: Given<typeof OPTIONS>,
): StatusSettings {
  const { git, trustFile, publicKey, artifactName, json } = values;
  const dir = directoryOperand("status", operands);
  if (trustFile === undefined && publicKey === undefined) {
    throw new ReleaseError(
      "usage",
      "No keys to verify with: neither --trust-file nor --public-key is given",
      {
        hint: "`fleet-release pubkey KEY --format public-key` prints that of a key that you hold",
      },
    );
  }
  checkTrust({ trustFile, publicKey });
  const now = values.now === undefined ? undefined : parseTimestamp(values.now);
  if (now === undefined && values.now !== undefined) {
    throw new ReleaseError("usage", `Cannot read --now "${values.now}": expected ${TIMESTAMP_FORM}`);
  }
  checkArtifactName(artifactName);
  return { place: { dir, git }, trustFile, publicKey, artifactName, now, json };
}

/**
 * Finds out how the release stands, and prints it. Needs permission to read it, and with `--git` to run git and sh.
 *
 * @throws {ReleaseError} when something cannot be read
 */
async function status(settings: StatusSettings, session: Session): Promise<number> {
  const { statusLines } = await import("../report/release_status.ts");
  const report = await look(settings, session);
  printReport(report, settings.json ? undefined : statusLines, session);
  return EXIT_CODES[report.state];
}

async function look(settings: StatusSettings, session: Session): Promise<StatusReport> {
  const { place, artifactName } = settings;
  const [{ statusOf }, { statusReport }] = await Promise.all([
    import("../verify/status.ts"),
    import("../report/release_status.ts"),
  ]);
  const now = settings.now ?? wholeSeconds(session.world.clock.now());
  const { trust, warnings } = await readTrust(settings, session, now);
  // readSettings() wants one of the sources.
  const rules = { artifactName, trust: trust!, now, freshnessWindowSeconds: undefined };
  const { verdict, files, commit, interrupted } = await judgeDirectory(place, rules, session);
  const more = [...warnings, ...interrupted ? [interruption(place)] : []];
  return statusReport(await statusOf(files, verdict, rules), verdict, { now, commit, more });
}
