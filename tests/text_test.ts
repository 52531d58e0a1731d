import { assertEquals } from "@std/assert";
import { markdownTable, nearest, plural, quoteCommand, quoteList, stripControls } from "../src/text.ts";
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
    ["echo", "a\nb", "a\\b", "$HOME", "*", "~", "a b", "#", "ü"],
    "echo 'a\nb' 'a\\b' '$HOME' '*' '~' 'a b' '#' 'ü'",
  ],
  [["git", "a@b:c,d/e%f_g-h.i=j+k"], "git a@b:c,d/e%f_g-h.i=j+k"],
];

pureTest("quoteCommand() writes a command that a shell reads back as it is", () => {
  assertEquals(COMMANDS.map(([argv]) => [argv, quoteCommand(argv)]), COMMANDS);
  for (const [argv, line] of COMMANDS) assertEquals(readCommand(line), argv);
});

const STRIPPED: [line: string, plain: string][] = [
  ["plain", "plain"],
  ["\x1b[31;1merror:\x1b[0m no", "error: no"],
  ["\x1b[1mbold\x1b[22m \x1b[38;5;196mred\x1b[m", "bold red"],
  ["\x1b[2K\rprogress\x1b[?25l", "progress"],
  ["a\x1b[1;2Hb\x1b[Kc", "abc"],
  ["bell\x07 back\x08 null\0 delete\x7f return\r", "bell back null delete return"],
  ["tab\tstays, and so does\na line", "tab\tstays, and so does\na line"],
  ["ünïcode \u{1f5a5}", "ünïcode \u{1f5a5}"],
  ["", ""],
];

pureTest("stripControls() takes out colours and control characters, and leaves tabs and lines", () => {
  assertEquals(STRIPPED.map(([line]) => [line, stripControls(line)]), STRIPPED);
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
