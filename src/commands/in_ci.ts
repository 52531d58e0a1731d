/**
 * What a CI system is told of a run, where there is one: annotations beside the log, a summary of the step, and outputs for
 * later steps.
 *
 * @module
 */
import type { CommandTrace } from "../adapters/process.ts";
import type { Session } from "../cli/command.ts";
import { explained } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Log } from "../ports.ts";
import type { Publication } from "../report/outcome.ts";
import type { StepOutputs } from "../report/step_outputs.ts";
import type { Noted, Section } from "../report/step_summary.ts";
import { CI_VARIABLES, type CiSystem, ciSystemIn } from "../world.ts";

/**
 * Does the work of a run, and tells a CI system what has come of it, where there is one. That it cannot be told is a
 * warning, and fails no run.
 *
 * @param artifactName The file name of the fleet
 * @param work Does it, and tells a log what it does
 * @returns the result, with these warnings
 */
export async function inCi<Outcome extends Publication>(
  { world, log }: Session,
  artifactName: string,
  work: (log: Log & CommandTrace) => Promise<Outcome>,
): Promise<Outcome> {
  const system = ciSystemIn(world.environment.read(CI_VARIABLES));
  if (system === undefined) return await work(log);
  const { failureSections, successSections } = await import("../report/step_summary.ts");
  const { outputsOf } = await import("../report/step_outputs.ts");
  const { seen, noted } = noting(log);
  const tell = async (sections: readonly Section[], outputs: StepOutputs) => {
    const problems = await writeStepFiles(system, sections, outputs);
    problems.forEach((problem) => seen.warn(problem));
    for (const { code, message } of noted.warnings) {
      log.annotate("warning", `fleet-release: ${code}`, [message]);
    }
    return problems;
  };
  let outcome: Outcome;
  try {
    outcome = await work(seen);
  } catch (error) {
    const known = explained(error);
    await tell(failureSections(known, noted), { outcome: "failed" });
    throw known;
  }
  const problems = await tell(successSections(outcome), outputsOf(outcome, artifactName));
  return { ...outcome, warnings: [...outcome.warnings, ...problems] };
}

/** A log that notes what a summary tells, whatever becomes of the run. */
function noting(log: Log & CommandTrace): { readonly seen: Log & CommandTrace; readonly noted: Noted } {
  const warnings: Warning[] = [];
  const stages: Publication["stages"][number][] = [];
  const seen: Log & CommandTrace = {
    start: (stage) => log.start(stage),
    end(stage, result, seconds) {
      stages.push({ stage: stage.name, seconds });
      log.end(stage, result, seconds);
    },
    fail: (stage, message, seconds) => log.fail(stage, message, seconds),
    host: (work, name, state, seconds) => log.host(work, name, state, seconds),
    builds: (builds) => log.builds(builds),
    warn(warning) {
      warnings.push(warning);
      log.warn(warning);
    },
    command: (argv) => log.command(argv),
    output: (line) => log.output(line),
  };
  return { seen, noted: { warnings, stages } };
}

/** What the file of a step's summary may have in all: of more, GitHub shows nothing. */
const MOST_SUMMARY = 2 ** 20;
/** An empty line between what is in it and what is added. */
const APART: readonly Section[] = [{ lines: [""] }];

/** @returns what could not be written */
async function writeStepFiles(
  { summary, outputs }: CiSystem,
  sections: readonly Section[],
  values: StepOutputs,
): Promise<Warning[]> {
  const { appendToStepFile } = await import("../adapters/step_files.ts");
  const { fitSections } = await import("../report/step_summary.ts");
  const { outputText } = await import("../report/step_outputs.ts");
  const text = outputText(values, `fleet-release-${crypto.randomUUID()}`);
  const written = [
    summary && appendToStepFile(summary, MOST_SUMMARY, (room) =>
      // What is there may end within a line, or within HTML, which an empty line ends.
      fitSections([...room < MOST_SUMMARY ? APART : [], ...sections], room)),
    outputs && appendToStepFile(outputs, Infinity, () => text),
  ];
  const results = await Promise.allSettled(written);
  return results.flatMap((result) =>
    result.status === "fulfilled" ? [] : [{ code: "step-file", message: (result.reason as Error).message }]
  );
}
