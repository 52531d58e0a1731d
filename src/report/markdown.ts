/**
 * Markdown for code hosts. What others have named stands in code alone: there it is no markdown, no HTML, no link and no
 * mention of anybody, to any reader of it.
 *
 * @module
 */
import { printable } from "../text.ts";

/** A text as code within a line or a cell of a table: what would end either is written as `printable` writes it. */
export function code(text: string): string {
  const printed = printable(text).replaceAll("|", "\\x7c");
  const shown = printed.trim() === "" ? JSON.stringify(printed) : printed;
  const ticks = ticksAround([shown], 1);
  // One blank at either end belongs to the ticks, where there is one at both.
  const blank = /^[` ]|[` ]$/.test(shown) ? " " : "";
  return `${ticks}${blank}${shown}${blank}${ticks}`;
}

/** Names as code, so many of them, and how many more there are. */
export function codeList(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).map(code).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** The line that begins, and the one that ends, a block of code, whatever is in it. */
export function fenceOf(lines: readonly string[]): string {
  return ticksAround(lines, 3);
}

/** As many ticks as are nowhere in these texts, and so do not end what they begin. */
function ticksAround(texts: readonly string[], least: number): string {
  const runs = texts.flatMap((text) => text.match(/`+/g) ?? []);
  return "`".repeat(runs.reduce((most, run) => Math.max(most, run.length + 1), least));
}

/** The lines of a table. Cells are code, or words of our own. */
export function tableLines([header = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}
