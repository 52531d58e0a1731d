/**
 * `fleet-release plan`: tells what a release would change, before it is made.
 *
 * @module
 */
import { SETTINGS_VARIABLE } from "../cli/arguments.ts";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import type { Surroundings } from "../cli/grant.ts";
import { flag, type Option, pickValues, text } from "../cli/option.ts";
import { checkTrust, type ReleaseConfig } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import { isDirectoryName } from "../plan/release_name.ts";
import type { PlanReport } from "../report/plan.ts";
import type { PlanOptions } from "../stages/plan.ts";
import { printableJson } from "../text.ts";
import { lookAt } from "./looking.ts";
import {
  CONFIG_OPTIONS,
  EPOCH_VARIABLE,
  lookingGrants,
  OPTIONS as RELEASE_OPTIONS,
  PROGRAM_VARIABLES,
  sourceDateEpoch,
  validateWithoutKeys,
  withHosts,
} from "./release.ts";
import { HELP_OPTIONS, LOG_OPTIONS, MORE_VARIABLES } from "./shared.ts";

/** How the plan is printed. */
type Format = "text" | "json" | "markdown";

/** What `plan` is told. */
export interface PlanSettings {
  /** What the release would be told; nothing is signed, written or pushed. */
  readonly config: ReleaseConfig;
  readonly options: PlanOptions;
  readonly format: Format;
  /** Whether the exit code tells that something would change. */
  readonly exitCode: boolean;
}

/** The exit code that says so. */
const CHANGED = 10;

const COMPARED = "What to compare with";

/** Where the last release is, which is only read. */
const RELEASE_DIR: Option<string> = {
  ...CONFIG_OPTIONS["release-dir"],
  kind: "path-read",
  group: COMPARED,
  help: "where the last release is",
  permits: CONFIG_OPTIONS["release-dir"].permits.flatMap((grant) =>
    grant.permission === "read" ? [{ ...grant, why: "the last release is there" }] : []
  ),
};

/** The options of a release that say what would be released. */
const RELEASED_OPTIONS = {
  "hosts": CONFIG_OPTIONS["hosts"],
  "build-flake": CONFIG_OPTIONS["build-flake"],
  "fleet-resolved-attr": CONFIG_OPTIONS["fleet-resolved-attr"],
  "revocations-attr": CONFIG_OPTIONS["revocations-attr"],
  "bootstrap-nonces-attr": CONFIG_OPTIONS["bootstrap-nonces-attr"],
  "pin-source-url": CONFIG_OPTIONS["pin-source-url"],
  "now": CONFIG_OPTIONS["now"],
};

/** Those that say where the last release is. */
const PLACE_OPTIONS = {
  "release-dir": RELEASE_DIR,
  "artifact-name": { ...CONFIG_OPTIONS["artifact-name"], group: COMPARED },
  "git-commit": {
    ...CONFIG_OPTIONS["git-commit"],
    group: COMPARED,
    help:
      "compare with what is committed, as a release with --git-commit does: not with what is on disk alone",
  },
};

/** Those that say whom to trust, what to refuse, and how nix evaluates and builds. */
const RULE_OPTIONS = {
  "trust-file": {
    ...CONFIG_OPTIONS["trust-file"],
    help: "verify what is compared with, and what hosts keep, with the keys that consumers trust",
  },
  "trust-attr": CONFIG_OPTIONS["trust-attr"],
  "public-key": CONFIG_OPTIONS["public-key"],
  "allow-previous-key": CONFIG_OPTIONS["allow-previous-key"],
  "allow-older": {
    ...CONFIG_OPTIONS["allow-older"],
    help:
      "allow a time before the last release's, and let hosts keep closures of one that is stale or not the latest",
  },
  "require-clean": CONFIG_OPTIONS["require-clean"],
  "strict": CONFIG_OPTIONS["strict"],
  "deny-warnings": {
    ...CONFIG_OPTIONS["deny-warnings"],
    help: "refuse whatever there is to warn of, as a release would",
  },
  "option": CONFIG_OPTIONS["option"],
  "accept-flake-config": CONFIG_OPTIONS["accept-flake-config"],
  "no-accept-flake-config": CONFIG_OPTIONS["no-accept-flake-config"],
  "no-memo": CONFIG_OPTIONS["no-memo"],
  "builders": CONFIG_OPTIONS["builders"],
  "max-jobs": CONFIG_OPTIONS["max-jobs"],
  "eval-workers": CONFIG_OPTIONS["eval-workers"],
  "eval-max-memory": CONFIG_OPTIONS["eval-max-memory"],
  "eval-timeout": CONFIG_OPTIONS["eval-timeout"],
  "build-timeout": CONFIG_OPTIONS["build-timeout"],
};

/** All that it has of a release. */
const SHARED_OPTIONS = { ...RELEASED_OPTIONS, ...PLACE_OPTIONS, ...RULE_OPTIONS };

