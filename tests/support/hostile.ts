/**
 * Texts by which others would like to say something in our name, and how to tell that they did not.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

/** What forges lines, moves the cursor, turns letters round, hides, or commands a CI system. */
const PIECES = [
  ..."\0\b\t\n\v\f\r\x1b\x7f\x85\x9b\u2028\u2029",
  ..."\u061c\u200b\u200d\u200e\u200f\u202a\u202e\u2066\u2069\u2060\ufeff\u00ad",
  "\r\n",
  "\x1b[2K\x1b[1A",
  "\x1b]0;title\x07",
  "\x1bPq\x1b\\",
  "\u{e0041}",
  "\ud800",
  "\udc00",
  "\n::stop-commands::token\n",
  "\n  ::error::x",
  "##[group]",
  "##vso[task.complete]",
  "\nVerified 99 signatures in 1 ms\n",
  "\nverified a release of 2 hosts",
  "\nerror: no",
  "\nwarning: x",
  "\nhint: run this",
  "\n$ rm",
  '\n{"event":"stage-done"}\n',
  '"',
  "\\",
  "日本",
  "e\u0301",
  "\u{1f600}",
  "web",
];

/** Hostile texts, the same ones for a seed: each piece alone, and many put together. */
export function hostileTexts(seed: number, count: number): string[] {
  let state = seed;
  // A linear congruential generator (Numerical Recipes): cheap, and the same everywhere.
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
  const text = () => Array.from({ length: 1 + below(6) }, () => PIECES[below(PIECES.length)]).join("");
  return Array.from({ length: count }, text);
}

/** Everything that may be in no output, written anew and not as the program does. */
const FORBIDDEN = new RegExp(
  "[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\ufeff\\ufff9-\\ufffb]|[\\u{e0000}-\\u{e0fff}]|\\p{Surrogate}|##\\w*\\[|^\\s*::",
  "mu",
);

/** Asserts that an output has nothing in it that acts, hides or commands, but newlines at the ends of its lines. */
export function expectHarmless(output: string): void {
  assertEquals(FORBIDDEN.exec(output)?.[0], undefined, JSON.stringify(output));
  assertEquals(output === "" || output.endsWith("\n"), true, JSON.stringify(output));
}
