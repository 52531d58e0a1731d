import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { expectRun, PROJECT, which } from "../support/command.ts";
import { type Draft, SIGN, TestFleet } from "../support/fleet.ts";

const FLAKES = join(PROJECT, "tests/golden/flakes");
const CASES = ["ecdsa", "excluded", "full", "outside-git", "plain", "some-hosts"];

Deno.test("there is a test for every golden flake", () => {
  const dirs = [...Deno.readDirSync(FLAKES)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  assertEquals(dirs.sort(), CASES);
});

for (const name of CASES) {
  Deno.test(`the program releases the golden flake "${name}" byte for byte as the reference does`, async () => {
    const golden: Draft = JSON.parse(await Deno.readTextFile(join(FLAKES, name, "case.json")));
    await using fleet = await TestFleet.create({ git: false });
    assertEquals(await replayCommits(fleet, name, golden["git"]), golden["heads"]);
    // The golden hosts are x86_64-linux, which decides their store paths. Their builder is the shell of any machine.
    const env = { NIX_CONFIG: `${fleet.env()["NIX_CONFIG"]}\nextra-platforms = x86_64-linux` };
    const result = await fleet.run([
      "--sign-cmd",
      SIGN,
      ...golden["args"],
      ...(golden["pinSource"] ? ["--pin-source-url", `git+file://${fleet.dir}`] : []),
      "--now",
      golden["signedAt"],
      "--signature-algorithm",
      golden["signatureAlgorithm"],
    ], { env });
    assertEquals(result.code, 0, result.stderr);
    const made = await fleet.files();
    // The reference commits no attributes beside its release.
    made.delete(".gitattributes");
    // ECDSA signatures differ from run to run, so the golden case has none.
    if (name === "ecdsa") {
      for (const path of [...made.keys()]) if (path.endsWith(".sig")) made.delete(path);
    }
    assertEquals(made, await fleet.files(join(FLAKES, name, "expected")));
    if (golden["commitMessage"] !== undefined) {
      // The reference says no more than the subject.
      assertEquals(await fleet.git("log", "-1", "--format=%s"), golden["commitMessage"]);
      const files = await fleet.git("diff-tree", "-r", "--no-commit-id", "--name-only", "HEAD");
      const committed = files.split("\n").filter((path) => path !== "releases/.gitattributes");
      assertEquals(committed.sort(), golden["commitFiles"]);
      assertEquals(await fleet.git("status", "--porcelain"), "");
    }
  });
}

/** Makes the commits of a golden flake with the ids that it has, and gives the ids. */
async function replayCommits(fleet: TestFleet, name: string, git: boolean): Promise<string[]> {
  for (const file of ["flake.nix", "fleet.json", "hosts.json"]) await Deno.remove(join(fleet.dir, file));
  if (git) await fleet.git("init", "-q", "-b", "main");
  const heads: string[] = [];
  const commits = [...Deno.readDirSync(join(FLAKES, name, "commits"))].map((entry) => entry.name).sort();
  for (const commit of commits) {
    const source = join(FLAKES, name, "commits", commit);
    for (const { name: file } of Deno.readDirSync(source)) {
      await Deno.copyFile(join(source, file), join(fleet.dir, file));
    }
    if (!git) continue;
    await fleet.git("add", "-A");
    await expectRun([which("git"), "commit", "-q", "-m", `commit ${commit}`], {
      cwd: fleet.dir,
      env: {
        ...fleet.env(),
        GIT_AUTHOR_NAME: "golden",
        GIT_AUTHOR_EMAIL: "golden@example.com",
        GIT_COMMITTER_NAME: "golden",
        GIT_COMMITTER_EMAIL: "golden@example.com",
        GIT_AUTHOR_DATE: "2026-05-01T00:00:00Z",
        GIT_COMMITTER_DATE: "2026-05-01T00:00:00Z",
      },
    });
    heads.push(await fleet.git("rev-parse", "HEAD"));
  }
  return heads;
}
