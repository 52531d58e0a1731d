/**
 * Reads what a command writes, line by line, and keeps as much of it as may be needed to say why it failed.
 *
 * @module
 */
import { HIDDEN } from "../secrets.ts";

const MAX_LINE_LENGTH = 4000;
/**
 * nix writes an error with its whole trace as one line of JSON: some megabytes where a recursion ends at its limit. A
 * longer line without an end is a progress bar or binary data: only its last part is kept.
 */
const MAX_REST = 16 << 20;
/** Of the first lines so many characters are kept, and of the last ones up to twice as many. */
const KEPT_LENGTH = 1 << 20;

/** Makes lines of chunks. */
export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest: string[] = [];
  #length = 0;

  /** @param onLine Told each line */
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Uint8Array): void {
    const [first = "", ...others] = this.#decoder.decode(chunk, { stream: true }).split("\n");
    this.#add(first);
    for (const part of others) {
      this.#endLine();
      this.#add(part);
    }
  }

  end(): void {
    this.#add(this.#decoder.decode());
    if (this.#length > 0) this.#endLine();
  }

  #add(part: string): void {
    this.#rest.push(part);
    this.#length += part.length;
    if (this.#length <= MAX_REST) return;
    this.#rest = [this.#rest.join("").slice(-MAX_LINE_LENGTH)];
    this.#length = this.#rest[0]!.length;
  }

  #endLine(): void {
    const line = this.#rest.join("");
    this.#rest = [];
    this.#length = 0;
    this.#onLine(line.replace(/\r$/, ""));
  }
}

/** Hides private keys in lines that come one after the other: only its first line tells a key. */
export class KeyFilter {
  #inKey = false;

  /** The next line, without what is in a key: it is hidden as long as there is nothing else. */
  next(line: string): string {
    if (/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/.test(line)) this.#inKey = true;
    else if (this.#inKey) {
      if (KEY_LINE.test(line)) return HIDDEN;
      this.#inKey = false;
    }
    return line;
  }
}

/** The lines of a whole text without private keys. */
export function withoutKeys(lines: readonly string[]): string[] {
  const filter = new KeyFilter();
  return lines.map((line) => filter.next(line));
}

/** A line within a private key in PEM; what a shell or a log put before it does not matter. */
const KEY_LINE = /^[\s|>#"']{0,20}(?:[A-Za-z0-9+/=]{4,100}|(?:Proc-Type|DEK-Info):.*|)[\s"',\\]{0,20}$/;

/** Keeps the first and the last lines of a text, so that a long log costs little memory. */
export class KeptLines {
  readonly #first: string[] = [];
  /** Two parts of the end, of which the older one goes when the newer one is full. */
  #older: string[] = [];
  #newer: string[] = [];
  #firstLength = 0;
  #newerLength = 0;
  #dropped = 0;

  add(line: string): void {
    const kept = line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line;
    const length = kept.length + 1;
    if (this.#firstLength + length <= KEPT_LENGTH) {
      this.#firstLength += length;
      this.#first.push(kept);
      return;
    }
    // What came behind the first that did not fit stays behind it.
    this.#firstLength = KEPT_LENGTH;
    if (this.#newerLength + length > KEPT_LENGTH) {
      this.#dropped += this.#older.length;
      this.#older = this.#newer;
      this.#newer = [];
      this.#newerLength = 0;
    }
    this.#newerLength += length;
    this.#newer.push(kept);
  }

  /** The lines, and where some are gone, one that says how many. */
  get lines(): string[] {
    const gap = this.#dropped === 0 ? [] : [`… (${this.#dropped} lines are not kept)`];
    return [...this.#first, ...gap, ...this.#older, ...this.#newer];
  }
}
