/**
 * Reads nix's log as data (`--log-format internal-json`): which derivations are being built, and what each says.
 *
 * @module
 */
import { stripControls } from "./shell.ts";

const PREFIX = "@nix ";
/** nix's `ActivityType`: a derivation is being built; its first field is the derivation. */
const ACTIVITY_BUILD = 105;
/** nix's `ResultType`: a line of a build's log; how many builds are done, expected, running and failed. */
const RESULT_BUILD_LOG_LINE = 101;
const RESULT_POST_BUILD_LOG_LINE = 107;
const RESULT_PROGRESS = 105;
/** nix's `Verbosity`: an error. */
const LEVEL_ERROR = 0;

const MAX_LOG_LINES = 15;

interface Event {
  action?: string;
  id?: number;
  type?: number;
  level?: number;
  msg?: string;
  fields?: unknown[];
}

/** Collects what is needed to say which derivation failed and why. */
export class BuildLog {
  readonly #onBuild: (drv: string, state: "started" | "done") => void;
  readonly #running = new Map<number, string>();
  readonly #lines = new Map<string, string[]>();
  #errors: string[] = [];
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
    const event = line.startsWith(PREFIX) ? parseEvent(line.slice(PREFIX.length)) : undefined;
    if (event === undefined) return line;
    const { action, id = -1, type, fields = [] } = event;
    if (action === "start" && type === ACTIVITY_BUILD && typeof fields[0] === "string") {
      this.#running.set(id, fields[0]);
      this.#lines.set(fields[0], []);
      this.#onBuild(fields[0], "started");
      return `building ${fields[0]}`;
    } else if (
      action === "result" && (type === RESULT_BUILD_LOG_LINE || type === RESULT_POST_BUILD_LOG_LINE)
    ) {
      const text = stripControls(String(fields[0]));
      const lines = this.#lines.get(this.#running.get(id) ?? "");
      lines?.push(text);
      if (lines !== undefined && lines.length > MAX_LOG_LINES) lines.shift();
      return text;
    } else if (action === "result" && type === RESULT_PROGRESS) {
      this.#failed ||= Number(fields[3]) > 0;
    } else if (action === "stop" && this.#running.has(id)) {
      // After a failure nothing tells which builds end well, and the run as a whole does not.
      if (!this.#failed) this.#onBuild(this.#running.get(id)!, "done");
      this.#running.delete(id);
    } else if (action === "msg" && event.level === LEVEL_ERROR && event.msg !== undefined) {
      this.#errors = [...this.#errors, ...event.msg.split("\n").map(stripControls)].slice(-MAX_LOG_LINES);
      return event.msg;
    }
    return undefined;
  }

  /** The derivations whose build has begun. */
  started(): string[] {
    return [...this.#lines.keys()];
  }

  /** The last lines of a derivation's log. */
  tail(drv: string): readonly string[] {
    return this.#lines.get(drv) ?? [];
  }

  /** The last errors that nix itself reported. */
  errors(): readonly string[] {
    return this.#errors;
  }
}

function parseEvent(json: string): Event | undefined {
  try {
    return JSON.parse(json) as Event;
  } catch {
    // Builders can print anything, also a line that begins like one of nix's own.
    return undefined;
  }
}
