/**
 * What people and programs see of a run, on stderr.
 *
 * @module
 */
import { fitColumns, printable, printableJson, quoteCommand, quoted, withoutColours } from "../text.ts";
import type { CommandTrace } from "../adapters/process.ts";
import { HIDDEN, hideSecrets, type Secrets } from "../secrets.ts";
import { ReleaseError } from "../errors.ts";
import type { HostWork, Warning } from "../model.ts";
import type { Clock, HostState, Log, Stage } from "../ports.ts";
import type { Stream } from "../world.ts";
import { duration, heartbeatOf, type RunningStage, statusOf } from "./status.ts";

/** A log of a whole program: the stages, the commands for `-v`, and the error that ended it. */
export interface ProgramLog extends Log, CommandTrace {
  error(error: ReleaseError): void;
  /** Ends what is shown of a running stage. */
  close(): void;
}

/** How the log is kept. */
export interface LogOptions {
  readonly format: "pretty" | "json";
  readonly verbose: boolean;
  readonly stream: Stream;
  readonly clock: Clock;
}

/** In CI a line now and then, so that a long build is not taken for a hung one. */
const HEARTBEAT_MS = 30_000;
/** On a terminal often enough to see what goes on; what happens in between is shown then. */
const REFRESH_MS = 200;

/** A log in the given format. */
export function createLog(options: LogOptions): ProgramLog {
  return options.format === "json" ? jsonLog(options) : new PrettyLog(options);
}

/**
 * One JSON object a line. `event` tells what it is. What is of a stage has `stage`; the rest has the one that is running, or
 * `stages` where several are.
 */
function jsonLog({ verbose, stream, clock }: LogOptions): ProgramLog {
  const running = new Set<string>();
  const write = (level: string, event: string, record: Record<string, unknown>) => {
    const time = clock.now().toString({ smallestUnit: "millisecond" });
    stream.write(`${printableJson(hideIn({ time, level, event, ...record }))}\n`);
  };
  const meanwhile = () => {
    const [stage, ...others] = running;
    return others.length === 0 ? { stage } : { stages: [...running] };
  };
  return {
    start({ name, title }) {
      running.add(name);
      write("info", "stage-started", { stage: name, message: title });
    },
    end({ name }, result, seconds) {
      running.delete(name);
      write("info", "stage-done", { stage: name, seconds: round(seconds), message: result });
    },
    host(work, host, state, seconds) {
      write("info", `host-${state}`, { stage: work, host, ...state === "started" ? {} : { seconds } });
    },
    warn: (warning) => write("warning", "warning", { ...warning, ...meanwhile() }),
    error: ({ kind, message, path, lines, hint }) =>
      write("error", "error", { ...meanwhile(), kind, message, path, lines, hint }),
    command(argv) {
      const command = quoteCommand(argv.map(hideSecrets));
      if (verbose) write("debug", "command", { ...meanwhile(), command });
    },
    output(line) {
      if (verbose) write("debug", "output", { ...meanwhile(), message: withoutColours(line) });
    },
    close() {},
  };
}

/** A record whose texts are without secrets: hidden in JSON they would take its quotes and backslashes with them. */
function hideIn(value: unknown): unknown {
  if (typeof value === "string") return hideSecrets(value);
  if (Array.isArray(value)) return value.map(hideIn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideIn(item)]));
}

/** Lines for people: one a stage, and on a terminal one more that shows what is going on. */
class PrettyLog implements ProgramLog {
  readonly #verbose: boolean;
  readonly #stream: Stream;
  readonly #clock: Clock;
  /** By name, in the order in which they have begun. */
  readonly #running = new Map<string, RunningStage>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #statusShown = false;

  constructor({ verbose, stream, clock }: LogOptions) {
    this.#verbose = verbose;
    this.#stream = stream;
    this.#clock = clock;
  }

  start(stage: Stage): void {
    this.#running.set(stage.name, { stage, start: this.#clock.monotonic(), done: 0, at: new Set() });
    const { isTerminal } = this.#stream;
    this.#timer ??= setInterval(() => this.#status(), isTerminal ? REFRESH_MS : HEARTBEAT_MS);
    if (isTerminal) this.#status();
  }

