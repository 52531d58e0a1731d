/**
 * What people and programs see of a run, on stderr.
 *
 * @module
 */
import { plural, printable, printableJson, quoteCommand, quoted, withoutColours } from "../text.ts";
import type { CommandTrace } from "../adapters/process.ts";
import { HIDDEN, hideSecrets, type Secrets } from "../secrets.ts";
import { explained, ReleaseError } from "../errors.ts";
import type { HostWork, Warning } from "../model.ts";
import type { Builds, Clock, HostState, Log, Stage } from "../ports.ts";
import type { Stream } from "../world.ts";
import { DONE, duration, Status } from "./status.ts";
import { annotation, GROUP_END, groupStart } from "./workflow_commands.ts";

/** A log of a whole program: the stages, the commands for `-v`, and the error that ended it. */
export interface ProgramLog extends Log, CommandTrace {
  /** Tells of the error that ends the program, and of the exit code that it ends with. */
  error(error: ReleaseError, exitCode: number): void;
  /** Something that the user should know while it is so, and that is no warning. */
  note(message: string): void;
  /** Shows a text with the job of the CI system that the log is kept in, where it is one that people read. */
  annotate(level: "error" | "warning", title: string, lines: readonly string[]): void;
  /** Ends what is shown of a running stage. */
  close(): void;
}

/** How the log is kept. */
export interface LogOptions {
  readonly format: "pretty" | "json";
  readonly verbose: boolean;
  readonly stream: Stream;
  readonly clock: Clock;
  /** Whether a CI system reads it, which folds what is long, and shows what is annotated; by default none does. */
  readonly inCi?: boolean;
}

/** Where nobody watches a line now and then, so that a long build is not taken for a hung one. */
const HEARTBEAT_MS = 30_000;
/** On a terminal often enough to see what goes on; what happens in between is shown then. */
const REFRESH_MS = 200;
/** Seconds that a host takes to be told of where nobody watches. */
const LONG = 30;
/** So many of those are told of within {@linkcode HEARTBEAT_MS}; the others are counted. */
const LONG_AT_ONCE = 5;
/** So many lines of an error are read at once; more are folded where they can be. */
const LINES_AT_ONCE = 20;

/** A log in the given format. */
export function createLog(options: LogOptions): ProgramLog {
  return options.format === "json" ? jsonLog(options) : new PrettyLog(options);
}

/** Does something again and again while there is something to tell of. */
class Ticker {
  readonly #tick: () => void;
  readonly #milliseconds: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(tick: () => void, milliseconds: number) {
    this.#tick = tick;
    this.#milliseconds = milliseconds;
  }

  run(): void {
    this.#timer ??= setInterval(this.#tick, this.#milliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * One JSON object a line. `event` tells what it is. What is of a stage has `stage`; the rest has the one that is running, or
 * `stages` where several are. docs/json.md describes them.
 */
function jsonLog({ verbose, stream, clock }: LogOptions): ProgramLog {
  const status = new Status();
  const write = (level: string, event: string, record: Record<string, unknown>) => {
    const time = clock.now().toString({ smallestUnit: "millisecond" });
    const line = { schema: "fleet-release/event/1", time, level, event, ...record };
    stream.write(`${printableJson(hideSecretsIn(line))}\n`);
  };
  const meanwhile = () => {
    const stages = status.names();
    return stages.length > 1 ? { stages } : { stage: stages[0] };
  };
  const ticker = new Ticker(
    () => write("info", "progress", { stages: status.record(clock.monotonic()) }),
    HEARTBEAT_MS,
  );
  return {
    start(stage) {
      status.start(stage, clock.monotonic());
      ticker.run();
      write("info", "stage-started", { stage: stage.name, message: stage.title });
    },
    end(stage, result, seconds) {
      status.end(stage);
      if (status.names().length === 0) ticker.stop();
      write("info", "stage-done", { stage: stage.name, seconds: round(seconds), message: result });
    },
    fail(stage, message, seconds) {
      status.end(stage);
      write("error", "stage-failed", { stage: stage.name, seconds: round(seconds), message });
    },
    host(work, host, state, seconds) {
      status.host(work, host, state);
      write("info", `host-${state}`, { stage: work, host, ...state === "started" ? {} : { seconds } });
    },
    builds: (builds) => status.builds(builds),
    warn: (warning) => write("warning", "warning", { ...warning, ...meanwhile() }),
    note: (message) => write("info", "note", { message }),
    error({ kind, code, message, path, hosts, lines, hint }, exitCode) {
      // Nothing comes behind it.
      ticker.stop();
      write("error", "error", { ...meanwhile(), kind, code, message, path, hosts, lines, hint, exitCode });
    },
    // Each line is an object for a program.
    annotate() {},
    command(argv) {
      const command = quoteCommand(argv.map(hideSecrets));
      if (verbose) write("debug", "command", { ...meanwhile(), command });
    },
    output(line) {
      if (verbose) write("debug", "output", { ...meanwhile(), message: withoutColours(line) });
    },
    close: () => ticker.stop(),
  };
}

/** A record whose texts are without secrets: hidden in JSON they would take its quotes and backslashes with them. */
export function hideSecretsIn(value: unknown): unknown {
  if (typeof value === "string") return hideSecrets(value);
  if (Array.isArray(value)) return value.map(hideSecretsIn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideSecretsIn(item)]));
}

