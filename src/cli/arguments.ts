/**
 * The layers that options come from: the command line over a settings file over variables over defaults.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { ReleaseError } from "../errors.ts";
import { nearest } from "../text.ts";
import type { Command, Given } from "./command.ts";
import { camelCase, type Option, type OptionTable, waysTo } from "./option.ts";

/** The variable that names the settings file of a flake app. */
export const SETTINGS_VARIABLE = "FLEET_RELEASE_SETTINGS";

/**
 * Options given by a file: by their long names, what the command line would have behind them, true or false for a
 * switch, and pairs of a name and a value for an option that is given several times.
 */
export type Settings = Readonly<Record<string, string | boolean | [string, string][]>>;

/** The part of a command that says how its command line is read. */
type Syntax = Pick<Command, "name" | "usage" | "options" | "operands" | "elsewhere">;

/** What stands behind a command on its command line, not yet read. */
export interface Arguments {
  /** What is no option. */
  readonly operands: readonly string[];
  /** The value of an option; undefined when it is not given. */
  text(flag: string): string | undefined;
  /** Whether a switch is on; undefined when it is not given. */
  flag(flag: string): boolean | undefined;
  /** Every pair of an option that is given several times. */
  pairs(flag: string): readonly [string, string][];
}

/**
 * Takes the arguments of a command apart.
 *
 * @param commands The names of all commands, one of which may have been meant; the first needs no name
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export function parseArguments(
  syntax: Syntax,
  args: readonly string[],
  commands: readonly string[],
): Arguments {
  const { options } = syntax;
  const { pairs, rest } = takePairs(args, options);
  const named = Object.entries(options);
  const withValue = named.filter(([, { kind }]) => kind !== "switch" && kind !== "pairs").map(([flag]) =>
    flag
  );
  const operands: string[] = [];
  const takeOperand = (arg: string, isOption: boolean) => {
    if (isOption || syntax.operands === undefined) {
      throw unknownArgument(arg, { syntax, args: rest, commands });
    }
    operands.push(arg);
  };
  const parsed: Record<string, unknown> = parseArgs(rest, {
    string: withValue,
    boolean: named.filter(([, { kind }]) => kind === "switch").map(([flag]) => flag),
    // Collected, so that an option given twice is seen and not half ignored.
    collect: withValue,
    alias: Object.fromEntries(
      named.flatMap(([flag, { short }]) => short === undefined ? [] : [[flag, short]]),
    ),
    unknown: (arg, key) => {
      takeOperand(arg, key !== undefined);
      return false;
    },
  });
  // What stands behind `--` is not looked at as it is read.
  for (const operand of (parsed["_"] as unknown[]).map(String)) takeOperand(operand, false);
  return {
    operands,
    text(flag) {
      const given = (parsed[flag] ?? []) as string[];
      if (given.length > 1) {
        throw new ReleaseError("usage", `--${flag} is given ${given.length} times, expected once`);
      }
      return given[0];
    },
    flag: (flag) =>
      parsed[flag] === true ? true : rest.some((arg) => arg.startsWith(`--${flag}=`)) ? false : undefined,
    pairs: (flag) => pairs[flag] ?? [],
  };
}

/** Where options come from beside the command line. */
interface Layers {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads the values of all options. What is given in one place wins over what is given in the next; an empty variable
 * counts as unset.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option
 */
export function readOptions(options: OptionTable, args: Arguments, layers: Layers): Given<OptionTable> {
  const given = new Set<string>();
  const values = Object.entries(options).map(([flag, option]) => {
    const value = valueOf(flag, options, args, layers);
    if (value !== undefined) given.add(flag);
    return [camelCase(flag), value === undefined ? option.default : value];
  });
  return { values: Object.fromEntries(values), operands: args.operands, given };
}

/** The value of one option; undefined when it is not given. */
function valueOf(flag: string, options: OptionTable, args: Arguments, layers: Layers): unknown {
  const option = options[flag]!;
  const setting = settingOf(flag, options, args, layers.settings);
  if (option.kind === "pairs") {
    const pairs = [...(Array.isArray(setting) ? setting : []), ...args.pairs(flag)];
    return pairs.length === 0 ? undefined : pairs;
  }
  if (option.kind === "switch") {
    return args.flag(flag) ?? (typeof setting === "boolean" ? setting : undefined);
  }
  const text = textOf(flag, options, args, layers);
  if (text === undefined) return undefined;
  if (text === "" && option.empty === "refused") throw withoutValue(flag);
  return option.read(text, flag);
}

function withoutValue(flag: string): ReleaseError {
  return new ReleaseError("usage", `--${flag} is empty`, {
    hint: `write --${flag}=VALUE when the value begins with a dash`,
  });
}

function textOf(
  flag: string,
  options: OptionTable,
  args: Arguments,
  { settings, env }: Layers,
): string | undefined {
  const { oneWayTo } = options[flag]!;
  const given = (name: string, text: unknown): string | undefined =>
    typeof text === "string" && !(text === "" && options[name]!.empty === "not given") ? text : undefined;
  const fromLine = (name: string) => given(name, args.text(name));
  const fromSettings = (name: string) => given(name, settingOf(name, options, args, settings));
  const fromEnvironment = (name: string): string | undefined => {
    const variable = options[name]!.env;
    return (variable === undefined ? undefined : env[variable]) || undefined;
  };
  // An empty option takes back what the settings say.
  if (args.text(flag) === "" && fromSettings(flag) !== undefined) return undefined;
  const ways = oneWayTo === undefined ? [flag] : waysTo(oneWayTo, options);
  for (const source of [fromLine, fromSettings, fromEnvironment]) {
    // What is given in one place replaces all that it is an alternative to in the next.
    if (ways.some((other) => source(other) !== undefined)) return source(flag);
  }
  return undefined;
}

function settingOf(
  flag: string,
  options: OptionTable,
  args: Arguments,
  settings: Settings,
): Settings[string] | undefined {
  const { saysMoreOf } = options[flag]!;
  const leaders = saysMoreOf === undefined ? [] : waysTo(saysMoreOf, options);
  return leaders.some((leader) => args.text(leader) !== undefined) ? undefined : settings[flag];
}

/**
 * Takes every pair out, as in `--option NAME VALUE`: two values, which no parser of options knows. And keeps with its
 * option a value that the parser would take for an argument of its own: an empty one, and the dash for standard input.
 */
function takePairs(
  args: readonly string[],
  options: OptionTable,
): { pairs: Record<string, [string, string][]>; rest: string[] } {
  const pairs: Record<string, [string, string][]> = {};
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    refuseStrangeSwitch(arg, options);
    const flag = /^--([^=]+)/.exec(arg)?.[1] ?? "";
    const option = ownOption(options, flag);
    if (option?.kind !== "pairs") {
      const next = args[index + 1];
      const joined = (next === "" || next === "-") && arg === `--${flag}` && option !== undefined &&
        option.kind !== "switch";
      // Nothing behind it is another thing than an empty text, and the parser tells them apart no more.
      if (option?.empty === "not given" && arg === `--${flag}` && (next === undefined || /^-./.test(next))) {
        throw withoutValue(flag);
      }
      rest.push(joined ? `${arg}=${next}` : arg);
      if (joined) index++;
      continue;
    }
    const name = arg === `--${flag}` ? args[++index] : undefined;
    const value = args[++index];
    if (!name || value === undefined || name.startsWith("-") || value.startsWith("--")) {
      throw new ReleaseError("usage", `--${flag} wants a name and a value, as in --${flag} cores 4`);
    }
    (pairs[flag] ??= []).push([name, value]);
  }
  return { pairs, rest };
}

