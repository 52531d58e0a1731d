/**
 * Reads nix's log as data (`--log-format internal-json`): which derivations are being built, and what each says.
 *
 * @module
 */
import { basename } from "@std/path";
import type { Builds } from "../../ports.ts";
import { withoutColours } from "../../text.ts";
import { KeyFilter, withoutKeys } from "../stderr.ts";
import { Activities, type OnPath, together } from "./activities.ts";
import { LEVEL, type NixEvent, parseEvent } from "./events.ts";

/** nix's `ActivityType`: a derivation is being built, or its post-build hook runs; the first field is the derivation. */
const ACTIVITY_BUILD = 105;
const ACTIVITY_POST_BUILD_HOOK = 110;
/** nix's `ResultType`: a line of a build's log, and of its post-build hook's. */
const RESULT_BUILD_LOG_LINE = 101;
const RESULT_POST_BUILD_LOG_LINE = 107;
/** So much of a log is kept: what its end says is why the build failed. */
const MAX_LOG_LINES = 20;
/** nix's own errors are few and short, unless every one of a thousand builds fails. */
const MAX_ERROR_LINES = 1000;

/** The end of what a build has said. */
export interface LogTail {
  readonly lines: readonly string[];
  /** How many lines came before these. */
  readonly earlier: number;
}

/** The log of one nix process. */
export interface ProcessLog {
  /**
   * Takes one line that the process wrote to stderr.
   *
   * @returns the text in it that is for people, if there is any
   */
  add(line: string): string | undefined;
  /** Takes one event of its log, and gives the text in it that is for people. */
  take(event: NixEvent): string | undefined;
}

/** Collects, of processes that may run at once, how far they have come, and which derivation failed and why. */
export class BuildLog {
  readonly #onBuilds: (builds: Builds) => void;
  readonly #processes: Activities[] = [];
  readonly #tails = new Map<string, { lines: string[]; earlier: number; keys: KeyFilter }>();
  readonly #errors: string[] = [];

  /** @param onBuilds Told how far all processes have come */
  constructor(onBuilds: (builds: Builds) => void = () => {}) {
    this.#onBuilds = onBuilds;
  }

  /**
   * The log of one more process, whose activities have ids of their own.
   *
   * @param asked The derivations that it was asked for
   * @param onPath Told of derivations that it builds, and of outputs that it fetches
   */
  open(asked: Iterable<string> = [], onPath: OnPath = () => {}): ProcessLog {
    const activities = new Activities(new Set(asked), onPath);
    this.#processes.push(activities);
    const derivations = new Map<string, string>();
    const take = (event: NixEvent) => {
      activities.take(event);
      if (event.type !== RESULT_BUILD_LOG_LINE) this.#onBuilds(this.builds());
      return this.#take(event, derivations);
    };
    return {
      take,
      add(line) {
        const event = parseEvent(line);
        return event === undefined ? line : take(event);
      },
    };
  }

  /** How far all processes have come. */
  builds(): Builds {
    const all = together(this.#processes.map((process) => process.builds()));
    return { ...all, running: all.running.map(nameOf) };
  }

  /** @param derivations Those whose builds and hooks run in the same process, by their activities */
  #take(event: NixEvent, derivations: Map<string, string>): string | undefined {
    const { action, id = "", type, fields } = event;
    const [field] = fields;
    if (action === "start" && type === ACTIVITY_BUILD && typeof field === "string") {
      derivations.set(id, field);
      this.#tails.set(field, { lines: [], earlier: 0, keys: new KeyFilter() });
      return `building ${field}`;
    } else if (action === "start" && type === ACTIVITY_POST_BUILD_HOOK && typeof field === "string") {
      derivations.set(id, field);
    } else if (
      action === "result" && (type === RESULT_BUILD_LOG_LINE || type === RESULT_POST_BUILD_LOG_LINE)
    ) {
      return this.#logLine(derivations.get(id) ?? "", withoutColours(String(field)));
    } else if (action === "stop") {
      derivations.delete(id);
    } else if (action === "msg" && event.level === LEVEL.error && event.msg !== undefined) {
      const lines = withoutKeys(event.msg.split("\n").map(withoutColours));
      this.#errors.push(...lines.slice(0, MAX_ERROR_LINES - this.#errors.length));
      return event.msg;
    }
    return undefined;
  }

  #logLine(drv: string, text: string): string {
    const tail = this.#tails.get(drv);
    if (tail !== undefined) {
      tail.lines.push(tail.keys.next(text));
      if (tail.lines.length > MAX_LOG_LINES) {
        tail.lines.shift();
        tail.earlier++;
      }
    }
    return text;
  }

  /** The derivations whose build has begun. */
  started(): string[] {
    return [...this.#tails.keys()];
  }

  /** The derivation of which nix has begun the build last, when a build has failed. */
  lastOfFailed(): string | undefined {
    return this.builds().derivations.failed > 0 ? this.started().at(-1) : undefined;
  }

  /** The end of a derivation's log. */
  tail(drv: string): LogTail {
    return this.#tails.get(drv) ?? { lines: [], earlier: 0 };
  }

  /** The first errors that nix itself reported. */
  errors(): readonly string[] {
    return this.#errors;
  }
}

/** What is behind the hash of a store path, without the ending of a derivation. */
function nameOf(path: string): string {
  return basename(path).replace(/^[0-9a-z]{32}-/, "").replace(/\.drv$/, "");
}
