// `fleet-release log` and `fleet-release diff`, on a repository with releases.

import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { parsePrivateKey } from "../../src/crypto/private_key.ts";
import type { ReleaseFiles } from "../../src/verify/bindings.ts";
import { type Draft, KEY, PUBLIC_KEY } from "../support/fleet.ts";
import type { Finished } from "../support/command.ts";
import { runInProcess } from "../support/in_process.ts";
import { filesIn, HistoryRepository } from "../support/release_history.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";

const SIGNER = await parsePrivateKey(await Deno.readTextFile(KEY));
const OTHER = await newSigner("ecdsa-p256");
const TRUSTED = ["--public-key", PUBLIC_KEY];
const KEY_TEXT = "current ed25519:11qYAYKx…";

/** A release of so many hours after noon, signed by a key, of which web1 has this closure. */
async function release(
  hour: number,
  web1: string,
  { signer = SIGNER, edit = () => {} }: { signer?: typeof SIGNER; edit?: (fleet: Draft) => void } = {},
): Promise<ReleaseFiles> {
  const closures = { web1, web2: "22222222222-system", db: "33333333333-system" };
  return await signedRelease({
    signer,
    signedAt: `2026-06-01T${12 + hour}:00:00Z`,
    ciCommit: `${hour}`.repeat(40),
    closureHashes: closures,
    edit,
  });
}

const FIRST = await release(0, "11111111111-system");
const SECOND = await release(1, "11111111111-system");
const THIRD = await release(2, "99999999999-system", {
  edit: ({ channels }) => channels.stable.freshnessWindow = 720,
});
const OF_OTHER = await release(3, "77777777777-system", { signer: OTHER });

/** What the program prints in a repository. */
function fleetRelease(repository: HistoryRepository, ...args: string[]): Promise<Finished> {
  return runInProcess(args, { cwd: repository.path, env: repository.env() });
}

/** The lines of a table, each by its cells. */
function cells({ stdout }: Finished): string[][] {
  return stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
}

Deno.test("log lists the releases of a directory, by the keys that are given", async () => {
  await using repository = await HistoryRepository.create(
    [FIRST, SECOND, THIRD].map((files) => ({ files: filesIn("releases", files) })),
  );
  const [one, two, three] = repository.commits.map((commit) => commit.slice(0, 8)) as [
    string,
    string,
    string,
  ];
  const listed = await fleetRelease(repository, "log", ...TRUSTED);
  const header = ["signed at", "commit", "of", "key", "channels", "changes"];
  const rows = [
    [
      ...["2026-06-01T14:00:00Z", three, "22222222", KEY_TEXT, "stable"],
      '1 of 3 hosts changes: "web1"; channels change',
    ],
    ["2026-06-01T13:00:00Z", two, "11111111", KEY_TEXT, "-", "nothing changes for 3 hosts"],
    ["2026-06-01T12:00:00Z", one, "00000000", KEY_TEXT, "edge, stable", "first release, of 3 hosts"],
  ];
  assertEquals([listed.code, listed.stderr, cells(listed)], [0, "", [header, ...rows]]);
  const some = await fleetRelease(repository, "log", "releases/", "-n2", ...TRUSTED);
  assertEquals(cells(some), [header, ...rows.slice(0, 2), [""], [
    "there are older releases: --limit shows more",
  ]]);
  assertEquals(cells(await fleetRelease(repository, "log", "--git=main~1", "-n", "0", ...TRUSTED)), [
    header,
    ...rows.slice(1),
  ]);
  const changes = await fleetRelease(repository, "log", "-p", "--limit=1", ...TRUSTED);
  assertEquals(changes.stdout.split("\n").slice(5, 9), [
    "    channel  wave  host  change   closure              also",
    "    stable   1     web1  changed  11111111 → 99999999",
    "",
    "    changed  channels.stable.freshnessWindow: 1440 → 720",
  ]);

  const unverified = await fleetRelease(repository, "log", "--json", "--limit=1");
  assertEquals(unverified.code, 0);
  const warning = "No signature is verified: neither --trust-file nor --public-key is given";
  assertEquals(unverified.stderr, `warning: ${warning}\n`);
  const { releases: [latest], warnings, ...rest } = JSON.parse(unverified.stdout);
  assertEquals(rest, { schema: "fleet-release/log/1", verified: false, more: true });
  assertEquals(warnings, [{ code: "unverified", message: warning }]);
  const { changes: of, ...fields } = latest;
  assertEquals(fields, {
    commit: repository.commits[2],
    committedAt: "2026-06-01T14:00:00Z",
    signedAt: "2026-06-01T14:00:00Z",
    ciCommit: "2".repeat(40),
    key: null,
    hosts: 3,
    channels: ["edge", "stable"],
    noChanges: null,
    failures: [],
  });
  assertEquals([of.channels, of.unchanged, of.hosts[0].aspects], [["stable"], 2, ["closure"]]);
});

