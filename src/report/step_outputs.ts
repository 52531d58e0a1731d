/**
 * What later steps of a workflow are told of a run, as the file of `GITHUB_OUTPUT` takes it.
 *
 * @module
 */
import { hostsWithOtherClosure } from "../plan/changes.ts";
import { printableJson } from "../text.ts";
import type { Publication } from "./outcome.ts";

/** The outputs of a step, by their names. */
export interface StepOutputs {
  /** That of the run, or `failed`, which stands alone. */
  readonly "outcome": Publication["outcome"] | "failed";
  /** The commit of the fleet; empty: there is none. */
  readonly "commit"?: string;
  /** The commit that holds the release; empty: none was made. */
  readonly "release-commit"?: string;
  /** The hosts that get another closure, as a JSON list. */
  readonly "changed-hosts"?: string;
  /** Hash of the fleet artifact. */
  readonly "fleet-sha256"?: string;
}

/** The outputs of a run that has ended well. */
export function outputsOf(
  { outcome, commit, releaseCommit, changes, artifacts }: Publication,
  artifactName: string,
): StepOutputs {
  return {
    "outcome": outcome,
    "commit": commit ?? "",
    "release-commit": releaseCommit ?? "",
    "changed-hosts": printableJson(hostsWithOtherClosure(changes)),
    "fleet-sha256": artifacts.find(({ path }) => path === artifactName)?.sha256 ?? "",
  };
}

/**
 * The outputs for the file. A value ends where its delimiter stands on a line.
 *
 * @param delimiter What nobody can know before
 */
export function outputText(outputs: StepOutputs, delimiter: string): string {
  return Object.entries(outputs).map(([name, value]) => `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
    .join("");
}
