/**
 * Reads nix's log as data (`--log-format internal-json`): which derivations are being built, and what each says.
 *
 * @module
 */
import * as v from "valibot";
import { withoutColours } from "../../text.ts";

const PREFIX = "@nix ";
/** nix's `ActivityType`: a derivation is being built, or its post-build hook runs; the first field is the derivation. */
const ACTIVITY_BUILD = 105;
const ACTIVITY_POST_BUILD_HOOK = 110;
/** nix's `ResultType`: a line of a build's log; how many builds are done, expected, running and failed. */
const RESULT_BUILD_LOG_LINE = 101;
const RESULT_POST_BUILD_LOG_LINE = 107;
const RESULT_PROGRESS = 105;
/** nix's `Verbosity`: an error. */
const LEVEL_ERROR = 0;

const MAX_LOG_LINES = 15;

/** As much of nix's events as is read here. */
const EVENT = v.object({
  action: v.string(),
  id: v.optional(v.number()),
  type: v.optional(v.number()),
  level: v.optional(v.number()),
  msg: v.optional(v.string()),
  fields: v.optional(v.array(v.union([v.string(), v.number()])), []),
});

/** Collects what is needed to say which derivation failed and why. */
export class BuildLog {
  readonly #onBuild: (drv: string, state: "started" | "done") => void;
  readonly #running = new Map<number, string>();
  readonly #hooks = new Map<number, string>();
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
    const { action, id = -1, type, fields } = event;
    if (action === "start" && type === ACTIVITY_BUILD && typeof fields[0] === "string") {
      this.#running.set(id, fields[0]);
      this.#lines.set(fields[0], []);
      this.#onBuild(fields[0], "started");
      return `building ${fields[0]}`;
    } else if (action === "start" && type === ACTIVITY_POST_BUILD_HOOK && typeof fields[0] === "string") {
      this.#hooks.set(id, fields[0]);
    } else if (
      action === "result" && (type === RESULT_BUILD_LOG_LINE || type === RESULT_POST_BUILD_LOG_LINE)
    ) {
      const text = withoutColours(String(fields[0]));
      const lines = this.#lines.get(this.#running.get(id) ?? this.#hooks.get(id) ?? "");
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
      this.#errors = [...this.#errors, ...event.msg.split("\n").map(withoutColours)].slice(-MAX_LOG_LINES);
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

/** Undefined when it is none: builders can print anything, also a line that begins like one of nix's own. */
function parseEvent(json: string): v.InferOutput<typeof EVENT> | undefined {
  try {
    const result = v.safeParse(EVENT, JSON.parse(json));
    return result.success ? result.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
