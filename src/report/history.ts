/**
 * What `log` says of the releases in a history, for people and as JSON.
 *
 * @module
 */
import type { Timestamp } from "../contract/types.ts";
import type { Warning } from "../model.ts";
import { changesBetween } from "../plan/changes.ts";
import { alignedRows, printable, quoteCommand } from "../text.ts";
import type { ReleaseContent } from "../verify/content.ts";
import type { FileFailure } from "../verify/failure.ts";
import { describeKey, type KeyDescription } from "../verify/trust.ts";
import { changeLines, reportChanges, type ReportedChanges } from "./changes.ts";
import { keyText } from "./release_status.ts";

/** What `log --json` prints. docs/rollback.md describes it. */
export interface LogReport {
  readonly schema: "fleet-release/log/1";
  /** Whether signatures were verified, with the keys that were given. */
  readonly verified: boolean;
  /** The newest first. */
  readonly releases: readonly LoggedRelease[];
  /** Whether there are older releases than these. */
  readonly more: boolean;
  readonly warnings: readonly Warning[];
}

/** Why nothing is told of what a release changes: it is no release, or that cannot be known. */
export type NoChanges = "removed" | "refused" | "previous-refused" | "history-cut";

/** A release in the history. */
export interface LoggedRelease {
  /** The full commit that brought it. */
  readonly commit: string;
  /** When that was made, by its committer's clock. */
  readonly committedAt: Timestamp;
  /** When it was signed; null when it is refused, or gone. */
  readonly signedAt: Timestamp | null;
  /** The commit of the fleet that it is of. */
  readonly ciCommit: string | null;
  /** The key that verifies the fleet's signature; null: none does, or none was given. */
  readonly key: KeyDescription | null;
  /** How many hosts it has; null when it is refused, or gone. */
  readonly hosts: number | null;
  /** The names of its channels. */
  readonly channels: readonly string[] | null;
  /** What it changes against the release before it; null: see `noChanges`. */
  readonly changes: ReportedChanges | null;
  /** Why that cannot be told; null: it can. */
  readonly noChanges: NoChanges | null;
  /** What consumers refuse it for but for its age; `missing-fleet`: the commit has taken the release away. */
  readonly failures: readonly FileFailure[];
}

/** A commit of the history, and what its release says. */
export interface FoundCommit extends ReleaseContent {
  readonly commit: string;
  readonly committedAt: Timestamp;
}

/**
 * A release as the log has it.
 *
 * @param before The release before it; null: there is none; `cut`: nobody knows, since the clone does not go back so far
 * @returns null for a commit that has none, and takes none away: one that changes what lies beside it
 */
export function loggedRelease(
  { commit, committedAt, content, key, failures }: FoundCommit,
  before: ReleaseContent | null | "cut",
): LoggedRelease | null {
  if (isGone({ failures }) && (before === null || before === "cut" || isGone(before))) return null;
  const noChanges = isGone({ failures })
    ? "removed"
    : content === null
    ? "refused"
    : before === "cut"
    ? "history-cut"
    : before !== null && before.content === null && !isGone(before)
    ? "previous-refused"
    : null;
  const old = before === null || before === "cut" ? null : before.content;
  return {
    ...{ commit, committedAt },
    signedAt: content?.fleet.meta.signedAt ?? null,
    ciCommit: content?.fleet.meta.ciCommit ?? null,
    key: key && describeKey(key),
    hosts: content && Object.keys(content.fleet.hosts).length,
    channels: content && Object.keys(content.fleet.channels),
    changes: noChanges === null ? reportChanges(changesBetween(old, content!)) : null,
    ...{ noChanges, failures },
  };
}

/**
 * A release as the table shows it: of what it changes, the one line. All of that is more than there is memory for, where
 * thousands of releases each change thousands of hosts.
 */
export function withoutDetails({ changes, ...release }: LoggedRelease): LoggedRelease {
  return { ...release, changes: changes && { ...changes, hosts: [], parts: [] } };
}

