/**
 * What `doctor` has found, for people and as JSON.
 *
 * @module
 */
import type { Diagnosis, Health } from "../model.ts";
import { plural, printable } from "../text.ts";

/** What `doctor --json` prints. docs/schemas/doctor.schema.json describes it. */
export interface DoctorReport {
  readonly schema: "fleet-release/doctor/1";
  /** Whether nothing is bad; with `--deny-warnings` also whether there is nothing to warn of. */
  readonly ok: boolean;
  /** How many of the diagnoses are of which kind. */
  readonly counts: Readonly<Record<Health, number>>;
  readonly checks: readonly Diagnosis[];
}

/** The report of all that was found. */
export function doctorReport(
  checks: readonly Diagnosis[],
  { denyWarnings }: { readonly denyWarnings: boolean },
): DoctorReport {
  const count = (state: Health) => checks.filter((one) => one.state === state).length;
  const counts = {
    good: count("good"),
    warning: count("warning"),
    bad: count("bad"),
    unknown: count("unknown"),
  };
  const ok = counts.bad === 0 && !(denyWarnings && counts.warning > 0);
  return { schema: "fleet-release/doctor/1", ok, counts, checks };
}

/** What was found without what must not be shown. */
export function diagnosisWithoutSecrets(
  { check, state, message, mend, lines }: Diagnosis,
  hide: (text: string) => string,
): Diagnosis {
  return {
    check,
    state,
    message: hide(message),
    mend: mend === null ? null : hide(mend),
    lines: lines.map(hide),
  };
}

/** Columns of the longest word for how something stands. */
const WIDTH = "warning".length;

/** What was found, for people: a line, and below it what others say and how it is mended. */
export function diagnosisLines({ check, state, message, mend, lines }: Diagnosis): string[] {
  const below = (text: string) => `${" ".repeat(WIDTH + 2)}${text}`;
  return [
    `${state.padEnd(WIDTH)}  ${check}: ${message}`,
    ...lines.map(below),
    ...mend === null ? [] : [below(`mend: ${mend}`)],
  ].map(printable);
}

/** The last line for people. */
export function summaryLine({ ok, counts: { good, warning, bad, unknown } }: DoctorReport): string {
  const found = [
    ...bad > 0 ? [`${bad} bad`] : [],
    ...warning > 0 ? [plural(warning, "warning")] : [],
    ...unknown > 0 ? [`${unknown} not known`] : [],
    `${good} good`,
  ];
  const stands = bad > 0
    ? "a release would not go well"
    : ok
    ? "a release can be made"
    : "there is something to warn of, which --deny-warnings does not let pass";
  return `${stands}: ${found.join(", ")}`;
}
