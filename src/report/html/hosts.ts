/**
 * The hosts of a page: how each of them is marked, and where its row is.
 *
 * @module
 */
import { compareBytes, lookup } from "../../contract/records.ts";
import type { HostChange } from "../../plan/changes.ts";
import type { ReportPage } from "./data.ts";
import { type Html, html } from "./html.ts";

/** How a host is marked, the most pressing first: by its shape, since colours alone tell not everybody. */
export const MARKS = {
  failed: { sign: "×", word: "failed" },
  changed: { sign: "", word: "with another closure" },
  other: { sign: "~", word: "changed otherwise" },
  added: { sign: "+", word: "new" },
  removed: { sign: "−", word: "removed" },
  unchanged: { sign: "", word: "unchanged" },
  present: { sign: "", word: "in the fleet" },
} as const;

/** One of {@linkcode MARKS}. */
export type Mark = keyof typeof MARKS;

const ORDER = Object.keys(MARKS) as readonly Mark[];

/** A host of this release or of the last one. */
export interface HostView {
  readonly name: string;
  readonly mark: Mark;
  /** Where its row is. */
  readonly id: string;
  readonly channel: string;
  /** What it is to run; null when it has none, or it is not known yet. */
  readonly closure: string | null;
  /** What changes; null: nothing does, or there is nothing to compare with. */
  readonly change: HostChange | null;
}

/** All hosts, by byte order of the names. */
export function viewsOf({ fleet, changes, failure }: ReportPage): HostView[] {
  const failed = new Set(failure?.hosts);
  const changeOf = new Map(changes?.hosts.map((change) => [change.name, change]));
  const names = new Set([...Object.keys(fleet?.hosts ?? {}), ...changeOf.keys()]);
  const unmoved: Mark = changes === null ? "present" : "unchanged";
  return [...names].sort(compareBytes).map((name, index) => {
    const change = changeOf.get(name) ?? null;
    const host = fleet === null ? undefined : lookup(fleet.hosts, name);
    return {
      name,
      mark: failed.has(name) ? "failed" : change === null ? unmoved : markOf(change),
      id: `host-${index}`,
      channel: host?.channel ?? change?.before?.channel ?? "",
      closure: host?.closureHash ?? null,
      change,
    };
  });
}

function markOf({ change, aspects }: HostChange): Mark {
  return change === "changed" && !aspects.includes("closure") ? "other" : change;
}

/** Whether there is something to look at. */
export function stands({ mark }: HostView): boolean {
  return mark !== "unchanged" && mark !== "present";
}

/** Orders hosts by how pressing their marks are. */
export function byMark(a: HostView, b: HostView): number {
  return ORDER.indexOf(a.mark) - ORDER.indexOf(b.mark);
}

/** A mark alone, for those who see it. */
export function markSign(mark: Mark): Html {
  return html`<i class="m ${mark}" aria-hidden="true">${MARKS[mark].sign}</i>`;
}

/** What each mark means that is there, with how many there are. */
export function legend(views: readonly HostView[]): Html {
  return html`<ul class="legend">${
    counted(views).map(([mark, count]) => html`<li>${markSign(mark)} ${count} ${MARKS[mark].word}</li>`)
  }</ul>`;
}

/** As in `3 with another closure, 9 unchanged`. */
export function countsOf(views: readonly HostView[]): string {
  return counted(views).map(([mark, count]) => `${count} ${MARKS[mark].word}`).join(", ");
}

function counted(views: readonly HostView[]): [Mark, number][] {
  const counts = new Map<Mark, number>();
  for (const { mark } of views) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return ORDER.flatMap((mark) => {
    const count = counts.get(mark);
    return count === undefined ? [] : [[mark, count]];
  });
}
