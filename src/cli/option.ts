/**
 * The kinds of options. An option says everything about itself: parsing, `--help`, the README, the permissions and the
 * nix module are views of it.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import type { Grant } from "./grant.ts";

/** What the value of an option is. */
export type OptionKind =
  /** True when it is given, with nothing behind it. */
  | "switch"
  /** `true` or `false`. */
  | "boolean"
  | "text"
  /** A command for the shell, which may hold what is secret. */
  | "command"
  /** A whole number. */
  | "number"
  /** One of a few words. */
  | "choice"
  /** Texts with commas between them. */
  | "list"
  /** A name and a value, given as often as wanted. */
  | "pairs"
  /** The path of what is read. */
  | "path-read"
  /** The path of what is written. */
  | "path-written";

/**
 * What an empty value is: refused, a value like every other, or no value at all. It is what is left of a variable that
 * is not set, so it must never stand for less checking or for more hosts.
 */
export type Empty = "refused" | "read" | "not given";

/**
 * What a shell offers where a value is expected: paths, branches and tags (`revisions`), these or a directory (`releases`),
 * what selects hosts, or one of a few words.
 */
export type Offer = "files" | "directories" | "revisions" | "releases" | "hosts" | readonly string[];

/** An option of a command, and all that there is to say about it. */
export interface Option<Value = unknown> {
  readonly kind: OptionKind;
  /** The title that it stands under in `--help`. */
  readonly group: string;
  /** What it does, in a phrase. */
  readonly help: string;
  /** One letter, without the dash. */
  readonly short?: string | undefined;
  /** What stands for its value in `--help`; absent for a switch. */
  readonly placeholder?: string | undefined;
  /** The environment variable that is read when the option is not given. */
  readonly env?: string | undefined;
  /** What holds when it is not given. */
  readonly default: Value;
  /** What `--help` gives as the default; undefined: nothing. */
  readonly defaultText: string | undefined;
  /** The words of a choice. */
  readonly choices?: readonly string[] | undefined;
  /** What a shell offers for its value, where its kind does not say that. */
  readonly offers?: Offer | undefined;
  /**
   * What it is one way to say. One way excludes all others, and where it is given, takes back what another way says in
   * a place that counts less.
   */
  readonly oneWayTo?: string | undefined;
  /** What it says more of: a setting does so of what the settings give, not of what the command line gives. */
  readonly saysMoreOf?: string | undefined;
  /** The subjects that it goes with; undefined: all. */
  readonly goesWith?: readonly string[] | undefined;
  /** What an empty value is. */
  readonly empty: Empty;
  /** What has to be permitted when it is given. */
  readonly permits: readonly Grant<NonNullable<Value>>[];
  /**
   * Reads its value.
   *
   * @throws {ReleaseError} of kind `usage`, naming the option
   */
  readonly read: (text: string, flag: string) => Value;
}

/** The options of a command by their long names, in the order of `--help`. */
// deno-lint-ignore no-explicit-any -- a table has options of many types, and what reads it asks for each one's own
export type OptionTable = Readonly<Record<string, Option<any>>>;

/** A long name as it is written in code: `gitUserName` for `git-user-name`. */
export type CamelCase<Flag extends string> = Flag extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Flag;

/** The values of the options of a table. */
export type Values<Table extends OptionTable> = {
  readonly [Flag in keyof Table & string as CamelCase<Flag>]: Table[Flag] extends Option<infer Value> ? Value
    : never;
};

/** A long name as it is written in code. */
export function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** What holds when none of the options is given. */
export function defaultsOf<Table extends OptionTable>(table: Table): Values<Table> {
  const defaults = Object.entries(table).map(([flag, option]) => [camelCase(flag), option.default]);
  return Object.fromEntries(defaults) as Values<Table>;
}

/** Of these values those of a table's options. */
export function pickValues<Table extends OptionTable>(table: Table, values: Values<Table>): Values<Table> {
  const all: Readonly<Record<string, unknown>> = values;
  const names = Object.keys(table).map(camelCase);
  return Object.fromEntries(names.map((name) => [name, all[name]])) as Values<Table>;
}

/** The options that are one way to say this, by their long names. */
export function waysTo(what: string, table: OptionTable): string[] {
  return Object.keys(table).filter((flag) => table[flag]!.oneWayTo === what);
}

/** What the makers below are told of an option of any kind. */
interface Common<Value> {
  readonly group: string;
  readonly help: string;
  readonly short?: string;
  readonly env?: string;
  readonly oneWayTo?: string;
  readonly saysMoreOf?: string;
  readonly goesWith?: readonly string[];
  readonly permits?: readonly Grant<NonNullable<Value>>[];
}

/** What they are told of one with a value. */
interface Valued<Value> extends Common<Value> {
  readonly placeholder: string;
  readonly default?: Value;
  /** What `--help` says of the default where that is no value, or not the value as it is written. */
  readonly defaultText?: string;
  /** By default an empty value is refused. */
  readonly empty?: Empty;
  readonly offers?: Offer;
}

/** What they are told of one with a text. */
interface Text<Value> extends Valued<Value> {
  /** By default the text as it is. */
  readonly read?: (text: string, flag: string) => Value;
}

/** True when it is given. */
export function flag(spec: Common<boolean>): Option<boolean> {
  return { permits: [], ...spec, kind: "switch", ...NO_VALUE, read: () => true };
}

/** The same, and undefined when it is not given, false with `=false`: what is not given is decided elsewhere. */
export function flagIfGiven(spec: Common<boolean>): Option<boolean | undefined> {
  return { ...flag(spec), default: undefined };
}

