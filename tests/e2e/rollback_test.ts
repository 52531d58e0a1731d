// The steps of docs/rollback.md, run as they stand there on a fleet whose last release is bad.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { codeBlocks, projectText } from "../support/docs.ts";
import { TestFleet } from "../support/fleet.ts";
import { contents, hold } from "../support/releases.ts";
import { MAY_SKIP, missing, Workshop } from "../support/signing_recipes.ts";

const DOCS = await projectText("docs/rollback.md");

/** The consumer of docs/consuming.md, which takes no release that was signed before the last one that it took. */
const [CONSUMER] = codeBlocks(await projectText("docs/consuming.md"), "sh consumer");
const lacking = MAY_SKIP ? missing(["jq", "openssl", "sha256sum"]) : [];
const without = lacking.length > 0 ? ` (by verify alone: no ${lacking.join(", no ")})` : "";

const REVOKED = [{ hostname: "web2", notBefore: "2026-01-01T00:00:00Z", reason: "stolen" }];

Deno.test(`the steps of the guide lead back to the closures of an older commit, which consumers accept${without}`, async () => {
  await using fleet = await TestFleet.create();
  await using workshop = await Workshop.open(fleet, "everything");
  const remote = join(fleet.root, "remote.git");
  await fleet.git("init", "-q", "--bare", remote);
  await fleet.git("remote", "add", "origin", remote);
  const step = (name: string) => workshop.expect(codeBlocks(DOCS, `sh rollback=${name}`).join("\n"));
  const run = async (...args: string[]) => {
    const key = ["--sign-key", join(workshop.home, "keys/release.pem"), "--trust-file", "trust.json"];
    const { code, stderr } = await fleet.run([...args, ...key]);
    return code === 0 ? "done" : stderr.split("\n").find((line) => line.startsWith("error: "));
  };
  const release = (branch: string) =>
    run("--revocations-attr", "fleet.revocations", "--git-push", `origin:${branch}`);
  await workshop.install("target-of", CONSUMER!);
  const target = async () =>
    without === "" ? (await workshop.expect("target-of web1 releases trust.json ~/state")).trimEnd() : "";
  await workshop.expect("fleet-release keygen ~/keys/release.pem --format trust-file >trust.json");
  const good = await fleet.commit("good");
  await fleet.git("push", "-q", "origin", "main");
  assertEquals(await release("main"), "done");
  const wanted = await target();
  await hold(fleet, { web1: "bad" });
  const bad = await fleet.commit("bad");
  await fleet.write({ "revocations.json": JSON.stringify(REVOKED) });
  const revoked = await fleet.commit("revoke");
  assertEquals(await release("main"), "done");
  const { signedAt } = (await fleet.json()).meta;
  assertEquals(await target() === wanted, without !== "");

  const rows = (await step("log")).trimEnd().split("\n").slice(1).map((line) => line.split(/ {2,}/));
  assertEquals(rows.map(([, , of, key, channels, changes]) => [of, key!.split(" ")[0], channels, changes]), [
    [revoked.slice(0, 8), "current", "stable", '1 of 3 hosts changes: "web1"; revocations change'],
    [good.slice(0, 8), "current", "edge, stable", "first release, of 3 hosts"],
  ]);
  const [, [, commit, of]] = rows as [string[], string[]];
  Object.assign(workshop.env, { release: commit!, of: of!, bad });
  const difference = await step("diff");
  assertEquals(/^stable +1 +web1 +changed +\w{8} → \w{8}$/m.test(difference), true, difference);
  assertEquals(difference.match(/^removed +revocations.*"web2"/m)?.length, 1, difference);

  await step("release");
  const said = await step("verify");
  const accepted = `verified a release of 3 hosts in 4 files, .* from commit ${of} by the current key`;
  assertEquals(new RegExp(`^${accepted}`, "m").test(said), true, said);
  assertEquals(said.match(/^ {2}1 of 3 hosts changes: "web1"$/m)?.length, 1, said);
  assertEquals(await target(), wanted);
  assertEquals(await contents(fleet), [["db", "one"], ["web1", "one"], ["web2", "one"]]);
  const { meta } = await fleet.json();
  assertEquals([meta.ciCommit, Date.parse(meta.signedAt) > Date.parse(signedAt)], [good, true]);
  assertEquals((await fleet.json("revocations.json")).revocations.length, 1);

  // Signed anew it stays so.
  assertEquals(await run("resign"), "done");
  assertEquals((await fleet.json()).meta.ciCommit, good);
  await fleet.git("checkout", "-q", "--", "releases");

  await step("revert");
  assertEquals(await contents(fleet), [["db", "one"], ["web1", "one"], ["web2", "one"]]);
  const { stdout } = await fleet.run(["log", "--trust-file", "trust.json", "--json"]);
  const [last] = JSON.parse(stdout).releases;
  assertEquals([last.ciCommit, last.changes.summary], [
    await fleet.git("rev-parse", "HEAD^"),
    "nothing changes for 3 hosts",
  ]);

  // On a branch of their own, nothing goes back that is not said to.
  assertEquals(await release("releases"), "done");
  const meant = codeBlocks(DOCS, "sh rollback=branch").join("\n");
  const refused = await workshop.run(meant.replace("--allow-older ", ""));
  assertEquals([refused.code, /^error: Superseded: /m.test(refused.stderr)], [4, true], refused.stderr);
  await workshop.expect(meant);
  assertEquals((await fleet.json()).meta.ciCommit, good);
});
