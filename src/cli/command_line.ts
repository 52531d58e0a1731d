/**
 * From a command line to what is asked of a command.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import { nearest } from "../text.ts";
import { parseArguments, readOptions, type Settings } from "./arguments.ts";
import type { Command, Given, Request } from "./command.ts";
import type { OptionTable } from "./option.ts";

/** All commands by their names, each loaded when it is wanted. The first is meant where none is named. */
export type CommandList = Readonly<Record<string, () => Promise<Command>>>;

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "help"; readonly of: string }
  | { readonly kind: "version" }
  | {
    readonly kind: "request";
    readonly command: Command;
    readonly given: Given<OptionTable>;
    readonly request: Request;
    /** How it is logged; undefined when the command has no options for it. */
    readonly log: { readonly format: "pretty" | "json"; readonly verbose: boolean } | undefined;
  };

/** Where options come from beside the command line. */
export interface Sources {
  readonly env: Readonly<Record<string, string>>;
  /**
   * Reads the options that a flake app gives, which hold where neither the command line nor an alternative there says
   * otherwise.
   */
  readonly settings: (options: OptionTable) => Promise<Settings>;
}

/**
 * Reads the command line. Without the name of a command it is the first one that is asked for.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export async function readCommandLine(
  commands: CommandList,
  args: readonly string[],
  { env, settings }: Sources,
): Promise<Invocation> {
  const names = Object.keys(commands);
  const [first, ...others] = args;
  if (first === "help") return { kind: "help", of: helpSubject(names, others) };
  const name = nameIn(commands, args);
  const command = await commands[name]!();
  const rest = parseArguments(command, first === name ? others : args, names);
  // Answered whatever else is missing.
  if (rest.flag("help")) return { kind: "help", of: name };
  if (rest.flag("version")) return { kind: "version" };
  const { takesSettings, options } = command;
  const table = takesSettings === true ? options : takesSettings;
  const layers = { env, settings: table === undefined ? {} : await settings(table) };
  const given = readOptions(options, rest, layers);
  return { kind: "request", command, given, request: command.ask(given), log: logOf(given) };
}

/** The two options of how a run is logged, which the commands that run for long have. */
function logOf({ values }: Given<OptionTable>): { format: "pretty" | "json"; verbose: boolean } | undefined {
  const { logFormat, verbose } = values as { logFormat?: "pretty" | "json"; verbose?: boolean };
  return logFormat === undefined ? undefined : { format: logFormat, verbose: verbose === true };
}

/** The command that a command line names, or the first where it names none. */
export function nameIn(commands: CommandList, [first = ""]: readonly string[]): string {
  return Object.hasOwn(commands, first) ? first : Object.keys(commands)[0]!;
}

/** What `help` is asked of: a command, or the whole program. */
function helpSubject(names: readonly string[], [name = names[0]!, stray]: readonly string[]): string {
  const unknown = names.includes(name) ? stray : name;
  if (unknown === undefined) return name;
  const meant = unknown === name ? nearest(name, names) : undefined;
  throw new ReleaseError("usage", `Unknown argument "${unknown}"`, {
    hint: meant === undefined ? "fleet-release help lists the commands" : `did you mean "${meant}"?`,
  });
}

/** How errors are to be told while the command line has not been read. */
export function asksForJsonLog(args: readonly string[]): boolean {
  return args.includes("--log-format=json") || args[args.indexOf("--log-format") + 1] === "json";
}