const NO_VALUE = { default: false, defaultText: undefined, empty: "read" } as const;

/** `true` or `false`. */
export function boolean(spec: Common<boolean> & { readonly default: boolean }): Option<boolean> {
  const words = ["true", "false"];
  return {
    permits: [],
    ...spec,
    kind: "boolean",
    placeholder: "BOOL",
    defaultText: String(spec.default),
    empty: "read",
    read: (text, flag) => wordOf(words, text, flag) === "true",
  };
}

/** A text, or what is read from it. */
export function text<Value = string>(spec: Text<Value> & { readonly default: Value }): Option<Value>;
/** A text, or what is read from it; undefined when it is not given. */
export function text<Value = string>(spec: Text<Value>): Option<Value | undefined>;
export function text<Value>(spec: Text<Value>): Option<Value | undefined> {
  return textual("text", spec);
}

/** A command for the shell. */
export function command(spec: Text<string>): Option<string | undefined> {
  return textual("command", spec);
}

/** The path of what is read, which is permitted. */
export function pathRead(spec: Text<string>): Option<string | undefined> {
  return textual("path-read", spec);
}

/** The path of what is written, which is permitted. */
export function pathWritten(spec: Text<string> & { readonly default: string }): Option<string>;
/** The same; undefined when it is not given. */
export function pathWritten(spec: Text<string>): Option<string | undefined>;
export function pathWritten(spec: Text<string>): Option<string | undefined> {
  return textual("path-written", spec);
}

/** A whole number. */
export function number(
  spec: Valued<number> & { readonly least: number; readonly default: number },
): Option<number>;
/** A whole number of at least so much; undefined when it is not given. */
export function number(spec: Valued<number> & { readonly least: number }): Option<number | undefined>;
export function number(
  { least, ...spec }: Valued<number> & { readonly least: number },
): Option<number | undefined> {
  return textual("number", { ...spec, read: (text, flag) => wholeNumber(text, flag, least) });
}

/** A number that is handed on as it is written: what takes it has words too, as nix's `auto` is. */
export function numberOrWord(spec: Valued<string>): Option<string | undefined> {
  return textual("number", spec);
}

/** What a choice is told. */
interface Choice<Word extends string> extends Valued<Word> {
  readonly choices: readonly Word[];
  /** What some of them are called beside, which no help says. */
  readonly also?: Readonly<Record<string, Word>>;
  /** By default an error that names all words. */
  readonly read?: (text: string, flag: string) => Word;
}

/** One of a few words. */
export function choice<const Word extends string>(
  spec: Choice<Word> & { readonly default: NoInfer<Word> },
): Option<Word>;
/** One of a few words; undefined when it is not given. */
export function choice<const Word extends string>(spec: Choice<Word>): Option<Word | undefined>;
export function choice<Word extends string>(
  { also = {}, ...spec }: Choice<Word>,
): Option<Word | undefined> {
  const read = (text: string, flag: string) =>
    Object.hasOwn(also, text) ? also[text]! : wordOf(spec.choices, text, flag);
  return { ...textual<Word>("choice", { read, ...spec, empty: "read" }), choices: spec.choices };
}

/** Texts with commas between them; none when it is not given. */
export function list(
  { item, ...spec }: Valued<readonly string[]> & {
    /** What is wrong with one of the texts, in words that continue it, or say it without it; undefined: nothing. */
    readonly item: (text: string) => string | { readonly hidden: string } | undefined;
  },
): Option<readonly string[]> {
  const read = (text: string, flag: string) => {
    const items = text.split(",").map((item) => item.trim());
    const problems = items.flatMap((text) => ({ text, problem: item(text) }))
      .filter(({ problem }) => problem !== undefined);
    const [first] = problems;
    if (first?.problem === undefined) return items;
    // One of them that must not be seen hides all.
    const hidden = problems.flatMap(({ problem }) => typeof problem === "object" ? [problem.hidden] : [])[0];
    throw hidden === undefined
      ? new ReleaseError("usage", `Cannot read --${flag} "${text}": "${first.text}" ${first.problem}`)
      : new ReleaseError("usage", `Cannot read --${flag}: ${hidden}`, {
        hint: "give names alone, as in A,B",
      });
  };
  return textual("list", { ...spec, default: [], read }) as Option<readonly string[]>;
}

/** Pairs of a name and a value, which are two arguments. */
export function pairs(
  spec: Common<readonly [string, string][]> & { readonly placeholder: string },
): Option<readonly [string, string][]> {
  return {
    permits: [],
    ...spec,
    kind: "pairs",
    default: [],
    defaultText: undefined,
    empty: "read",
    read: () => [],
  };
}

function textual<Value>(
  kind: OptionKind,
  { defaultText, read, empty = "refused", permits = [], ...spec }: Text<Value>,
): Option<Value | undefined> {
  return {
    ...spec,
    kind,
    empty,
    permits,
    default: spec.default,
    defaultText: defaultText ?? (typeof spec.default === "string" ? spec.default : undefined),
    // Without a way to read it, the value is the text.
    read: read ?? ((text) => text as Value),
  };
}

/** One of a few words, or an error that names all of them. */
function wordOf<Word extends string>(words: readonly Word[], text: string, flag: string): Word {
  const word = words.find((word) => word === text);
  if (word !== undefined) return word;
  const expected = words.length === 2
    ? words.join(" or ")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  throw new ReleaseError("usage", `Cannot read --${flag} "${text}": expected ${expected}`);
}

function wholeNumber(text: string, flag: string, least: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new ReleaseError(
    "usage",
    `Cannot use --${flag} ${text}: expected a whole number${least === 0 ? "" : ` above ${least - 1}`}`,
  );
}