/** Whether there was a release, and the commit has taken it away. */
function isGone({ failures }: Pick<ReleaseContent, "failures">): boolean {
  return failures.some(({ code }) => code === "missing-fleet");
}

/** What there is to know of a history beside its releases. */
export function historyWarnings(
  dir: string,
  { commits, isCut, renamedFrom }: {
    readonly commits: readonly { readonly commit: string }[];
    readonly isCut: boolean;
    readonly renamedFrom: string | null;
  },
): Warning[] {
  const oldest = commits.at(-1)?.commit;
  if (oldest === undefined) return [];
  const warnings: Warning[] = [];
  if (isCut) {
    warnings.push({
      code: "history-cut",
      message:
        `The clone is shallow: it has nothing from before ${oldest}, where the last release of this list may ` +
        "have been for long. `git fetch --unshallow` fetches the rest",
      path: dir,
    });
  }
  if (renamedFrom !== null) {
    warnings.push({
      code: "renamed-directory",
      message:
        `Releases from before ${oldest} are not in this list: the directory was "${renamedFrom}" then. ` +
        `\`fleet-release log ${quoteCommand([renamedFrom])} --git ${oldest}^\` lists them`,
      path: dir,
    });
  }
  return warnings;
}

/** The report for people: a table with one line for each release. */
export function logLines({ releases, verified, more }: Shown): string[] {
  return [
    ...alignedRows([HEADER, ...releases.map((release) => rowOf(release, verified))]),
    ...more ? ["", OLDER] : [],
  ];
}

/** What people are shown of a report. */
type Shown = Pick<LogReport, "releases" | "verified" | "more">;

const OLDER = "there are older releases: --limit shows more";

const HEADER = ["signed at", "commit", "of", "key", "channels", "changes"];

function rowOf(release: LoggedRelease, verified: boolean): string[] {
  const { commit, signedAt, ciCommit, changes } = release;
  return [
    signedAt ?? "-",
    shortCommit(commit),
    ciCommit === null ? "-" : shortCommit(ciCommit),
    keyColumn(release, verified),
    changes === null || changes.channels.length === 0 ? "-" : changes.channels.join(", "),
    summaryText(release),
  ];
}

function shortCommit(commit: string): string {
  return commit.slice(0, 8);
}

function keyColumn({ key, noChanges }: LoggedRelease, verified: boolean): string {
  if (noChanges === "removed") return "-";
  return !verified ? "unverified" : key === null ? "none" : keyText(key);
}

/** What a release changes in one line, or why that cannot be told. */
function summaryText(release: LoggedRelease): string {
  const { changes, noChanges, failures } = release;
  if (changes !== null) return changes.summary;
  if (noChanges === "removed") return "the release is removed";
  if (noChanges === "history-cut") return "unknown: the clone does not go back further";
  if (noChanges === "previous-refused") return "unknown: the release before it is refused";
  const [{ path, message }] = failures as [FileFailure];
  return `refused: "${path}": ${message}`;
}

/** The report for people with the changes of each release below it. */
export function longLogLines({ releases, verified, more }: Shown): string[] {
  const blocks = releases.flatMap((release, index) => {
    const { commit, committedAt, signedAt, ciCommit, changes } = release;
    const signed = signedAt === null ? `committed at ${committedAt}` : `signed at ${signedAt}`;
    const of = ciCommit === null ? "" : ` of commit ${ciCommit}`;
    const lines = changes === null ? [] : changeLines(changes);
    return [
      ...index === 0 ? [] : [""],
      printable(`release${of}, ${signed}`),
      printable(`  commit: ${commit}`),
      printable(`  key: ${keyColumn(release, verified)}`),
      printable(`  ${summaryText(release)}`),
      ...lines.length === 0 ? [] : ["", ...lines.map((line) => line === "" ? "" : `    ${line}`)],
    ];
  });
  return [...blocks, ...more ? ["", OLDER] : []];
}
