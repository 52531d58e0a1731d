import { assertEquals } from "@std/assert";
import { parseGitPush } from "../../src/config.ts";
import { pureTest, refusal } from "../support/pure.ts";

const READ: [text: string, remote: string, branch: string][] = [
  ["origin:main", "origin", "main"],
  ["origin:release/26.05", "origin", "release/26.05"],
  ["origin:refs/heads/main", "origin", "main"],
  ["origin:refs/for/main", "origin", "refs/for/main"],
  ["origin:refs/for/release/26.05%topic=x", "origin", "refs/for/release/26.05%topic=x"],
  ["origin:refs", "origin", "refs"],
  ["origin:feature@2", "origin", "feature@2"],
  ["origin:ünïcode", "origin", "ünïcode"],
  ["origin:a-b_c.d#e", "origin", "a-b_c.d#e"],
  [`origin:a/${"b".repeat(250)}`, "origin", `a/${"b".repeat(250)}`],
  ["https://host.example/org/fleet.git:main", "https://host.example/org/fleet.git", "main"],
  ["https://host.example:8443/org/fleet.git:main", "https://host.example:8443/org/fleet.git", "main"],
  ["https://user:token@host.example/fleet:main", "https://user:token@host.example/fleet", "main"],
  ["ssh://git@host.example:22/fleet.git:main", "ssh://git@host.example:22/fleet.git", "main"],
  ["ssh://git@[::1]:22/fleet.git:main", "ssh://git@[::1]:22/fleet.git", "main"],
  ["git@host.example:org/fleet.git:main", "git@host.example:org/fleet.git", "main"],
  ["file:///srv/fleet.git:main", "file:///srv/fleet.git", "main"],
  ["/srv/a b/fleet.git:main", "/srv/a b/fleet.git", "main"],
  ["../fleet.git:main", "../fleet.git", "main"],
];

pureTest("parseGitPush() divides at the last colon, since URLs have colons too", () => {
  assertEquals(
    READ.map(([text]) => [text, parseGitPush(text)]),
    READ.map(([text, remote, branch]) => [
      text,
      { remote, branch },
    ]),
  );
});

const NO_BRANCH_NAME = [
  "a b",
  "a..b",
  "a~1",
  "a^",
  "a?",
  "a*",
  "a[b",
  "a\\b",
  "a\nb",
  "a\x7f",
  "a@{1}",
  "@",
  "-a",
  "/a",
  "a/",
  "a//b",
  "a.",
  ".a",
  "a/.b",
  "HEAD",
  "a.lock",
  "a.lock/b",
  "//host.example/fleet.git",
  "b".repeat(251),
];

const REFUSED: [problem: string, texts: string[]][] = [
  ["there is no colon in it", ["", "main", "origin/main"]],
  ["the remote is empty", [":main", ":"]],
  ["the branch is empty", [
    "origin:",
    "origin:refs/heads/",
    "origin:refs/for/",
    "https://host.example/fleet.git:",
  ]],
  ["the remote begins with a dash", ["--receive-pack=x:main", "-o:main"]],
  ["it looks like a URL without a branch", ["git@host.example:org/fleet.git"]],
  ...NO_BRANCH_NAME.map((name): [string, string[]] => [
    `${`"${name}"`} is no branch name`,
    [`origin:${name}`, `origin:refs/heads/${name}`],
  ]),
  ['"//host.example/fleet" is no branch name', ["https://host.example/fleet"]],
];

for (const [problem, texts] of REFUSED) {
  pureTest(`parseGitPush() refuses: ${JSON.stringify(problem)}`, () => {
    for (const text of texts) {
      assertEquals(refusal(() => parseGitPush(text)), {
        kind: "usage",
        message: `Cannot read --git-push "${text}": ${problem}`,
        hint: 'expected REMOTE:BRANCH, as in "origin:main" or "git@host:org/fleet.git:main"',
      });
    }
  });
}

pureTest("parseGitPush() refuses the whole name of what is no branch, and would not make one of it", () => {
  const names = [
    "refs/tags/v1",
    "refs/",
    "refs/for",
    "refs/notes/x",
    "refs/heads/refs/heads/main",
    "refs/heads/refs/tags/v1",
  ];
  for (const name of names) {
    assertEquals(refusal(() => parseGitPush(`origin:${name}`)), {
      kind: "usage",
      message: `Cannot read --git-push "origin:${name}": "${
        name.replace("refs/heads/", "")
      }" is not the name of a branch`,
      hint: 'give a branch, as in "origin:main", or what is reviewed first, as in "origin:refs/for/main"',
    });
  }
  for (const name of ["refs/for/a..b", "refs/for/-a"]) {
    const { message } = refusal(() => parseGitPush(`origin:${name}`));
    assertEquals(message, `Cannot read --git-push "origin:${name}": "${name}" is no branch name`);
  }
});
