/**
 * The only place that starts processes, and the only import of dax.
 *
 * @module
 */
import type { CommandBuilder, CommandChild, CommandResult as DaxResult } from "@david/dax";
import { join } from "@std/path";
import { milliseconds } from "../contract/time.ts";
import { ReleaseError } from "../errors.ts";
import { quoted, quoteList, withoutColours } from "../text.ts";
import { Excerpts } from "./excerpts.ts";
import { follow } from "./follow.ts";
import { findProgram } from "./search_path.ts";
import { KeptLines, KeyFilter, LineReader } from "./stderr.ts";

/** A finished command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** The text that the command wrote to stderr, as far as it is for people; of a very long one its beginning and its end. */
  readonly stderr: readonly string[];
  /** Whether it was stopped since it took longer, or was silent for longer, than it may. */
  readonly late?: boolean;
}

/** How to run a command. */
export interface RunOptions {
  /** Another directory than the shell's own, absolute. */
  readonly cwd?: string | undefined;
  /** The whole environment: nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Closed when absent. */
  readonly stdin?: Uint8Array<ArrayBuffer> | undefined;
  /**
   * The path of a new file that stdout and stderr go to, of which each line is treated as one of stderr. By default they
   * are pipes, and what the command leaves running is waited for until it closes them.
   */
  readonly outputFile?: string | undefined;
  /** Stops what the command leaves running in its group; at a terminal it has none. */
  readonly alone?: boolean;
  /**
   * Keeps what is sent to all processes from it while the run does something whole, such as the Ctrl-C of a terminal; at
   * which it can ask nothing.
   */
  readonly apart?: boolean;
  /** Seconds that it has to end by itself when it is stopped, before it is killed. */
  readonly grace?: number | undefined;
  /** Whether it is killed at once where it has no process below it: nothing is lost with it alone. */
  readonly isExpendable?: boolean | undefined;
  /** Seconds that it may take; then it is stopped. */
  readonly limit?: number | undefined;
  /** Seconds that it may write nothing to stderr; then it is stopped. */
  readonly silence?: number | undefined;
  /** Stops it when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Reads each line of stderr as it comes, and gives the text in it that is for people; undefined: there is none. */
  readonly onStderr?: (line: string) => string | undefined;
  /** The arguments as `-v` shows them, when they hold what must not be shown. */
  readonly shown?: readonly string[];
}

/**
 * A command that answers what it is asked. It ends when its input does: when it is disposed of, or this program is gone.
 * When it is disposed of and does not end by itself, it is killed.
 */
export interface Conversation extends AsyncDisposable {
  /** Says something to it. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The next that it says; undefined: it has ended. */
  read(): Promise<Uint8Array | undefined>;
  /** What it has written to stderr, or why it did not start. */
  readonly said: readonly string[];
  /** Resolves when it has ended, however that was. */
  readonly ended: Promise<void>;
}

/** Told what is run, and what it says, for `-v`. */
export interface CommandTrace {
  /** A command is about to be run. */
  command(argv: readonly string[]): void;
  /** A line that it printed. */
  output(line: string): void;
}

/** Seconds that what is stopped has to end by itself, before it is killed. */
const GRACE = 4;
/** The same of what only answers, when its input has ended: nothing is lost with it. */
const CONVERSATION_GRACE = 1;

/**
 * What every command runs under, a shell that outlives it.
 *
 * dax tells a command that a signal ended (out of memory, say) from one that succeeded by nothing at all: both have the
 * exit code 0. The shell gives 128 and more for the first, and takes all codes from 255: one that is killed itself is no
 * success either.
 *
 * It stops the command when its own input ends, since this program wants that, or is gone. Only a shell can: the
 * permission to run programs by name is none to send a group of processes a signal. What is sent to all processes of a
 * terminal or a service is not meant for it: what is to come of that is this program's to say.
 *
 * It stops the command and all that is below it, as `ps` tells; where that is not there, the command alone. A command of
 * which more has to be known leads a session and a group of its own, as far as the system has `setsid` or the shell can.
 *
 * Its arguments: the file for both outputs, or nothing; the file that the command reads, or nothing: then it reads what
 * the supervisor would, and is not stopped; how the command runs; how often it is looked at until it is killed; and
 * something where it is not looked at again when it is alone. As
 * `hook`, it has a group of its own, of which nothing stays when it ends, but where there is a terminal, at which it may
 * ask something; `apart`, it has one in any case; `within`, it has none. Then the command.
 */
