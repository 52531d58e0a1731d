/**
 * The only place that starts processes, and the only import of dax.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ReleaseError } from "../errors.ts";
import type { Warning } from "../model.ts";
import { quoted, quoteList, withoutColours } from "../text.ts";
import { Excerpts } from "./excerpts.ts";
import { follow } from "./follow.ts";
import { KeptLines, KeyFilter, LineReader } from "./stderr.ts";

/** A finished command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** The text that the command wrote to stderr, as far as it is for people; of a very long one its beginning and its end. */
  readonly stderr: readonly string[];
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
  /** Reads each line of stderr as it comes, and gives the text in it that is for people; undefined: there is none. */
  readonly onStderr?: (line: string) => string | undefined;
  /** The arguments as `-v` shows them, when they hold what must not be shown. */
  readonly shown?: readonly string[];
}

/** Told what is run, and what it says, for `-v`. */
export interface CommandTrace {
  /** A command is about to be run. */
  command(argv: readonly string[]): void;
  /** A line that it printed. */
  output(line: string): void;
}

/**
 * What every command runs under. dax tells a command that a signal ended (out of memory, say) from one that succeeded
 * by nothing at all: both have the exit code 0. A shell that outlives the command gives the first 128 and more. It also
 * reads what the command has left of its input: of a pipe that breaks, dax makes the exit code 1.
 */
const SUPERVISOR = '"$@"; code=$?; while read -r rest; do :; done; exit "$code"';

/** What it does first when the outputs go to a file. */
const TO_FILE = 'exec >> "$1" 2>&1; shift; ';

/** Deno puts a directory of its own, in which is its stand-in for node, before all others on PATH. */
const DENO_BIN = /\/node_compat_bin$/;

/**
 * The directories of a search path that programs are taken from.
 *
 * @param path A search path, as in `$PATH`
 * @returns the absolute ones, without Deno's own, and those that mean something else in every directory
 */
function searchPath(path: string): { dirs: string[]; relative: string[] } {
  const dirs = path.split(":").filter((dir) => !DENO_BIN.test(dir));
  return {
    dirs: dirs.filter((dir) => dir.startsWith("/")),
    relative: path === "" ? [] : dirs.filter((dir) => !dir.startsWith("/")),
  };
}

/**
 * The environment that processes are started with. A process looks for programs as this one does: with `.` on PATH,
 * nix would run the `git` of the repository that it is started in.
 *
 * @returns the environment with the search path that {@linkcode findProgram} goes by, and what the user should know
 */
export function withSafePath(
  env: Readonly<Record<string, string>>,
): { env: Record<string, string>; warnings: Warning[] } {
  const { PATH: path = "", ...rest } = env;
  const { dirs, relative } = searchPath(path);
  return {
    // An empty PATH would mean the current directory; without one the system's own default holds.
    env: dirs.length === 0 ? rest : { ...rest, PATH: dirs.join(":") },
    warnings: relative.length === 0 ? [] : [{
      code: "relative-path",
      message:
        `PATH has ${quoteList(relative)} in it, which is another directory wherever a program is started: ` +
        "it is passed over, and handed to no program",
    }],
  };
}

/**
 * Looks for a program.
 *
 * @param path A search path, as in `$PATH`; what is not absolute in it is passed over
 * @param beside A program found before, whose directory is looked into first
 * @returns its absolute path, if it is there, and the directories that there is no permission to look into
 */
export function findProgram(
  program: string,
  path: string,
  beside?: string,
): { path: string | undefined; refused: string[] } {
  const refused: string[] = [];
  const { dirs } = searchPath(path);
  for (const dir of beside === undefined ? dirs : [dirname(beside), ...dirs]) {
    const candidate = join(dir, program);
    try {
      const stat = Deno.statSync(candidate);
      if (stat.isFile && (stat.mode === null || (stat.mode & 0o111) !== 0)) {
        return { path: candidate, refused };
      }
    } catch (error) {
      // A directory that the permissions leave out is one that nothing may be run from.
      if (error instanceof Deno.errors.NotCapable) refused.push(dir);
      else if (
        !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
          error instanceof Deno.errors.NotADirectory)
      ) throw error;
    }
  }
  return { path: undefined, refused };
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
}

/** Runs programs by their absolute path, with an explicit environment. */
export class Shell {
  /** The directory that commands are run in unless another is given, absolute. */
  readonly cwd: string;
  /** Shortens what commands say when they fail. */
  readonly excerpts: Excerpts;
  readonly #path: string;
  readonly #trace: CommandTrace;
  #sh: string | undefined;

  /** Makes a shell. Nothing is looked for or run yet. */
  constructor({ path, cwd, trace, excerpts = new Excerpts() }: ShellOptions) {
    this.#path = path;
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
   */
  async run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    this.#trace.command(options.shown ?? argv);
    const kept = new KeptLines();
    const keys = new KeyFilter();
    const reader = new LineReader((line) => {
      const shown = options.onStderr === undefined ? line : options.onStderr(line);
      if (shown === undefined) return;
      for (const part of shown.split("\n").map((part) => keys.next(part))) {
        this.#trace.output(part);
        kept.add(part);
      }
    });
    // Loaded with the first command: it takes longer than all the rest, and most uses of the library need none.
    const { CommandBuilder } = await import("@david/dax");
    refuseLongTexts(argv, options.env);
    const { outputFile } = options;
    using file = outputFile === undefined
      ? undefined
      : await Deno.open(outputFile, { read: true, write: true, createNew: true, mode: 0o600 });
    const supervisor = outputFile === undefined
      ? [SUPERVISOR, "sh"]
      : [`${TO_FILE}${SUPERVISOR}`, "sh", outputFile];
    const command = new CommandBuilder()
      .command([this.#sh ??= this.find("sh"), "-c", ...supervisor, ...argv])
      .cwd(options.cwd ?? this.cwd)
      .clearEnv()
      .env({ ...options.env })
      .stdin(options.stdin ?? "null")
      .noThrow();
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => reader.write(chunk) });
    const running = file === undefined
      ? command.stdout("piped").stderr(sink).spawn()
      : command.stdout("null").stderr("null").spawn();
    const followed = file && follow(file, running, (chunk) => reader.write(chunk));
    const ended = running.catch((error: unknown) => {
      throw hasCode(error, "E2BIG") ? tooManyArguments(argv) : error;
    });
    const [result] = await Promise.all([ended, followed]);
    reader.end();
    return {
      code: result.code,
      stdout: file === undefined ? result.stdoutBytes : new Uint8Array(),
      stderr: kept.lines,
    };
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
