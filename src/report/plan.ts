/**
 * What `plan` says of a release that would be made: for people, as JSON, and as markdown for a pull request.
 *
 * @module
 */
import { compareTimestamps } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import type { PackageChange, Warning } from "../model.ts";
import { type Changes, changesAnything } from "../plan/changes.ts";
import { releaseDueAt } from "../plan/reuse.ts";
import type { Secrets } from "../secrets.ts";
import type { Against } from "../stages/against.ts";
import type { ClosureDifference, PlannedClosures } from "../stages/plan.ts";
import type { Source } from "../stages/source.ts";
import { printable, quoteList } from "../text.ts";
import {
  changeLines,
  HOST_HEADER,
  hostRows,
  partRows,
  reportChanges,
  type ReportedChanges,
} from "./changes.ts";
import { warningWithoutSecrets } from "./log.ts";
import { code, codeList, tableLines } from "./markdown.ts";

/** What `plan --json` prints. docs/schemas/plan.schema.json describes it. */
export interface PlanReport {
  readonly schema: "fleet-release/plan/1";
  /** Whether the release would change anything but its stamp, or that cannot be told before it is built. */
  readonly changed: boolean;
  /** What nix read, as a flake reference that always means it, without a password in the URL. */
  readonly flake: string;
  /** The commit that would be released; null outside git. */
  readonly commit: string | null;
  /** The release that it is compared with; null: there is none that counts, and all is new. */
  readonly against: ComparedRelease | null;
  /** When the release that is there is due to be signed anew, whatever changes; null when there is none. */
  readonly signing: { readonly due: boolean; readonly dueAt: Timestamp } | null;
  readonly changes: ReportedChanges;
  readonly closures: {
    /** How many hosts were evaluated. */
    readonly evaluated: number;
    /** The hosts whose closures are not in the store: a release builds or fetches them. */
    readonly missing: readonly string[];
    /** The hosts whose closures are content-addressed: nobody knows their names before they are built. */
    readonly unknown: readonly string[];
  };
  /** How closures differ, package by package; null without `--diff-closures`. */
  readonly differences: readonly ReportedDifference[] | null;
  readonly warnings: readonly Warning[];
}

/** The release that was compared with. */
export interface ComparedRelease {
  /** Where it is, in words that continue `the release`. */
  readonly place: string;
  readonly signedAt: Timestamp | null;
  /** The commit that it names. */
  readonly ciCommit: string | null;
  /** Whether a key that consumers trust has signed it; false where no keys are given. */
  readonly verified: boolean;
}

/** How the closures of hosts differ that go from one to another. */
export interface ReportedDifference {
  readonly hosts: readonly string[];
  /** Store paths. */
  readonly before: string;
  readonly after: string;
  /** Which of the two are not in the store; none: they were compared. */
  readonly missing: readonly ("before" | "after")[];
  readonly packages: readonly PackageChange[];
}

/** What a report is made of. */
export interface PlanFacts {
  readonly source: Pick<Source, "flake" | "ciCommit">;
  readonly now: Timestamp;
  readonly against: Against | null;
  readonly changes: Changes;
  readonly closures: PlannedClosures;
  readonly differences: readonly ClosureDifference[] | null;
  readonly warnings: readonly Warning[];
  readonly secrets: Secrets;
}

/** The report of a plan. */
export function planReport(facts: PlanFacts): PlanReport {
  const { source, against, changes, closures: { paths, missing, unknown }, now, secrets } = facts;
  const dueAt = against === null ? null : releaseDueAt(against.release.fleet);
  return {
    schema: "fleet-release/plan/1",
    changed: changesAnything(changes) || unknown.length > 0,
    flake: secrets.hide(source.flake.url),
    commit: source.ciCommit,
    against: against && comparedRelease(against),
    signing: dueAt === null ? null : { due: compareTimestamps(dueAt, now) <= 0, dueAt },
    changes: reportChanges(changes),
    closures: { evaluated: paths.size + unknown.length, missing, unknown },
    differences: facts.differences,
    warnings: facts.warnings.map((warning) => warningWithoutSecrets(warning, secrets)),
  };
}

function comparedRelease({ place, release: { fleet: { meta } }, verified }: Against): ComparedRelease {
  return { place, signedAt: meta.signedAt, ciCommit: meta.ciCommit, verified };
}

/** The report for people. */
export function planLines(report: PlanReport): string[] {
  const { changes, closures: { evaluated, missing, unknown }, differences } = report;
  const lines = changeLines(changes);
  return [
    printable(changes.summary),
    ...lines.length === 0 ? [] : ["", ...lines],
    "",
    ...[
      `compared with ${comparedWith(report)}`,
      ...signingLines(report),
      `closures that would be built or fetched: ${missing.length} of ${evaluated}${namesOf(missing)}`,
      ...unknown.length === 0 ? [] : [`closures ${NOT_KNOWN}: ${unknown.length}${namesOf(unknown)}`],
    ].map(printable),
    ...(differences ?? []).flatMap((difference) => ["", ...differenceLines(difference).map(printable)]),
  ];
}

