/**
 * What evaluations warn of: each text once, with the hosts that it came with.
 *
 * @module
 */
import type { Warning } from "../../model.ts";
import { plural, quoteList } from "../../text.ts";

/** So many texts are told; a flake that traces what it computes has thousands. */
const MOST_WARNINGS = 50;
/** So much is kept for a later run: in characters, with those that it takes to keep a text. */
const MOST_NOTED = 16 << 20;
const KEPT_WITH = 100;
/** Some warn with whole documents. */
const LONGEST_WARNING = 1000;

/** Collects the warnings of a run's evaluations. */
export class EvaluationWarnings {
  /** The hosts of each text, in the order in which they first came. */
  readonly #hosts = new Map<string, Set<string>>();
  /** Texts that have been told. */
  readonly #told = new Set<string>();
  #beyond = 0;
  /** All that was noted, by the host; undefined: that would be too much. */
  #noted: Map<string | undefined, Set<string>> | undefined = new Map();
  #size = 0;

  /**
   * Takes note of a text.
   *
   * @param host The host that was being evaluated; undefined where no host was
   */
  note(text: string, host?: string): void {
    const line = text.trim().replace(/\s*\n\s*/g, " ");
    const short = line.length > LONGEST_WARNING ? `${line.slice(0, LONGEST_WARNING)}…` : line;
    if (short === "") return;
    const isNew = this.#record(short, host);
    if (this.#told.has(short)) return;
    const hosts = this.#hosts.get(short) ?? new Set();
    if (hosts.size === 0 && this.#told.size + this.#hosts.size >= MOST_WARNINGS && !this.#hosts.has(short)) {
      if (isNew) this.#beyond++;
      return;
    }
    if (host !== undefined) hosts.add(host);
    this.#hosts.set(short, hosts);
  }

  /** All texts that came with a host, or with none; undefined where there are too many of all. */
  of(host: string | undefined): string[] | undefined {
    return this.#noted && [...this.#noted.get(host) ?? []];
  }

  /** @returns whether the host has not given it before, as far as that is known */
  #record(text: string, host: string | undefined): boolean {
    if (this.#noted === undefined) return true;
    const noted = this.#noted.get(host) ?? new Set();
    if (noted.has(text)) return false;
    this.#size += text.length + KEPT_WITH;
    if (this.#size > MOST_NOTED) this.#noted = undefined;
    else this.#noted.set(host, noted.add(text));
    return true;
  }

  /**
   * What has been noted since the last time.
   *
   * @param order The names of all hosts, in the order in which they are told
   */
  take(order: readonly string[] = []): Warning[] {
    // What no host gave comes first. Processes that run side by side give them in any order.
    const warnings = [...this.#hosts]
      .map(([text, hosts]) => ({ text, hosts: order.filter((name) => hosts.has(name)) }))
      .sort((a, b) => order.indexOf(a.hosts[0] ?? "") - order.indexOf(b.hosts[0] ?? ""))
      .map(warningOf);
    for (const text of this.#hosts.keys()) this.#told.add(text);
    this.#hosts.clear();
    if (this.#beyond > 0) {
      const message = `Evaluation: ${plural(this.#beyond, "message")} more, which -v shows`;
      warnings.push({ code: "evaluation", message });
      this.#beyond = 0;
    }
    return warnings;
  }
}

function warningOf({ text, hosts }: { text: string; hosts: readonly string[] }): Warning {
  if (hosts.length === 0) return { code: "evaluation", message: `Evaluation: ${text}` };
  const of = hosts.length === 1
    ? `host ${quoteList(hosts)}`
    : `${plural(hosts.length, "host")} (${quoteList(hosts)})`;
  return { code: "evaluation", message: `Evaluation of ${of}: ${text}`, hosts };
}
