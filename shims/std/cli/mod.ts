// Stands in for jsr:@std/cli, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.
//
// Not over node:util's parseArgs: that one reads `--out -v`, `-n5` and `-o=x` in another way.

/** Options for {@linkcode parseArgs}. */
export interface ParseOptions {
  /** Options whose value is kept as it was written; `"_"` stands for the positionals. */
  string?: readonly string[];
  /** Options which are `true` or `false`, and `false` where not given. */
  boolean?: readonly string[];
  /** Options whose values are gathered in an array; of others, the last value counts. */
  collect?: readonly string[];
  /** Boolean options which `--no-<name>` sets to `false`. */
  negatable?: readonly string[];
  /** Other names for an option; each is set along with it. */
  alias?: Record<string, string | readonly string[]>;
  /** Values for the options not given. */
  default?: Record<string, unknown>;
  /** Whether everything behind the first positional is positional. */
  stopEarly?: boolean;
  /** Whether the arguments behind `--` are kept apart from the positionals. */
  "--"?: boolean;
  /** Called for each undeclared option and each positional; those it returns `false` for are left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What {@linkcode parseArgs} found: the value of each option, and the positionals. */
export interface Args {
  /** The values of the options. */
  [name: string]: unknown;
  /** The positionals. */
  _: (string | number)[];
  /** The arguments behind `--`, if they are kept apart. */
  "--"?: string[];
}

/**
 * Parses command-line arguments. Values and positionals which look like numbers become numbers, unless declared as
 * strings. Unlike in the real one, a dot in the name of an option has no meaning.
 */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const { unknown, stopEarly } = options;

  const families = new Map<string, string[]>();
  for (const [name, aliases] of Object.entries(options.alias ?? {})) {
    const family = [name, aliases].flat();
    for (const member of family) families.set(member, family);
  }
  const familyOf = (name: string): string[] => families.get(name) ?? [name];
  const withAliases = (names: readonly string[] = []) => new Set(names.flatMap(familyOf));
  const strings = withAliases(options.string);
  const booleans = withAliases(options.boolean);
  const collected = withAliases(options.collect);
  const negatable = withAliases(options.negatable);
  const known = new Set([...strings, ...booleans, ...collected, ...families.keys()]);

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const queue = args.slice(0, end);
  const behind = args.slice(end + 1);
  const result: Args = { _: [] };

  const set = (arg: string, key: string, value: string | boolean, collect = true): void => {
    if (!known.has(key) && unknown?.(arg, key, value) === false) return;
    const typed = typeof value === "string" && !strings.has(key) ? numberIfNumeric(value) : value;
    for (const name of familyOf(key)) {
      const earlier = Array.isArray(result[name]) ? result[name] : [];
      result[name] = collect && collected.has(name) ? [...earlier, typed] : typed;
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

  const setLong = (arg: string, no: string, name: string, value: string | undefined): void => {
    if (value !== undefined) {
      set(arg, name, booleans.has(name) ? value !== "false" : value);
    } else if (no && negatable.has(name)) {
      set(arg, name, false, false);
    } else {
      set(arg, no + name, takeNext(no + name, /^-/));
    }
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
    if (isLong) {
      setLong(arg, no, name, value);
    } else if (arg.startsWith("-") && arg !== "-") {
      setShort(arg);
    } else {
      if (unknown?.(arg) !== false) result._.push(strings.has("_") ? arg : numberIfNumeric(arg));
      if (stopEarly) result._.push(...queue.splice(0));
    }
  }

  const setMissing = (key: string, value: unknown, names = [key]): void => {
    if (!Object.hasOwn(result, key)) { for (const name of names) result[name] = value; }
  };
  for (const [key, value] of Object.entries(options.default ?? {})) setMissing(key, value, familyOf(key));
  for (const name of booleans) setMissing(name, collected.has(name) ? [] : false);
  for (const name of strings.intersection(collected)) setMissing(name, []);

  if (options["--"]) result["--"] = behind;
  else result._.push(...behind);
  return result;
}

/** What is written right behind a short option: `-o=x`, `-n5`, `-o./x`. */
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
