import { assertEquals } from "@std/assert";
import {
  alignedRows,
  fitColumns,
  markdownTable,
  nearest,
  plural,
  printable,
  printableJson,
  quoteCommand,
  quoted,
  quoteList,
  withoutColours,
} from "../src/text.ts";
import { pureTest } from "./support/pure.ts";

pureTest("plural() adds an s unless there is exactly one", () => {
  assertEquals([0, 1, 2, 21].map((count) => plural(count, "host")), [
    "0 hosts",
    "1 host",
    "2 hosts",
    "21 hosts",
  ]);
});

pureTest("quoteList() quotes names, and counts those beyond the tenth", () => {
  const names = Array.from({ length: 12 }, (_, index) => `h${index}`);
  const ten = '"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"';
  assertEquals(quoteList([]), "");
  assertEquals(quoteList(["a"]), '"a"');
  assertEquals(quoteList(['a"b', "c\nd"]), '"a\\"b", "c\\nd"');
  assertEquals(quoteList(names.slice(0, 10)), ten);
  assertEquals(quoteList(names), `${ten} and 2 more`);
  assertEquals(quoteList(names.slice(0, 3), 2), '"h0", "h1" and 1 more');
});

const KNOWN = ["hosts", "sign-cmd", "push-cmd", "git-push", "git-commit"];

const NEAREST: [word: string, meant: string | undefined][] = [
  ["hosts", "hosts"],
  ["host", "hosts"],
  ["hots", "hosts"],
  ["ohsts", "hosts"],
  ["hostss", "hosts"],
  ["signcmd", "sign-cmd"],
  ["sign-command", "sign-cmd"],
  ["pushcmd", "push-cmd"],
  ["git-psuh", "git-push"],
  ["gitcomit", "git-commit"],
  ["bogus-option-name", undefined],
  ["HOSTS", undefined],
];

pureTest("nearest() gives the known word with the fewest edits, if those are few for its length", () => {
  assertEquals(NEAREST.map(([word]) => [word, nearest(word, KNOWN)]), NEAREST);
});

pureTest("nearest() gives the first of words that are equally near, and none of no words", () => {
  assertEquals(nearest("web3", ["web1", "web2"]), "web1");
  assertEquals(nearest("web3", ["web2", "web1"]), "web2");
  assertEquals(nearest("web3", []), undefined);
});

pureTest("nearest() takes words of any letters", () => {
  assertEquals(nearest("grün", ["gruen", "grün", "grau"]), "grün");
  assertEquals(nearest("", ["ab", "abc"]), "ab");
  assertEquals(nearest("", ["abc"]), undefined);
});

/** Reads a command line as a POSIX shell does, for words in single quotes, escaped or plain. */
function readCommand(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/gs)) {
    words.push(word.replaceAll(/'([^']*)'|\\(.)/gs, (_, quoted, escaped) => quoted ?? escaped));
  }
  return words;
}

const COMMANDS: [argv: string[], line: string][] = [
  [["/bin/nix", "--version"], "/bin/nix --version"],
  [["nix", "eval", ".#fleet.resolved"], "nix eval '.#fleet.resolved'"],
  [["nix", "--option", "cores", "4"], "nix --option cores 4"],
  [["nix", "git+file:///srv/fleet?rev=a"], "nix 'git+file:///srv/fleet?rev=a'"],
  [["sh", "-c", 'sign "$NIXFLEET_INPUT"'], `sh -c 'sign "$NIXFLEET_INPUT"'`],
  [["echo", ""], "echo ''"],
  [["echo", "it's"], "echo 'it'\\''s'"],
  [["echo", "'", "''"], "echo ''\\''' ''\\'''\\'''"],
  [
    ["echo", "a\\b", "$HOME", "*", "~", "a b", "#", "ü"],
    "echo 'a\\b' '$HOME' '*' '~' 'a b' '#' 'ü'",
  ],
  [["git", "a@b:c,d/e%f_g-h.i=j+k"], "git a@b:c,d/e%f_g-h.i=j+k"],
];

pureTest("quoteCommand() keeps a command on one line, and in sight, by $'…'", () => {
  const words = ["a\nb'c\\d\t", "\x1b1", "\u202e!"];
  assertEquals(quoteCommand(words), String.raw`$'a\nb\'c\\d\t' $'\0331' $'\342\200\256!'`);
});

pureTest("quoteCommand() writes a command that a shell reads back as it is", () => {
  assertEquals(COMMANDS.map(([argv]) => [argv, quoteCommand(argv)]), COMMANDS);
  for (const [argv, line] of COMMANDS) assertEquals(readCommand(line), argv);
});