const SUPERVISOR = `
output=$1 input=$2 how=$3 turns=$4 expendable=$5; shift 5
trap '' HUP INT QUIT TERM
trap 'again=1; stop' USR1
exec 3<&0 </dev/null
look() {
  list=$(ps -A -o pid= -o ppid= -o pgid= -o stat=)
  [ -n "$list" ] || expendable=
  [ -n "$list" ] || if kill -s 0 -- "-$pid"; then list="0 0 $pid"; elif kill -s 0 "$pid"; then list="$pid 0 0"; fi
  before=
  while [ "$family" != "$before" ]; do
    before=$family there= outside=
    while read -r one parent group state; do
      # What is dead and not yet buried is gone.
      case $state in Z*) continue ;; esac
      case $family in
        *" $one "*) ;;
        *" $parent "*) family="$family$one " ;;
        *) [ "$group" = "$pid" ] || continue; family="$family$one " ;;
      esac
      there="$there $one"
      [ "$group" = "$pid" ] || outside="$outside $one"
    done <<END
$list
END
  done
}
send() {
  kill -s "$1" -- "-$pid"
  for one in $outside; do kill -s "$1" "$one"; done
}
stop() {
  family=" $pid "
  look
  send TERM
  [ -z "$expendable" ] || [ "$there" != " $pid" ] || turns=0
  while [ "$turns" -gt 0 ]; do
    [ -n "$there" ] || return 0
    sleep 0.1 || sleep 1
    look
    turns=$((turns - 1))
  done
  [ -n "$there" ] || return 0
  send KILL
}
session=
{
  [ "$how" = within ] || { [ "$how" = hook ] && true </dev/tty; } ||
    { command -v setsid && session=setsid; } || set -m
} >/dev/null 2>&1
[ -z "$output" ] || exec >>"$output" 2>&1
if [ -n "$input" ]; then
  (trap - HUP INT QUIT TERM; exec $session "$@" <"$input" 3<&-) &
else
  (trap - HUP INT QUIT TERM; exec $session "$@" <&3 3<&-) &
fi
pid=$!
set +m
exec >/dev/null 2>&1
guard=
[ -z "$input" ] || { (while read -r rest; do :; done; kill -s USR1 $$) <&3 & guard=$!; }
while again=; wait "$pid"; last=$?; [ "$last" = 127 ] || code=$last; [ -n "$again" ]; do :; done
[ "$how" != hook ] || ! kill -s 0 -- "-$pid" || stop
if [ -n "$guard" ]; then kill -s KILL "$guard"; wait "$guard"; else while read -r rest; do :; done <&3; fi
exit $((255 - \${code:-127}))`;

/** What may stop commands. */
export interface End {
  /** Stops what runs when it is aborted, and lets nothing begin any more. */
  readonly signal: AbortSignal | undefined;
  /** Whether something has asked for that, which may wait. */
  readonly isAsked: boolean;
  /** Whether it waits now for what is done whole. */
  readonly isWhole: boolean;
}

/** Where commands are looked for and run. */
export interface ShellOptions {
  /** The search path for programs, as in `$PATH`. */
  readonly path: string;
  /** The directory that commands run in when they are told no other, absolute. */
  readonly cwd: string;
  /** Told what is run. */
  readonly trace: CommandTrace;
  /** Shortens what commands say when they fail. */
  readonly excerpts?: Excerpts;
  /** What may stop them. */
  readonly end?: End;
  /** Where the input of commands is put, absolute; undefined: nothing stops a command that is given any. */
  readonly tempDir?: string;
}

/** Runs programs by their absolute path, with an explicit environment. */
export class Shell {
  /** The directory that commands are run in unless another is given, absolute. */
  readonly cwd: string;
  /** Shortens what commands say when they fail. */
  readonly excerpts: Excerpts;
  readonly #path: string;
  readonly #trace: CommandTrace;
  readonly #end: End | undefined;
  readonly #tempDir: string | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #sh: string | undefined;

  /** Makes a shell. Nothing is looked for or run yet. */
  constructor({ path, cwd, trace, excerpts = new Excerpts(), end, tempDir }: ShellOptions) {
    this.#path = path;
    this.#end = end;
    this.#tempDir = tempDir;
    this.cwd = cwd;
    this.excerpts = excerpts;
    this.#trace = trace;
  }

