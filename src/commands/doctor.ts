/**
 * `fleet-release doctor`: looks at all that a release needs, and says how to mend what is wrong.
 *
 * @module
 */
import { resolve } from "@std/path";
import { defineCommand, type Session } from "../cli/command.ts";
import { pickValues } from "../cli/option.ts";
import type { ReleaseConfig } from "../config.ts";
import type { Diagnosis } from "../model.ts";
import type { DoctorReport } from "../report/doctor.ts";
import { errorWithoutSecrets, withoutSecrets } from "../report/log.ts";
import { signKeyVariable } from "../secrets.ts";
import { printableJson } from "../text.ts";
import {
  CONFIG_OPTIONS,
  HIDDEN,
  OPTIONS as RELEASE_OPTIONS,
  programGrants,
  PROGRAMS,
  PUBLISHING_GRANTS,
  RUN_OUTPUT_OPTIONS,
  secretsIn,
  sourceDateEpoch,
  TEMPORARY_GRANTS,
  validateWithoutKeys,
  VARIABLES,
} from "./release.ts";
import { REPORT } from "./report.ts";
import { MORE_VARIABLES } from "./shared.ts";

/** All that a release is told, so that what is looked at is what it would use. */
const ASKED_OPTIONS = {
  ...CONFIG_OPTIONS,
  "release-dir": {
    ...CONFIG_OPTIONS["release-dir"],
    // Nothing is written there.
    permits: CONFIG_OPTIONS["release-dir"].permits.filter(({ permission }) => permission === "read"),
  },
  "deny-warnings": { ...CONFIG_OPTIONS["deny-warnings"], help: "fail on warnings, too" },
};

const OPTIONS = {
  ...ASKED_OPTIONS,
  // Nothing is written there, either.
  "report": {
    ...REPORT,
    help: "where a release would write a page about the run",
    permits: REPORT.permits.filter(({ permission }) => permission === "read"),
  },
  ...RUN_OUTPUT_OPTIONS,
};

/** What `doctor` is told. */
export interface DoctorSettings {
  readonly config: ReleaseConfig;
  /** Whether what is found is printed as JSON. */
  readonly json: boolean;
  /** The file that a page about a run would be written to. */
  readonly report: string | undefined;
}

/** The command. */
export const DOCTOR = defineCommand({
  name: "doctor",
  usage: ["doctor [OPTION...]"],
  summary: "find what would keep a release from being made, and how to mend it",
  about:
    "Looks at all that a release with the same options needs: nix and its store, git, the remote, the key, the hooks'\n" +
    "programs, disk and memory, the clock, the release directory and what is in it. Tells of all of it, and of what is\n" +
    "wrong how to mend it. Changes nothing.",
  options: OPTIONS,
  takesSettings: RELEASE_OPTIONS,
  onlyTells: true,
  exitCodes: {
    0: "nothing is bad; there may be warnings, and what cannot be known",
    1: "something is bad, or with --deny-warnings to be warned of; usage",
    129: "interrupted by SIGHUP",
    130: "interrupted by SIGINT",
    143: "interrupted by SIGTERM",
  },
  example:
    "fleet-release doctor --sign-key ~/keys/release.pem --trust-file trust.json --git-push origin:main",
  variables: VARIABLES,
  grants: [
    ...programGrants(
      PROGRAMS,
      "`nix`, `nix-store`, `git` and `sh`, by their paths on `PATH`",
      "they are asked how they are; `sh` looks at files, disks and memory, and every command runs under it",
    ),
    ...TEMPORARY_GRANTS,
    ...PUBLISHING_GRANTS.filter(({ permission }) => permission === "read"),
    {
      permission: "env",
      what: "the variables that nix, git and ssh go by, each by name",
      why: "they are all that the child processes get",
      of: () => [...VARIABLES, ...MORE_VARIABLES],
    },
  ],
  read: ({ values }): DoctorSettings => {
    const { option, ...settings } = pickValues(ASKED_OPTIONS, values);
    // A way to sign, and what else is missing, is among what is looked for. Nothing is kept of what is evaluated.
    const config = validateWithoutKeys({ ...settings, nixOptions: option, noMemo: true });
    return { json: values.json, report: values.report, config };
  },
  run: runDoctor,
});

/** Looks at everything, and prints what is found: for people as soon as it is. */
async function runDoctor(settings: DoctorSettings, session: Session): Promise<number> {
  const { stdout } = session.world;
  const { diagnosisLines, doctorReport, summaryLine } = await import("../report/doctor.ts");
  const found: Diagnosis[] = [];
  await examineAll(settings, session, (diagnosis) => {
    found.push(diagnosis);
    if (!settings.json) diagnosisLines(diagnosis).forEach((line) => stdout.write(`${line}\n`));
  });
  const report: DoctorReport = doctorReport(found, settings.config);
  stdout.write(`${settings.json ? printableJson(report, 2) : summaryLine(report)}\n`);
  return report.ok ? 0 : 1;
}

async function examineAll(
  { config, report }: DoctorSettings,
  { world, log }: Session,
  tell: (diagnosis: Diagnosis) => void,
): Promise<void> {
  const [
    { openParts },
    { withSafePath },
    { examine },
    { beginVisit, portsOf },
    { startLook },
    { Interruption, interruptedError },
    { diagnosisWithoutSecrets },
  ] = await Promise.all([
    import("../adapters/parts.ts"),
    import("../adapters/search_path.ts"),
    import("../stages/doctor/checks.ts"),
    import("../stages/doctor/visit.ts"),
    import("../stages/run.ts"),
    import("../stages/interruption.ts"),
    import("../report/doctor.ts"),
  ]);
  const variable = signKeyVariable(config.signKey);
  const names = [...VARIABLES, ...config.hookEnv, ...variable === undefined ? [] : [variable]];
  const { env, warnings } = withSafePath(world.environment.require(names));
  const secrets = secretsIn(config, env);
  const { cwd, stdin, clock, cores, signal } = world;
  const page = report === undefined ? undefined : resolve(cwd, report);
  using interruption = new Interruption(signal);
  try {
    const epoch = sourceDateEpoch(env);
    // What is warned of is among what is found.
    const quiet = { ...withoutSecrets(log, secrets), warn() {} };
    const surface = { cwd, env, hidden: HIDDEN, secrets, stdin, log: quiet, clock, cores };
    await using opened = await openParts(config, surface, interruption);
    const ports = portsOf(opened.parts, { inputs: opened.inputs, log: quiet, clock });
    const run = { ...startLook(config, ports, { interruption, epoch }, warnings), ports };
    const hide = (text: string) => secrets.hide(text);
    const told = (diagnosis: Diagnosis) => tell(diagnosisWithoutSecrets(diagnosis, hide));
    await examine(beginVisit(run, { ...opened, report: page }), told, interruption.signal);
  } catch (error) {
    const progress = { at: [{ name: "doctor", title: "Looking at what a release needs" }], done: [] };
    throw errorWithoutSecrets(interruptedError(error, interruption.signal.reason, progress), secrets);
  }
}
