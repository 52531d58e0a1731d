/**
 * What a CI system shows of a run beside its log, as markdown: what changes, by channel and wave, what there is to warn of,
 * how long it took, and what it has failed with.
 *
 * @module
 */
import { compareBytes } from "../contract/records.ts";
import type { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { HostChange, PartChange } from "../plan/changes.ts";
import { hideSecrets } from "../secrets.ts";
import { fitColumns, plural, printable } from "../text.ts";
import { code, codeList, fenceOf, tableLines } from "./markdown.ts";
import { alsoText, placeOf, type ReportedChanges } from "./changes.ts";
import type { Publication } from "./outcome.ts";
import { duration } from "./status.ts";

/** Lines that belong together, and what ends them wherever they are cut. */
export interface Section {
  readonly lines: readonly string[];
  readonly end?: readonly string[];
}

/** What a run has noted, however it ended. */
export type Noted = Pick<Publication, "warnings" | "stages">;

/** So many names stand in a cell; all of them are in the list below. */
const NAMES = 20;
/** So many columns are shown of a value, or of a line of a log. */
const COLUMNS = 300;

const OUTCOMES: Readonly<Record<Publication["outcome"], string>> = {
  "released": "Released",
  "pushed": "Pushed what was committed before",
  "no-change": "Nothing to do: the release is there already",
  "already-released": "Nothing to do: another run has done it",
};

/** The summary of a run that has ended well. */
export function successSections(publication: Publication & { readonly signedBefore?: string }): Section[] {
  const { outcome, commit, releaseCommit, pushedTo, signedAt, changes } = publication;
  const signedBefore = outcome === "released" ? publication.signedBefore : undefined;
  const facts = [
    ["commit of the fleet", commit],
    ["commit of the release", releaseCommit],
    ["pushed to", pushedTo && `${pushedTo.remote}:${pushedTo.branch}`],
    ["signed at", signedAt],
    ["signed before at", signedBefore],
  ].flatMap(([what, value]) => what && value ? [`- ${what}: ${code(value)}`] : []);
  const title = signedBefore === undefined ? OUTCOMES[outcome] : "Signed anew";
  return [
    { lines: [`## ${title}`, "", ...facts] },
    ...changesSections(changes),
    ...notedSections(publication),
  ];
}

/** The summary of a run that has failed: the error, with the end of its log. */
export function failureSections(error: ReleaseError, noted: Noted): Section[] {
  const { kind, message, path, hint, hosts = [], exitCode } = error;
  const lines = error.lines.map((line) => fitColumns(printable(hideSecrets(line)), COLUMNS));
  const fence = fenceOf(lines);
  const facts = [
    ...path === undefined ? [] : [`- at: ${sentence(path)}`],
    ...hosts.length === 0 ? [] : [`- ${hosts.length === 1 ? "host" : "hosts"}: ${codeList(hosts, NAMES)}`],
    ...hint === undefined ? [] : [`- hint: ${sentence(hint)}`],
    `- exit code: ${exitCode}, ${kind}`,
  ];
  return [
    { lines: ["## Failed", "", sentence(message), "", ...facts] },
    ...lines.length === 0 ? [] : [{ lines: [`${fence}text`, ...lines], end: [fence] }],
    ...notedSections(noted),
  ];
}

/** What a run says, in which names and words of others are. */
function sentence(text: string): string {
  return code(fitColumns(printable(hideSecrets(text)), 10 * COLUMNS));
}

/** What differs from the release before. */
function changesSections({ first, hosts, unchanged, parts }: ReportedChanges): Section[] {
  const count = (change: HostChange["change"]) => hosts.filter((host) => host.change === change).length;
  const released = plural(hosts.length + unchanged - count("removed"), "host");
  const beside = plural(parts.length, "change");
  const summary = first
    ? `The first release, of ${released}.`
    : hosts.length === 0 && parts.length === 0
    ? `Nothing changes for ${released}.`
    : `${count("changed")} of ${released} changed, ${count("added")} new, ${count("removed")} removed, and ` +
      `${beside} beside the hosts.`;
  const places = hosts.length === 0 ? [] : ["", ...tableLines([PLACES, ...placesOf(hosts).map(placeRow)])];
  return [
    { lines: ["### Changes", "", summary, ...places] },
    // Of a first release all is new.
    ...first || hosts.length === 0
      ? []
      : [folded(plural(hosts.length, "host"), [HOSTS, ...hosts.map(hostRow)])],
    ...first || parts.length === 0
      ? []
      : [folded(`${beside} beside the hosts`, [PARTS, ...parts.map(partRow)])],
  ];
}

/** A table that is shown when it is asked for. */
function folded(title: string, rows: readonly (readonly string[])[]): Section {
  const lines = ["<details>", `<summary>${title}</summary>`, "", ...tableLines(rows)];
  return { lines, end: ["", "</details>"] };
}

/** A wave of a channel, and the hosts in it that change; those that are removed, where they were. */
interface Place {
  readonly channel: string;
  /** Null: no wave has them. */
  readonly wave: number | null;
  readonly hosts: readonly HostChange[];
}

/** By channel, and in it by wave; what is in no wave comes last. */
function placesOf(hosts: readonly HostChange[]): Place[] {
  const groups = Map.groupBy(hosts, (host) => {
    const { channel, wave } = placeOf(host);
    return JSON.stringify([channel, wave]);
  });
  return [...groups.values()].map((hosts) => ({ ...placeOf(hosts[0]!), hosts }))
    .sort((a, b) => compareBytes(a.channel, b.channel) || (a.wave ?? Infinity) - (b.wave ?? Infinity));
}

const PLACES = ["channel", "wave", "changed", "new", "removed", "which"];

function placeRow({ channel, wave, hosts }: Place): string[] {
  const of = (change: HostChange["change"]) => hosts.filter((host) => host.change === change);
  const [changed, added, removed] = [of("changed"), of("added"), of("removed")];
  const names = [...changed, ...added, ...removed].map(({ name }) => name);
  return [
    code(channel),
    wave === null ? "none" : `${wave}`,
    ...[changed, added, removed].map(({ length }) => `${length}`),
    codeList(names, NAMES),
  ];
}

const HOSTS = ["host", "change", "before", "after", "also"];

function hostRow(host: HostChange): string[] {
  const { name, change, before, after } = host;
  const closure = (state: HostChange["after"]) => shown(state?.closureHash ?? "");
  return [
    code(name),
    change === "added" ? "new" : change,
    closure(before),
    closure(after),
    shown(alsoText(host)),
  ];
}

/** A text as code, where there is one. */
function shown(text: string): string {
  return text === "" ? "" : code(text);
}

const PARTS = ["what", "before", "after"];

function partRow({ path, before, after }: PartChange): string[] {
  const cut = (value: unknown) =>
    shown(value === undefined ? "" : fitColumns(JSON.stringify(value), COLUMNS));
  return [code(path), cut(before), cut(after)];
}

function notedSections({ warnings, stages }: Noted): Section[] {
  const warningLine = ({ code: word, message }: Warning) => `- ${word}: ${sentence(message)}`;
  return [
    ...warnings.length === 0 ? [] : [{ lines: ["### Warnings", "", ...warnings.map(warningLine)] }],
    ...stages.length === 0 ? [] : [folded("Times", [
      ["stage", "took"],
      ...stages.map(({ stage, seconds }) => [stage, duration(seconds)]),
    ])],
  ];
}

/**
 * The sections as one text of at most so many bytes. What there is no room for is left out from the end on, and a line says
 * so; undefined: there is no room for that line.
 */
export function fitSections(sections: readonly Section[], room: number): string | undefined {
  const whole = textOf(sections.flatMap(({ lines, end = [] }) => [...lines, ...end, ""]));
  if (bytesIn(whole) <= room) return whole;
  let left = room - bytesIn(CUT);
  if (left < 0) return undefined;
  const kept: string[] = [];
  for (const { lines, end = [] } of sections) {
    const after = textOf([...end, ""]);
    const fitting = fittingLines(lines, left - bytesIn(after));
    if (fitting.length > 0) kept.push(textOf(fitting), after);
    if (fitting.length < lines.length) break;
    left -= bytesIn(textOf(lines) + after);
  }
  return `${kept.join("")}${CUT}`;
}

const CUT = "The rest is left out: the summary of a step has room for 1 MiB.\n";

/** The first of these lines, as many as so many bytes have room for. */
function fittingLines(lines: readonly string[], room: number): readonly string[] {
  let left = room;
  const end = lines.findIndex((line) => {
    left -= bytesIn(textOf([line]));
    return left < 0;
  });
  return end === -1 ? lines : lines.slice(0, end);
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function bytesIn(text: string): number {
  return new TextEncoder().encode(text).length;
}
