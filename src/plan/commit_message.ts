/**
 * The message of the release commit.
 *
 * @module
 */
import type { Timestamp } from "../contract/types.ts";
import { escapeSequence } from "../text.ts";

/**
 * Fills in a commit template: `{sha:0:8}` and `{sha}` are the released commit (`HEAD` when there is none), `{ts}`
 * is the signing time with `+00:00` for UTC.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   renderCommitMessage("release {sha:0:8} at {ts}", "0123456789abcdef", "2026-04-27T12:00:00Z"),
 *   "release 01234567 at 2026-04-27T12:00:00+00:00",
 * );
 * ```
 */
export function renderCommitMessage(template: string, ciCommit: string | null, signedAt: Timestamp): string {
  const sha = ciCommit ?? "HEAD";
  const values: Record<string, string> = {
    "{sha:0:8}": sha.slice(0, 8),
    "{sha}": sha,
    "{ts}": signedAt.replace(/Z$/, "+00:00"),
  };
  // One pass, so that a value is never searched for placeholders.
  return template.replace(/\{sha:0:8\}|\{sha\}|\{ts\}/g, (placeholder) => values[placeholder]!);
}

/**
 * A message as `git commit` keeps it (`--cleanup=whitespace`): without blanks at the ends of lines and empty lines at
 * both ends, with one empty line where there are several, and a line feed at its end. Pure.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cleanCommitMessage("\n release \n\n\n# kept\n\n"), " release\n\n# kept\n");
 * ```
 */
export function cleanCommitMessage(message: string): string {
  const lines = message.split("\n").map((line) => line.replace(/[ \t\r]+$/, ""));
  return `${lines.join("\n").replace(/\n{3,}/g, "\n\n").replace(/^\n+|\n+$/g, "")}\n`;
}

/**
 * A clean message with one more paragraph behind its subject, so that what the template ends with stays its end: trailers,
 * say. Pure.
 *
 * @param paragraph One line, in which names stand in quotes: what is in them is neither a mention nor a reference to an issue
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   withParagraph("release\n\nSigned-off-by: ci\n", '1 of 2 hosts changes: "web 1"'),
 *   'release\n\n1 of 2 hosts changes: "web\\x201"\n\nSigned-off-by: ci\n',
 * );
 * ```
 */
export function withParagraph(message: string, paragraph: string): string {
  const [subject, ...others] = message.trimEnd().split("\n\n");
  return `${[subject, withPlainNames(paragraph), ...others].join("\n\n")}\n`;
}

/**
 * Code hosts act on some of what commits say, as in `fixes #1`, `@name` or `GH-1`: of names, only what is plain stays, and
 * none of the last.
 */
function withPlainNames(text: string): string {
  return text.replace(
    /"(?:[^"\\]|\\.)*"/g,
    (name) => name.replace(/(?<=\bgh)-(?=\d)|[^\p{L}\p{M}\p{N}."\\_-]/giu, escapeSequence),
  );
}