  end({ name }: Stage, result: string, taken: number): void {
    this.#running.delete(name);
    if (this.#running.size === 0) this.close();
    this.#line(`${result} in ${duration(taken)}`);
  }

  host(work: HostWork, name: string, state: HostState): void {
    const running = this.#running.get(work);
    if (running === undefined) return;
    if (state === "started") running.at.add(name);
    else running.at.delete(name);
    if (state === "done") running.done++;
  }

  warn({ message }: Warning): void {
    this.#line(`warning: ${message}`);
  }

  error({ message, path, lines, hint }: ReleaseError): void {
    this.close();
    this.#line(`error: ${message}`);
    if (path !== undefined) this.#line(`  at: ${path}`);
    for (const detail of lines) this.#line(`  ${detail}`);
    if (hint !== undefined) this.#line(`hint: ${hint}`);
  }

  command(argv: readonly string[]): void {
    if (this.#verbose) this.#line(`$ ${quoteCommand(argv.map(hideSecrets))}`);
  }

  output(text: string): void {
    if (this.#verbose) text.split("\n").forEach((line) => this.#line(quoted(line)));
  }

  close(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#statusShown) this.#stream.write(CLEAR);
    this.#statusShown = false;
    this.#running.clear();
  }

  #line(text: string): void {
    this.#stream.write(`${this.#statusShown ? CLEAR : ""}${printable(hideSecrets(text))}\n`);
    this.#statusShown = false;
  }

  /** Shows what is going on: on a terminal in place, elsewhere on a line of its own. */
  #status(): void {
    const { isTerminal, width } = this.#stream;
    const now = this.#clock.monotonic();
    const running = [...this.#running.values()];
    if (!isTerminal) return this.#line(heartbeatOf(running, now));
    this.#stream.write(`${CLEAR}${fitColumns(printable(hideSecrets(statusOf(running, now))), width - 1)}`);
    this.#statusShown = true;
  }
}

/** Returns to the beginning of the terminal's line and clears it. */
const CLEAR = "\r\x1b[K";

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A log that is told nothing of what the run knows to be secret. Names of hosts are data, and stay. */
export function withoutSecrets(log: Log & CommandTrace, secrets: Secrets): Log & CommandTrace {
  const hide = (text: string) => secrets.hide(text);
  return {
    start: (stage) => log.start({ ...stage, title: hide(stage.title) }),
    end: (stage, result, seconds) => log.end({ ...stage, title: hide(stage.title) }, hide(result), seconds),
    host: (work, name, state, seconds) => log.host(work, name, state, seconds),
    warn: (warning) => log.warn(warningWithoutSecrets(warning, secrets)),
    command: (argv) => log.command(argv.map(hide)),
    output: (line) => log.output(hide(line)),
  };
}

/** A warning that says nothing of what the run knows to be secret. */
export function warningWithoutSecrets({ path, message, code, hosts }: Warning, secrets: Secrets): Warning {
  return {
    code,
    message: secrets.hide(message),
    ...(path === undefined ? {} : { path: secrets.hide(path) }),
    ...(hosts === undefined ? {} : { hosts }),
  };
}

/** What a run fails with, without what it knows to be secret. */
export function errorWithoutSecrets(error: unknown, secrets: Secrets): unknown {
  const hide = (text: string) => secrets.hide(text);
  if (!(error instanceof ReleaseError)) {
    if (!(error instanceof Error) || hide(error.message) === error.message) return error;
    return new Error(hide(error.message), { cause: error });
  }
  const { kind, message, path, hint, cause } = error;
  const lines = error.lines.map(hide);
  const isHook = kind === "push-hook" || kind === "sign-hook";
  const hints = [hint, isHook && lines.some((line) => line.includes(HIDDEN)) ? HIDDEN_HINT : undefined];
  return new ReleaseError(kind, hide(message), {
    path: path === undefined ? undefined : hide(path),
    lines,
    hint: hints.flatMap((text) => text === undefined ? [] : [hide(text)]).join("; ") || undefined,
    cause,
  });
}

const HIDDEN_HINT = `${HIDDEN} stands for a secret that the hook was given`;

/** The log of a run that nobody watches: the library's default. */
export const SILENT_LOG: Log & CommandTrace = {
  start() {},
  end() {},
  host() {},
  warn(_warning: Warning) {},
  command() {},
  output() {},
};
