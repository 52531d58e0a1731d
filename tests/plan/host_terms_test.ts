import { assert, assertEquals } from "@std/assert";
import { hasMark, isLike, patternSource, termsOf } from "../../src/plan/host_terms.ts";
import { pureTest } from "../support/pure.ts";

/** For each pattern names that are like it, and names that are not. */
const PATTERNS: [pattern: string, like: string[], unlike: string[]][] = [
  ["web-*", ["web-", "web-1", "web-1.eu", "web-\n"], ["web", "aweb-1", "WEB-1"]],
  ["*", ["", "a", "\u{1f5a5}\n"], []],
  ["**b", ["b", "ab", "bb"], ["ba", ""]],
  ["*a*a*", ["aa", "banana"], ["a", "b"]],
  ["we?", ["web", "we\u{1f5a5}", "we\n"], ["we", "webb"]],
  ["web-[12]", ["web-1", "web-2"], ["web-3", "web-", "web-12"]],
  ["web-[!12]", ["web-3", "web-a", "web-\u{1f5a5}"], ["web-1", "web-"]],
  ["[a-cX-Z0-3_.-]", ["a", "c", "Y", "2", "_", ".", "-"], ["d", "W", "4", "!", "B"]],
  ["[!-]", ["a", "!"], ["-"]],
  ["[a-]", ["a", "-"], ["b"]],
  // What has a meaning in regular expressions has none here.
  ["a.b*", ["a.b"], ["aXb"]],
  ["^a+(b|c){1}\\d$*", ["^a+(b|c){1}\\d$", "^a+(b|c){1}\\d$x"], ["ab1"]],
  ["a-b/c,d e\u00e9*", ["a-b/c,d e\u00e9"], ["a"]],
];

for (const [pattern, like, unlike] of PATTERNS) {
  pureTest(`the pattern ${pattern} is about the names that are like it`, () => {
    const source = patternSource(pattern);
    assert(source !== null);
    assertEquals([...like, ...unlike].filter(isLike(source)), like);
  });
}

pureTest("a pattern with a set that is none cannot be read", () => {
  const patterns = [
    ...["[", "web-[", "web-[]", "[!]", "[[]", "[]]", "web]*", "[a", "[z-a]", "[a-Z]", "[a-z-9]"],
    ...["[a^b]", "[\\d]", "[\u00e9]", "[-a]", "[a!]", "[:alpha:]", "[a b]", "[a]]"],
  ];
  assertEquals(patterns.map((pattern) => [pattern, patternSource(pattern)]), patterns.map((p) => [p, null]));
});

pureTest("termsOf() gives each term once, with what it is about", () => {
  const list = [
    "a",
    "!a",
    "@t",
    "!@t",
    "%c",
    "!%c",
    "w*",
    "!w?",
    "a@b",
    "!",
    "!!a",
    "@",
    "[a]",
    "a",
    "[",
    "auto",
  ];
  const terms = termsOf({ kind: "explicit", hosts: list });
  assertEquals(
    terms.map(({ text, not, rest, by, value }) => `${text}: ${not ? "not " : ""}${rest}, ${by} ${value}`),
    [
      "a: a, name a",
      "!a: not a, name a",
      "@t: @t, tag t",
      "!@t: not @t, tag t",
      "%c: %c, channel c",
      "!%c: not %c, channel c",
      "w*: w*, pattern w.*",
      "!w?: not w?, pattern w.",
      "a@b: a@b, name a@b",
      "!: not , name ",
      "!!a: not !a, name !a",
      "@: @, tag ",
      "[a]: [a], pattern [a]",
      "[: [, pattern null",
      "auto: auto, name auto",
    ],
  );
  assertEquals(terms.filter((term) => !hasMark(term)).map(({ text }) => text), ["a", "a@b", "auto"]);
  // Behind exclude= everything is left out, and there is no `!`.
  assertEquals(
    termsOf({ kind: "auto", exclude: ["a", "@t", "!b", "a"] }).map((term) => [term.rest, term.not, term.by]),
    [["a", true, "name"], ["@t", true, "tag"], ["!b", true, "name"]],
  );
});
