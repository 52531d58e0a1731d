/**
 * Arguments and environment, read by a command's list of options.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { nearest } from "../text.ts";
import { ReleaseError } from "../errors.ts";
import { type CommandName, COMMANDS, isCommandName } from "./commands.ts";
import type { NameIn, Option } from "./options.ts";

/** Options of which only one makes sense: giving one takes back another that a setting or a variable gives. */
const SIGNERS = ["sign-cmd", "sign-key", "sign-agent"];
/** See {@linkcode SIGNERS}. */
const TRUST = ["trust-file", "trust-attr", "public-key"];

/** Options that say more of these. A setting does so of what the settings give, not of what the command line gives. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = {
  "signature-algorithm": SIGNERS,
  "signature-encoding": SIGNERS,
  "allow-previous-key": TRUST,
};

/**
 * Options given by a file: by their long names, a text, true or false, or for the one that may be given several times
 * pairs of a name and a value.
 */
export type Settings = Readonly<Record<string, string | boolean | [string, string][]>>;

/** Where options come from: what is given in one place wins over what is given in the next. */
export interface Sources {
  readonly args: readonly string[];
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string>>;
}

/** What was given, by the names in a list of options. */
export interface Arguments<Name extends string> {
  /** The value of an option, or else of its setting or its variable; undefined when none is given. */
  value(name: Name): string | undefined;
  /** The same of an option that cannot be empty: `--x ""` and a `--x` with nothing behind it read alike. */
  filled(name: Name): string | undefined;
  /** Whether a switch is on. */
  flag(name: Name): boolean;
  /** Every `--option NAME VALUE`. */
  readonly nixOptions: [string, string][];
  /** What is no option. */
  readonly operands: readonly string[];
}

/**
 * Reads what stands behind a command. An empty variable counts as unset.
 *
 * @throws {ReleaseError} of kind `usage`, naming the option and, for an unknown one, the nearest that there is
 */
export function readArguments<List extends readonly Option[]>(
  command: CommandName,
  options: List,
  { args, settings, env }: Sources,
): Arguments<NameIn<List>> {
  const { nixOptions, rest } = takeNixOptions(args, options);
  const withValue = options.filter(({ value }) => value !== undefined).map(({ flag }) => flag);
  const operands: string[] = [];
  const parsed: Record<string, unknown> = parseArgs(rest, {
    string: withValue,
    boolean: options.filter(({ value }) => value === undefined).map(({ flag }) => flag),
    // Collected, so that an option given twice is seen and not half ignored.
    collect: withValue,
    alias: Object.fromEntries(
      options.flatMap(({ flag, short }) => short === undefined ? [] : [[flag, short]]),
    ),
    unknown: (arg, key) => {
      if (key !== undefined || COMMANDS[command].operands === undefined) {
        throw unknownArgument(arg, options, rest, command);
      }
      operands.push(arg);
      return false;
    },
  });
  // What stands behind `--` is not looked at as it is read.
  for (const operand of (parsed["_"] as unknown[]).map(String)) {
    if (COMMANDS[command].operands === undefined) throw unknownArgument(operand, options, rest, command);
    operands.push(operand);
  }

  const fromArguments = (name: string): string | undefined => {
    const given = (parsed[name] ?? []) as string[];
    if (given.length > 1) {
      throw new ReleaseError("usage", `--${name} is given ${given.length} times, expected once`);
    }
    return given[0];
  };
  const setting = (name: string): Settings[string] | undefined =>
    COMPANIONS[name]?.some((leader) => fromArguments(leader) !== undefined) ? undefined : settings[name];
  const fromSettings = (name: string): string | undefined => {
    const text = setting(name);
    return typeof text === "string" ? text : undefined;
  };
  const fromEnvironment = (name: string): string | undefined => {
    const variable = options.find(({ flag }) => flag === name)?.env;
    return (variable === undefined ? undefined : env[variable]) || undefined;
  };
  const value = (name: string): string | undefined => {
    const alternatives = [SIGNERS, TRUST].find((group) => group.includes(name)) ?? [name];
    // An empty option takes back what the settings say.
    if (fromArguments(name) === "" && fromSettings(name) !== undefined) return undefined;
    for (const source of [fromArguments, fromSettings, fromEnvironment]) {
      // What is given in one place replaces all that it is an alternative to in the next.
      if (alternatives.some((other) => source(other) !== undefined)) return source(name);
    }
    return undefined;
  };
  const settingPairs = settings["option"];
  return {
    value,
    filled(name) {
      const text = value(name);
      if (text === "") {
        throw new ReleaseError("usage", `--${name} is empty`, {
          hint: `write --${name}=VALUE when the value begins with a dash`,
        });
      }
      return text;
    },
    flag: (name) =>
      rest.some((arg) => arg.startsWith(`--${name}=`)) || parsed[name] === true
        ? parsed[name] === true
        : setting(name) === true,
    nixOptions: [...(Array.isArray(settingPairs) ? settingPairs : []), ...nixOptions],
    operands,
  };
}

