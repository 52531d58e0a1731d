/**
 * HTML that is escaped as it is made: what stands in a template is ours, what is put into one is data.
 *
 * @module
 */
import { printable } from "../../text.ts";

/** A piece of HTML. Only {@linkcode html} makes one. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Fills in a template. */
  static of(template: TemplateStringsArray, values: readonly Content[]): Html {
    const literals = literalsOf(template);
    return new Html(literals.reduce((text, literal, index) => text + textOf(values[index - 1]!) + literal));
  }

  /** As it stands in a file. */
  toString(): string {
    return this.#text;
  }
}

/** What can be put into a template: texts are escaped, and nothing is left where there is null. */
export type Content = Html | string | number | null | readonly Content[];

/** A template of HTML, in which attributes are quoted. How it is indented leaves no trace. */
export function html(template: TemplateStringsArray, ...values: readonly Content[]): Html {
  return Html.of(template, values);
}

const LITERALS = new WeakMap<TemplateStringsArray, readonly string[]>();

function literalsOf(template: TemplateStringsArray): readonly string[] {
  const known = LITERALS.get(template);
  if (known !== undefined) return known;
  const last = template.length - 1;
  const literals = template.map((text, index) => {
    const flat = text.replace(/\s*\n\s*/g, "\n");
    const begun = index === 0 ? flat.replace(/^\n/, "") : flat;
    return index === last ? begun.replace(/\n$/, "") : begun;
  });
  LITERALS.set(template, literals);
  return literals;
}

function textOf(value: Content): string {
  if (value === null) return "";
  if (value instanceof Html) return value.toString();
  return typeof value === "object" ? value.map(textOf).join("") : escaped(String(value));
}

/** A text as content, or within a quoted attribute. What cannot be seen is written as in a log. */
function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
