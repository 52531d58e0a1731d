/**
 * Strict JSON (RFC 8259 within the limits of I-JSON, RFC 7493), and its canonical text.
 *
 * `JSON.parse` takes what two readers can understand in two ways: keys given twice, lone surrogates, integers that
 * are rounded, numbers that become infinite. V8's also takes some keys with escapes for others
 * (https://github.com/nodejs/node/issues/63785). None of that may be signed.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import { canonicalBytes } from "./canonical.ts";

/** How deep lists and objects may lie within each other: far less than what overflows the stack. */
const MAX_DEPTH = 512;
/** How deep they may in what others read, too: the parser of the reference (serde_json) refuses level 128. */
const MAX_READ_DEPTH = 127;

const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

/** What {@linkcode parseJson} lets pass. */
export interface ParseJsonOptions {
  /** Whether integers may be rounded: for input of which only a part is used, and that part checked. */
  readonly roundIntegers?: boolean;
  /**
   * Whether the reference reads it, too: then nothing may be nested deeper than 127 levels, and a whole number that is
   * written as a fraction comes out as a {@linkcode FractionText}, so that it is no integer.
   */
  readonly asReference?: boolean;
}

/** A whole number that is written as none: `1.0`, `1e0` or `-0`. In arithmetic and in JSON it is that number. */
export class FractionText {
  /** How it is written. */
  readonly text: string;

  /** Keeps how it is written. */
  constructor(text: string) {
    this.text = text;
  }

  /** The number, for what writes JSON. */
  toJSON(): number {
    return Number(this.text);
  }
}

/** Why a text is not JSON that can be signed. */
export class JsonRefusal extends ReleaseError {
  /** What is wrong, without where. */
  readonly problem: string;
  /** Index of the first character, or of the first byte, that is wrong. */
  readonly offset: number;

  /** Makes the error. */
  constructor(
    message: string,
    { problem, offset, cause }: { problem: string; offset: number; cause?: unknown },
  ) {
    super("contract", message, { cause });
    this.problem = problem;
    this.offset = offset;
  }
}

/**
 * The value of a JSON text.
 *
 * @throws {ReleaseError} of kind `contract`, with line and column (counted from 1, in characters), when the text is not
 * JSON, begins with a byte order mark, has a key twice in an object, a lone surrogate, an integer that a double
 * would round, a number beyond a double, or is nested deeper than 512 levels (127 for what the reference reads, too)
 *
 * @example
 * ```ts

 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parseJson('{"a": [1, null]}'), { a: [1, null] });
 * assertThrows(() => parseJson('{"a": 1,\n "a": 2}'), Error, 'duplicate key "a" at line 2, column 2');
 * ```
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): unknown {
  return new Reader(text, options).document();
}

/**
 * The canonical text (RFC 8785) of a JSON text, without a final newline.
 *
 * @throws {ReleaseError} of kind `contract`, for all that {@linkcode parseJson} refuses
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(canonicalize('{ "b": 1.50, "a": "\\u20ac" }'), '{"a":"€","b":1.5}');
 * ```
 */
export function canonicalize(text: string): string {
  return new TextDecoder().decode(canonicalBytes(parseJson(text)));
}

/**
 * The text that the bytes are the UTF-8 of. A byte order mark is kept, for {@linkcode parseJson} to refuse.
 *
 * @throws {ReleaseError} of kind `contract`, with the offset of the first character that is not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const offset = invalidOffset(bytes);
    const message = `Cannot read the JSON: the bytes at offset ${offset} are not UTF-8`;
    throw new JsonRefusal(message, { problem: "bytes that are not UTF-8", offset, cause });
  }
}

/** Where bytes that are not UTF-8 stop being so: where they differ from what they decode to. */
function invalidOffset(bytes: Uint8Array): number {
  const replaced = new TextEncoder().encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  let offset = replaced.findIndex((byte, index) => byte !== bytes[index]);
  // A cut-off character may begin with the bytes of U+FFFD, which stands in its place.
  while ((replaced[offset]! & 0xc0) === 0x80) offset--;
  return offset;
}

