/**
 * Markdown for code hosts. What others have named stands in code alone: there it is no markdown, no HTML, no link and no
 * mention of anybody, to any reader of it.
 *
 * @module
 */
import { printable } from "../text.ts";

/** A text as code within a line or a cell of a table: what would end either is written as `printable` writes it. */
export function code(text: string): string {
  const shown = printable(text).replace(/[`|]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
  return `\`${shown.trim() === "" ? JSON.stringify(shown) : shown}\``;
}

/** Names as code, so many of them, and how many more there are. */
export function codeList(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).map(code).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** The line that begins, and the one that ends, a block of code, whatever is in it. */
export function fenceOf(lines: readonly string[]): string {
  const ticks = lines.flatMap((line) => line.match(/`+/g) ?? []).map(({ length }) => length);
  return "`".repeat(ticks.reduce((most, count) => Math.max(most, count + 1), 3));
}

/** The lines of a table. Cells are code, or words of our own. */
export function tableLines([header = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}
