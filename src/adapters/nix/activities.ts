/**
 * What one nix process builds and fetches, as it tells of its activities.
 *
 * nix counts at once what has ended, and says soon which it was, before it reads on what its builders say. But of what it
 * was asked for itself it says so only at its own end. What it has counted and not named by then is one of those: which one
 * is known as soon as the others have been heard of since.
 *
 * @module
 */
import type { Builds, Tally } from "../../ports.ts";
import type { NixEvent } from "./events.ts";

/** nix's `ActivityType`: a derivation is built, an output is fetched; and what counts all of either kind. */
const BUILD = 105;
const BUILDS = 104;
const SUBSTITUTE = 108;
const SUBSTITUTES = 103;
/** nix's `ResultType`: a line of a builder; how many are done, expected (with those that are done), running and failed. */
const LOG_LINE = 101;
const PROGRESS = 105;

/** Told when the work on a path begins, and when it has ended: well, or else it is not known how. */
export type OnPath = (path: string, state: "started" | "done" | "ended") => void;

const NOTHING: Tally = { done: 0, failed: 0, expected: 0 };

/** Work of one kind. */
class Kind {
  /** The paths that are worked on, as far as is known, by the activity. */
  readonly #running = new Map<string, string>();
  readonly #counts = new Map<string, Tally>();
  /** Of each that has ended and has no name yet, whether it is known to have ended well. */
  readonly #nameless: boolean[] = [];
  /** The activities that have been heard of since the last of those. */
  readonly #heard = new Set<string>();
  readonly #isAsked: (path: string) => boolean;
  readonly #onPath: OnPath;

  /** @param isAsked Whether nix was asked for a path, and does not name it when it has ended */
  constructor(isAsked: (path: string) => boolean, onPath: OnPath) {
    this.#isAsked = isAsked;
    this.#onPath = onPath;
  }

  start(id: string, path: string): void {
    this.#running.set(id, path);
    this.#heard.add(id);
    this.#onPath(path, "started");
  }

  stop(id: string): void {
    if (!this.#running.has(id)) return;
    const isDone = this.#allDone();
    this.#nameless.pop();
    // Which of them it was cannot be told.
    if (!isDone) this.#nameless.fill(false);
    this.#end([id], isDone);
  }

  count(id: string, [done = 0, expected = 0, , failed = 0]: readonly number[]): void {
    const before = this.#counts.get(id) ?? NOTHING;
    if (done > before.done || failed > before.failed) this.#heard.clear();
    for (let count = before.done; count < done; count++) this.#nameless.push(true);
    for (let count = before.failed; count < failed; count++) this.#nameless.push(false);
    this.#counts.set(id, { done, failed, expected: expected + failed });
    const doubtful = this.#doubtful();
    if (doubtful.length === this.#running.size) this.#settle(doubtful);
  }

  /** A builder has printed something: it has not ended, and what has ended and was not asked for has its name. */
  hear(id: string): void {
    this.#heard.add(id);
    if (this.#nameless.length > 0) this.#settle(this.#doubtful());
  }

  /** The paths that are worked on for certain. */
  running(): string[] {
    const doubtful = new Set(this.#nameless.length === 0 ? [] : this.#doubtful());
    return [...this.#running].flatMap(([id, path]) => doubtful.has(id) ? [] : [path]);
  }

  /** How many of what nix was asked for have ended well, and have no name yet. */
  unnamed(): number {
    return Math.min(this.#nameless.filter(Boolean).length, this.#doubtful().length);
  }

  /** What may have ended without being named. */
  #doubtful(): string[] {
    return [...this.#running].flatMap(([id, path]) =>
      this.#isAsked(path) && !this.#heard.has(id) ? [id] : []
    );
  }

  /**
   * What has no name is among these. It may be another where derivations are content-addressed, of which nix counts some
   * twice: then something is called done before it is.
   */
  #settle(ids: readonly string[]): void {
    if (ids.length === 0 || ids.length !== this.#nameless.length) return;
    const isDone = this.#allDone();
    this.#nameless.length = 0;
    this.#end(ids, isDone);
  }

  tally(): Tally {
    return sum([...this.#counts.values()]);
  }

  #allDone(): boolean {
    return this.#nameless.length > 0 && this.#nameless.every(Boolean);
  }

  #end(ids: readonly string[], isDone: boolean): void {
    for (const id of ids) {
      const path = this.#running.get(id)!;
      this.#running.delete(id);
      this.#onPath(path, isDone ? "done" : "ended");
    }
  }
}

function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce((a, b) => ({
    done: a.done + b.done,
    failed: a.failed + b.failed,
    expected: a.expected + b.expected,
  }), NOTHING);
}

/** How far several processes have come. */
export function together(all: readonly Builds[]): Builds {
  return {
    derivations: sum(all.map(({ derivations }) => derivations)),
    unnamed: all.reduce((count, { unnamed }) => count + unnamed, 0),
    fetched: sum(all.map(({ fetched }) => fetched)),
    running: all.flatMap(({ running }) => running),
  };
}

/** The builds and downloads of one process. */
export class Activities {
  readonly #builds: Kind;
  readonly #fetches: Kind;
  readonly #counted = new Map<string, Kind>();

  /**
   * @param asked The derivations that the process was asked for
   * @param onPath Told of derivations that are built, and of outputs that are fetched
   */
  constructor(asked: Pick<ReadonlySet<string>, "has">, onPath: OnPath) {
    this.#builds = new Kind((drv) => asked.has(drv), onPath);
    this.#fetches = new Kind(() => false, onPath);
  }

  /** Takes one event of nix's log. */
  take({ action, id = "", type, fields }: NixEvent): void {
    if (action === "start") this.#start(id, type, fields[0]);
    else if (action === "stop") {
      this.#builds.stop(id);
      this.#fetches.stop(id);
    } else if (action === "result" && type === PROGRESS) {
      this.#counted.get(id)?.count(id, fields.map(Number));
    } else if (action === "result" && type === LOG_LINE) {
      this.#builds.hear(id);
    }
  }

  #start(id: string, type: number | undefined, path: string | number | undefined): void {
    if (type === BUILDS) this.#counted.set(id, this.#builds);
    else if (type === SUBSTITUTES) this.#counted.set(id, this.#fetches);
    else if (typeof path !== "string") return;
    else if (type === BUILD) this.#builds.start(id, path);
    else if (type === SUBSTITUTE) this.#fetches.start(id, path);
  }

  /** How far it has come; what is running by its path. */
  builds(): Builds {
    return {
      derivations: this.#builds.tally(),
      unnamed: this.#builds.unnamed(),
      fetched: this.#fetches.tally(),
      running: [...this.#builds.running(), ...this.#fetches.running()],
    };
  }
}