/** Reads one text from its beginning to its end; `at` is the index of the first character that is not read yet. */
class Reader {
  readonly #text: string;
  readonly #options: ParseJsonOptions;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, options: ParseJsonOptions) {
    this.#text = text;
    this.#options = options;
    this.#maxDepth = options.asReference === true ? MAX_READ_DEPTH : MAX_DEPTH;
  }

  document(): unknown {
    if (this.#text.startsWith("\ufeff")) throw this.#refusal("byte order mark");
    this.#skipSpace();
    const value = this.#value("a value", 0);
    if (this.#at < this.#text.length) throw this.#unexpected("the end of the text");
    return value;
  }

  /** Reads a value that lies in `depth` others, and the white space behind it. */
  #value(expected: string, depth: number): unknown {
    const first = this.#text[this.#at];
    let value: unknown;
    if (first === "{" || first === "[") {
      if (depth === this.#maxDepth) throw this.#refusal(`nesting deeper than ${this.#maxDepth} levels`);
      this.#take(first);
      value = first === "{" ? this.#object(depth + 1) : this.#list(depth + 1);
    } else {
      value = first === '"' ? this.#string() : this.#scalar(expected);
    }
    this.#skipSpace();
    return value;
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#take("}")) return object;
    let expected = 'a key or "}"';
    do {
      const start = this.#at;
      if (this.#text[start] !== '"') throw this.#unexpected(expected);
      const key = this.#string();
      if (Object.hasOwn(object, key)) throw this.#refusal(`duplicate key ${JSON.stringify(key)}`, start);
      this.#skipSpace();
      if (!this.#take(":")) throw this.#unexpected('":"');
      const value = this.#value("a value", depth);
      if (key === "__proto__") {
        // An assignment would set the prototype.
        Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
      } else {
        object[key] = value;
      }
      expected = "a key";
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#unexpected('"," or "}"');
    return object;
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    if (this.#take("]")) return list;
    let expected = 'a value or "]"';
    do {
      list.push(this.#value(expected, depth));
      expected = "a value";
    } while (this.#take(","));
    if (!this.#take("]")) throw this.#unexpected('"," or "]"');
    return list;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start + 1;
    let escaped = false;
    for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(at)) {
      if (code === 0x5c) {
        escaped = true;
        ESCAPE.lastIndex = at;
        if (!ESCAPE.test(text)) throw this.#refusal("unknown escape", at);
        at = ESCAPE.lastIndex;
      } else if (code >= 0x20) {
        at++;
      } else {
        // A control character, or NaN behind the end.
        this.#at = at;
        throw this.#unexpected("the rest of a string");
      }
    }
    this.#at = at + 1;
    // Here `JSON.parse` is safe: it is keys within an object that it confuses.
    const value: string = escaped ? JSON.parse(text.slice(start, this.#at)) : text.slice(start + 1, at);
    if (!value.isWellFormed()) throw this.#refusal("lone surrogate in the string", start);
    return value;
  }

  #scalar(expected: string): number | boolean | null | FractionText {
    const start = this.#at;
    SCALAR.lastIndex = start;
    const source = SCALAR.exec(this.#text)?.[0];
    if (source === undefined) throw this.#unexpected(expected);
    this.#at += source.length;
    if (source === "null") return null;
    if (source === "true" || source === "false") return source === "true";
    const value = Number(source);
    if (!Number.isFinite(value)) throw this.#refusal("number beyond the range of a double", start);
    if (this.#options.roundIntegers !== true && isRounded(source, value)) {
      throw this.#refusal(`integer that a double rounds to ${BigInt(value)}`, start);
    }
    const asFraction = this.#options.asReference === true && Number.isInteger(value) && !isInteger(source);
    return asFraction ? new FractionText(source) : value;
  }

  /** Reads the mark and the white space behind it, when that is what comes next. */
  #take(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#skipSpace();
    return true;
  }

  #skipSpace(): void {
    const text = this.#text;
    let at = this.#at;
    // Space, tab, line feed and carriage return; `\s` has more.
    for (let code = text.charCodeAt(at); code === 0x20 || code === 9 || code === 10 || code === 13;) {
      code = text.charCodeAt(++at);
    }
    this.#at = at;
  }

  #unexpected(expected: string): ReleaseError {
    const code = this.#text.codePointAt(this.#at);
    const found = code === undefined ? "the end of the text" : JSON.stringify(String.fromCodePoint(code));
    return this.#refusal(`found ${found}`, this.#at, `, expected ${expected}`);
  }

  #refusal(problem: string, at = this.#at, rest = ""): ReleaseError {
    let [line, column] = [1, 1];
    // One character after the other: a list of all of them would cost many times what the text does.
    for (let index = 0; index < at; index += this.#text.codePointAt(index)! > 0xffff ? 2 : 1) {
      if (this.#text.charCodeAt(index) === 0x0a) [line, column] = [line + 1, 1];
      else column++;
    }
    const message = `Cannot read the JSON: ${problem} at line ${line}, column ${column}${rest}`;
    return new JsonRefusal(message, { problem: `${problem}${rest}`, offset: at });
  }
}

/**
 * Where in a JSON document an index of its text is, as in `hosts.web.tags[1]`: for output that others made, in which
 * lines and columns say nothing. Empty at the top. What stands before the index has to be JSON.
 */
export function pathAt(text: string, index: number): string {
  const levels: { at: string | number; expectsKey: boolean }[] = [];
  for (const [token] of text.slice(0, index).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/gs)) {
    const level = levels.at(-1);
    if (token === "{") levels.push({ at: "", expectsKey: true });
    else if (token === "[") levels.push({ at: 0, expectsKey: false });
    else if (token === "}" || token === "]") levels.pop();
    else if (token === ",") {
      if (typeof level?.at === "number") level.at++;
      else if (level !== undefined) level.expectsKey = true;
    } else if (level?.expectsKey) [level.at, level.expectsKey] = [JSON.parse(token), false];
  }
  const path = levels.map(({ at }) =>
    typeof at === "number" ? `[${at}]` : /^[\w-]*$/.test(at) ? `.${at}` : `[${JSON.stringify(at)}]`
  ).join("").replace(/^\./, "");
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
}

/** As much of a path as helps to find the place. */
const MAX_PATH = 200;

/**
 * Whether a double is another number than the integer that it was read from. Its shortest text counts as exact: that is
 * how canonical texts, which have to stay readable, write the doubles from 2^53 to 10^21.
 */
function isRounded(source: string, value: number): boolean {
  // What has up to 15 digits is never rounded.
  return source.length > 15 && isInteger(source) && source !== String(value) &&
    BigInt(source) !== BigInt(value);
}

/** Whether a number is written as an integer. The reference takes -0 for a fraction, as IEEE 754 has it. */
function isInteger(source: string): boolean {
  return /^-?\d+$/.test(source) && source !== "-0";
}
