/**
 * Reads what nix says while it evaluates: why it fails, what the flake warns of, and how far it has come.
 *
 * @module
 */
import { withoutColours } from "../../text.ts";
import { BuildLog } from "./build_log.ts";
import { LEVEL, type NixEvent, parseEvent } from "./events.ts";
import { type NixError, nixErrorOf } from "./nix_error.ts";

/**
 * What nix puts before the text of `builtins.trace`: all that tells it from what nix says by itself at the same level,
 * since neither has a field of its own. It decides what is shown as a warning of the flake, and nothing else: marks are
 * told by what no flake can know.
 */
const TRACE = "trace: ";

/** Told what an evaluation says as it goes on. */
export interface EvaluationListener {
  /**
   * What our own code says to `builtins.trace` behind this text, and one space, is a mark, up to its end. It has to be one
   * that no flake can know. A mark may be lost: what else writes to stderr, as git does, may put a line of nix into its own.
   */
  readonly markedBy: string;
  /** Told of each mark. */
  readonly onMark?: (mark: string) => void;
  /** Told of each warning, and of what the flake itself says to `builtins.trace`. */
  readonly onWarning: (text: string) => void;
}

/** Reads the log of one `nix eval`, with `--log-format internal-json` and `show-trace`. */
export class EvaluationLog {
  readonly #listener: EvaluationListener | undefined;
  readonly #wholeTraces: boolean;
  readonly #errors: NixError[] = [];
  /** A flake may want something built that its evaluation goes on with. */
  readonly #builds = new BuildLog();
  readonly #process = this.#builds.open();

  /**
   * @param listener Told of marks and warnings; without one there are none
   * @param wholeTraces Whether the traces of errors are to be shown, however long they are
   */
  constructor(listener?: EvaluationListener, wholeTraces = false) {
    this.#listener = listener;
    this.#wholeTraces = wholeTraces;
  }

  /**
   * Takes one line that nix wrote to stderr.
   *
   * @returns the text in it that is for people, if there is any
   */
  add(line: string): string | undefined {
    const event = parseEvent(line);
    if (event === undefined) return line;
    if (event.action !== "msg") {
      return this.#process.take(event) ?? (event.level! <= LEVEL.info && event.text || undefined);
    }
    if (event.level === LEVEL.error) return this.#message(event);
    // What code warns of (`builtins.warn`) has a place, be it none; what nix warns of by itself, as a busy database, has not.
    if (event.level === LEVEL.warning && event.raw_msg !== undefined && typeof event.file === "string") {
      this.#warn(event.raw_msg);
    }
    return event.msg;
  }

  /** What the evaluation failed with; nothing when nix did not get to say it. */
  errors(): readonly NixError[] {
    const failed = this.#builds.lastOfFailed();
    if (failed === undefined) return this.#errors;
    // A build that the evaluation waited for: nix says that it failed, and its log says why.
    const { lines, earlier } = this.#builds.tail(failed);
    const said = lines.map((line) => `  > ${line}`);
    const before = earlier === 0 ? [] : [`  … the whole log: nix log ${failed}`];
    return [...this.#errors, { lines: [`${failed} said:`, ...before, ...said], trace: [] }];
  }

  /** What is said at the level of errors: traces are too. */
  #message(event: NixEvent): string | undefined {
    const { msg = "" } = event;
    const error = nixErrorOf(event, this.#wholeTraces);
    if (error !== undefined) {
      this.#errors.push(error);
      return [...error.lines, ...error.trace].join("\n");
    }
    const mark = `${this.#listener?.markedBy} `;
    const found = this.#listener === undefined ? -1 : msg.indexOf(mark);
    if (found !== -1) {
      this.#listener?.onMark?.(msg.slice(found + mark.length));
      return undefined;
    }
    if (msg.startsWith(TRACE)) this.#warn(msg.slice(TRACE.length));
    return msg;
  }

  #warn(text: string): void {
    // nixpkgs writes its warnings as traces, in colours.
    this.#listener?.onWarning(withoutColours(text).replace(/^(?:evaluation )?warning: /, ""));
  }
}
