/**
 * What the program sees of the process that it runs in: variables, current directory, streams, time, and when to stop.
 * The one module that asks Deno for them; what is outside of the process belongs to the adapters.
 *
 * @module
 */
import { readAtMost, writeAll } from "./bytes.ts";
import { Interrupt, ioError, ReleaseError, SIGNALS } from "./errors.ts";
import type { Clock } from "./ports.ts";
import { quoteList } from "./text.ts";

/** The process as a run sees it. Tests give their own. */
export interface World {
  /** The current directory, absolute: what relative paths start from. */
  readonly cwd: string;
  readonly environment: Environment;
  /** Reads standard input to its end. With a number: when it gives no more bytes than that. */
  readonly stdin: (most?: number) => Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Shows a question to whoever sits at the terminal, and gives the line that is answered, or null when there is none any
   * more; undefined: nobody sits there, or standard input and standard error lead elsewhere.
   */
  readonly ask?: ((question: string) => Promise<string | null>) | undefined;
  /** Data. */
  readonly stdout: Pick<Stream, "write">;
  /** What people, or with `--log-format json` programs, follow a run by. */
  readonly stderr: Stream;
  readonly clock: Clock;
  /** Aborted when the run is to stop. Who asks for it goes by it: what comes ends the process no more. */
  readonly signal: AbortSignal;
  /** How many processes can work at once. */
  readonly cores: number;
  /** Version of Deno. */
  readonly runtime: string;
}

/** Where text goes. */
export interface Stream {
  write(text: string): void;
  /** Whether a person looks at it, and lines can be written over: not with `TERM=dumb` or `NO_COLOR`. */
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

/** The code word of an error that stdout cannot be written. */
export const NO_OUTPUT = "no-output";

/** The environment, as far as it may be read. */
export interface Environment {
  /** All variables, or where they are permitted by name, those of these that may be read and are set. */
  read(names: readonly string[]): Record<string, string>;
  /**
   * The same of variables that a run cannot do without: one that is silently left out would have nix or git do
   * something else.
   *
   * @throws {ReleaseError} of kind `io`, naming the variables that may not be read
   */
  require(names: readonly string[]): Record<string, string>;
}

/** The environment that is given, of which everything may be read. */
export function environmentOf(variables: Readonly<Record<string, string>>): Environment {
  return { read: () => ({ ...variables }), require: () => ({ ...variables }) };
}

/** The machine's clock. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Temporal.Now.instant(),
  monotonic: () => performance.now(),
};

/** Where temporary files go, by the variables of a run. An empty variable counts as unset. */
export function tempDirIn(env: Readonly<Record<string, string>>): string {
  return env["TMPDIR"] || "/tmp";
}

/**
 * Where this program keeps what it can do without, by the variables of a run; undefined: they name no place.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheDirIn(env: Readonly<Record<string, string>>): string | undefined {
  const { HOME = "", XDG_CACHE_HOME = "" } = env;
  // What is relative is to be passed over.
  const dir = [XDG_CACHE_HOME, HOME && `${HOME}/.cache`].find((path) => path.startsWith("/"));
  return dir && `${dir}/fleet-release`;
}

/** The variables that GitHub, Gitea and Forgejo set for a step; Forgejo has them beside its own. */
export const CI_VARIABLES: readonly string[] = ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"];

/** The CI system that a step runs in. */
export interface CiSystem {
  /** The file of the step's summary, in markdown; undefined: it shows none. */
  readonly summary: string | undefined;
  /** The file of the step's outputs. */
  readonly outputs: string | undefined;
}

/** The CI system, by the variables of a run; undefined: there is none that is known. */
export function ciSystemIn(env: Readonly<Record<string, string>>): CiSystem | undefined {
  if (env["GITHUB_ACTIONS"] !== "true") return undefined;
  return { summary: env["GITHUB_STEP_SUMMARY"] || undefined, outputs: env["GITHUB_OUTPUT"] || undefined };
}

/** This process. */
export function processWorld(): World {
  return {
    get cwd() {
      return Deno.cwd();
    },
    environment: { read: readVariables, require: requireVariables },
    stdin: readStdin,
    ask: Deno.stdin.isTerminal() && Deno.stderr.isTerminal() ? askOnTerminal : undefined,
    stdout: { write: writeStdout },
    stderr: stderrStream(),
    clock: SYSTEM_CLOCK,
    get signal() {
      return interrupted ??= listen();
    },
    cores: navigator.hardwareConcurrency,
    runtime: Deno.version.deno,
  };
}

let interrupted: AbortSignal | undefined;

/** Takes over the signals that ask a process to end: they abort this one. */
function listen(): AbortSignal {
  const controller = new AbortController();
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    Deno.addSignalListener(name, () => controller.abort(new Interrupt(name)));
  }
  return controller.signal;
}

