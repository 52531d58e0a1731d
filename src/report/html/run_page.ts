/**
 * The page of a run: what its result and its notes say of it.
 *
 * @module
 */
import { explained } from "../../errors.ts";
import { warningWithoutSecrets } from "../log.ts";
import type { EndedRun, RunOutcome } from "../outcome.ts";
import type { Fact, Failure, ReportPage } from "./data.ts";

/** The page of a run, without secrets. */
export function pageOfRun({ end, notes, secrets }: EndedRun, programVersion: string): ReportPage {
  const base = {
    fleet: notes?.fleet ?? null,
    stages: notes?.stages ?? [],
    seconds: notes?.seconds ?? new Map(),
    programVersion,
  };
  if ("outcome" in end) {
    const { outcome, signedAt, warnings, artifacts } = end.outcome;
    return {
      ...base,
      outcome,
      facts: factsOf(end.outcome),
      changes: end.outcome.changes,
      // Another run's is the one that is published.
      signature: outcome === "already-released" ? null : { signedAt, key: notes?.key ?? null },
      failure: null,
      warnings,
      artifacts,
    };
  }
  const at = notes?.at.map(({ title }) => secrets.hide(title)) ?? [];
  return {
    ...base,
    outcome: "failed",
    facts: [],
    changes: notes?.changes ?? null,
    signature: null,
    failure: failureOf(end.error, at),
    warnings: notes?.warnings.map((warning) => warningWithoutSecrets(warning, secrets)) ?? [],
    artifacts: [],
  };
}

function factsOf({ commit, releaseCommit, pushedTo, flake, nixVersion }: RunOutcome): Fact[] {
  const facts: readonly (readonly [name: string, value: string | null])[] = [
    ["Commit", commit],
    ["Release commit", releaseCommit],
    ["Pushed to", pushedTo && `branch ${pushedTo.branch} of ${pushedTo.remote}`],
    ["Flake", flake],
    ["Nix", nixVersion],
  ];
  return facts.flatMap(([name, value]) => value === null ? [] : [{ name, value }]);
}

function failureOf(error: unknown, at: readonly string[]): Failure {
  const { message, path = null, hint = null, hosts = [], lines, exitCode } = explained(error);
  return { message, path, hint, at, hosts, lines, exitCode };
}
