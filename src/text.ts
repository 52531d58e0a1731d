/**
 * Texts for people: counts, lists of names, tables, the nearest word, and how all of it is printed.
 *
 * @module
 */

/** `1 host`, `2 hosts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `2 MiB`, for more than one. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** Names for people: `"a", "b", "c" and 4 more`. */
export function quoteList(names: readonly string[], most = 10): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name)).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** The known word that is nearest to `word`, or undefined when none is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance, given up (as `limit`) once it cannot come out below `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return Math.min(previous[b.length]!, limit);
}

/**
 * What acts on a terminal or on a line, turns the order of letters round, or cannot be seen: control characters, line
 * and paragraph separators, bidirectional marks, zero-width characters, and halves of surrogate pairs.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
/** What CI systems take for a command wherever it stands in a line, as in `##[group]` and `##vso[…]`. */
const CI_COMMAND = /##(?=[\w.]{0,40}\[)/g;

/**
 * A line as it is printed: what {@linkcode UNSEEN} names is written as `\n`, `\x1b` or `\u{202e}`, and nothing in it is
 * a command to a CI system. Whatever goes to a terminal or a log as text passes here, and nowhere else.
 */
export function printable(line: string): string {
  return line.replace(UNSEEN, escapeSequence)
    .replace(CI_COMMAND, "\\x23#")
    .replace(/^(\s*):(?=:)/, "$1\\x3a");
}

/** A character as it is written where it is not to act: as `\n`, `\x1b` or `\u{202e}`. */
export function escapeSequence(char: string): string {
  const code = char.codePointAt(0)!;
  return SHORT_ESCAPES[char] ??
    (code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A value as JSON that reads back exactly, with nothing raw in it that {@linkcode printable} would not print. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent)
    .replace(UNSEEN, (char) => char === "\n" ? char : jsonEscape(char))
    .replace(CI_COMMAND, "\\u0023#");
}

function jsonEscape(char: string): string {
  const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** A text without what only colours it, and clears the rest of a line that was never written to. */
export function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[\d;:]*[mK]/g, "");
}

/** A line that others wrote, marked so that it can be none of ours. */
export function quoted(line: string): string {
  return `| ${withoutColours(line).replaceAll("\t", "    ")}`;
}

/** Characters that take two columns of a terminal; those of which that depends are among them. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
/** Characters that are put over the one before them. */
const COMBINING = /[\p{Mn}\p{Me}]/u;

/** How many columns of a terminal a character takes. */
function widthOf(char: string): number {
  return COMBINING.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}

/** How many columns of a terminal a text takes. */
export function columnsOf(text: string): number {
  return [...text].reduce((sum, char) => sum + widthOf(char), 0);
}

/** As much of a text as fits into so many columns of a terminal, with an ellipsis where something is cut off. */
export function fitColumns(text: string, columns: number): string {
  let [used, kept] = [0, 0];
  let cut = 0;
  for (const char of text) {
    used += widthOf(char);
    if (used > columns) return columns < 1 ? "" : `${text.slice(0, cut)}…`;
    kept += char.length;
    // The ellipsis wants a column of its own.
    if (used < columns) cut = kept;
  }
  return text;
}

/** Rows as they are printed, with their columns below each other. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  // As they are printed, so that what is escaped moves no column.
  const cells = rows.map((row) => row.map(printable));
  const widths = cells[0]?.map((_, column) => widest(cells, (row) => columnsOf(row[column]!))) ?? [];
  return cells.map((row) =>
    row.map((cell, column) => cell + " ".repeat(widths[column]! - columnsOf(cell))).join("  ").trimEnd()
  );
}

/** Rows may be more than a call takes as its arguments. */
function widest<Row>(rows: readonly Row[], widthOf: (row: Row) => number): number {
  return rows.reduce((most, row) => Math.max(most, widthOf(row)), 0);
}

/** An argument list that a shell reads back as it is, on one line. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word) => {
    if (/^[\w@%+=:,./-]+$/.test(word)) return word;
    return word.search(UNSEEN) === -1 ? `'${word.replaceAll("'", `'\\''`)}'` : dollarQuoted(word);
  }).join(" ");
}

/** A word as in `$'a\nb'`, which POSIX has since 2024, and bash, zsh, ksh and busybox had before. */
function dollarQuoted(word: string): string {
  const octal = (char: string) =>
    [...new TextEncoder().encode(char)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const escaped = word.replace(/['\\]/g, "\\$&").replace(
    UNSEEN,
    (char) => SHORT_ESCAPES[char] ?? octal(char),
  );
  return `$'${escaped}'`;
}

/** Rows, the first of them the header, as the formatter pads them. */
export function markdownTable([header = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => widest([header, ...rows], (row) => row[column]!.length));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
