/**
 * The whole program in the tests' own process, in a world of its own. What is about processes (permissions, signals, the
 * exit code itself) is tested with a process: tests/support/program.ts.
 *
 * @module
 */
import type { CommandList } from "../../src/cli/command_line.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { main } from "../../src/main.ts";
import { environmentOf, SYSTEM_CLOCK } from "../../src/world.ts";
import type { Finished } from "./command.ts";

/** The world that the program is run in. */
export interface Start {
  /** The current directory, absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array<ArrayBuffer>;
  /** Ends the run; by default nothing does. */
  readonly signal?: AbortSignal;
  /** What the program can do; by default all that it really can. */
  readonly commands?: CommandList;
}

/**
 * Runs the program, and gives what it printed and the code that it would exit with. What is printed for programs has to
 * have the shape that its schema says, in every test.
 */
export async function runInProcess(
  args: readonly string[],
  { cwd, env = {}, stdin = new Uint8Array(), signal = new AbortController().signal, commands = COMMANDS }:
    Start,
): Promise<Finished> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await main(args, {
    cwd,
    environment: environmentOf(env),
    stdin: () => Promise.resolve(stdin),
    stdout: { write: (text) => void out.push(text) },
    stderr: { write: (text) => void err.push(text), isTerminal: false, width: 80 },
    clock: SYSTEM_CLOCK,
    signal,
    cores: navigator.hardwareConcurrency,
    runtime: Deno.version.deno,
  }, { commands });
  const finished = { code, stdout: out.join(""), stderr: err.join("") };
  if (args.some((arg) => arg.includes("json"))) {
    const { expectShapes } = await import("./json_schema.ts");
    await expectShapes(args, finished);
  }
  return finished;
}
