/**
 * From a command line to what is asked of a command.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import type { LogOptions } from "../report/log.ts";
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
  };

/** How a run is logged. */
export interface LogStyle extends Pick<LogOptions, "format" | "verbose"> {
  /** Whether lines are written for the runner of a CI system; undefined: where there is one. */
  readonly forCi?: boolean;
}

/** How a command is to tell what it does and what comes of it. */
export interface Telling {
  /** How it is logged; undefined when the command has no options for it. */
  readonly log: LogStyle | undefined;
  /** Whether programs read its stdout: it prints one object there, be it an error. */
  readonly json: boolean;
}

/** Where options come from beside the command line. */
export interface Sources {
  readonly env: Readonly<Record<string, string>>;
  /**
   * Reads the options that a flake app gives, which hold where neither the command line nor an alternative there says
   * otherwise.
   */
  readonly settings: (options: OptionTable) => Promise<Settings>;
  /** Is told how the command is to tell things, before its other options are looked at. */
  readonly onTelling?: (how: Telling) => void;
}

/**
 * Reads the command line. Without the name of a command it is the first one that is asked for.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export async function readCommandLine(
  commands: CommandList,
  args: readonly string[],
  { env, settings, onTelling }: Sources,
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
  onTelling?.(tellingOf(given));
  return { kind: "request", command, given, request: command.ask(given) };
}

/** The options that mean the same in all commands that have them. */
function tellingOf({ values }: Given<OptionTable>): Telling {
  const { logFormat, verbose, annotations, json, format } = values as {
    readonly logFormat?: "pretty" | "json";
    readonly verbose?: boolean;
    readonly annotations?: boolean;
    readonly json?: boolean;
    readonly format?: string;
  };
  return {
    log: logFormat === undefined ? undefined : {
      ...{ format: logFormat, verbose: verbose === true },
      ...annotations === undefined ? {} : { forCi: annotations },
    },
    json: json === true || format === "json",
  };
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

/** How errors are to be told while the command line has not been read: as it most likely asks for. */
export function likelyTelling(args: readonly string[]): Telling & { readonly log: LogStyle } {
  const says = (option: string) =>
    args.some((arg, index) =>
      arg === `--${option}=json` || arg === "json" && args[index - 1] === `--${option}`
    );
  return {
    log: { format: says("log-format") ? "json" : "pretty", verbose: false },
    json: args.includes("--json") || args.includes("--json=true") || says("format"),
  };
}
