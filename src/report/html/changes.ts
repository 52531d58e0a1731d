/**
 * What changes, host by host and beside the hosts, and what every host is to run.
 *
 * @module
 */
import type { FleetResolved } from "../../contract/types.ts";
import type { PartChange } from "../../plan/changes.ts";
import { plural } from "../../text.ts";
import { alsoText } from "../changes.ts";
import type { ReportPage } from "./data.ts";
import { channelIds } from "./fleet.ts";
import { countsOf, type HostView, MARKS, markSign, stands } from "./hosts.ts";
import { type Content, type Html, html } from "./html.ts";
import { folded, nameOf, type Row, rowList } from "./pieces.ts";

/** So many rows of a channel are shown at once. */
const ROWS = 50;
/** So many characters of a value are shown. */
const VALUE = 400;

/** The rows of all hosts, channel by channel, and what else changes; without `changes` just the hosts. */
export function changesSection(
  fleet: FleetResolved,
  views: readonly HostView[],
  changes: ReportPage["changes"],
): Html {
  const ofChannel = Map.groupBy(views, ({ channel }) => channel);
  const channels = [...channelIds(fleet, views).keys()];
  return html`${channels.map((channel) => channelRows(channel, ofChannel.get(channel) ?? []))}${
    changes === null || changes.first ? null : otherChanges(changes.parts)
  }`;
}

function channelRows(channel: string, views: readonly HostView[]): Content {
  if (views.length === 0) return null;
  const [worth, others] = [views.filter(stands), views.filter((view) => !stands(view))];
  return html`
    <h3>${nameOf(channel)}</h3>
    ${shown(countsOf(worth), worth.map(hostRow))}
    ${others.length === 0 ? null : folded(
      plural(others.length, others[0]!.mark === "unchanged" ? "unchanged host" : "host"),
      rowList(others.map(hostRow)),
    )}
  `;
}

/** Rows that are folded when they are many. */
function shown(title: string, rows: readonly Row[]): Content {
  if (rows.length === 0) return null;
  return rows.length > ROWS ? folded(title, rowList(rows)) : rowList(rows);
}

function hostRow({ name, mark, id, closure, change }: HostView): Row {
  const before = change?.before?.closureHash ?? null;
  const also = change === null ? "" : alsoText(change);
  // A run that fails does not say what it has built.
  const none = change === null && mark !== "unchanged" ? "not known" : "no closure";
  return {
    id,
    head: html`${markSign(mark)} ${nameOf(name)}`,
    said: also === "" ? MARKS[mark].word : `${MARKS[mark].word}: ${also}`,
    value: closure ?? none,
    was: before === closure ? null : before,
  };
}

function otherChanges(parts: readonly PartChange[]): Content {
  if (parts.length === 0) return null;
  return html`<h3>Beside the hosts</h3>${shown(plural(parts.length, "change"), parts.map(partRow))}`;
}

function partRow({ path, before, after }: PartChange): Row {
  if (after === undefined) return { head: path, said: "removed", value: valueText(before) };
  if (before === undefined) return { head: path, said: "new", value: valueText(after) };
  return { head: path, said: "changed", value: valueText(after), was: valueText(before) };
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= VALUE ? text : `${text.slice(0, VALUE)}…`;
}
