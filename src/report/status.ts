/**
 * What is going on in a run: what is known of it, and how that reads in one line.
 *
 * @module
 */
import type { HostWork } from "../model.ts";
import type { Builds, HostState, Stage, Tally } from "../ports.ts";
import { columnsOf, fitColumns } from "../text.ts";

/** A stage that is running. */
interface RunningStage extends Stage {
  /** By the monotonic clock. */
  readonly start: number;
  /** How many hosts are done. */
  done: number;
  /** The hosts that are worked on, in the order in which that began. */
  readonly at: Set<string>;
  /** What nix builds for it. */
  builds?: Builds;
}

/** How one of several things reads that are shown side by side. */
interface Text {
  readonly head: string;
  readonly names: readonly string[];
}

/** So many names are given where a line has no end of its own. */
const NAMES = 3;
/** What has become of a host. */
export const DONE: Readonly<Record<HostWork, string>> = {
  evaluate: "evaluated",
  build: "built",
  push: "pushed",
};
/** Columns that names want to be worth showing. */
const NAME_COLUMNS = 6;
/** Stands between what is shown side by side. */
const BETWEEN = " · ";

/** The stages that are running, and how far each has come. */
export class Status {
  readonly #stages = new Map<string, RunningStage>();
  readonly #show: (text: string) => string;

  /** @param show How a title or a name is printed in a line */
  constructor(show: (text: string) => string = (text) => text) {
    this.#show = show;
  }

  start(stage: Stage, start: number): void {
    this.#stages.set(stage.name, { ...stage, start, done: 0, at: new Set() });
  }

  end({ name }: Stage): void {
    this.#stages.delete(name);
  }

  clear(): void {
    this.#stages.clear();
  }

  /** Something has become of the work on a host, which is of the stage of that name. */
  host(work: HostWork, name: string, state: HostState): void {
    const stage = this.#stages.get(work);
    if (stage === undefined) return;
    if (state === "started") stage.at.add(name);
    else stage.at.delete(name);
    if (state === "done") stage.done++;
  }

  builds(builds: Builds): void {
    const stage = this.#stages.get("build");
    if (stage !== undefined) stage.builds = builds;
  }

  /** The names of the stages, in the order in which they have begun. */
  names(): string[] {
    return [...this.#stages.keys()];
  }

  /** For a terminal of so many columns, as in `12 s · Building 9 hosts, 2 done, 30/40 derivations: linux, web1`. */
  line(now: number, columns: number): string {
    const stages = [...this.#stages.values()];
    const time = elapsed(stages, now);
    const room = columns - time.length - BETWEEN.length;
    const shown = beside(this.#texts(stages, long), room) ?? beside(this.#texts(stages, short), room) ??
      this.#texts(stages, short).map(({ head }) => head);
    return fitColumns([time, ...shown].join(BETWEEN), columns);
  }

  #texts(stages: readonly RunningStage[], head: (stage: RunningStage) => string): Text[] {
    return stages.map((stage) => ({ head: this.#show(head(stage)), names: names(stage).map(this.#show) }));
  }

  /** For a log, as in `  after 60.0 s still building 9 hosts, 2 done, 30/40 derivations: linux, web1`. */
  heartbeat(now: number): string {
    const stages = [...this.#stages.values()];
    const said = this.#texts(stages, long).map(({ head, names }) => {
      const more = names.length > NAMES ? ` and ${names.length - NAMES} more` : "";
      return lowerFirst(names.length === 0 ? head : `${head}: ${names.slice(0, NAMES).join(", ")}${more}`);
    });
    return `  after ${elapsed(stages, now)} still ${said.join("; ")}`;
  }

  /** For programs. */
  record(now: number): readonly Record<string, unknown>[] {
    return [...this.#stages.values()].map((stage) => {
      const { name, start, hosts, at, builds } = stage;
      return {
        ...{ stage: name, seconds: Math.round(now - start) / 1000 },
        ...hosts === undefined ? {} : { hosts, done: doneOf(stage), at: [...at] },
        ...builds === undefined ? {} : recordOf(builds),
      };
    });
  }
}

/** Without what is counted elsewhere. */
function recordOf({ derivations, fetched, running }: Builds): Record<string, unknown> {
  return { derivations, fetched, running };
}

function doneOf({ done, builds }: RunningStage): number {
  return done + (builds?.unnamed ?? 0);
}

/** As in `Building 9 hosts, 2 done, 30/40 derivations, 3/8 fetched`. */
function long(stage: RunningStage): string {
  const { title, hosts, builds } = stage;
  const done = doneOf(stage);
  return [
    title,
    ...hosts !== undefined && done > 0 ? [`${done} done`] : [],
    ...builds === undefined ? [] : counted(builds),
  ].join(", ");
}

function counted({ derivations, fetched }: Builds): string[] {
  const part = ({ done, expected }: Tally) => `${done}/${expected}`;
  return [
    ...derivations.expected > 0 ? [`${part(derivations)} derivations`] : [],
    ...derivations.failed > 0 ? [`${derivations.failed} failed`] : [],
    ...fetched.expected > 0 ? [`${part(fetched)} fetched`] : [],
  ];
}

/** As in `2/9 built`. */
function short(stage: RunningStage): string {
  const { name, title, hosts } = stage;
  return hosts === undefined ? title : `${doneOf(stage)}/${hosts} ${DONE[name as HostWork]}`;
}

/** What is worked on: of builds what nix builds, which is seldom a host itself. */
function names({ at, builds }: RunningStage): readonly string[] {
  return builds === undefined ? [...at] : builds.running;
}

/** Since the first of the stages has begun, which is never one that has ended. */
function elapsed(stages: readonly RunningStage[], now: number): string {
  return duration((now - Math.min(...stages.map(({ start }) => start))) / 1000);
}

/** Texts that share so many columns; undefined where one has room for its head alone, or not even for that. */
function beside(texts: readonly Text[], columns: number): string[] | undefined {
  const whole = texts.map(({ head, names }) => names.length === 0 ? head : `${head}: ${names.join(", ")}`);
  const shares = shared(whole.map(columnsOf), columns - BETWEEN.length * (texts.length - 1));
  const least = ({ head }: Text, index: number) =>
    Math.min(columnsOf(whole[index]!), columnsOf(head) + NAME_COLUMNS);
  if (texts.some((text, index) => least(text, index) > shares[index]!)) return undefined;
  return whole.map((text, index) => fitColumns(text, shares[index]!));
}

/** Room for each of several: what it wants, as long as others do not want for it; what is left is shared equally. */
function shared(wanted: readonly number[], room: number): number[] {
  const shares = [...wanted];
  let left = room;
  [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]!).forEach((index, place) => {
    shares[index] = Math.min(wanted[index]!, Math.floor(left / (wanted.length - place)));
    left -= shares[index];
  });
  return shares;
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/** Seconds for people: as in `12 ms`, `1.5 s`, `3 min 0 s`. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
