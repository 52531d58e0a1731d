import { assertEquals } from "@std/assert";
import { defaultConfig } from "../../src/commands/release.ts";
import { cleanCommitMessage, renderCommitMessage, withParagraph } from "../../src/plan/commit_message.ts";
import { pureTest } from "../support/pure.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const AT = "2026-04-27T12:00:00Z";

const MESSAGES: [claim: string, template: string, ciCommit: string | null, at: string, message: string][] = [
  [
    "fills in the default template",
    defaultConfig().commitTemplate,
    SHA,
    AT,
    "chore(ci): release 01234567 [skip ci]",
  ],
  ["writes HEAD for no commit", "{sha} {sha:0:8}", null, AT, "HEAD HEAD"],
  ["writes a short commit whole", "{sha} {sha:0:8}", "abc", AT, "abc abc"],
  [
    "fills in each placeholder as often as it stands there",
    "{ts}{sha:0:8}{ts}",
    SHA,
    AT,
    [
      "2026-04-27T12:00:00+00:00",
      "01234567",
      "2026-04-27T12:00:00+00:00",
    ].join(""),
  ],
  [
    "keeps the fraction of the time",
    "{ts}",
    SHA,
    "2026-04-27T12:00:00.120Z",
    "2026-04-27T12:00:00.120+00:00",
  ],
  [
    "leaves other braces as they are",
    "{} {SHA} {sha:0:7} {sha:0:80} {ts:0:8} { sha } {{sha}} {sha",
    "abc",
    AT,
    "{} {SHA} {sha:0:7} {sha:0:80} {ts:0:8} { sha } {abc} {sha",
  ],
  ["never looks for placeholders in a value", "{sha}", "{ts}{sha:0:8}", AT, "{ts}{sha:0:8}"],
  ["takes no sign of a value or a template for a pattern", "$& $1 {sha} \\", "$&$1$$", AT, "$& $1 $&$1$$ \\"],
  [
    "keeps lines and blanks",
    "release {sha:0:8}\n\nat {ts}\n",
    SHA,
    AT,
    [
      "release 01234567\n\nat 2026-04-27T12:00:00+00:00\n",
    ].join(""),
  ],
  ["leaves a template without placeholders as it is", "release", SHA, AT, "release"],
];

for (const [claim, template, ciCommit, signedAt, message] of MESSAGES) {
  pureTest(`renderCommitMessage() ${claim}`, () => {
    assertEquals(renderCommitMessage(template, ciCommit, signedAt), message);
  });
}

pureTest("cleanCommitMessage() keeps the text, and takes out what stands around it", () => {
  const messages: [message: string, cleaned: string][] = [
    ["release", "release\n"],
    ["release\n", "release\n"],
    ["\n \n  release \t\r\n\n \n\nSigned\r\n# kept\n\n\n", "  release\n\nSigned\n# kept\n"],
  ];
  assertEquals(
    messages.map(([message]) => cleanCommitMessage(message)),
    messages.map(([, cleaned]) => cleaned),
  );
});

pureTest("withParagraph() leaves the subject as it is, and what a template ends with at the end", () => {
  const cases: [message: string, whole: string][] = [
    ["release\n", "release\n\n2 of 3 hosts change\n"],
    ["re\nlease\n\nbody\n\nA: b\n", "re\nlease\n\n2 of 3 hosts change\n\nbody\n\nA: b\n"],
  ];
  assertEquals(
    cases.map(([message]) => withParagraph(message, "2 of 3 hosts change")),
    cases.map(([, whole]) => whole),
  );
});

pureTest("withParagraph() takes names for names, whatever a code host does with what commits say", () => {
  const names = [
    "web1.example-net_x",
    "ü",
    "fixes #1",
    "@all",
    "GH-1 ",
    "gh-a",
    "igh-1",
    '"#1"',
    "\\",
    "\n\nSigned-off-by: x",
    "\u202e",
    "[skip ci]",
  ];
  const line = names.map((name) => JSON.stringify(name)).join(", ");
  assertEquals(
    withParagraph("release\n", `2 of 3: ${line}`),
    String.raw`release

2 of 3: "web1.example-net_x", "ü", "fixes\x20\x231", "\x40all", "GH\x2d1\x20", "gh-a", "igh-1", "\"\x231\"", "\\", "\n\nSigned-off-by\x3a\x20x", "\u{202e}", "\x5bskip\x20ci\x5d"
`,
  );
});
