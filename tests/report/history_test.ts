import { assertEquals } from "@std/assert";
import {
  type FoundCommit,
  historyWarnings,
  loggedRelease,
  logLines,
  longLogLines,
  withoutDetails,
} from "../../src/report/history.ts";
import { readContent, type ReleaseContent } from "../../src/verify/content.ts";
import { pureTest } from "../support/pure.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";

const SIGNER = await newSigner();
const KEY = { slot: "previous" as const, ...SIGNER.publicKey };
const RULES = { artifactName: "fleet.resolved.json", trust: { keys: [KEY], rejectBefore: null } };
const CLOSURES = { web1: "11111111111-system", web2: "22222222222-system", db: "33333333333-system" };

async function release(day: number, closureHashes: Record<string, string> = CLOSURES) {
  const signedAt = `2026-06-0${day}T12:00:00Z`;
  return await readContent(
    await signedRelease({ signer: SIGNER, signedAt, closureHashes, ciCommit: `${day}`.repeat(40) }),
    RULES,
  );
}

function at(commit: string, content: ReleaseContent): FoundCommit {
  return { commit: commit.repeat(40), committedAt: "2026-06-09T12:00:00Z", ...content };
}

const REFUSED: ReleaseContent = {
  content: null,
  key: null,
  failures: [{
    path: "fleet.resolved.json",
    code: "bad-signature",
    message: "its signature does not verify with any trusted key",
  }],
};
const GONE = await readContent(new Map(), RULES);

pureTest("the log says of each release what it changes, or why that cannot be told", async () => {
  const [first, second] = [await release(1), await release(2, { ...CLOSURES, web1: "99999999999-system" })];
  const key = `previous ed25519:${SIGNER.publicKey.bytes.toBase64().slice(0, 8)}…`;
  const releases = [
    loggedRelease(at("a", second), first),
    loggedRelease(at("b", first), first),
    loggedRelease(at("c", second), REFUSED),
    loggedRelease(at("d", REFUSED), first),
    loggedRelease(at("e", second), "cut"),
    loggedRelease(at("f", GONE), second),
    loggedRelease(at("0", first), GONE),
    loggedRelease(at("1", first), null),
  ].map((release) => release!);
  // Without a release nothing is taken away.
  assertEquals([null, "cut" as const, GONE].map((before) => loggedRelease(at("2", GONE), before)), [
    ...[null, null, null],
  ]);
  const lines = logLines({ releases, verified: true, more: true });
  assertEquals(lines.map((line) => line.split(/ {2,}/)), [
    ["signed at", "commit", "of", "key", "channels", "changes"],
    ["2026-06-02T12:00:00Z", "aaaaaaaa", "22222222", key, "stable", '1 of 3 hosts changes: "web1"'],
    ["2026-06-01T12:00:00Z", "bbbbbbbb", "11111111", key, "-", "nothing changes for 3 hosts"],
    ["2026-06-02T12:00:00Z", "cccccccc", "22222222", key, "-", "unknown: the release before it is refused"],
    [
      ...["-", "dddddddd", "-", "none", "-"],
      'refused: "fleet.resolved.json": its signature does not verify with any trusted key',
    ],
    ["2026-06-02T12:00:00Z", "eeeeeeee", "22222222", key, "-", "unknown: the clone does not go back further"],
    ["-", "ffffffff", "-", "-", "-", "the release is removed"],
    ["2026-06-01T12:00:00Z", "00000000", "11111111", key, "edge, stable", "first release, of 3 hosts"],
    ["2026-06-01T12:00:00Z", "11111111", "11111111", key, "edge, stable", "first release, of 3 hosts"],
    [""],
    ["there are older releases: --limit shows more"],
  ]);
  const table = releases.map(withoutDetails);
  assertEquals(table.flatMap(({ changes }) => [...changes?.hosts ?? [], ...changes?.parts ?? []]), []);
  assertEquals(logLines({ releases: table, verified: true, more: true }), lines);
  assertEquals(releases.map(({ noChanges }) => noChanges), [
    ...[null, null, "previous-refused", "refused", "history-cut", "removed", null, null],
  ]);
  assertEquals(longLogLines({ releases: [releases[0]!, releases[3]!], verified: false, more: false }), [
    `release of commit ${"2".repeat(40)}, signed at 2026-06-02T12:00:00Z`,
    `  commit: ${"a".repeat(40)}`,
    "  key: unverified",
    '  1 of 3 hosts changes: "web1"',
    "",
    "    channel  wave  host  change   closure              also",
    "    stable   1     web1  changed  11111111 → 99999999",
    "",
    "release, committed at 2026-06-09T12:00:00Z",
    `  commit: ${"d".repeat(40)}`,
    "  key: unverified",
    '  refused: "fleet.resolved.json": its signature does not verify with any trusted key',
  ]);
});

pureTest("the log warns of what is not in it", () => {
  const commits = [{ commit: "b" }, { commit: "a" }];
  assertEquals(historyWarnings("releases", { commits, isCut: false, renamedFrom: null }), []);
  assertEquals(historyWarnings("releases", { commits: [], isCut: true, renamedFrom: null }), []);
  assertEquals(historyWarnings("releases", { commits, isCut: true, renamedFrom: null }), [{
    code: "history-cut",
    message:
      "The clone is shallow: it has nothing from before a, where the last release of this list may have " +
      "been for long. `git fetch --unshallow` fetches the rest",
    path: "releases",
  }]);
  assertEquals(historyWarnings("releases", { commits, isCut: false, renamedFrom: "it's old" }), [{
    code: "renamed-directory",
    message: `Releases from before a are not in this list: the directory was "it's old" then. ` +
      "`fleet-release log 'it'\\''s old' --git a^` lists them",
    path: "releases",
  }]);
});