/**
 * Takes every `--option NAME VALUE` out: the one option with two values, which no parser of options knows. And keeps
 * an empty value with its option, which the parser would take for an argument of its own.
 */
function takeNixOptions(
  args: readonly string[],
  options: readonly Option[],
): { nixOptions: [string, string][]; rest: string[] } {
  const nixOptions: [string, string][] = [];
  const rest: string[] = [];
  const known = options.some(({ flag }) => flag === "option");
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    refuseStrangeSwitch(arg, options);
    if (!known || (arg !== "--option" && !arg.startsWith("--option="))) {
      const empty = args[index + 1] === "" &&
        options.some(({ flag, value }) => value && arg === `--${flag}`);
      rest.push(empty ? `${arg}=` : arg);
      if (empty) index++;
      continue;
    }
    const name = arg === "--option" ? args[++index] : undefined;
    const value = args[++index];
    if (!name || value === undefined || name.startsWith("-") || value.startsWith("--")) {
      throw new ReleaseError("usage", "--option wants a name and a value, as in --option cores 4");
    }
    nixOptions.push([name, value]);
  }
  return { nixOptions, rest };
}

/** A switch can be given as `--json=false`. Of anything else behind the `=` the parser makes true. */
function refuseStrangeSwitch(arg: string, options: readonly Option[]): void {
  const [, name, value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
  const option = options.find(({ flag }) => flag === name);
  if (option !== undefined && option.value === undefined && value !== "true" && value !== "false") {
    throw new ReleaseError(
      "usage",
      `Cannot read --${name} "${value}": expected true or false, or the option alone`,
    );
  }
}

function unknownArgument(
  arg: string,
  options: readonly Option[],
  args: readonly string[],
  command: CommandName,
): ReleaseError {
  const named = command === "release" ? "" : `${command} `;
  const help = `fleet-release ${named}--help lists the options`;
  if (!arg.startsWith("-")) {
    // The words of a command that was not quoted: one of them may be a token, so none is shown.
    const hook = args.slice(0, args.indexOf(arg)).findLast((before, index) => {
      const match = /^--(?:sign|push)-cmd(?:=(.*))?$/s.exec(before);
      return match !== null && !/\s/.test(match[1] ?? args[index + 1] ?? "");
    });
    if (hook !== undefined) {
      const option = hook.split("=")[0];
      return new ReleaseError("usage", `Unknown argument behind ${option}`, {
        hint: `put the whole command into quotes: ${option} '...'`,
      });
    }
    const meant = isCommandName(arg) ? undefined : nearest(arg, Object.keys(COMMANDS));
    return new ReleaseError("usage", `Unknown argument "${arg}"`, {
      hint: command !== "release"
        ? `usage: fleet-release ${COMMANDS[command].usage[0]}`
        : arg === args[0] && meant !== undefined
        ? `did you mean the command "${meant}"?`
        : `a command comes first, and ${command} takes options alone; ${help}`,
    });
  }
  const name = arg.replace(/^-+/, "").split("=")[0]!;
  const meant = nearest(name, options.map(({ flag }) => flag));
  return new ReleaseError("usage", `Unknown option "${arg.split("=")[0]}"`, {
    hint: meant === undefined ? help : `did you mean --${meant}?`,
  });
}
