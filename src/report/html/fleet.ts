/**
 * The picture of a fleet: its channels, in each the waves in their order, in each wave a mark for every host.
 *
 * @module
 */
import { lookup } from "../../contract/records.ts";
import type { FleetResolved, Wave } from "../../contract/types.ts";
import { plural } from "../../text.ts";
import { byMark, countsOf, type HostView, legend, MARKS, markSign, stands } from "./hosts.ts";
import { type Content, type Html, html } from "./html.ts";
import { inOrder } from "./order.ts";
import { between, nameOf } from "./pieces.ts";

/** In a fleet of so many hosts each mark has its name beside it. */
const NAMED = 100;
/** In a larger one so many names of a wave are given, of hosts that are worth a look. */
const NAMES = 3;

/** Where a channel's card is. */
export function channelIds(fleet: FleetResolved, views: readonly HostView[]): Map<string, string> {
  const names = new Set([...Object.keys(fleet.channels), ...views.map(({ channel }) => channel)]);
  return new Map(inOrder(names, fleet.channelEdges).map((name, index) => [name, `channel-${index}`]));
}

/** The picture. */
export function fleetSection(fleet: FleetResolved, views: readonly HostView[]): Html {
  const ids = channelIds(fleet, views);
  const ofChannel = Map.groupBy(views, ({ channel }) => channel);
  const named = views.length <= NAMED;
  const cards = [...ids].map(([name, id]) => {
    const hosts = ofChannel.get(name) ?? [];
    return html`
      <article class="card" id="${id}" aria-labelledby="${id}-title">
        <h3 id="${id}-title">${nameOf(name)}</h3>
        <p class="quiet">${aboutChannel(fleet, name, { ids, hosts })}</p>
        ${wavesOf(fleet, name, { hosts, named })}
      </article>
    `;
  });
  return html`${legend(views)}<div class="channels">${cards}</div>`;
}

/** As in `6 hosts, policy staged, waits for edge`. */
function aboutChannel(
  { channels, channelEdges }: FleetResolved,
  name: string,
  { ids, hosts }: { readonly ids: ReadonlyMap<string, string>; readonly hosts: readonly HostView[] },
): Content {
  const channel = lookup(channels, name);
  const gates = [...new Set(channelEdges.flatMap(({ gated, gates }) => gated === name ? [gates] : []))];
  const links = gates.map((gate) => {
    const id = ids.get(gate);
    return id === undefined ? nameOf(gate) : html`<a href="#${id}">${nameOf(gate)}</a>`;
  });
  return between([
    plural(hosts.length, "host"),
    channel === undefined ? "no channel of this fleet" : html`policy ${nameOf(channel.rolloutPolicy)}`,
    ...links.length === 0 ? [] : [html`waits for ${between(links, ", ")}`],
  ], ", ");
}

/** The hosts of a channel, and whether each has its name beside it. */
interface Shown {
  readonly hosts: readonly HostView[];
  readonly named: boolean;
}

/** The waves of a channel in their order, and the hosts that are in none. */
function wavesOf(fleet: FleetResolved, channel: string, { hosts, named }: Shown): Html {
  const waves: readonly Wave[] = lookup(fleet.waves, channel) ?? [];
  const byName = new Map(hosts.map((view) => [view.name, view]));
  const isHere = ({ name }: HostView) => Object.hasOwn(fleet.hosts, name);
  const inWave = new Set(waves.flatMap((wave) => wave.hosts));
  const others = hosts.filter((view) => isHere(view) && !inWave.has(view.name));
  const gone = hosts.filter((view) => !isHere(view));
  const steps = waves.map((wave, index) => {
    const shown = wave.hosts.flatMap((name) => byName.get(name) ?? []);
    const soak = index === waves.length - 1 ? null : html`<p class="soak">${soakText(wave.soakMinutes)}</p>`;
    return html`<li><h4>Wave ${index}</h4>${marksOf({ hosts: shown, named })}${soak}</li>`;
  });
  return html`${steps.length === 0 ? null : html`<ol class="waves">${steps}</ol>`}${
    group(steps.length === 0 ? "Without waves" : "In no wave", { hosts: others, named })
  }${group("Not in this release", { hosts: gone, named })}`;
}

function group(title: string, shown: Shown): Content {
  if (shown.hosts.length === 0) return null;
  return html`<div class="beside"><h4>${title}</h4>${marksOf(shown)}</div>`;
}

function marksOf({ hosts, named }: Shown): Content {
  if (hosts.length === 0) return html`<p class="quiet">no host</p>`;
  if (named) return html`<ul class="chips">${hosts.map((view) => html`<li>${chip(view)}</li>`)}</ul>`;
  const counts = countsOf(hosts);
  const worth = hosts.filter(stands).sort(byMark);
  const more = worth.length - NAMES;
  const marks = hosts.map(({ name, mark }) =>
    html`<i class="m ${mark}" title="${name}">${MARKS[mark].sign}</i>`
  );
  return html`
    <p class="quiet">${plural(hosts.length, "host")}: ${counts}</p>
    <div class="marks" role="img" aria-label="${counts}">${marks}</div>
    ${worth.length === 0
      ? null
      : html`<ul class="chips">${worth.slice(0, NAMES).map((view) => html`<li>${chip(view)}</li>`)}${
        more > 0 ? html`<li class="quiet">and ${more} more</li>` : null
      }</ul>`}
  `;
}

/** A mark with its name, which leads to the row of a host that is worth a look. */
function chip(view: HostView): Html {
  const { name, mark, id } = view;
  if (!stands(view)) return html`<span class="chip">${markSign(mark)}${nameOf(name)}</span>`;
  const word = html`<span class="unseen">, ${MARKS[mark].word}</span>`;
  return html`<a class="chip" href="#${id}">${markSign(mark)}${nameOf(name)}${word}</a>`;
}

/** What comes before the next wave, as in `then 1 h 30 min of soaking`. */
function soakText(count: number): string {
  if (count === 0) return "then at once";
  const parts = [[Math.floor(count / 1440), "d"], [Math.floor(count / 60) % 24, "h"], [count % 60, "min"]];
  const said = parts.filter(([value]) => value !== 0).map((part) => part.join(" ")).join(" ");
  return `then ${said} of soaking`;
}
