/**
 * Reads nix's log as data (`--log-format internal-json`): which derivations are being built, and what each says.
 *
 * @module
 */
import { withoutColours } from "../../text.ts";
import { KeyFilter, withoutKeys } from "../stderr.ts";
import { LEVEL, type NixEvent, parseEvent } from "./events.ts";

/** nix's `ActivityType`: a derivation is being built, or its post-build hook runs; the first field is the derivation. */
const ACTIVITY_BUILD = 105;
const ACTIVITY_POST_BUILD_HOOK = 110;
/** nix's `ResultType`: a line of a build's log; how many builds are done, expected, running and failed. */
const RESULT_BUILD_LOG_LINE = 101;
const RESULT_POST_BUILD_LOG_LINE = 107;
const RESULT_PROGRESS = 105;
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

/** Collects what is needed to say which derivation failed and why. */
export class BuildLog {
  readonly #onBuild: (drv: string, state: "started" | "done") => void;
  readonly #running = new Map<number, string>();
  readonly #hooks = new Map<number, string>();
  readonly #tails = new Map<string, { lines: string[]; earlier: number; keys: KeyFilter }>();
  readonly #errors: string[] = [];
  #failed = false;

  /** @param onBuild Told when the build of a derivation begins, and when it has ended well */
  constructor(onBuild: (drv: string, state: "started" | "done") => void) {
    this.#onBuild = onBuild;
  }

  /**
   * Takes one line that nix wrote to stderr.
   *
   * @returns the text in it that is for people, if there is any
   */
  add(line: string): string | undefined {
    const event = parseEvent(line);
    return event === undefined ? line : this.take(event);
  }

  /** Takes one event of nix's log, and gives the text in it that is for people. */
  take(event: NixEvent): string | undefined {
    const { action, id = -1, type, fields } = event;
    if (action === "start" && type === ACTIVITY_BUILD && typeof fields[0] === "string") {
      this.#running.set(id, fields[0]);
      this.#tails.set(fields[0], { lines: [], earlier: 0, keys: new KeyFilter() });
      this.#onBuild(fields[0], "started");
      return `building ${fields[0]}`;
    } else if (action === "start" && type === ACTIVITY_POST_BUILD_HOOK && typeof fields[0] === "string") {
      this.#hooks.set(id, fields[0]);
    } else if (
      action === "result" && (type === RESULT_BUILD_LOG_LINE || type === RESULT_POST_BUILD_LOG_LINE)
    ) {
      return this.#logLine(id, withoutColours(String(fields[0])));
    } else if (action === "result" && type === RESULT_PROGRESS) {
      this.#failed ||= Number(fields[3]) > 0;
    } else if (action === "stop" && this.#running.has(id)) {
      // After a failure nothing tells which builds end well, and the run as a whole does not.
      if (!this.#failed) this.#onBuild(this.#running.get(id)!, "done");
      this.#running.delete(id);
    } else if (action === "msg" && event.level === LEVEL.error && event.msg !== undefined) {
      const lines = withoutKeys(event.msg.split("\n").map(withoutColours));
      this.#errors.push(...lines.slice(0, MAX_ERROR_LINES - this.#errors.length));
      return event.msg;
    }
    return undefined;
  }

  #logLine(id: number, text: string): string {
    const tail = this.#tails.get(this.#running.get(id) ?? this.#hooks.get(id) ?? "");
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
    return this.#failed ? this.started().at(-1) : undefined;
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