async function readStdin(most = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readAtMost(Deno.stdin.readable, most).catch((error: unknown) => {
    throw ioError("Cannot read standard input", error);
  });
  if (bytes !== undefined) return bytes;
  throw new ReleaseError("io", `Cannot read standard input: it gives more than ${most} bytes`);
}

/** How long what was typed before takes to be there, in milliseconds. */
const TYPED_BEFORE = 100;

/**
 * What was typed before the question is no answer to it. A terminal gives a line at a time, and nothing at the end of input;
 * one that is gone answers nothing.
 */
async function askOnTerminal(question: string): Promise<string | null> {
  const show = (text: string) => writeAll(Deno.stderr, new TextEncoder().encode(text));
  try {
    let line = readLine();
    while (await isThere(line) && await line !== null) line = readLine();
    show(question);
    const answer = await line;
    // Nobody has ended the line of the question.
    if (answer === null) show("\n");
    return answer;
  } catch {
    // Who sat there cannot have said yes.
    return null;
  }
}

async function readLine(): Promise<string | null> {
  const bytes = new Uint8Array(4096);
  const length = await Deno.stdin.read(bytes);
  return length === null ? null : new TextDecoder().decode(bytes.subarray(0, length));
}

async function isThere(line: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), TYPED_BEFORE));
  try {
    return await Promise.race([line.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function writeStdout(text: string): void {
  try {
    writeAll(Deno.stdout, new TextEncoder().encode(text));
  } catch (error) {
    throw ioError("Cannot write standard output", error, NO_OUTPUT);
  }
}

function stderrStream(): Stream {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stderr.isTerminal() && !isPlain();
  return {
    write(text) {
      try {
        writeAll(Deno.stderr, encoder.encode(text));
      } catch {
        // Nobody reads any more: a pipe is closed, a terminal is gone, a disk is full. A release that is half done is worse
        // than one that nobody watched.
      }
    },
    isTerminal,
    get width() {
      // A terminal that does not know its size says 0.
      return (isTerminal && Deno.consoleSize().columns) || 80;
    },
  };
}

/** Whether a terminal, or who sits at it, takes nothing but text. */
function isPlain(): boolean {
  return Deno.noColor || (mayRead("TERM") && Deno.env.get("TERM") === "dumb");
}

function readVariables(names: readonly string[]): Record<string, string> {
  const all = Deno.permissions.querySync({ name: "env" }).state === "granted";
  const env = all ? Deno.env.toObject() : permittedOf(names);
  if (!all) Object.assign(env, permittedOf(gitConfigVariables(Number(env["GIT_CONFIG_COUNT"] ?? 0))));
  if (Deno.permissions.querySync({ name: "run" }).state === "granted") return env;
  // A run permission that names programs refuses every one of them a loader variable.
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(LD|DYLD)_/.test(name)));
}

function requireVariables(names: readonly string[]): Record<string, string> {
  const count = mayRead("GIT_CONFIG_COUNT") ? Number(Deno.env.get("GIT_CONFIG_COUNT") ?? 0) : 0;
  const refused = [...names, ...gitConfigVariables(count)].filter((variable) => !mayRead(variable));
  if (refused.length === 0) return readVariables(names);
  throw new ReleaseError("io", `No permission to read the variable ${quoteList(refused)}`, {
    hint: `give it with --allow-env=${refused.join(",")}, beside what is there`,
  });
}

function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

function permittedOf(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((variable) => {
    const value = mayRead(variable) ? Deno.env.get(variable) : undefined;
    return value === undefined ? [] : [[variable, value]];
  }));
}

/** The variables that `GIT_CONFIG_COUNT` announces; git fails when it finds fewer. */
function gitConfigVariables(count: number): string[] {
  return Array.from({ length: count }, (_, index) => [`GIT_CONFIG_KEY_${index}`, `GIT_CONFIG_VALUE_${index}`])
    .flat();
}