/** A name may be `constructor`, which every object has. */
function ownOption(options: OptionTable, flag: string): Option | undefined {
  return Object.hasOwn(options, flag) ? options[flag] : undefined;
}

/** A switch can be given as `--json=false`. Of anything else behind the `=` the parser makes true. */
function refuseStrangeSwitch(arg: string, options: OptionTable): void {
  const [, name = "", value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
  if (ownOption(options, name)?.kind === "switch" && value !== "true" && value !== "false") {
    throw new ReleaseError(
      "usage",
      `Cannot read --${name} "${value}": expected true or false, or the option alone`,
    );
  }
}

/** A command line, for what is said of an argument that has no place in it. */
interface Line {
  readonly syntax: Syntax;
  readonly args: readonly string[];
  readonly commands: readonly string[];
}

function unknownArgument(arg: string, line: Line): ReleaseError {
  const { name } = line.syntax;
  const help = `fleet-release ${name === line.commands[0] ? "" : `${name} `}--help lists the options`;
  if (!arg.startsWith("-")) return unknownOperand(arg, line, help);
  const flag = arg.replace(/^-+/, "").split("=")[0]!;
  return new ReleaseError("usage", `Unknown option "${arg.split("=")[0]}"`, {
    hint: hintOfOption(flag, line) ?? help,
  });
}

/** What an option that is not there is likely to mean, as far as that can be told. */
function hintOfOption(flag: string, { syntax, commands }: Line): string | undefined {
  const { name, usage, options, elsewhere = {} } = syntax;
  const other = Object.hasOwn(elsewhere, flag) ? elsewhere[flag]! : flag;
  if (commands.includes(other)) return `did you mean the command "${other}"?`;
  // What makes a release has an option for its directory, and what reads one an argument.
  if (flag === "release-dir" && usage[0]!.includes(" [DIR")) {
    return `the directory stands without it, as in: fleet-release ${name} releases`;
  }
  const meant = nearest(flag, Object.keys(options));
  return meant && `did you mean --${meant}?`;
}

function unknownOperand(arg: string, { syntax, args, commands }: Line, help: string): ReleaseError {
  const { name, usage, options } = syntax;
  // The words of a command that was not quoted: one of them may be a token, so none is shown.
  const hook = args.slice(0, args.indexOf(arg)).findLast((before, index) => {
    const [, flag = "", text] = /^--([^=]+)(?:=(.*))?$/s.exec(before) ?? [];
    return ownOption(options, flag)?.kind === "command" && !/\s/.test(text ?? args[index + 1] ?? "");
  });
  if (hook !== undefined) {
    const option = hook.split("=")[0];
    return new ReleaseError("usage", `Unknown argument behind ${option}`, {
      hint: `put the whole command into quotes: ${option} '...'`,
    });
  }
  const meant = commands.includes(arg) ? undefined : nearest(arg, commands);
  return new ReleaseError("usage", `Unknown argument "${arg}"`, {
    hint: name !== commands[0]
      ? `usage: fleet-release ${usage[0]}`
      : arg === args[0] && meant !== undefined
      ? `did you mean the command "${meant}"?`
      : `a command comes first, and ${name} takes options alone; ${help}`,
  });
}