/** Lines for people: one a stage, and on a terminal one more that shows what is going on. */
class PrettyLog implements ProgramLog {
  readonly #verbose: boolean;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #status = new Status((text) => printable(hideSecrets(text)));
  readonly #ticker: Ticker;
  readonly #inCi: boolean;
  #statusShown = false;
  /** Whether what is written now is folded. */
  #folding = false;
  /** How many hosts have taken long since the last heartbeat. */
  #long = 0;

  constructor({ verbose, stream, clock, inCi = false }: LogOptions) {
    this.#verbose = verbose;
    this.#inCi = inCi;
    this.#stream = stream;
    this.#clock = clock;
    this.#ticker = stream.isTerminal
      ? new Ticker(() => this.#show(), REFRESH_MS)
      : new Ticker(() => this.#beat(), HEARTBEAT_MS);
  }

  start(stage: Stage): void {
    this.#status.start(stage, this.#clock.monotonic());
    this.#ticker.run();
    if (this.#stream.isTerminal) this.#show();
  }

  end(stage: Stage, result: string, seconds: number): void {
    this.#status.end(stage);
    if (this.#status.names().length === 0) this.close();
    this.#line(`${result} in ${duration(seconds)}`);
  }

  fail(stage: Stage, message: string, seconds: number): void {
    this.#status.end(stage);
    this.#line(`${message}, after ${duration(seconds)}; the rest goes on`);
  }

  host(work: HostWork, name: string, state: HostState, seconds: number): void {
    this.#status.host(work, name, state);
    if (state !== "done" || seconds < LONG || this.#stream.isTerminal) return;
    if (this.#long++ < LONG_AT_ONCE) this.#line(`  ${DONE[work]} ${name} in ${duration(seconds)}`);
  }

  builds(builds: Builds): void {
    this.#status.builds(builds);
  }

  warn({ message }: Warning): void {
    this.#line(`warning: ${message}`);
  }

  note(message: string): void {
    this.#line(message);
  }

  error({ message, path, lines, hint }: ReleaseError): void {
    this.close();
    this.#line(`error: ${message}`);
    if (path !== undefined) this.#line(`  at: ${path}`);
    const folds = this.#inCi && lines.length > LINES_AT_ONCE;
    if (folds) this.#fold(`${lines.length} lines`);
    for (const detail of lines) this.#write(`  ${detail}`);
    if (hint !== undefined) this.#line(`hint: ${hint}`);
  }

  annotate(level: "error" | "warning", title: string, lines: readonly string[]): void {
    if (!this.#inCi) return;
    this.#unfold();
    this.#put(annotation(level, title, lines.map(hideSecrets)));
  }

  command(argv: readonly string[]): void {
    if (!this.#verbose) return;
    const line = `$ ${quoteCommand(argv.map(hideSecrets))}`;
    if (this.#inCi) this.#fold(line);
    else this.#line(line);
  }

  output(text: string): void {
    if (this.#verbose) text.split("\n").forEach((line) => this.#write(quoted(line)));
  }

  close(): void {
    this.#unfold();
    this.#ticker.stop();
    this.#tellOfOthers();
    if (this.#statusShown) this.#stream.write(CLEAR);
    this.#statusShown = false;
    this.#status.clear();
  }

  /** Folds what is written until the next line. */
  #fold(title: string): void {
    this.#unfold();
    this.#put(groupStart(hideSecrets(title)));
    this.#folding = true;
  }

  #unfold(): void {
    if (this.#folding) this.#put(GROUP_END);
    this.#folding = false;
  }

  #line(text: string): void {
    this.#unfold();
    this.#write(text);
  }

  #write(text: string): void {
    this.#put(printable(hideSecrets(text)));
  }

  #put(line: string): void {
    this.#stream.write(`${this.#statusShown ? CLEAR : ""}${line}\n`);
    this.#statusShown = false;
  }

  /** Shows what is going on in the last line of a terminal. */
  #show(): void {
    this.#stream.write(`${CLEAR}${this.#status.line(this.#clock.monotonic(), this.#stream.width - 1)}`);
    this.#statusShown = true;
  }

  /** Says what is going on. */
  #beat(): void {
    this.#tellOfOthers();
    this.#line(this.#status.heartbeat(this.#clock.monotonic()));
  }

  #tellOfOthers(): void {
    const others = this.#long - LONG_AT_ONCE;
    this.#long = 0;
    if (others > 0) this.#line(`  and ${plural(others, "more host")} that took ${LONG} s or longer`);
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
    fail: (stage, message, seconds) =>
      log.fail({ ...stage, title: hide(stage.title) }, hide(message), seconds),
    host: (work, name, state, seconds) => log.host(work, name, state, seconds),
    builds: (builds) => log.builds({ ...builds, running: builds.running.map(hide) }),
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
    return errorWithoutSecrets(explained(error), secrets);
  }
  const { kind, message, code, path, hint, hosts, cause } = error;
  const lines = error.lines.map(hide);
  const isHook = kind === "push-hook" || kind === "sign-hook";
  const hints = [hint, isHook && lines.some((line) => line.includes(HIDDEN)) ? HIDDEN_HINT : undefined];
  return new ReleaseError(kind, hide(message), {
    ...{ code, hosts },
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
  fail() {},
  host() {},
  builds() {},
  warn(_warning: Warning) {},
  command() {},
  output() {},
};
