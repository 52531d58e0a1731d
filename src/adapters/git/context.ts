/**
 * What every git command is run with.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import { type CommandResult, lastLines, type Shell, text, withoutGitLocation } from "../process.ts";
import { closeDoors, type Openings } from "./doors.ts";

/** What every git command is run with. */
export interface GitContext {
  readonly shell: Shell;
  /**
   * The absolute path of `git`.
   *
   * @throws {ReleaseError} of kind `io` when there is none
   */
  readonly git: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the commands may ask for a passphrase, as ssh does for a remote. */
  readonly asks: boolean;
  /** Seconds that a command may show no progress; undefined: no limit. */
  readonly patience?: number | undefined;
}

/** How one git command is run. */
export interface GitOptions {
  /** The directory that it runs in, absolute. */
  readonly cwd: string;
  /** Variables beside those of every git command. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Closed when absent. */
  readonly stdin?: string;
  /** Whether this command may ask for a passphrase. */
  readonly asks?: boolean;
}

/**
 * Objects, the reference and the index reach the disk before the program says that it has committed. The directories
 * that they are in do not, and git before 2.36 does not know of this: git_files.ts.
 */
export const DURABLE: readonly string[] = [
  ...["-c", "core.fsync=committed,reference,index"],
  ...["-c", "core.fsyncMethod=fsync"],
];

const encoder = new TextEncoder();

/**
 * What the operator's own git is run with. It is looked for when it is run: a fleet outside of git needs none.
 *
 * @param env The environment; what in it would say which repository is meant is left out
 * @param openings What the commands need beside the repository's own files; nothing when it is left out
 * @param patience Seconds that one may show no progress; undefined: no limit
 */
export function gitContext(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  openings?: Openings,
  patience?: number,
): GitContext {
  const closed = closeDoors(withoutGitLocation(env), openings);
  let found: string | undefined;
  return {
    shell,
    get git() {
      return found ??= shell.find("git");
    },
    env: { ...closed, GIT_TERMINAL_PROMPT: "0" },
    asks: openings?.remote ?? false,
    patience,
  };
}

/** Runs a git command. One that fails is a result, not an error. */
export function runGit(
  { shell, git, env, asks, patience }: GitContext,
  args: readonly string[],
  options: GitOptions,
): Promise<CommandResult> {
  return shell.run([git, ...args], {
    cwd: options.cwd,
    env: { ...env, ...options.env },
    stdin: options.stdin === undefined ? undefined : encoder.encode(options.stdin),
    // Ctrl-C during a commit is told to this program alone, which ends the commit first.
    apart: !(asks || options.asks === true),
    silence: patience,
  });
}

/**
 * Runs a git command that has to succeed.
 *
 * @param what What it does, as in `write the tree`
 * @returns what it printed, without the final newline
 * @throws {ReleaseError} of kind `git` when it fails
 */
export async function expectGit(
  git: GitContext,
  what: string,
  args: readonly string[],
  options: GitOptions,
): Promise<string> {
  const result = await runGit(git, args, options);
  if (result.code !== 0) throw gitError(what, result);
  return text(result);
}

/** A git command that failed, and the last that it said. */
export function gitError(what: string, result: CommandResult): ReleaseError {
  return new ReleaseError("git", `Cannot ${what}: git exited with ${result.code}`, {
    lines: lastLines(result.stderr, 10),
  });
}