const OPTIONS = {
  ...RELEASED_OPTIONS,
  ...PLACE_OPTIONS,
  "against": text({
    group: COMPARED,
    placeholder: "REV|DIR",
    offers: "releases",
    help: "another release: a commit, tag or branch, or a directory, written as ./DIR, /DIR or DIR/",
    permits: RELEASE_DIR.permits.map((grant) => ({
      ...grant,
      what: "the directory of `--against`, its repository, and the links that lead there",
      why: "the release to compare with is there",
      of: (name: string, around: Surroundings) => isDirectoryName(name) ? grant.of(name, around) : [],
    })),
  }),
  "diff-closures": flag({
    group: COMPARED,
    help: "tell which packages change, of closures that are in the store",
  }),
  "build": flag({
    group: COMPARED,
    help: "build the closures that would change, so that they are in the store",
  }),
  ...RULE_OPTIONS,
  "json": flag({ group: "Output", help: "print the plan as JSON" }),
  "markdown": flag({ group: "Output", help: "print the plan as markdown, as for a pull request" }),
  "exit-code": flag({ group: "Output", help: `end with ${CHANGED} when something would change` }),
  ...LOG_OPTIONS,
  ...HELP_OPTIONS,
};

const VARIABLES = [...PROGRAM_VARIABLES, SETTINGS_VARIABLE, EPOCH_VARIABLE];

/** The command. */
export const PLAN = defineCommand({
  name: "plan",
  usage: ["plan [OPTION...]"],
  summary: "tell what a release would change, before it is made",
  about:
    "Evaluates the fleet and its hosts as a release does, and compares what that would make with the release that is\n" +
    "there. It needs no key and no network, builds nothing unless it is told to, and changes nothing.",
  options: OPTIONS,
  takesSettings: RELEASE_OPTIONS,
  onlyTells: true,
  exitCodes: {
    0: "told; with --exit-code, and nothing would change",
    1: "usage, configuration, evaluation, git, input or output; with --build, a build",
    3: "consumers would refuse what is to be compared with, or what hosts would keep",
    [CHANGED]: "with --exit-code: something would change",
    129: "interrupted by SIGHUP",
    130: "interrupted by SIGINT",
    143: "interrupted by SIGTERM",
  },
  example: "fleet-release plan --against origin/releases --trust-file trust.json --markdown",
  variables: VARIABLES,
  grants: [
    ...lookingGrants("what keeps builds from collection, and what is too long to be shown"),
    {
      permission: "read",
      what: "the settings of a flake app",
      why: "its options",
      of: (_, { settingsFile }) => settingsFile === undefined ? [] : [settingsFile],
    },
    {
      permission: "env",
      what: "the variables that nix, git and ssh go by, each by name",
      why: "they are all that the child processes get",
      of: () => [...VARIABLES, ...MORE_VARIABLES],
    },
  ],
  read: readSettings,
  run: plan,
});

/** @throws {ReleaseError} of kind `usage` */
function readSettings({ values }: Given<typeof OPTIONS>): PlanSettings {
  const { against, diffClosures, build, json, markdown, exitCode } = values;
  if (json && markdown) {
    throw new ReleaseError("usage", "Two formats: --json and --markdown", { hint: "give one of them" });
  }
  const { option, ...shared } = pickValues(SHARED_OPTIONS, values);
  const config = validateWithoutKeys({ ...shared, nixOptions: option });
  checkTrust(config);
  return {
    config,
    options: { against, diffClosures, build },
    format: json ? "json" : markdown ? "markdown" : "text",
    exitCode,
  };
}

/**
 * Finds out what a release would change, and prints it.
 *
 * @throws {ReleaseError} when that cannot be told, or the release would be refused
 */
async function plan(settings: PlanSettings, session: Session): Promise<number> {
  const { planLines, planMarkdown } = await import("../report/plan.ts");
  const config = await withHosts(settings.config, session);
  const report = await look({ ...settings, config }, session);
  const printed = {
    text: () => planLines(report).join("\n"),
    markdown: () => planMarkdown(report).join("\n"),
    json: () => printableJson(report, 2),
  };
  session.world.stdout.write(`${printed[settings.format]()}\n`);
  return settings.exitCode && report.changed ? CHANGED : 0;
}

async function look({ config, options }: PlanSettings, session: Session): Promise<PlanReport> {
  const [{ openPlanningPorts }, pipeline, { startPlanning }, { planReport }] = await Promise.all([
    import("../adapters/ports.ts"),
    import("../pipeline.ts"),
    import("../stages/run.ts"),
    import("../report/plan.ts"),
  ]);
  const given = session.world.environment.require([...PROGRAM_VARIABLES, EPOCH_VARIABLE]);
  const epoch = sourceDateEpoch(given);
  return await lookAt(config, session, given, async ({ surface, interruption, warnings, follow }) => {
    await using ports = await openPlanningPorts(config, surface, interruption);
    const run = startPlanning(config, ports, { interruption, epoch }, warnings);
    follow(run.notes);
    const planned = await pipeline.plan(run, options);
    const { now, notes } = run;
    return planReport({ ...planned, now, warnings: notes.warnings, secrets: surface.secrets });
  });
}
