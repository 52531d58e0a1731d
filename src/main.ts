/**
 * The program: finds the command, runs it in a world, gives the exit code.
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };
import type { Session } from "./cli/command.ts";
import type { CommandList, Invocation } from "./cli/command_line.ts";
import { COMMANDS } from "./commands/list.ts";
import { ReleaseError } from "./errors.ts";
import { quoted } from "./text.ts";
import { processWorld, type World } from "./world.ts";

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
  const [{ asksForJsonLog, nameIn }, { createLog }] = await Promise.all([
    import("./cli/command_line.ts"),
    import("./report/log.ts"),
  ]);
  const open = (format: "pretty" | "json", verbose = false) =>
    createLog({ format, verbose, stream: world.stderr, clock: world.clock });
  // Until the command line is read, errors are told in the way that it most likely asks for.
  let log = open(asksForJsonLog(args) ? "json" : "pretty");
  const planning = first === "--print-permissions";
  const line = planning ? others : args;
  try {
    const invocation = await read(commands, line, world);
    if (planning) return await printPermissions(invocation, world);
    if (invocation.kind === "request" && invocation.log !== undefined) {
      log = open(invocation.log.format, invocation.log.verbose);
    }
    return await run(commands, invocation, { world, log });
  } catch (error) {
    const known = error instanceof ReleaseError ? error : unforeseen(error);
    log.error(known);
    const command = await commands[nameIn(commands, line)]!();
    return command.failureCode(known);
  } finally {
    log.close();
  }
}

function printVersion({ stdout }: World): number {
  stdout.write(`fleet-release ${metadata.version}\n`);
  return 0;
}

/** Reads the command line, in the layers above its variables. */
async function read(commands: CommandList, args: readonly string[], world: World): Promise<Invocation> {
  const { nameIn, readCommandLine } = await import("./cli/command_line.ts");
  const { SETTINGS_VARIABLE } = await import("./cli/arguments.ts");
  const { variables } = await commands[nameIn(commands, args)]!();
  const env = world.environment.read(variables);
  return await readCommandLine(commands, args, {
    env,
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

/** A permission that is not granted, or a mistake of this program. */
function unforeseen(error: unknown): ReleaseError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotCapable) {
    return new ReleaseError("io", `A permission is missing: ${message}`, { cause: error });
  }
  // The message stands before it, and may have lines of its own.
  const stack = error instanceof Error
    ? error.stack?.split("\n").filter((line) => /^ {4}at /.test(line))
    : undefined;
  return new ReleaseError("io", `Unforeseen: ${message}`, { cause: error, lines: stack?.map(quoted) ?? [] });
}

if (import.meta.main) {
  // Not by itself: what was given up may be waited for still, such as a pipe that a daemon of a hook holds open. What
  // was printed is with the system by now, since it is written synchronously.
  Deno.exit(await main(Deno.args, processWorld()));
}
