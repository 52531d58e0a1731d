/**
 * The program: finds the command, runs it in a world, gives the exit code.
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };
import type { Session } from "./cli/command.ts";
import type { CommandList, Invocation, LogStyle, Telling } from "./cli/command_line.ts";
import { COMMANDS } from "./commands/list.ts";
import { explained, ReleaseError } from "./errors.ts";
import { CI_VARIABLES, ciSystemIn, NO_OUTPUT, processWorld, type World } from "./world.ts";

/**
 * Runs the program once.
 *
 * @param args The command line, without the program's name
 * @param commands What it can do; the first command needs no name
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  world: World,
  { commands = COMMANDS }: { readonly commands?: CommandList } = {},
): Promise<number> {
  const [first, ...others] = args;
  // Asked for alone, as programs do that only want to know: nothing has to be loaded for that.
  if (others.length === 0 && (first === "--version" || first === "-V")) return printVersion(world);
  const [{ likelyTelling, nameIn }, { createLog }, { errorLines }] = await Promise.all([
    import("./cli/command_line.ts"),
    import("./report/log.ts"),
    import("./report/workflow_commands.ts"),
  ]);
  // On a terminal, where a line is written over, there is no runner that reads it.
  const inCi = !world.stderr.isTerminal && ciSystemIn(world.environment.read(CI_VARIABLES)) !== undefined;
  const open = ({ forCi = inCi, ...style }: LogStyle) =>
    createLog({ ...style, stream: world.stderr, clock: world.clock, inCi: forCi });
  // Until the command line is read, errors are told in the way that it most likely asks for.
  const likely = likelyTelling(args);
  let [log, json] = [open(likely.log), likely.json];
  const onTelling = (telling: Telling) => {
    json = telling.json;
    if (telling.log !== undefined) log = open(telling.log);
  };
  const planning = first === "--print-permissions";
  const line = planning ? others : args;
  let invocation: Invocation | undefined;
  try {
    invocation = await read(commands, line, { world, onTelling });
    if (planning) return await printPermissions(invocation, world);
    return await run(commands, invocation, { world, log });
  } catch (error) {
    const known = explained(error);
    const command = await commands[nameIn(commands, line)]!();
    const isCutOff = known.code === NO_OUTPUT && known.cause instanceof Deno.errors.BrokenPipe;
    // As `head` ends what it reads from. Of what a run has done it is to be told that nobody was told.
    if (isCutOff && (command.onlyTells || invocation?.kind !== "request")) return CUT_OFF;
    const exitCode = command.failureCode(known);
    log.error(known, exitCode);
    log.annotate("error", "fleet-release", errorLines(known));
    if (json && known.code !== NO_OUTPUT) await printError(known, exitCode, world);
    return exitCode;
  } finally {
    log.close();
  }
}

/** The exit code of a shell for a program that SIGPIPE has ended. */
const CUT_OFF = 141;

/** What fails can be read on stderr, too: that nobody reads stdout is none of its errors. */
async function printError(error: ReleaseError, exitCode: number, { stdout }: World): Promise<void> {
  const { jsonError } = await import("./report/json.ts");
  try {
    stdout.write(jsonError(error, exitCode));
  } catch (error) {
    if (!(error instanceof ReleaseError && error.code === NO_OUTPUT)) throw error;
  }
}

function printVersion({ stdout }: World): number {
  stdout.write(`fleet-release ${metadata.version}\n`);
  return 0;
}

/** Reads the command line, in the layers above its variables. */
async function read(
  commands: CommandList,
  args: readonly string[],
  { world, onTelling }: { readonly world: World; readonly onTelling: (how: Telling) => void },
): Promise<Invocation> {
  const { nameIn, readCommandLine } = await import("./cli/command_line.ts");
  const { SETTINGS_VARIABLE } = await import("./cli/arguments.ts");
  const { variables } = await commands[nameIn(commands, args)]!();
  const env = world.environment.read(variables);
  return await readCommandLine(commands, args, {
    env,
    onTelling,
    async settings(options) {
      const path = env[SETTINGS_VARIABLE];
      if (!path) return {};
      const { readSettings } = await import("./cli/settings.ts");
      return await readSettings(path, options, world.cwd);
    },
  });
}

async function run(commands: CommandList, invocation: Invocation, session: Session): Promise<number> {
  switch (invocation.kind) {
    case "help":
      session.world.stdout.write(`${await help(commands, invocation.of)}\n`);
      return 0;
    case "version":
      return printVersion(session.world);
    case "request":
      return await invocation.request.run(session);
  }
}

/** The help of a command; that of the one that needs no name tells of all. */
async function help(commands: CommandList, name: string): Promise<string> {
  const { helpText } = await import("./cli/help.ts");
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return helpText(await commands[name]!(), name === Object.keys(commands)[0] ? all : []);
}

async function printPermissions(invocation: Invocation, world: World): Promise<number> {
  const { permissionFlags, surroundingsOf } = await import("./cli/permissions.ts");
  const flags = permissionFlags(invocation, surroundingsOf(world));
  world.stdout.write(`${flags.join("\n")}\n`);
  return 0;
}

if (import.meta.main) {
  // Not by itself: what was given up may be waited for still, such as a pipe that a daemon of a hook holds open. What
  // was printed is with the system by now, since it is written synchronously.
  Deno.exit(await main(Deno.args, processWorld()));
}
