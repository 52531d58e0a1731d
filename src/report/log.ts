/**
 * What people and programs see of a run, on stderr.
 *
 * @module
 */
import {
  fitColumns,
  plural,
  printable,
  printableJson,
  quoteCommand,
  quoted,
  withoutColours,
} from "../text.ts";
import type { CommandTrace } from "../adapters/process.ts";
import { HIDDEN, hideSecrets, type Secrets } from "../secrets.ts";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Clock, Log, Stage } from "../ports.ts";
import type { Stream } from "../world.ts";

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
const HEARTBEAT_MS = 60_000;
/** On a terminal often enough to see the time go by. */
const REFRESH_MS = 500;

/** A log in the given format. */
export function createLog(options: LogOptions): ProgramLog {
  return options.format === "json" ? jsonLog(options) : new PrettyLog(options);
}

/** One JSON object a line. `event` tells what it is; every one of a stage has `stage`. */
function jsonLog({ verbose, stream, clock }: LogOptions): ProgramLog {
  let current: Stage | undefined;
  const hostStarts = new Map<string, number>();
  const write = (record: Record<string, unknown>) => {
    const time = clock.now().toString({ smallestUnit: "millisecond" });
    stream.write(`${printableJson(hideIn({ time, ...record }))}\n`);
  };
  return {
    start(stage) {
      current = stage;
      hostStarts.clear();
      write({ level: "info", event: "stage-started", stage: stage.name, message: stage.title });
    },
    end(stage, result, seconds) {
      current = undefined;
      write({
        level: "info",
        event: "stage-done",
        stage: stage.name,
        seconds: round(seconds),
        message: result,
      });
    },
    host(host, state) {
      const start = hostStarts.get(host);
      if (state === "started") {
        hostStarts.set(host, clock.monotonic());
        write({ level: "info", event: "host-started", stage: current?.name, host });
      } else {
        hostStarts.delete(host);
        // Without a start there was nothing to do: the host was built already.
        const seconds = start === undefined ? 0 : round((clock.monotonic() - start) / 1000);
        write({ level: "info", event: "host-done", stage: current?.name, host, seconds });
      }
    },
    warn: (warning) => write({ level: "warning", event: "warning", ...warning, stage: current?.name }),
    error: ({ kind, message, path, lines, hint }) =>
      write({ level: "error", event: "error", stage: current?.name, kind, message, path, lines, hint }),
    command(argv) {
      if (verbose) {
        const command = quoteCommand(argv.map(hideSecrets));
        write({ level: "debug", event: "command", stage: current?.name, command });
      }
    },
    output(line) {
      if (verbose) {
        write({ level: "debug", event: "output", stage: current?.name, message: withoutColours(line) });
      }
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
  #current: RunningStage | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #statusShown = false;

  constructor({ verbose, stream, clock }: LogOptions) {
    this.#verbose = verbose;
    this.#stream = stream;
    this.#clock = clock;
  }

  start(stage: Stage): void {
    this.close();
    this.#current = { stage, start: this.#clock.monotonic(), done: 0, running: new Set() };
    this.#timer = setInterval(() => this.#status(), this.#stream.isTerminal ? REFRESH_MS : HEARTBEAT_MS);
    if (this.#stream.isTerminal) this.#status();
  }

  end(_stage: Stage, result: string, duration: number): void {
    this.close();
    this.#line(`${result} in ${seconds(duration)}`);
  }

  host(name: string, state: "started" | "done"): void {
    if (this.#current === undefined) return;
    if (state === "started") this.#current.running.add(name);
    else if (this.#current.running.delete(name)) this.#current.done++;
    if (this.#stream.isTerminal) this.#status();
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
    this.#current = undefined;
  }

  #line(text: string): void {
    this.#stream.write(`${this.#statusShown ? CLEAR : ""}${printable(hideSecrets(text))}\n`);
    this.#statusShown = false;
  }

  /** Shows what the running stage is doing: on a terminal in place, elsewhere on a line of its own. */
  #status(): void {
    if (this.#current === undefined) return;
    if (!this.#stream.isTerminal) return this.#line(heartbeatOf(this.#current));
    const taken = seconds((this.#clock.monotonic() - this.#current.start) / 1000);
    const text = printable(hideSecrets(`${statusOf(this.#current)} (${taken})`));
    this.#stream.write(`${CLEAR}${fitColumns(text, this.#stream.width - 1)}`);
    this.#statusShown = true;
  }
}

/** Returns to the beginning of the terminal's line and clears it. */
const CLEAR = "\r\x1b[K";

/** A stage, and what is known of the hosts in it. */
interface RunningStage {
  readonly stage: Stage;
  /** By the monotonic clock. */
  readonly start: number;
  /** How many hosts are done. */
  done: number;
  /** The hosts that are worked on, in the order in which that began. */
  readonly running: Set<string>;
}

/** As in `Building 9 hosts · 2 done · web1, web2`. */
function statusOf({ stage, done, running }: RunningStage): string {
  const parts = [stage.title];
  if (done > 0) parts.push(`${done} done`);
  if (running.size > 0) parts.push([...running].join(", "));
  return parts.join(" · ");
}

/** As in `  still building 9 hosts: 2 hosts done, now web1, web2`. */
function heartbeatOf({ stage: { title }, done, running }: RunningStage): string {
  const names = [...running];
  const shown = names.length > 3
    ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`
    : names.join(", ");
  return `  still ${title.charAt(0).toLowerCase()}${title.slice(1)}: ${plural(done, "host")} done` +
    (shown === "" ? "" : `, now ${shown}`);
}

function seconds(value: number): string {
  if (value < 0.1) return `${Math.round(value * 1000)} ms`;
  if (value < 100) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A log that is told nothing of what the run knows to be secret. Names of hosts are data, and stay. */
export function withoutSecrets(log: Log & CommandTrace, secrets: Secrets): Log & CommandTrace {
  const hide = (text: string) => secrets.hide(text);
  return {
    start: ({ name, title }) => log.start({ name, title: hide(title) }),
    end: ({ name, title }, result, seconds) => log.end({ name, title: hide(title) }, hide(result), seconds),
    host: (name, state) => log.host(name, state),
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