  /**
   * Finds a program on the search path.
   *
   * @param beside A program found before, whose directory is looked into first
   * @returns its absolute path, which is a link where the link's name matters, as `nix-store` is
   * @throws {ReleaseError} of kind `io` when there is none
   */
  find(program: string, beside?: string): string {
    const { path, refused } = findProgram(program, this.#path, beside);
    if (path !== undefined) return this.#permitted(path);
    const where = beside === undefined ? "on PATH" : `beside "${beside}" or on PATH`;
    throw new ReleaseError("io", `Cannot find "${program}" ${where}`, {
      lines: refused.length === 0
        ? []
        : [`There is no permission to read ${quoteList(refused)}, to look there`],
      hint: program.startsWith("nix")
        ? "install Nix (https://nixos.org/download), or add its bin directory to PATH"
        : `install ${program}, or add the directory that it is in to PATH`,
    });
  }

  /** Whether a program is on the search path. */
  has(program: string): boolean {
    return findProgram(program, this.#path).path !== undefined;
  }

  /** The permissions say by name what may be run. The supervisor would not ask, so it is asked for here. */
  #permitted(program: string): string {
    if (Deno.permissions.querySync({ name: "run", command: program }).state === "granted") return program;
    throw new ReleaseError("io", `No permission to run "${program}"`, {
      hint: `give it with --allow-run=${program}, beside what is there`,
    });
  }

  /**
   * Runs a command and waits for it. A failing command is a result, not an error.
   *
   * @param argv The program's absolute path and its arguments
   * @throws the reason of the shell's signal or of the command's own, when that is aborted, as soon as it has ended
   */
  async run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    this.#end?.signal?.throwIfAborted();
    this.#trace.command(options.shown ?? argv);
    const running = this.#run(argv, options);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Starts a command that answers what it is asked, until it is disposed of. What it writes to stderr, `-v` shows. */
  async open(
    argv: readonly string[],
    { env }: { readonly env: Readonly<Record<string, string>> },
  ): Promise<Conversation> {
    const commandOf = await loadCommands();
    this.#end?.signal?.throwIfAborted();
    this.#trace.command(argv);
    const input = new TransformStream<Uint8Array<ArrayBuffer>>();
    const kept = new KeptLines();
    const reader = this.#reader(kept, undefined);
    const child = commandOf(argv).cwd(this.cwd).clearEnv().env({ ...env }).noThrow()
      .stdin(input.readable)
      .stdout("piped")
      .stderr(new WritableStream({ write: (chunk) => reader.write(chunk), close: () => reader.end() }))
      .spawn();
    // It may be gone: then it reads nothing any more. One that did not start has said nothing itself.
    const ended = child.then(() => {}, ({ message }: Error) => kept.add(message));
    this.#running.add(ended);
    const writer = input.writable.getWriter();
    const output = child.stdout().getReader();
    const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<undefined>();
    const read = () => Promise.race([output.read().then(({ value }) => value, () => undefined), givenUp]);
    return {
      write: (bytes) => Promise.race([writer.write(bytes), ended]),
      read,
      get said() {
        return kept.lines;
      },
      ended,
      [Symbol.asyncDispose]: async () => {
        // It may wait for something itself, such as a lock, and read nothing meanwhile. By cancelling what is read dax would
        // send it another signal, which it may not heed, and after which this runtime sends none.
        const timers = [
          setTimeout(() => child.kill("SIGKILL"), CONVERSATION_GRACE * 1000),
          // What it has started itself may hold its output open.
          setTimeout(() => giveUp(undefined), CONVERSATION_GRACE * 2000),
        ];
        await Promise.race([writer.close(), ended, givenUp]).catch(() => {});
        while (await read() !== undefined);
        await Promise.race([ended, givenUp]);
        for (const timer of timers) clearTimeout(timer);
        this.#running.delete(ended);
      },
    };
  }

  /** Whether it is to run nothing any more. */
  get isEnded(): boolean {
    return this.#end?.signal?.aborted ?? false;
  }

  /** Waits for all that runs, which is what a signal leaves to be done before directories go. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    const kept = new KeptLines();
    const reader = this.#reader(kept, options.onStderr);
    const commandOf = await loadCommands();
    refuseLongTexts(argv, options.env);
    const { outputFile = "", grace = GRACE, isExpendable = false } = options;
    using file = outputFile === ""
      ? undefined
      : await Deno.open(outputFile, { read: true, write: true, createNew: true, mode: 0o600 });
    const signals = [this.#end?.signal, options.signal].filter((one) => one !== undefined);
    const signal = AbortSignal.any(signals);
    signal.throwIfAborted();
    using input = inputFile(this.#tempDir, options.stdin);
    const apart = options.apart === true && this.#end?.isWhole === true;
    const how = options.alone ? "hook" : apart ? "apart" : "within";
    const { promise: stop, resolve } = Promise.withResolvers<null>();
    const supervisor = [this.#sh ??= this.find("sh"), "-c", SUPERVISOR, "sh"];
    const command = commandOf([
      ...[...supervisor, outputFile, input.path, how, turnsOf(grace), isExpendable ? "expendable" : ""],
      ...argv,
    ])
      .cwd(options.cwd ?? this.cwd)
      .clearEnv()
      .env({ ...options.env })
      .stdin(input.path === "" ? options.stdin! : { read: () => stop })
      .noThrow();
    const silence = new Silence(options.silence);
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        silence.broken();
        reader.write(chunk);
      },
    });
    const child = file === undefined
      ? command.stdout("piped").stderr(sink).spawn()
      : command.stdout("null").stderr("null").spawn();
    const ended = stopping(child, () => resolve(null), { signal, limit: options.limit, silence, grace });
    const followed = file && follow(file, ended, (chunk) => reader.write(chunk));
    const { result, late } = await ended
      .catch((error: unknown) => {
        throw hasCode(error, "E2BIG") ? tooManyArguments(argv) : error;
      })
      .finally(() => followed);
    if (result?.code === KILLED && apart && await this.#wasHit()) return await this.#run(argv, options);
    reader.end();
    return {
      // The supervisor's, which counts from above.
      code: result === undefined ? STOPPED_CODE : 255 - result.code,
      stdout: file === undefined && result !== undefined ? result.stdoutBytes : new Uint8Array(),
      stderr: kept.lines,
      late,
    };
  }

  /**
   * Whether a supervisor was killed by what was sent to all of a terminal's or a service's processes: that can reach one
   * that has begun to start, and has started nothing. This process gets it as well, by now or in a moment.
   */
  async #wasHit(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return this.#end?.isAsked ?? false;
  }

