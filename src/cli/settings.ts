/**
 * The file that a flake app brings its settings in: options of a release, below those of the command line.
 *
 * @module
 */
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { ioError, ReleaseError } from "../errors.ts";
import { nearest } from "../text.ts";
import type { Settings } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import type { Option } from "./options.ts";

/** The variable that names the file. */
export const SETTINGS_VARIABLE = "FLEET_RELEASE_SETTINGS";

/**
 * Reads the file that {@linkcode SETTINGS_VARIABLE} names: an object of options by their long names.
 *
 * @returns no settings when the variable is not set
 * @throws {ReleaseError} of kind `io` or `usage`, naming the file and the option
 */
export function readSettings(env: Readonly<Record<string, string>>): Settings {
  const path = env[SETTINGS_VARIABLE];
  if (!path) return {};
  try {
    return parseSettings(path, parseJson(decodeUtf8(Deno.readFileSync(path))));
  } catch (error) {
    if (error instanceof ReleaseError && error.kind === "usage") throw error;
    throw ioError(`Cannot read the settings "${path}"`, error);
  }
}

/**
 * Checks settings by the table of options, and writes them as the command line would: numbers as text, and the option
 * that may be given several times, an object, as pairs.
 */
export function parseSettings(path: string, value: unknown): Settings {
  const refuse = (problem: string, hint?: string) =>
    new ReleaseError("usage", `Cannot use the settings "${path}": ${problem}`, { hint });
  if (!isObject(value)) throw refuse("expected an object of options by their long names");
  const { options } = COMMANDS.release;
  const settings = Object.entries(value).map(([name, setting]) => {
    const option = options.find(({ flag }) => flag === name);
    if (option === undefined) {
      const meant = nearest(name, options.map(({ flag }) => flag));
      const hint = meant === undefined ? undefined : `did you mean "${meant}"?`;
      throw refuse(`there is no option "${name}"`, hint);
    }
    const read = readSetting(option, setting);
    if (read !== undefined) return [name, read] as const;
    const expected = option.repeatable
      ? "an object of texts"
      : option.value === undefined
      ? "true or false"
      : "a text";
    // Not what it is: a hook's text may hold a token.
    throw refuse(`"${name}" is ${describeType(setting)}, expected ${expected}`);
  });
  return Object.fromEntries(settings);
}

function readSetting({ value, repeatable }: Option, setting: unknown): Settings[string] | undefined {
  if (repeatable) {
    if (!isObject(setting)) return undefined;
    const pairs = Object.entries(setting).filter((pair): pair is [string, string] =>
      typeof pair[1] === "string"
    );
    return pairs.length === Object.keys(setting).length ? pairs : undefined;
  }
  if (value === undefined) return typeof setting === "boolean" ? setting : undefined;
  return ["string", "number", "boolean"].includes(typeof setting) ? String(setting) : undefined;
}

function describeType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return {
    object: "an object",
    string: "a text",
    number: "a number",
    boolean: "a boolean",
  }[typeof value as string] ??
    typeof value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
