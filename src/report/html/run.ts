/**
 * What is said of a run itself: what failed, what to look at, how long it took, and what it wrote.
 *
 * @module
 */
import type { HostWork } from "../../model.ts";
import { plural } from "../../text.ts";
import { DONE, duration } from "../status.ts";
import type { Failure, ReportPage } from "./data.ts";
import { type Content, type Html, html } from "./html.ts";
import { between, factList, folded, nameOf, rowList } from "./pieces.ts";

/** So many hosts are shown, those first that took longest. */
const SLOWEST = 10;
/** So many hosts are named of one warning, or of a failure. */
const NAMED = 50;
/** So many files are shown at once. */
const FILES = 10;

/** Where the run failed, and how to mend it; the headline says what is wrong. */
export function failureSection({ path, hint, at, hosts, lines, exitCode }: Failure): Html {
  return html`
    ${factList([
      [hosts.length === 1 ? "Host" : "Hosts", hosts.length === 0 ? null : namesOf(hosts)],
      ["While", at.length === 0 ? null : at.join(", ")],
      ["At", path],
      ["How to mend it", hint],
      ["Exit code", exitCode],
    ])}
    ${lines.length === 0 ? null : html`<pre>${lines.map((line) => html`<span>${line}</span>`)}</pre>`}
  `;
}

/** What the user should know. */
export function warningsSection(warnings: ReportPage["warnings"]): Html {
  const lines = warnings.map(({ code, message, path, hosts = [] }) => {
    const about = [
      html`<code>${code}</code>`,
      ...path === undefined ? [] : [`at ${path}`],
      ...hosts.length === 0 ? [] : [html`of ${namesOf(hosts)}`],
    ];
    return html`
      <li>
        <p>${message}</p>
        <p class="quiet">${between(about, ", ")}</p>
      </li>
    `;
  });
  return html`<ul class="lines">${lines}</ul>`;
}

/** How long stages took, and the slowest hosts. */
export function timesSection(stages: ReportPage["stages"], seconds: ReportPage["seconds"]): Html {
  const slowest = [...seconds].map(([name, works]) => {
    const taken = Object.entries(works) as [HostWork, number][];
    return {
      name,
      seconds: taken.reduce((sum, [, seconds]) => sum + seconds, 0),
      said: taken.map(([work, seconds]) => `${DONE[work]} in ${duration(seconds)}`).join(", "),
    };
  }).filter(({ seconds }) => seconds > 0).sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const ofStages = stages.map(({ stage, seconds }) => ({ name: stage, seconds, said: duration(seconds) }));
  return html`
    <h3>Stages</h3>
    <p class="quiet">In the order in which they ended. Some run at the same time.</p>
    ${bars(ofStages)}
    ${slowest.length === 0 ? null : html`<h3>Hosts that took longest</h3>${bars(slowest)}`}
  `;
}

/** Something that took its time. */
interface Bar {
  readonly name: string;
  readonly seconds: number;
  readonly said: string;
}

function bars(all: readonly Bar[]): Html {
  const longest = Math.max(...all.map(({ seconds }) => seconds));
  const lines = all.map(({ name, seconds, said }) => {
    const percent = longest === 0 ? 0 : Math.round(seconds / longest * 1000) / 10;
    return html`
      <li>
        <b>${nameOf(name)}</b>
        <svg aria-hidden="true" width="100%" height="10">
          <rect width="${percent}%" height="10" rx="3" />
        </svg>
        <span>${said}</span>
      </li>
    `;
  });
  return html`<ul class="bars">${lines}</ul>`;
}

/** What was signed, with its hash. */
export function filesSection(artifacts: ReportPage["artifacts"]): Html {
  const list = rowList(artifacts.map(({ path, sha256, reused }) => ({
    head: path,
    said: reused ? "signature kept" : "signed",
    value: sha256,
  })));
  return artifacts.length > FILES ? folded(plural(artifacts.length, "file"), list) : list;
}

function namesOf(hosts: readonly string[]): Content {
  const more = hosts.length - NAMED;
  return [between(hosts.slice(0, NAMED).map(nameOf), ", "), more > 0 ? ` and ${more} more` : null];
}
