import { assertEquals } from "@std/assert";
import { ReleaseError } from "../../src/errors.ts";
import type { HostAspect, HostChange, HostInRelease, PartChange } from "../../src/plan/changes.ts";
import { reportChanges } from "../../src/report/changes.ts";
import { code } from "../../src/report/markdown.ts";
import type { Publication } from "../../src/report/outcome.ts";
import { outputsOf, outputText } from "../../src/report/step_outputs.ts";
import {
  failureSections,
  fitSections,
  type Section,
  successSections,
} from "../../src/report/step_summary.ts";
import { expectHarmless, hostileTexts } from "../support/hostile.ts";
import { pureTest } from "../support/pure.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

function state(closureHash: string | null, difference: Partial<HostInRelease> = {}): HostInRelease {
  return {
    ...{ channel: "stable", wave: 0, system: "x86_64-linux", closureHash, pinnedTo: null },
    ...difference,
  };
}

function aspectsOf(before: HostInRelease, after: HostInRelease): HostAspect[] {
  const differs = {
    closure: before.closureHash !== after.closureHash,
    channel: before.channel !== after.channel,
    wave: before.wave !== after.wave,
  };
  return (["closure", "channel", "wave"] as const).filter((aspect) => differs[aspect]);
}

function host(name: string, before: HostInRelease | null, after: HostInRelease | null): HostChange {
  const [change, aspects] = before === null
    ? ["added" as const, []]
    : after === null
    ? ["removed" as const, []]
    : before.closureHash === after.closureHash
    ? ["unchanged" as const, []]
    : ["changed" as const, aspectsOf(before, after)];
  return { name, change, aspects, before, after };
}

const HOSTS = [
  host("db", null, state("c-db", { channel: "edge", wave: null })),
  host("old", state("a-old", { wave: 2 }), null),
  host("web1", state("a-web1"), state("b-web1")),
  host("web2", state("a-web2", { wave: 1 }), state("a-web2", { wave: 1 })),
  host("web3", state("a-web3", { channel: "edge", wave: null }), state("b-web3", { wave: 2 })),
];
const WINDOW: PartChange = {
  ...{ part: "channels", path: "channels.stable.freshnessWindow" },
  ...{ before: 120, after: 240 },
};

/** What a run came to. */
function publication(difference: Partial<Publication> = {}): Publication {
  return {
    outcome: "released",
    commit: COMMIT,
    signedAt: "2026-06-01T12:00:00Z",
    releaseCommit: COMMIT.toUpperCase(),
    pushedTo: { remote: "origin", branch: "main" },
    programVersion: "1.2.3",
    changes: reportChanges({ first: false, hosts: HOSTS, parts: [WINDOW] }),
    artifacts: [
      { path: "rollouts/x.json", sha256: "1".repeat(64), rolloutId: "x", reused: false },
      { path: "fleet.resolved.json", sha256: "2".repeat(64), rolloutId: null, reused: false },
    ],
    warnings: [{ code: "expired-pin", message: 'The pin of "web1" has expired' }],
    stages: [{ stage: "source", seconds: 0.02 }, { stage: "build", seconds: 125 }],
    ...difference,
  };
}

function text(sections: readonly Section[]): string {
  return fitSections(sections, Infinity)!;
}

pureTest(
  "successSections() tell what changes by channel and wave, what there is to warn of, and how long it took",
  () => {
    assertEquals(
      text(successSections(publication())),
      `## Released

- commit of the fleet: \`${COMMIT}\`
- commit of the release: \`${COMMIT.toUpperCase()}\`
- pushed to: \`origin:main\`
- signed at: \`2026-06-01T12:00:00Z\`

### Changes

2 of 4 hosts changed, 1 new, 1 removed, and 1 change beside the hosts.

| channel | wave | changed | new | removed | which |
| --- | --- | --- | --- | --- | --- |
| \`edge\` | none | 0 | 1 | 0 | \`db\` |
| \`stable\` | 0 | 1 | 0 | 0 | \`web1\` |
| \`stable\` | 2 | 1 | 0 | 1 | \`web3\`, \`old\` |

<details>
<summary>4 hosts</summary>

| host | change | before | after | also |
| --- | --- | --- | --- | --- |
| \`db\` | new |  | \`c-db\` |  |
| \`old\` | removed | \`a-old\` |  |  |
| \`web1\` | changed | \`a-web1\` | \`b-web1\` |  |
| \`web3\` | changed | \`a-web3\` | \`b-web3\` | \`channel edge → stable, wave - → 2\` |

</details>

<details>
<summary>1 change beside the hosts</summary>

| what | before | after |
| --- | --- | --- |
| \`channels.stable.freshnessWindow\` | \`120\` | \`240\` |

</details>

### Warnings

- expired-pin: \`The pin of "web1" has expired\`

<details>
<summary>Times</summary>

| stage | took |
| --- | --- |
| source | 20 ms |
| build | 2 min 5 s |

</details>

`,
    );
  },
);

