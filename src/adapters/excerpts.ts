/**
 * Cuts what others say to what a person reads, and keeps the whole of it in a file where something was cut.
 *
 * @module
 */
import { plural, quoted } from "../text.ts";

/** How many lines are shown of a text. */
export interface Limits {
  readonly first: number;
  readonly last: number;
}

/** What one failing evaluation may say: thirty failed assertions, and where they were asked for. */
export const MOST_SHOWN: Limits = { first: 40, last: 20 };

/** The limits of each of several texts that are shown together: fewer lines where there are many of them. */
export function sharedLimits(count: number): Limits {
  const most = Math.min(MOST_SHOWN.first + MOST_SHOWN.last, Math.max(12, Math.floor(200 / count)));
  const last = Math.floor(most / 3);
  return { first: most - last, last };
}

/** A text of others. */
export interface ForeignText {
  /** What the whole of it is called in the file. */
  readonly title: string;
  readonly lines: readonly string[];
  /** What belongs to it, and is not worth showing. */
  readonly more?: readonly string[];
}

/** Where the whole of what is cut goes. */
export interface WholeTexts {
  /** The directory of the file, absolute; it has to be there. */
  readonly dir: string;
  /** A text without what must not be printed. */
  readonly hide: (text: string) => string;
}

/** Shortens texts for the report of a failure. */
export class Excerpts {
  readonly #whole: WholeTexts | undefined;
  #path: string | undefined;

  /** @param whole Without it, what is cut is gone */
  constructor(whole?: WholeTexts) {
    this.#whole = whole;
  }

  /**
   * The first and the last lines of a text, marked as another's words, with a line between them that says how many are
   * left out and where the whole is. To be asked for where a run fails, since the file stays.
   */
  of({ title, lines, more = [] }: ForeignText, { first, last }: Limits): string[] {
    // A mark takes a line itself.
    const cut = lines.length > first + last + 1 ? lines.length - first - last : 0;
    const count = cut + more.length;
    if (count === 0) return lines.map(quoted);
    const where = this.#keep([`${title}:`, ...lines, ...more, ""]);
    const mark = `… ${plural(count, "line")} ${count === 1 ? "is" : "are"} left out here${where}`;
    if (cut === 0) return [...lines.map(quoted), mark];
    return [...lines.slice(0, first).map(quoted), mark, ...lines.slice(-last).map(quoted)];
  }

  /** Adds a text to the file of this run, and says where that is. */
  #keep(lines: readonly string[]): string {
    if (this.#whole === undefined) return "";
    const { dir, hide } = this.#whole;
    const text = lines.map((line) => `${hide(line)}\n`).join("");
    try {
      // Only its owner may read it: it may tell what others shall not know.
      this.#path ??= Deno.makeTempFileSync({ dir, prefix: "fleet-release-log-", suffix: ".txt" });
      Deno.writeTextFileSync(this.#path, text, { append: true });
    } catch (error) {
      // The failure that is told here matters more.
      return `, and cannot be kept in "${dir}": ${(error as Error).message}`;
    }
    return `: the whole is in ${this.#path}`;
  }
}
