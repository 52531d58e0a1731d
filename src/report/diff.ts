/**
 * What `diff` says of two releases, for people and as JSON.
 *
 * @module
 */
import type { Timestamp } from "../contract/types.ts";
import type { Warning } from "../model.ts";
import { type Changes, changesAnything } from "../plan/changes.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import { printable } from "../text.ts";
import { describeKey, type KeyDescription, type TrustedKey } from "../verify/trust.ts";
import { changeLines, reportChanges, type ReportedChanges } from "./changes.ts";
import { keyText } from "./release_status.ts";

/** What `diff --json` prints. docs/rollback.md describes it. */
export interface DiffReport {
  readonly schema: "fleet-release/diff/1";
  /** Whether signatures were verified, with the keys that were given. */
  readonly verified: boolean;
  readonly before: ComparedRelease;
  readonly after: ComparedRelease;
  /** Whether they differ in anything but their stamp. */
  readonly changed: boolean;
  readonly changes: ReportedChanges;
  readonly warnings: readonly Warning[];
}

/** One of two releases. */
export interface ComparedRelease {
  /** The revision or the directory, as it was given. */
  readonly place: string;
  /** The full commit that it was read from; null: from disk. */
  readonly gitCommit: string | null;
  readonly signedAt: Timestamp | null;
  /** The commit of the fleet that it is of. */
  readonly ciCommit: string | null;
  /** The key that verifies the fleet's signature; null: none was given. */
  readonly key: KeyDescription | null;
}

/** Says which release it is. */
export function comparedRelease(
  place: { readonly name: string; readonly commit: string | null },
  { fleet: { meta } }: EvaluatedFleet,
  key: TrustedKey | null,
): ComparedRelease {
  return {
    ...{ place: place.name, gitCommit: place.commit },
    ...{ signedAt: meta.signedAt, ciCommit: meta.ciCommit },
    key: key && describeKey(key),
  };
}

/** The report of two releases. */
export function diffReport(
  changes: Changes,
  rest: Pick<DiffReport, "verified" | "before" | "after" | "warnings">,
): DiffReport {
  const { verified, before, after, warnings } = rest;
  return {
    schema: "fleet-release/diff/1",
    ...{ verified, before, after },
    ...{ changed: changesAnything(changes), changes: reportChanges(changes), warnings },
  };
}

/** The report for people: both releases, what changes in one line, and a table of it. */
export function diffLines({ before, after, changes }: DiffReport): string[] {
  const lines = changeLines(changes);
  return [
    printable(`before: ${sideText(before)}`),
    printable(`after:  ${sideText(after)}`),
    printable(changes.summary),
    ...lines.length === 0 ? [] : ["", ...lines],
  ];
}

function sideText({ place, gitCommit, signedAt, ciCommit, key }: ComparedRelease): string {
  return [
    gitCommit === null ? place : `${place} (commit ${gitCommit})`,
    signedAt === null ? "not signed" : `signed at ${signedAt}`,
    ...ciCommit === null ? [] : [`of commit ${ciCommit.slice(0, 8)}`],
    key === null ? "unverified" : keyText(key),
  ].join(", ");
}