pureTest(
  "successSections() of a first release, of one that changes nothing, and of one signed anew are short",
  () => {
    const bare = { releaseCommit: null, pushedTo: null, warnings: [], stages: [] };
    const news = [host("a", null, state("a")), host("b", null, state("b"))];
    const first = reportChanges({ first: true, hosts: news, parts: [] });
    const same = reportChanges({ first: false, hosts: [host("a", state("a"), state("a"))], parts: [] });
    const head = (heading: string) =>
      `## ${heading}

- commit of the fleet: \`${COMMIT}\`
- signed at: \`2026-06-01T12:00:00Z\`
`;
    assertEquals(
      [
        text(successSections(publication({ ...bare, changes: first }))),
        text(
          successSections({
            ...publication({ ...bare, changes: same, outcome: "no-change" }),
            signedBefore: "2026-06-01T12:00:00Z",
          }),
        ),
        text(
          successSections({
            ...publication({ ...bare, changes: same }),
            signedBefore: "2026-05-01T12:00:00Z",
          }),
        ),
      ],
      [
        `${head("Released")}
### Changes

The first release, of 2 hosts.

| channel | wave | changed | new | removed | which |
| --- | --- | --- | --- | --- | --- |
| \`stable\` | 0 | 0 | 2 | 0 | \`a\`, \`b\` |

`,
        `${head("Nothing to do: the release is there already")}
### Changes

Nothing changes for 1 host.

`,
        `${head("Signed anew")}- signed before at: \`2026-05-01T12:00:00Z\`

### Changes

Nothing changes for 1 host.

`,
      ],
    );
  },
);

pureTest(
  "failureSections() tell the error with its hosts and the end of its log, and what came before",
  () => {
    const error = new ReleaseError("build", 'Cannot build host "web1"', {
      path: "hosts.web1",
      lines: ['host "web1": x.drv', "| ```", "| no space left"],
      hosts: ["web1", "web2"],
      hint: "free some space",
    });
    const { warnings, stages } = publication();
    assertEquals(
      text(failureSections(error, { warnings, stages: stages.slice(0, 1) })),
      `## Failed

\`Cannot build host "web1"\`

- at: \`hosts.web1\`
- hosts: \`web1\`, \`web2\`
- hint: \`free some space\`
- exit code: 1, build

\`\`\`\`text
host "web1": x.drv
| \`\`\`
| no space left
\`\`\`\`

### Warnings

- expired-pin: \`The pin of "web1" has expired\`

<details>
<summary>Times</summary>

| stage | took |
| --- | --- |
| source | 20 ms |

</details>

`,
    );
  },
);

/** Texts that would be markdown, HTML or a mention, beside those of {@linkcode hostileTexts}. */
const MARKDOWN = [
  ..."`*_~|\\#<>![]()&@-+$",
  ...[
    "``",
    "```",
    "~~~",
    "a`b``c",
    "\\`",
    "\\|",
    "|`",
    "` |",
    "</details>",
    "<img src=x>",
    "<!--",
    "-->",
    " ",
  ],
  ...[
    "[a](http://b)",
    "![a](http://b)",
    "@everyone",
    "#1",
    "http://a.b",
    "&lt;",
    "| --- |",
    "# a",
    "- a",
    "[^1]",
  ],
];

