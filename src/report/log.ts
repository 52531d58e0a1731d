/**
 * What people and programs see of a run, on stderr. The only module that prints.
 *
 * @module
 */
import { writeAll } from "../bytes.ts";
import { plural, quoteCommand, stripControls } from "../text.ts";
import type { CommandTrace } from "../adapters/process.ts";
import { hideSecrets } from "../secrets.ts";
import { ioError, type ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import type { Clock, Log, Stage } from "../ports.ts";

/** Where text goes. */
export interface Stream {
  write(text: string): void;
  /** Whether a person looks at it, and lines can be written over. */
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

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
  return options.format === "json" ? jsonLog(options) : prettyLog(options);
}

/** One JSON object a line. `event` tells what it is; every one of a stage has `stage`. */
function jsonLog({ verbose, stream, clock }: LogOptions): ProgramLog {
  let current: Stage | undefined;
  const hostStarts = new Map<string, number>();
  const write = (record: Record<string, unknown>) => {
    const time = clock.now().toString({ smallestUnit: "millisecond" });
    stream.write(`${hideSecrets(JSON.stringify({ time, ...record }))}\n`);
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
        write({ level: "debug", event: "command", stage: current?.name, command: quoteCommand(argv) });
      }
    },
    output(line) {
      if (verbose) {
        write({ level: "debug", event: "output", stage: current?.name, message: stripControls(line) });
      }
    },
    close() {},
  };
}

/** Lines for people: one a stage, and on a terminal one more that shows what is going on. */
function prettyLog({ verbose, stream, clock }: LogOptions): ProgramLog {
  let current: { stage: Stage; start: number; done: number; running: Map<string, number> } | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let statusShown = false;

  function line(text: string): void {
    stream.write(`${statusShown ? "\r\x1b[K" : ""}${stripControls(hideSecrets(text))}\n`);
    statusShown = false;
  }

  function status(): void {
    if (current === undefined) return;
    const { stage, start, done, running } = current;
    const parts = [stage.title];
    if (done > 0) parts.push(`${done} done`);
    if (running.size > 0) parts.push([...running.keys()].join(", "));
    const text = hideSecrets(`${parts.join(" · ")} (${seconds((clock.monotonic() - start) / 1000)})`);
    if (!stream.isTerminal) {
      const names = [...running.keys()];
      const shown = names.length > 3
        ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`
        : names.join(", ");
      line(
        `  still ${stage.title.charAt(0).toLowerCase()}${stage.title.slice(1)}: ${
          plural(done, "host")
        } done` +
          (shown === "" ? "" : `, now ${shown}`),
      );
      return;
    }
    const fitting = text.length > stream.width - 1
      ? `${text.slice(0, Math.max(0, stream.width - 2))}…`
      : text;
    stream.write(`\r\x1b[K${fitting}`);
    statusShown = true;
  }

  function stop(): void {
    if (timer !== undefined) clearInterval(timer);
    timer = undefined;
    if (statusShown) stream.write("\r\x1b[K");
    statusShown = false;
    current = undefined;
  }

  return {
    start(stage) {
      stop();
      current = { stage, start: clock.monotonic(), done: 0, running: new Map() };
      timer = setInterval(status, stream.isTerminal ? REFRESH_MS : HEARTBEAT_MS);
      if (stream.isTerminal) status();
    },
    end(_stage, result, duration) {
      stop();
      line(`${result} in ${seconds(duration)}`);
    },
    host(name, state) {
      if (current === undefined) return;
      if (state === "started") current.running.set(name, clock.monotonic());
      else if (current.running.delete(name)) current.done++;
      if (stream.isTerminal) status();
    },
    warn: ({ message }) => line(`warning: ${message}`),
    error({ message, path, lines, hint }) {
      stop();
      line(`error: ${message}`);
      if (path !== undefined) line(`  at: ${path}`);
      for (const detail of lines) line(`  ${detail}`);
      if (hint !== undefined) line(`hint: ${hint}`);
    },
    command(argv) {
      if (verbose) line(`$ ${quoteCommand(argv)}`);
    },
    output(text) {
      if (verbose) line(`  ${stripControls(text)}`);
    },
    close: stop,
  };
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

/** Standard error of this process. */
export function stderrStream(): Stream {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal();
  return {
    write(text) {
      try {
        writeAll(Deno.stderr, encoder.encode(text));
      } catch (error) {
        // Nobody reads any more. A release that is half written is worse than one that nobody watched.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
    isTerminal,
    get width() {
      // A terminal that does not know its size says 0.
      return (isTerminal && Deno.consoleSize().columns) || 80;
    },
  };
}

/** Prints data on standard output, with a newline or another end. */
export function printData(text: string, end = "\n"): void {
  try {
    writeAll(Deno.stdout, new TextEncoder().encode(text + end));
  } catch (error) {
    throw ioError("Cannot write standard output", error);
  }
}

/** The log of a run that nobody watches: the library's default. */
export const SILENT_LOG: Log & CommandTrace = {
  start() {},
  end() {},
  host() {},
  warn(_warning: Warning) {},
  command() {},
  output() {},
};
