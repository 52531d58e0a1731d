/**
 * What a benchmark is, and how its figures read.
 *
 * @module
 */

/** One benchmark. */
export interface Benchmark {
  /** What `--only` calls it. */
  readonly name: string;
  readonly title: string;
  /** What the columns of its table are. */
  readonly about: string;
  /** @param quick Whether a first impression is enough */
  run(quick: boolean): Promise<Report>;
}

/** What a benchmark found. */
export interface Report {
  readonly table: Table;
  readonly aims: readonly Aim[];
}

/** Rows of text, the first one the header. */
export type Table = readonly (readonly string[])[];

/** What the program aims at, and how near it came. */
export interface Aim {
  readonly aim: string;
  readonly figure: string;
  readonly met: boolean;
}

/** An aim that the middle of some figures is at most so much. */
export function atMost(
  aim: string,
  { figure, most, format }: {
    readonly figure: Spread;
    readonly most: number;
    readonly format: (figure: Spread) => string;
  },
): Aim {
  return { aim, figure: format(figure), met: figure.median <= most };
}

/** The middle of several figures, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * @param figures At least one
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(spreadOf([9, 10, 1]), { median: 9, least: 1, most: 10 });
 * assertEquals(spreadOf([3, 1]), { median: 2, least: 1, most: 3 });
 * ```
 */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
    least: sorted[0]!,
    most: sorted.at(-1)!,
  };
}

/**
 * How many times as much `a` is as `b`, round by round: what slows the machine down for a while slows both.
 *
 * @param a Figures of each round
 * @param b As many
 */
export function ratios(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((figure, round) => figure / b[round]!));
}

/** How much more `a` is than `b`, round by round. */
export function differences(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((figure, round) => figure - b[round]!));
}

/** A ratio as text: `2.51 (2.20–2.77)`. */
export function formatRatio(ratio: Spread): string {
  return formatSpread(ratio, (figure) => figure.toFixed(figure < 10 ? 2 : 1));
}

/** Seconds as text: `2.51 s (2.20–2.77)`, or `85 ms (81–97)`. */
export function formatSeconds(seconds: Spread): string {
  return seconds.median < 0.1
    ? formatSpread(seconds, (figure) => (figure * 1000).toFixed(figure < 0.01 ? 1 : 0), " ms")
    : formatSpread(seconds, (figure) => figure.toFixed(2), " s");
}

/** Megabytes as text: `180 MB (179–181)`. */
export function formatMegabytes(megabytes: Spread): string {
  return formatSpread(megabytes, (figure) => figure.toFixed(0), " MB");
}

function formatSpread(
  { median, least, most }: Spread,
  format: (figure: number) => string,
  unit = "",
): string {
  const middle = `${format(median)}${unit}`;
  return least === most ? middle : `${middle} (${format(least)}–${format(most)})`;
}

/** The table as Markdown, which is readable as plain text too. */
export function formatTable([header, ...rows]: Table): string {
  const widths = header!.map((_, column) =>
    Math.max(...[header!, ...rows].map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(header!), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