/** What is left of markdown without what is in its code, but for what divides cells wherever it stands. */
function structure(markdown: string): string {
  return markdown.replace(/^(`{3,})text\n[^]*?^\1$/gm, "$1")
    .replace(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g, (_, _ticks, code) => `\`${code.replace(/[^|]/g, "")}\``);
}

pureTest("no text of others is markdown or HTML in a summary, or ends a line or a cell of it", () => {
  /** All that others have named, as one text. */
  const summaries = (name: string) => {
    const changes = reportChanges({
      first: false,
      hosts: [
        host(name, state("a"), state(name, { channel: name })),
        host(`${name}x`, null, state(null, { channel: name })),
      ],
      parts: [{ part: "waves", path: name, before: { [name]: name }, after: [name] }],
    });
    const warnings = [{ code: "evaluation", message: name }];
    const ended = publication({ warnings, changes, pushedTo: { remote: name, branch: name } });
    const error = new ReleaseError("io", name, { path: name, lines: [name], hosts: [name], hint: name });
    return [successSections(ended), failureSections(error, { warnings, stages: [] })].map(text);
  };
  const plain = summaries("web").map(structure);
  for (const name of [...MARKDOWN, ...hostileTexts(3, 300)]) {
    const hostile = summaries(name);
    hostile.forEach(expectHarmless);
    const fences = /^`{4,}/gm;
    assertEquals(
      hostile.map((summary) => structure(summary).replace(fences, "```")),
      plain,
      JSON.stringify(name),
    );
  }
});

pureTest("code() shows a text as it is, whatever ticks and blanks are in it", () => {
  assertEquals(["a", "say `a b` twice", "`a``", " a", "a|b", " "].map(code), [
    ...["`a`", "``say `a b` twice``", "``` `a`` ```", "`  a `", "`a\\x7cb`", '`" "`'],
  ]);
});

pureTest("what looks like a secret is hidden in a summary, as it is in the log", () => {
  const secret = "Canary7aQ2xZ";
  const url = `https://bob:${secret}@host/x`;
  const warnings = [{ code: "evaluation", message: url }];
  const error = new ReleaseError("io", url, { path: url, lines: [url], hint: url });
  const summaries = [
    failureSections(error, { warnings, stages: [] }),
    successSections(publication({ warnings })),
  ];
  assertEquals(summaries.map((sections) => text(sections).includes(secret)), [false, false]);
});

pureTest("fitSections() leaves out what there is no room for, closes what is open, and says so", () => {
  const sections = [
    { lines: ["one", "two"] },
    { lines: ["```", "é", "four"], end: ["```"] },
    { lines: ["five"] },
    { lines: ["x".repeat(1000)] },
  ];
  const cut = "The rest is left out: the summary of a step has room for 1 MiB.\n";
  const kept = [
    "",
    "one\n\n",
    "one\ntwo\n\n",
    "one\ntwo\n\n```\n```\n\n",
    "one\ntwo\n\n```\né\n```\n\n",
    "one\ntwo\n\n```\né\nfour\n```\n\n",
    "one\ntwo\n\n```\né\nfour\n```\n\nfive\n\n",
  ].map((text) => text + cut);
  const whole = kept.at(-1)!.replace(cut, `${"x".repeat(1000)}\n\n`);
  const texts = [...kept, whole];
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  assertEquals(texts.map((text) => fitSections(sections, bytes(text))), texts);
  assertEquals(texts.map((text) => fitSections(sections, bytes(text) - 1)), [undefined, ...kept]);
});

pureTest("outputsOf() give each output a text, and outputText() lets none of them be another one", () => {
  const outputs = outputsOf(publication(), "fleet.resolved.json");
  assertEquals(outputs, {
    "outcome": "released",
    "commit": COMMIT,
    "release-commit": COMMIT.toUpperCase(),
    "changed-hosts": '["db","web1","web3"]',
    "fleet-sha256": "2".repeat(64),
  });
  assertEquals(
    outputsOf(publication({ commit: null, releaseCommit: null, outcome: "no-change" }), "x.json"),
    { ...outputs, "outcome": "no-change", "commit": "", "release-commit": "", "fleet-sha256": "" },
  );
  assertEquals(outputText({ outcome: "failed" }, "end"), "outcome<<end\nfailed\nend\n");
  for (const name of [...MARKDOWN, ...hostileTexts(4, 300)]) {
    const changes = reportChanges({ first: true, hosts: [host(name, null, state("a"))], parts: [] });
    const written = outputText(outputsOf(publication({ changes }), ""), "end");
    expectHarmless(written);
    assertEquals(JSON.parse(readOutputs(written)["changed-hosts"]!), [name]);
  }
});

/** The outputs as a runner reads them. */
function readOutputs(text: string): Record<string, string> {
  const lines = text.split("\n");
  const read: Record<string, string> = {};
  for (let line = lines.shift(); line !== undefined && line !== ""; line = lines.shift()) {
    const [name, delimiter] = line.split("<<") as [string, string];
    const end = lines.indexOf(delimiter);
    read[name] = lines.splice(0, end + 1).slice(0, -1).join("\n");
  }
  return read;
}