/** What is said of content-addressed closures. */
const NOT_KNOWN = "that nobody can compare before they are built, since they are content-addressed";

function namesOf(names: readonly string[]): string {
  return names.length === 0 ? "" : `: ${quoteList(names)}`;
}

/** What it was compared with, in words that name it. */
function comparedWith({ against }: PlanReport): string {
  if (against === null) return "nothing: there is no earlier release that counts";
  const { place, signedAt, ciCommit, verified } = against;
  const from = ciCommit === null ? "" : ` from commit ${ciCommit.slice(0, 8)}`;
  const trust = verified ? "signed by a trusted key" : "not verified, since no keys are given";
  const signed = signedAt === null ? "without a signing time" : `that was signed at ${signedAt}`;
  return `the release ${place} ${signed}${from}: ${trust}`;
}

function signingLines({ signing }: PlanReport): string[] {
  if (signing === null) return [];
  return [
    signing.due
      ? `that release has been due to be signed anew since ${signing.dueAt}, whatever changes`
      : `that release is due to be signed anew at ${signing.dueAt}`,
  ];
}

function differenceLines({ hosts, before, after, missing, packages }: ReportedDifference): string[] {
  const absent = missing.map((end) => end === "before" ? before : after);
  return [
    `${quoteList(hosts)}: ${before} → ${after}`,
    ...absent.map((path) => `  not compared: ${path} is not in the store`),
    ...absent.length === 0 && packages.length === 0
      ? ["  no package differs in its version or much in its size"]
      : [],
    ...packages.map(({ name, change }) => `  ${name}: ${change}`),
  ];
}

/** So many names stand in a line. */
const NAMES = 20;
/** So many hosts, parts and packages are shown, so that there is room for each of these. */
const ROWS = 100;
/** So many characters are printed as markdown: a comment on GitHub has room for 65,536. */
const ROOM = 60_000;

/** The report as markdown, as a comment to a pull request has room for it. */
export function planMarkdown(report: PlanReport): string[] {
  const lines = allMarkdown(report);
  let left = ROOM;
  const fitting = lines.findIndex((line) => (left -= line.length + 1) < 0);
  return fitting === -1 ? lines : [...lines.slice(0, fitting), "", "The rest is left out."];
}

function allMarkdown(report: PlanReport): string[] {
  const { changes, closures: { evaluated, missing, unknown }, differences, warnings } = report;
  const hosts = hostRows(changes).map(([channel, wave, name, change, closure, also]) => [
    ...[code(channel!), wave!, code(name!), change!, code(closure!)],
    also === "" ? "" : code(also!),
  ]);
  const parts = partRows(changes).map(([change, path, values]) => [change, code(path), code(values)]);
  const listed = (names: readonly string[]) => names.length === 0 ? "" : `: ${codeList(names, NAMES)}`;
  return [
    `### ${report.changed ? "The release would change" : "Nothing would change"}`,
    "",
    code(changes.summary),
    "",
    `- Compared with ${code(comparedWith(report))}`,
    ...signingLines(report).map((line) => `- ${line[0]!.toUpperCase()}${line.slice(1)}`),
    `- Closures that would be built or fetched: ${missing.length} of ${evaluated}${listed(missing)}`,
    ...unknown.length === 0 ? [] : [`- Closures ${NOT_KNOWN}: ${unknown.length}${listed(unknown)}`],
    ...table("Hosts, by channel and wave", HOST_HEADER, hosts),
    ...table("Beside the hosts", ["change", "path", "value"], parts),
    ...(differences ?? []).flatMap(differenceMarkdown),
    ...table(
      "Warnings",
      ["code", "message"],
      warnings.map(({ code: word, message }) => [word, code(message)]),
    ),
  ];
}

/** A table below its title, of its first rows; nothing where it has no rows. */
function table(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const lines = tableLines([header, ...rows.slice(0, ROWS)]);
  const more = rows.length > ROWS ? ["", `and ${rows.length - ROWS} more`] : [];
  return ["", `**${title}**`, "", ...lines, ...more];
}

function differenceMarkdown({ hosts, before, after, missing, packages }: ReportedDifference): string[] {
  if (missing.length > 0) {
    const absent = missing.map((end) => code(end === "before" ? before : after)).join(" and ");
    return [
      "",
      `Not compared for ${codeList(hosts, NAMES)}: ${absent} ${
        missing.length === 1 ? "is" : "are"
      } not in the store.`,
    ];
  }
  if (packages.length === 0) {
    return ["", `No package differs in its version or much in its size for ${codeList(hosts, NAMES)}.`];
  }
  return [
    "",
    `Packages of ${codeList(hosts, NAMES)}:`,
    "",
    ...tableLines([
      ["package", "change"],
      ...packages.slice(0, ROWS).map(({ name, change }) => [code(name), code(change)]),
    ]),
    ...packages.length > ROWS ? ["", `and ${packages.length - ROWS} more`] : [],
  ];
}