Deno.test("log tells nothing of a release that no trusted key has signed, and says what it lacks", async () => {
  const besides = new Map([["releases/revocations.json", new Uint8Array()]]);
  await using repository = await HistoryRepository.create([
    { files: filesIn("old", FIRST) },
    { renamed: [["old", "releases"]] },
    { files: filesIn("releases", OF_OTHER) },
    { files: filesIn("releases", THIRD) },
    { removed: ["releases"] },
    { files: besides },
  ]);
  const listed = await fleetRelease(repository, "log", ...TRUSTED);
  assertEquals(cells(listed).slice(1).map(([at, , , key, , changes]) => [at, key, changes]), [
    ["-", "-", "the release is removed"],
    ["2026-06-01T14:00:00Z", KEY_TEXT, "unknown: the release before it is refused"],
    [
      ...["-", "none"],
      'refused: "fleet.resolved.json": its signature does not verify with any trusted key',
    ],
    ["2026-06-01T12:00:00Z", KEY_TEXT, "first release, of 3 hosts"],
  ]);
  assertEquals(
    listed.stderr,
    `warning: Releases from before ${
      repository.commits[1]
    } are not in this list: the directory was "old" then. ` +
      `\`fleet-release log old --git ${repository.commits[1]}^\` lists them\n`,
  );
  await Deno.writeFile(
    join(repository.path, "trust.json"),
    trustBytes({ current: OTHER.publicKey, previous: SIGNER.publicKey }),
  );
  const newest = await fleetRelease(repository, "log", ...TRUSTED, "-n1");
  assertEquals([newest.code, cells(newest).slice(1)], [0, [[""], [
    "there are older releases: --limit shows more",
  ]]]);
  const both = cells(await fleetRelease(repository, "log", "--trust-file=trust.json", "-n4"));
  assertEquals(
    both.slice(2).map(([at, , , key]) => [at, key?.split(":")[0]]),
    [
      ["2026-06-01T14:00:00Z", "previous ed25519"],
      ["2026-06-01T15:00:00Z", "current ecdsa-p256"],
      [""],
      ["there are older releases: --limit shows more", undefined],
    ].map(([at, key]) => [at, key]),
  );
  const nothing = await fleetRelease(repository, "log", "elsewhere");
  assertEquals([nothing.code, nothing.stdout, nothing.stderr.split("\n")[0]], [
    1,
    "",
    'error: Found no release in "elsewhere" in the history of HEAD',
  ]);
  assert(nothing.stderr.includes("give the directory, relative to the current one, "), nothing.stderr);
});

Deno.test("diff compares releases in commits and on disk, and its exit code says whether they differ", async () => {
  await using repository = await HistoryRepository.create(
    [FIRST, SECOND, THIRD, OF_OTHER].map((files) => ({ files: filesIn("releases", files) })),
  );
  const [one, two, three] = repository.commits as [string, string, string];
  const diff = (...args: string[]) => fleetRelease(repository, "diff", "--exit-code", ...args);
  const same = await diff("main~3", "main~2", ...TRUSTED);
  assertEquals(same, {
    code: 0,
    stdout: `before: main~3 (commit ${one}), signed at 2026-06-01T12:00:00Z, of commit 00000000, ${KEY_TEXT}
after:  main~2 (commit ${two}), signed at 2026-06-01T13:00:00Z, of commit 11111111, ${KEY_TEXT}
nothing changes for 3 hosts
`,
    stderr: "",
  });
  // On disk there is none yet, and then the third.
  assertEquals((await diff("main~2", ...TRUSTED)).code, 1);
  for (const dir of ["releases", "copy"]) {
    for (const [path, bytes] of filesIn(dir, THIRD)) {
      await ensureDir(dirname(join(repository.path, path)));
      await Deno.writeFile(join(repository.path, path), bytes);
    }
  }
  for (const places of [[two], [two, three], [two, "./copy"], [two, "copy/"]]) {
    const differs = await diff(...places, ...TRUSTED);
    assertEquals([differs.code, differs.stdout.split("\n").slice(2)], [10, [
      '1 of 3 hosts changes: "web1"; channels change',
      "",
      "channel  wave  host  change   closure              also",
      "stable   1     web1  changed  11111111 → 99999999",
      "",
      "changed  channels.stable.freshnessWindow: 1440 → 720",
      "",
    ]]);
  }
  const disk = await diff("./copy", "./releases", "--json");
  const report = JSON.parse(disk.stdout);
  assertEquals([disk.code, report.schema, report.changed], [0, "fleet-release/diff/1", false]);
  assertEquals(report.before, {
    place: "./copy",
    gitCommit: null,
    signedAt: "2026-06-01T14:00:00Z",
    ciCommit: "2".repeat(40),
    key: null,
  });
  assertEquals(
    disk.stderr,
    "warning: No signature is verified: neither --trust-file nor --public-key is given\n",
  );

  const refused = await diff("main", ...TRUSTED);
  assertEquals([refused.code, refused.stdout], [3, ""]);
  assertEquals(refused.stderr.split("\n").slice(0, 2), [
    'error: Cannot compare with the release of "main": it would be refused',
    '  "fleet.resolved.json": its signature does not verify with any trusted key [bad-signature]',
  ]);
  const missing = await diff("copy", ...TRUSTED);
  assertEquals([missing.code, missing.stderr.trimEnd().split("\n")], [1, [
    'error: Cannot find the commit "copy"',
    "hint: run it within the repository; a clone that is shallow, or of one branch, lacks others: " +
    "`git fetch origin BRANCH` brings one, as FETCH_HEAD; " +
    '"copy" is looked for as a commit, tag or branch, and its release in "releases" (--release-dir); a directory is written ./copy',
  ]]);
});

Deno.test("what is in a fleet's names acts on no terminal that log and diff print to", async () => {
  const edit = ({ hosts, waves }: Draft) => {
    hosts["\x1b[2J::error::x"] = hosts["web1"];
    waves.stable[0].hosts.push("\x1b[2J::error::x");
  };
  await using repository = await HistoryRepository.create([
    { files: filesIn("releases", FIRST) },
    { files: filesIn("releases", await release(1, "11111111111-system", { edit })) },
  ]);
  for (const args of [["log", "-p"], ["log"], ["diff", "HEAD~1", "HEAD"], ["log", "--json"]]) {
    const { code, stdout } = await fleetRelease(repository, ...args, ...TRUSTED);
    assertEquals(
      [code, stdout.includes("\x1b"), /(\\x1b|\\u001b)\[2J/.test(stdout)],
      [0, false, true],
      args[0],
    );
  }
});
