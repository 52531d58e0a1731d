/**
 * Who waits for whom: names one below the other, and an arc from each that is waited for to each that waits.
 *
 * @module
 */
import { compareBytes } from "../../contract/records.ts";
import type { ChannelEdge, Edge, FleetResolved } from "../../contract/types.ts";
import { plural } from "../../text.ts";
import { type Content, type Html, html } from "./html.ts";
import { folded, nameOf } from "./pieces.ts";

/** What waits, and for what. */
type Wait = Edge | ChannelEdge;

/** So many arcs can be followed; where there are more, there is the list alone. */
const DRAWN = 40;
/** Pixels of a row, and of the way between two arcs. */
const ROW = 32;
const STEP = 10;
/** So many arcs beside each other are apart; those that go further stand on the outermost line. */
const LANES = 6;

/**
 * Names in an order in which each comes after those that it waits for, and else by bytes; where that goes in a circle, those
 * in it come last.
 */
export function inOrder(names: Iterable<string>, edges: readonly Wait[]): string[] {
  const left = new Set([...names].sort(compareBytes));
  const known = edges.filter(({ gated, gates }) => left.has(gated) && left.has(gates));
  const after = Map.groupBy(known, ({ gates }) => gates);
  const waits = new Map([...left].map((name) => [name, 0]));
  for (const { gated } of known) waits.set(gated, waits.get(gated)! + 1);
  const ordered: string[] = [];
  let ready = [...left].filter((name) => waits.get(name) === 0);
  while (ready.length > 0) {
    const next = new Set<string>();
    for (const name of ready) {
      ordered.push(name);
      left.delete(name);
      for (const { gated } of after.get(name) ?? []) {
        waits.set(gated, waits.get(gated)! - 1);
        if (waits.get(gated) === 0) next.add(gated);
      }
    }
    ready = [...next].sort(compareBytes);
  }
  return [...ordered, ...left];
}

/** The orders between channels and between hosts; null: there are none. */
export function orderSection({ channelEdges, edges }: FleetResolved): Content {
  if (channelEdges.length + edges.length === 0) return null;
  return html`<div class="orders">${waiting("Channels", channelEdges)}${waiting("Hosts", edges)}</div>`;
}

function waiting(title: string, edges: readonly Wait[]): Content {
  if (edges.length === 0) return null;
  const lines = edges.map(({ gated, gates, reason }) => {
    const why = reason === null ? null : html`<span class="quiet">: ${reason}</span>`;
    return html`<li>${nameOf(gated)} waits for ${nameOf(gates)}${why}</li>`;
  });
  const list = html`<ul class="lines">${lines}</ul>`;
  const shown = edges.length > DRAWN ? folded(plural(edges.length, "order"), list) : [drawn(edges), list];
  return html`<div class="card"><h3>${title}</h3>${shown}</div>`;
}

/** The arcs. What they show stands in the list below, in words. */
function drawn(edges: readonly Wait[]): Html {
  const rows = inOrder(edges.flatMap(({ gated, gates }) => [gated, gates]), edges);
  const rowOf = new Map(rows.map((name, row) => [name, row]));
  const arcs = edges.map(({ gates, gated }) => [rowOf.get(gates)!, rowOf.get(gated)!] as const);
  const lane = ([from, to]: readonly [number, number]) => Math.min(Math.max(Math.abs(to - from), 1), LANES);
  const width = Math.max(...arcs.map(lane)) * STEP + 12;
  const height = rows.length * ROW;
  const middle = (row: number) => row * ROW + ROW / 2;
  const paths = arcs.map((arc) => {
    const [from, to] = [middle(arc[0]), middle(arc[1])];
    const [x, end] = [width - 12 - lane(arc) * STEP, width - 5];
    return html`
      <path d="M${width} ${from}C${x} ${from} ${x} ${to} ${end} ${to}" />
      <path class="head" d="M${width} ${to}l-7 -4v8z" />
    `;
  });
  return html`
    <div class="arcs" aria-hidden="true">
      <svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${paths}</svg>
      <ul>${rows.map((name) => html`<li>${nameOf(name)}</li>`)}</ul>
    </div>
  `;
}
