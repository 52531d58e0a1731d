/**
 * The file that a flake app brings its settings in: options of a release, below those of the command line.
 *
 * @module
 */
import { decodeUtf8, parseJson } from "../contract/json.ts";
import { readNamedFile } from "../adapters/files.ts";
import { absolutePath } from "../adapters/paths.ts";
import { ioError, ReleaseError } from "../errors.ts";
import { nearest } from "../text.ts";
import type { Settings } from "./arguments.ts";
import type { Option, OptionTable } from "./option.ts";

/**
 * Reads the settings file of a flake app.
 *
 * @param path Absolute, or relative to the current directory
 * @throws {ReleaseError} of kind `io` or `usage`, naming the file and the option
 */
export async function readSettings(path: string, options: OptionTable, cwd: string): Promise<Settings> {
  try {
    const bytes = await readNamedFile(absolutePath(path, cwd));
    return parseSettings(path, parseJson(decodeUtf8(bytes)), options);
  } catch (error) {
    if (error instanceof ReleaseError && error.kind === "usage") throw error;
    throw ioError(`Cannot read the settings "${path}"`, error);
  }
}

/**
 * Checks settings by the table of options, and writes them as the command line would: numbers as text, lists with
 * commas, and what may be given several times, an object, as pairs.
 *
 * @param path Where they come from, for errors
 * @throws {ReleaseError} of kind `usage`, naming the file and the option
 */
export function parseSettings(path: string, value: unknown, options: OptionTable): Settings {
  const refuse = (problem: string, hint?: string) =>
    new ReleaseError("usage", `Cannot use the settings "${path}": ${problem}`, { hint });
  if (!isObject(value)) throw refuse("expected an object of options by their long names");
  const settings = Object.entries(value).flatMap(([name, setting]) => {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const meant = nearest(name, Object.keys(options));
      const hint = meant === undefined ? undefined : `did you mean "${meant}"?`;
      throw refuse(`there is no option "${name}"`, hint);
    }
    // Nothing is in it, so nothing is set.
    if (option.kind === "list" && Array.isArray(setting) && setting.length === 0) return [];
    const read = readSetting(option, setting);
    if (read !== undefined) return [[name, read] as const];
    // Not what it is: a hook's text may hold a token.
    throw refuse(`"${name}" is ${describeType(setting)}, expected ${expected(option)}`);
  });
  return Object.fromEntries(settings);
}

function expected({ kind }: Option): string {
  switch (kind) {
    case "pairs":
      return "an object of texts";
    case "switch":
      return "true or false";
    case "list":
      return "a list of texts without commas";
    default:
      return "a text";
  }
}

function readSetting({ kind }: Option, setting: unknown): Settings[string] | undefined {
  if (kind === "pairs") {
    if (!isObject(setting)) return undefined;
    const pairs = Object.entries(setting).filter((pair): pair is [string, string] =>
      typeof pair[1] === "string"
    );
    return pairs.length === Object.keys(setting).length ? pairs : undefined;
  }
  if (kind === "switch") return typeof setting === "boolean" ? setting : undefined;
  if (kind === "list" && Array.isArray(setting)) {
    const texts = setting.filter((item) => typeof item === "string" && !item.includes(","));
    return texts.length === setting.length ? texts.join(",") : undefined;
  }
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