const PRINTABLE: [line: string, printed: string][] = [
  ["plain, ünïcode \u{1f5a5} and \\n as it is", "plain, ünïcode \u{1f5a5} and \\n as it is"],
  ["a\nb\rc\td\0", "a\\nb\\rc\\td\\x00"],
  ["\x1b[31mred\x1b[0m \x9b2J \x7f \x85", "\\x1b[31mred\\x1b[0m \\x9b2J \\x7f \\x85"],
  ["\x1b]8;;x\x07 \x1bPq\x1b\\ \x90q\x9c", "\\x1b]8;;x\\x07 \\x1bPq\\x1b\\ \\x90q\\x9c"],
  ["\u2028 \u2029", "\\u{2028} \\u{2029}"],
  [
    "\u061c\u200e\u200f\u202a\u202e\u2066\u2069",
    "\\u{61c}\\u{200e}\\u{200f}\\u{202a}\\u{202e}\\u{2066}\\u{2069}",
  ],
  [
    "a\u200bb\u200d\u2060\ufeff\u00ad\u034f\ufe0f\u{e0041}",
    "a\\u{200b}b\\u{200d}\\u{2060}\\u{feff}\\xad\\u{34f}\\u{fe0f}\\u{e0041}",
  ],
  ["\ud800 \udc00 \u{1f600}", "\\u{d800} \\u{dc00} \u{1f600}"],
  ["::error::x", "\\x3a:error::x"],
  [" \u00a0::add-mask::x", " \u00a0\\x3a:add-mask::x"],
  ["error: ::x", "error: ::x"],
  ["a ##[group]b ###[x] ##vso[task.complete]", "a \\x23#[group]b #\\x23#[x] \\x23#vso[task.complete]"],
  ["# a ## b", "# a ## b"],
];

pureTest(
  "printable() writes what acts, turns round or hides so that it is seen, and no command to a CI system",
  () => {
    assertEquals(PRINTABLE.map(([line]) => [line, printable(line)]), PRINTABLE);
  },
);

pureTest(
  "printableJson() reads back exactly, and has nothing raw in it that printable() would not print",
  () => {
    const value = Object.fromEntries(PRINTABLE.map(([line]) => [line, [line, { [line]: line }]]));
    for (const json of [printableJson(value), printableJson(value, 2)]) {
      assertEquals(JSON.parse(json), value);
      assertEquals(json.split("\n").map(printable).join("\n"), json);
    }
    assertEquals(printableJson({ a: ["ü", 1, null] }, 2), JSON.stringify({ a: ["ü", 1, null] }, null, 2));
  },
);

const COLOURED: [line: string, plain: string][] = [
  ["plain", "plain"],
  ["\x1b[31;1merror:\x1b[0m no", "error: no"],
  ["\x1b[01m\x1b[Kx.c:\x1b[m\x1b[K \x1b[38;5;196mred\x1b[m", "x.c: red"],
  ["\x1b[2J\x1b[1;2Hb\x1b[?25l", "\x1b[2J\x1b[1;2Hb\x1b[?25l"],
];

pureTest("withoutColours() takes out what colours, and leaves what does anything else", () => {
  assertEquals(COLOURED.map(([line]) => [line, withoutColours(line)]), COLOURED);
});

pureTest("quoted() marks a line, and writes its tabs as blanks", () => {
  assertEquals(["\x1b[1merror\x1b[0m: no", "\tat 3", ""].map(quoted), ["| error: no", "|     at 3", "| "]);
});

const FITTING: [text: string, columns: number, shown: string][] = [
  ["abc", 3, "abc"],
  ["abcd", 3, "ab…"],
  ["abc", 1, "…"],
  ["abc", 0, ""],
  ["", 0, ""],
  ["日本語", 6, "日本語"],
  ["日本語", 5, "日本…"],
  ["日本語", 4, "日…"],
  ["\u{1f600}\u{1f600}", 3, "\u{1f600}…"],
  // What is put over a letter stays with it.
  ["e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  [`a${"\u0301".repeat(500)}`, 1, `a${"\u0301".repeat(500)}`],
];

pureTest("fitColumns() counts the columns of a terminal, and cuts no character in two", () => {
  assertEquals(FITTING.map(([text, columns]) => [text, columns, fitColumns(text, columns)]), FITTING);
});

pureTest("tables have as many rows as there are hosts", () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [`${index}`, "x"]);
  assertEquals(alignedRows(rows).at(0), "0       x");
  assertEquals(markdownTable(rows).length, 200_001 * "| 199999 | x |\n".length - 1);
});

pureTest("markdownTable() pads each column to its widest cell, as the formatter does", () => {
  assertEquals(
    markdownTable([["a", "what"], ["`--long`", "x"], ["b", "three words more"]]),
    `| a        | what             |
| -------- | ---------------- |
| \`--long\` | x                |
| b        | three words more |`,
  );
  assertEquals(markdownTable([["a"]]), "| a |\n| - |");
});
