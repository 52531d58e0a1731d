/**
 * By which key a release is signed, and channel by channel until when consumers take it.
 *
 * @module
 */
import type { Channel, FleetResolved, Timestamp } from "../../contract/types.ts";
import { dueAt } from "../../plan/reuse.ts";
import { freshUntil } from "../../verify/status.ts";
import type { SigningKey } from "../../model.ts";
import type { SignatureFacts } from "./data.ts";
import { type Html, html } from "./html.ts";
import { inOrder } from "./order.ts";
import { factList, nameOf } from "./pieces.ts";

/** The key, and how long each channel is fresh. */
export function signatureSection(fleet: FleetResolved, { signedAt, key }: SignatureFacts): Html {
  const released = Object.values(fleet.hosts).filter(({ closureHash }) => closureHash !== null);
  const waiting = new Set(released.map(({ channel }) => channel));
  const cards = inOrder(Object.keys(fleet.channels), fleet.channelEdges).map((name) => {
    const times = waiting.has(name)
      ? freshness(fleet.channels[name]!, signedAt)
      : html`<p class="quiet">None of its hosts has a closure: nobody waits for news.</p>`;
    return html`<article class="card"><h3>${nameOf(name)}</h3>${times}</article>`;
  });
  return html`
    ${factList([["Signed at", signedAt], ["Key", key === null ? UNKNOWN : keyText(key)]])}
    <div class="channels">${cards}</div>
  `;
}

const UNKNOWN = "that of the sign command: without trusted keys nobody can tell which it is";

function keyText({ slot, algorithm, public: bytes }: SigningKey): Html {
  return html`${slot === null ? null : `the ${slot} key, `}<code>${algorithm}:${bytes}</code>`;
}

function freshness(channel: Channel, signedAt: Timestamp): Html {
  const [due, until] = [dueAt(channel, signedAt), freshUntil(signedAt, channel.freshnessWindow * 60)];
  // A window of 0 is due as it is signed, whatever the interval.
  const share = Math.min(channel.signingIntervalMinutes / (channel.freshnessWindow || Infinity), 0.5);
  return html`
    <svg class="span" aria-hidden="true" width="100%" height="10">
      <rect class="rest" width="100%" height="10" rx="3" />
      <rect width="${Math.round(share * 1000) / 10}%" height="10" rx="3" />
    </svg>
    ${factList([["Next signature due", due], ["Fresh until", until ?? "beyond the year 9999"]])}
  `;
}
