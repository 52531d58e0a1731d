/**
 * The report of a run as one page: the fleet as a picture, what changes, signatures and their times, warnings, and how
 * long it took.
 *
 * @module
 */
import { sha256Hex } from "../../contract/canonical.ts";
import { changesAnything } from "../../plan/changes.ts";
import { plural } from "../../text.ts";
import { changesSection } from "./changes.ts";
import type { ReportPage } from "./data.ts";
import { type Content, type Html, html } from "./html.ts";
import { fleetSection } from "./fleet.ts";
import { viewsOf } from "./hosts.ts";
import { orderSection } from "./order.ts";
import { factList } from "./pieces.ts";
import { failureSection, filesSection, timesSection, warningsSection } from "./run.ts";
import { signatureSection } from "./signature.ts";
import { STYLE } from "./style.ts";

/** The page as it stands in a file. Pure: the same for the same data. */
export function renderPage(page: ReportPage): string {
  const { word, tone } = OUTCOMES[page.outcome];
  const headline = headlineOf(page);
  const sections = sectionsOf(page);
  const links = sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`);
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="referrer" content="no-referrer">
        <title>${word}: ${headline}</title>
        <style>${STYLE}</style>
      </head>
      <body>
        <header class="top ${tone}">
          <p class="badge">${word}</p>
          <h1>${headline}</h1>
          ${factList(page.facts.map(({ name, value }) => [name, value]))}
          <nav aria-label="Sections"><ul>${links}</ul></nav>
        </header>
        <main>${sections.map(sectionHtml)}</main>
        <footer>
          <p>Made by fleet-release ${page.programVersion}. Times are in UTC.</p>
        </footer>
      </body>
    </html>
  `.toString();
}

/** Nothing is loaded, sent or run: the page has one style sheet, which is in it. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash()}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function styleHash(): string {
  return Uint8Array.fromHex(sha256Hex(new TextEncoder().encode(STYLE.toString()))).toBase64();
}

const OUTCOMES: Readonly<Record<ReportPage["outcome"], { readonly word: string; readonly tone: string }>> = {
  "released": { word: "Released", tone: "good" },
  "pushed": { word: "Pushed", tone: "good" },
  "no-change": { word: "No change", tone: "still" },
  "already-released": { word: "Released already", tone: "still" },
  "failed": { word: "Failed", tone: "bad" },
};

/** What the page says in one line. */
function headlineOf({ failure, changes, fleet }: ReportPage): string {
  if (failure !== null) return failure.message;
  const hosts = plural(Object.keys(fleet?.hosts ?? {}).length, "host");
  if (changes === null) return hosts;
  if (changes.first) return `first release, of ${hosts}`;
  if (!changesAnything(changes)) return `nothing changes for ${hosts}`;
  const count = (change: string) => changes.hosts.filter((host) => host.change === change).length;
  const [changed, added, removed] = [count("changed"), count("added"), count("removed")];
  return [
    `${changed === 0 ? "none" : changed} of ${hosts} ${changed < 2 ? "changes" : "change"}`,
    ...added === 0 ? [] : [`${added} ${added === 1 ? "is" : "are"} new`],
    ...removed === 0 ? [] : [`${removed} ${removed === 1 ? "is" : "are"} removed`],
  ].join(", ");
}

/** A part of the page that has something to say. */
interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

function sectionHtml({ id, title, body }: Section): Html {
  return html`
    <section id="${id}" aria-labelledby="${id}-title">
      <h2 id="${id}-title">${title}</h2>
      ${body}
    </section>
  `;
}

function sectionsOf(page: ReportPage): Section[] {
  const views = viewsOf(page);
  const { fleet, changes, failure, signature, warnings, stages, seconds, artifacts } = page;
  const all: readonly (readonly [id: string, title: string, body: Content])[] = [
    ["failure", "What failed", failure && failureSection(failure)],
    ["fleet", "Fleet", fleet && fleetSection(fleet, views)],
    ["changes", changes === null ? "Hosts" : "Changes", fleet && changesSection(fleet, views, changes)],
    ["order", "Order", fleet && orderSection(fleet)],
    ["signatures", "Signatures", fleet && signature && signatureSection(fleet, signature)],
    ["warnings", "Warnings", warnings.length === 0 ? null : warningsSection(warnings)],
    ["times", "Times", stages.length === 0 ? null : timesSection(stages, seconds)],
    ["files", "Files", artifacts.length === 0 ? null : filesSection(artifacts)],
  ];
  return all.flatMap(([id, title, body]) => body === null ? [] : [{ id, title, body }]);
}
