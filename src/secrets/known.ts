/**
 * Secrets that a run knows word by word, and how they are found in whatever is printed.
 *
 * @module
 */
import { type Range, secretsInUrls } from "./urls.ts";
import { SHORTEST } from "./names.ts";

/** What stands in the place of a secret. */
export const HIDDEN = "***";

/** Shorter ones are hidden only where they stand for themselves. */
const SURE_LENGTH = 8;

/** A text without the passwords and tokens of the URLs in it, and without private keys that are put where they do not belong. */
export function hideSecrets(text: string): string {
  return mask(text, secretsInUrls(text))
    // Up to the end of the text that is quoted: a key may have been cut off.
    .replace(/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^"']*/g, HIDDEN)
    // A nix key. A public one is shorter, or has the name of its algorithm.
    .replace(/(?<![\w.-])(?!ecdsa-p256:)[\w.-]{1,200}:[A-Za-z0-9+/]{86}==/g, HIDDEN);
}

/** The exact texts that a run must not print. */
export class Secrets {
  readonly #known = new Set<string>();

  /** Takes note of secrets. Those of several lines are known by each of them. */
  learn(...secrets: readonly string[]): void {
    const lines = secrets.flatMap((secret) => secret.split(/[\r\n]+/)).map((line) => line.trim());
    for (const line of lines) {
      if (line.length < SHORTEST || line.startsWith("-----")) continue;
      const raw: Form = { text: line };
      const written = [
        line,
        decodePercent(raw).text,
        withoutSequences(raw).text,
        JSON.stringify(line).slice(1, -1),
      ];
      for (const form of written) {
        this.#known.add(form);
        this.#known.add(inBytes(form));
      }
    }
  }

  /** A text without what is known, however it is percent-encoded or interspersed with what cannot be seen, and without what {@linkcode hideSecrets} hides. */
  hide(text: string): string {
    const raw: Form = { text };
    const seen = withoutSequences(raw);
    const forms = new Set([raw, seen, decodePercent(raw), decodePercent(seen)]);
    const ranges = [...forms].flatMap((form) => this.#rangesIn(form));
    return hideSecrets(mask(text, [...ranges, ...this.#cutOff(text)]));
  }

  /** Where a form of the text has what is known, as parts of the text itself. */
  #rangesIn({ text, starts, ends }: Form): Range[] {
    const found: Range[] = [];
    for (const secret of this.#known) {
      for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + secret.length)) {
        const end = at + secret.length;
        if (secret.length < SURE_LENGTH && !standsAlone(text, at, end)) continue;
        found.push({ start: starts?.[at] ?? at, end: ends?.[end - 1] ?? end });
      }
    }
    return found;
  }

  /** A secret at the end of a line that was too long. */
  #cutOff(text: string): Range[] {
    if (!text.endsWith("…")) return [];
    const end = text.length - 1;
    return [...this.#known].flatMap((secret) => {
      for (let length = Math.min(secret.length - 1, end); length >= SHORTEST; length--) {
        if (text.endsWith(secret.slice(0, length), end)) return [{ start: end - length, end }];
      }
      return [];
    });
  }
}

function standsAlone(text: string, start: number, end: number): boolean {
  return !/[A-Za-z0-9]/.test(text[start - 1] ?? "") && !/[A-Za-z0-9]/.test(text[end] ?? "");
}

/** The text with its secret parts replaced; parts that touch are one. */
function mask(text: string, ranges: readonly Range[]): string {
  let [shown, done] = ["", 0];
  let hidden: Range | undefined;
  const write = () => {
    if (hidden !== undefined) [shown, done] = [shown + text.slice(done, hidden.start) + HIDDEN, hidden.end];
  };
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    if (hidden !== undefined && start <= hidden.end) {
      hidden = { start: hidden.start, end: Math.max(end, hidden.end) };
    } else {
      write();
      hidden = { start, end };
    }
  }
  write();
  return shown + text.slice(done);
}

/** A text in another spelling, and where each of its units comes from; absent: from the same place. */
interface Form {
  readonly text: string;
  readonly starts?: readonly number[];
  readonly ends?: readonly number[];
}

/** Sequences for a terminal, and single characters that cannot be seen. */
const SEQUENCES =
  // deno-lint-ignore no-control-regex
  /(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]{0,8}[0-~]|[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/** The text as a terminal shows it. */
function withoutSequences(form: Form): Form {
  return respell(form, SEQUENCES, () => "");
}

/** The text with each `%41` as the byte that it stands for. */
function decodePercent(form: Form): Form {
  return respell(form, /%[0-9A-Fa-f]{2}/g, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
}

/** Replaces what matches, each by at most one unit. The same form where nothing does. */
function respell(form: Form, pattern: RegExp, write: (match: string) => string): Form {
  const matches = [...form.text.matchAll(pattern)];
  if (matches.length === 0) return form;
  const [starts, ends]: [number[], number[]] = [[], []];
  const parts: string[] = [];
  let done = 0;
  const keep = (from: number, to: number) => {
    parts.push(form.text.slice(from, to));
    for (let at = from; at < to; at++) origin(at, at + 1);
  };
  const origin = (from: number, to: number) => {
    starts.push(form.starts?.[from] ?? from);
    ends.push(form.ends?.[to - 1] ?? to);
  };
  for (const { 0: match, index } of matches) {
    keep(done, index);
    done = index + match.length;
    const written = write(match);
    parts.push(written);
    if (written !== "") origin(index, done);
  }
  keep(done, form.text.length);
  return { text: parts.join(""), starts, ends };
}

/** A text with each byte of its UTF-8 as a unit: what percent-encoding encodes. */
function inBytes(text: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return [...new TextEncoder().encode(text)].map((byte) => String.fromCharCode(byte)).join("");
}
