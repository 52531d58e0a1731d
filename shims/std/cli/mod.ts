// Stands in for jsr:@std/cli, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.
//
// Not over node:util's parseArgs: that one reads `--out -v` in another way.

/** Options for {@linkcode parseArgs}. */
export interface ParseOptions {
  /** Options whose value is kept as it was written. */
  string?: readonly string[];
  /** Options which are `true` or `false`, and `false` where not given. */
  boolean?: readonly string[];
  /** Those of the options with text whose values are gathered in an array; of others, the last value counts. */
  collect?: readonly string[];
  /** Another name for an option with text or a boolean one; it is set along with it. */
  alias?: Record<string, string>;
  /** Called for each undeclared option and each positional; those it returns `false` for are left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What {@linkcode parseArgs} found: the value of each option, and the positionals. */
export interface Args {
  /** The values of the options. */
  [name: string]: unknown;
  /** The positionals. */
  _: (string | number)[];
}

/**
 * Parses command-line arguments. Values and positionals which look like numbers become numbers, unless declared as
 * strings. Unlike in the real one, a dot in the name of an option has no meaning.
 */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const { unknown } = options;

  const aliases = new Map(Object.entries(options.alias ?? {}).flatMap(([a, b]) => [[a, b], [b, a]]));
  const namesOf = (name: string): string[] => [name, aliases.get(name) ?? []].flat();
  const strings = new Set(options.string?.flatMap(namesOf));
  const booleans = new Set(options.boolean?.flatMap(namesOf));
  const collected = new Set(options.collect?.flatMap(namesOf));

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const queue = args.slice(0, end);
  const result: Args = { _: [] };

  const set = (arg: string, key: string, value: string | boolean): void => {
    if (!strings.has(key) && !booleans.has(key) && unknown?.(arg, key, value) === false) return;
    const typed = typeof value === "string" && !strings.has(key) ? numberIfNumeric(value) : value;
    for (const name of namesOf(key)) {
      const earlier = Array.isArray(result[name]) ? result[name] : [];
      result[name] = collected.has(name) ? [...earlier, typed] : typed;
    }
  };

  const bare = (key: string): string | boolean => strings.has(key) ? "" : true;

  /** The value of an option without `=`: the next argument, unless that is an option itself. */
  const takeNext = (key: string, option: RegExp): string | boolean => {
    const next = queue[0];
    if (!next || (booleans.has(key) ? !/^(true|false)$/.test(next) : option.test(next))) return bare(key);
    queue.shift();
    return booleans.has(key) ? next === "true" : next;
  };

  const setShort = (arg: string): void => {
    for (let i = 1; i < arg.length - 1; i++) {
      const letter = arg.charAt(i);
      const value = attachedValue(letter, arg.slice(i + 1));
      set(arg, letter, value ?? bare(letter));
      if (value !== undefined) return;
    }
    const last = arg.slice(-1);
    set(arg, last, takeNext(last, /^--?[^-]/));
  };

  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const [isLong, no = "", name = "", value] = /^--(no-)?(.+?)(?:=(.*))?$/s.exec(arg) ?? [];
    if (isLong && value !== undefined) {
      set(arg, name, booleans.has(name) ? value !== "false" : value); // without `no-`, as the real one
    } else if (isLong) {
      set(arg, no + name, takeNext(no + name, /^-/));
    } else if (arg.startsWith("-") && arg !== "-") {
      setShort(arg);
    } else if (unknown?.(arg) !== false) {
      result._.push(numberIfNumeric(arg));
    }
  }

  for (const name of booleans) result[name] ??= false;
  for (const name of collected) result[name] ??= [];
  result._.push(...args.slice(end + 1));
  return result;
}

/** What is written right behind a short option: `-v=x`, `-v5`, `-v./x`. */
function attachedValue(letter: string, rest: string): string | undefined {
  if (rest === "-") return rest;
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(letter)) {
    const value = /=(.+)/.exec(rest)?.[1];
    if (value !== undefined) return value;
    if (/\d\.?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function numberIfNumeric(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