  /** Reads what a command says, for those who watch, and for its result. */
  #reader(kept: KeptLines, onStderr: RunOptions["onStderr"]): LineReader {
    const keys = new KeyFilter();
    return new LineReader((line) => {
      const shown = onStderr === undefined ? line : onStderr(line);
      if (shown === undefined) return;
      for (const part of shown.split("\n").map((part) => keys.next(part))) {
        this.#trace.output(part);
        kept.add(part);
      }
    });
  }
}

/**
 * Loads dax. With the first command: it takes longer than all the rest, and most uses of the library need none.
 *
 * @returns what makes a command of a program's absolute path and its arguments. They are no text for the shell of dax,
 * which takes longer to take one apart than a process takes to start
 */
async function loadCommands(): Promise<(argv: readonly string[]) => CommandBuilder> {
  const { CommandBuilder, createExecutableCommand } = await import("@david/dax");
  return ([program, ...args]) =>
    new CommandBuilder().registerCommand("program", createExecutableCommand(program!, { args }))
      .command("program");
}

/**
 * Puts the input of a command into a file of its own: what the supervisor reads has to be open as long as this program
 * is there.
 *
 * @returns its path, as long as it is not disposed of; nothing where there is no directory for it
 */
function inputFile(dir: string | undefined, input: Uint8Array | undefined): { path: string } & Disposable {
  const isEmpty = input === undefined || input.length === 0;
  if (isEmpty || dir === undefined) return { path: isEmpty ? "/dev/null" : "", [Symbol.dispose]() {} };
  const path = join(dir, `fleet-release-input-${crypto.randomUUID()}`);
  Deno.writeFileSync(path, input, { createNew: true, mode: 0o600 });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** The exit code that dax gives of a supervisor that was killed, which no other has. */
const KILLED = 0;

/** The exit code of what was stopped and has given none. */
const STOPPED_CODE = 143;

/** How often a supervisor looks whether a command has ended by itself, a little more than a tenth of a second apart. */
function turnsOf(grace: number): string {
  return String(Math.ceil(grace * 8));
}

/** Milliseconds for a supervisor to kill what it has stopped, after which nobody waits for who holds its outputs open. */
const STOPPED = 2000;

/**
 * Waits for a command, and has it stopped by a signal, or when it takes too long.
 *
 * @param stop Tells its supervisor
 * @returns nothing when it was stopped, and another process holds its outputs open
 * @throws the signal's reason, when that stopped it
 */
async function stopping(
  child: CommandChild,
  stop: () => void,
  { signal, limit, silence, grace }: {
    signal: AbortSignal;
    limit: number | undefined;
    silence: Silence;
    grace: number;
  },
): Promise<{ result: DaxResult | undefined; late: boolean }> {
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<undefined>();
  const timers: ReturnType<typeof setTimeout>[] = [];
  let late = false;
  const end = () => {
    stop();
    timers.push(setTimeout(() => giveUp(undefined), milliseconds(grace * 1.5) + STOPPED));
  };
  const expire = () => {
    late = true;
    end();
  };
  if (limit !== undefined) timers.push(setTimeout(expire, milliseconds(limit)));
  silence.begin(expire);
  signal.addEventListener("abort", end, { once: true });
  try {
    const result = await Promise.race([child, givenUp]);
    signal.throwIfAborted();
    return { result, late };
  } finally {
    signal.removeEventListener("abort", end);
    silence.end();
    for (const timer of timers) clearTimeout(timer);
  }
}

/** Takes how long a command says nothing. */
class Silence {
  readonly #seconds: number | undefined;
  #expire: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param seconds How long it may be silent; undefined: for ever */
  constructor(seconds: number | undefined) {
    this.#seconds = seconds;
  }

  /** @param expire Told when it was silent for too long */
  begin(expire: () => void): void {
    this.#expire = expire;
    this.broken();
  }

  /** It has said something. */
  broken(): void {
    clearTimeout(this.#timer);
    if (this.#seconds === undefined || this.#expire === undefined) return;
    this.#timer = setTimeout(this.#expire, milliseconds(this.#seconds));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#expire = undefined;
  }
}

/** What Linux takes in one argument, or in one variable with its name: `MAX_ARG_STRLEN`, less the zero behind it. */
export const LONGEST_ARGUMENT: number = (1 << 17) - 1;

/** How many bytes a process is given for a text. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The system would say that the list of arguments is too long, and not which of them it is. */
function refuseLongTexts(argv: readonly string[], env: Readonly<Record<string, string>>): void {
  if (Deno.build.os !== "linux") return;
  const texts = [
    ...argv.map((argument, index) => [index === 0 ? "its path" : `argument ${index}`, argument] as const),
    ...Object.entries(env).map(([name, value]) => [`the variable "${name}"`, `${name}=${value}`] as const),
  ];
  // No character has more than three bytes for each of its units, and few texts come near.
  const [what, text] =
    texts.find(([, text]) => text.length * 3 > LONGEST_ARGUMENT && byteLength(text) > LONGEST_ARGUMENT) ?? [];
  if (what === undefined || text === undefined) return;
  throw new ReleaseError(
    "io",
    `Cannot run "${argv[0]}": ${what} has ${byteLength(text)} bytes, and Linux takes ${LONGEST_ARGUMENT}`,
  );
}

function tooManyArguments(argv: readonly string[]): ReleaseError {
  const bytes = argv.reduce((sum, argument) => sum + byteLength(argument) + 1, 0);
  return new ReleaseError(
    "io",
    `Cannot run "${argv[0]}": its ${
      argv.length - 1
    } arguments have ${bytes} bytes, more than this system takes`,
    { hint: "`ulimit -s 65536` before it raises the limit on Linux; or release fewer hosts at once" },
  );
}

/** Whether the system gave this code for an error, which the runtime has no class for. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The text that a command printed, without the final newline. */
export function text(result: CommandResult): string {
  return new TextDecoder().decode(result.stdout).replace(/\n$/, "");
}

/** The last lines of a text that say something. */
export function lastSaid(lines: readonly string[], most: number): string[] {
  return lines.map(withoutColours).filter((line) => line.trim() !== "").slice(-most);
}

/** The same for an error's report, where they are marked as another's words. */
export function lastLines(lines: readonly string[], most: number): string[] {
  return lastSaid(lines, most).map(quoted);
}

/** Variables that would send git, or a nix that calls git, to another repository or index than the one meant. */
const GIT_KEEP =
  /^GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|SSL_.*|HTTP_.*|PROXY_.*|TRACE.*|CONFIG_.*|(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE))$/;

/** The environment without inherited git variables that say which repository is meant. */
export function withoutGitLocation(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("GIT_") || GIT_KEEP.test(name)),
  );
}
