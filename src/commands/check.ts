/**
 * `fleet-release check`: finds all that is wrong with a fleet before it is released.
 *
 * @module
 */
import { relative } from "@std/path";
import { defineCommand, type Given, type Session } from "../cli/command.ts";
import { choice, flag, flagIfGiven, type OptionTable, pickValues } from "../cli/option.ts";
import { checkWithoutKeys, type ReleaseConfig } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import type { CheckReport } from "../report/findings.ts";
import { printableJson } from "../text.ts";
import { lookAt } from "./looking.ts";
import { CONFIG_OPTIONS, defaultConfig, lookingGrants, PROGRAM_VARIABLES, withHosts } from "./release.ts";
import { HELP_OPTIONS, LOG_OPTIONS, MORE_VARIABLES } from "./shared.ts";

/** How the findings are printed. */
type Format = "text" | "json" | "sarif";

/** What `check` is told. */
export interface CheckSettings {
  /** What a release would be told of the flake; nothing is signed, and no host is asked for. */
  readonly config: ReleaseConfig;
  readonly format: Format;
}

/** What a release is told of the flake as well. */
const FLAKE_OPTIONS = {
  ...under("What to check", {
    "hosts": {
      ...CONFIG_OPTIONS.hosts,
      help: "the hosts that are released: the fleet need not have the others",
    },
    "build-flake": CONFIG_OPTIONS["build-flake"],
    "fleet-resolved-attr": CONFIG_OPTIONS["fleet-resolved-attr"],
    "revocations-attr": CONFIG_OPTIONS["revocations-attr"],
    "bootstrap-nonces-attr": CONFIG_OPTIONS["bootstrap-nonces-attr"],
  }),
  "now": {
    ...CONFIG_OPTIONS.now,
    group: "What to check",
    help: "time to judge by, RFC 3339, in place of the clock",
  },
  "deny-warnings": {
    ...CONFIG_OPTIONS["deny-warnings"],
    group: "What to check",
    help: "fail on warnings, too",
  },
  "option": CONFIG_OPTIONS.option,
  "accept-flake-config": CONFIG_OPTIONS["accept-flake-config"],
  "no-accept-flake-config": CONFIG_OPTIONS["no-accept-flake-config"],
  "no-memo": CONFIG_OPTIONS["no-memo"],
  "eval-timeout": {
    ...CONFIG_OPTIONS["eval-timeout"],
    help: "end a run that takes longer to evaluate the fleet",
  },
};

const OPTIONS = {
  ...FLAKE_OPTIONS,
  "format": choice({
    group: "Output",
    placeholder: "FORMAT",
    choices: ["text", "json", "sarif"],
    default: "text",
    help: "text, json, or sarif, which code hosts show",
  }),
  "json": flag({ group: "Output", help: "the same as --format json" }),
  "annotations": flagIfGiven({
    group: "Output",
    help: "tell GitHub, Gitea or Forgejo of findings on stderr; by default when GITHUB_ACTIONS is set",
  }),
  ...LOG_OPTIONS,
  ...HELP_OPTIONS,
};

/** The command. */
export const CHECK = defineCommand({
  name: "check",
  usage: ["check [OPTION...]"],
  summary: "find what is wrong with a fleet, before it is released",
  about:
    "Evaluates the fleet and the names of its hosts, but no host, and prints all that is wrong with it: names that\n" +
    "nothing has, with the nearest that there is, waves, edges and budgets that do not do what they seem to, and what\n" +
    "has expired. It needs no key, and changes nothing.",
  options: OPTIONS,
  onlyTells: true,
  exitCodes: {
    0: "nothing but warnings was found",
    1: "errors, or with --deny-warnings warnings, were found; usage, or the flake cannot be evaluated",
    129: "interrupted by SIGHUP",
    130: "interrupted by SIGINT",
    143: "interrupted by SIGTERM",
  },
  example: "fleet-release check --deny-warnings",
  variables: PROGRAM_VARIABLES,
  grants: [
    ...lookingGrants("what is too long to be shown"),
    {
      permission: "env",
      what: "the variables that nix, git and ssh go by, each by name",
      why: "they are all that the child processes get",
      of: () => [...PROGRAM_VARIABLES, ...MORE_VARIABLES],
    },
  ],
  read: readSettings,
  run: check,
});

/** These options under another title in `--help`. */
function under<Table extends OptionTable>(group: string, options: Table): Table {
  const entries = Object.entries(options).map(([name, option]) => [name, { ...option, group }]);
  return Object.fromEntries(entries) as Table;
}

/** @throws {ReleaseError} of kind `usage` */
function readSettings({ values, given }: Given<typeof OPTIONS>): CheckSettings {
  if (values.json && given.has("format") && values.format !== "json") {
    throw new ReleaseError("usage", `Two formats: --json and --format ${values.format}`, {
      hint: "give one of them",
    });
  }
  const { option, ...flake } = pickValues(FLAKE_OPTIONS, values);
  return {
    config: checkWithoutKeys({ ...defaultConfig(), ...flake, nixOptions: option }),
    format: values.json ? "json" : values.format,
  };
}

/**
 * Checks a fleet, and prints what is found.
 *
 * @throws {ReleaseError} when the flake cannot be evaluated, or has no fleet
 */
async function check(settings: CheckSettings, session: Session): Promise<number> {
  const env = session.world.environment.require(PROGRAM_VARIABLES);
  const { annotationOf } = await import("../report/findings.ts");
  const config = await withHosts(settings.config, session);
  const { report, file } = await findAll(config, session, env);
  session.world.stdout.write(`${await printed(report, settings.format, file)}\n`);
  for (const finding of report.findings) session.log.annotate(...annotationOf(finding));
  return report.ok ? 0 : 1;
}

async function findAll(
  config: ReleaseConfig,
  session: Session,
  given: Readonly<Record<string, string>>,
): Promise<{ report: CheckReport; file: string }> {
  const [{ openLookingPorts }, pipeline, { startLook }, { checkReport }, { asFinding }] = await Promise.all([
    import("../adapters/ports.ts"),
    import("../pipeline.ts"),
    import("../stages/run.ts"),
    import("../report/findings.ts"),
    import("../plan/lints.ts"),
  ]);
  return await lookAt(config, session, given, async ({ surface, interruption, warnings, follow }) => {
    // What is warned of is among the findings.
    const silent = { ...surface, log: { ...surface.log, warn() {} } };
    await using ports = await openLookingPorts(config, silent, interruption);
    const run = startLook(config, ports, { interruption }, warnings);
    follow(run.notes);
    const checked = await pipeline.check(run);
    const report = checkReport({
      flake: checked.flake.url,
      fleet: checked.fleet,
      findings: [...checked.findings, ...run.notes.warnings.map(asFinding)],
      denyWarnings: config.denyWarnings,
      hide: (text) => surface.secrets.hide(text),
    });
    const { localDir } = checked.flake;
    const dir = localDir === null ? "" : relative(checked.repository?.root ?? localDir, localDir);
    return { report, file: dir === "" ? "flake.nix" : `${dir}/flake.nix` };
  });
}

async function printed(report: CheckReport, format: Format, file: string): Promise<string> {
  const { findingLines, sarifOf } = await import("../report/findings.ts");
  if (format === "json") return printableJson(report, 2);
  if (format === "text") return findingLines(report).join("\n");
  const { default: { version } } = await import("../../deno.json", { with: { type: "json" } });
  return printableJson(sarifOf(report, version, file), 2);
}
