/**
 * Pieces that several sections of a page are made of.
 *
 * @module
 */
import { type Content, type Html, html } from "./html.ts";

/** A name, which may be written in another direction than the text around it. */
export function nameOf(name: string): Html {
  return html`<bdi>${name}</bdi>`;
}

/** Parts with something between them. */
export function between(parts: readonly Content[], separator: string): Content {
  return parts.flatMap((part, index) => index === 0 ? [part] : [separator, part]);
}

/** What there is to say of something, each with its name; what is null is left out. */
export function factList(facts: readonly (readonly [name: string, value: Content])[]): Html {
  const known = facts.filter(([, value]) => value !== null);
  return html`<dl class="facts">${
    known.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** A line of a list: what it is about, what is said of it, and a value as it is. */
export interface Row {
  /** Where links lead to. */
  readonly id?: string;
  readonly head: Content;
  readonly said: string;
  readonly value: string;
  /** The value before, when it was another. */
  readonly was?: string | null;
}

/** Lines, one below the other. */
export function rowList(rows: readonly Row[]): Html {
  const lines = rows.map(({ id, head, said, value, was = null }) => {
    const before = was === null ? null : html`<small>was ${was}</small>`;
    const cells = html`<b>${head}</b><span>${said}</span><code>${value}${before}</code>`;
    return id === undefined ? html`<li>${cells}</li>` : html`<li id="${id}">${cells}</li>`;
  });
  return html`<ul class="rows">${lines}</ul>`;
}

/** What is opened by those who want to read it. */
export function folded(title: string, body: Content): Html {
  return html`<details><summary>${title}</summary>${body}</details>`;
}
