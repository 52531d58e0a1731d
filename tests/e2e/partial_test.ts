// Samples of whole runs. What is kept is tested one by one with tests/stages.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Draft, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { expectRefused, SOON_AFTER, writeEarlierRelease } from "../support/refusal.ts";
import { contents, expectRelease, flakeOf, hold, shell } from "../support/releases.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A fleet that was released when its hosts held "one", and whose hosts now hold "two". */
async function releasedBefore(): Promise<TestFleet> {
  const fleet = await TestFleet.create();
  await hold(fleet, { db: "two", web1: "two", web2: "two" });
  await fleet.commit("two");
  await writeEarlierRelease(fleet);
  return fleet;
}

/** What each rollout manifest of a release says that its hosts are to run, by channel. */
async function targets(fleet: TestFleet, result: Draft): Promise<Record<string, [string, string][]>> {
  const manifests = result["artifacts"].filter(({ rolloutId }: Draft) => rolloutId !== null);
  return Object.fromEntries(
    await Promise.all(manifests.map(async ({ path }: Draft) => {
      const { channel, hostSet } = await fleet.json(path);
      return [
        channel,
        await Promise.all(hostSet.map(async ({ hostname, targetClosure }: Draft) => {
          return [hostname, (await Deno.readTextFile(join("/nix/store", targetClosure))).trimEnd()];
        })),
      ];
    })),
  );
}

Deno.test("the program's --hosts keeps the closures of the others from the release on disk, and says so", async () => {
  await using fleet = await releasedBefore();
  const pushed = join(fleet.root, "home/pushed");
  const push = ["--push-jobs=1", "--push-cmd", `echo "$NIXFLEET_HOST" >> '${pushed}'`];
  const args = [...SOON_AFTER, "--hosts", "web2,db", ...push];
  const result = await expectRelease(fleet, args);
  assertEquals(await contents(fleet), [["db", "two"], ["web1", "one"], ["web2", "two"]]);
  assertEquals(await targets(fleet, result), {
    edge: [["db", "two"]],
    stable: [["web1", "one"], ["web2", "two"]],
  });
  assertEquals(result["warnings"], [{
    code: "kept-closure",
    message: 'This run leaves out "web1": it keeps the closure that the release on disk gives',
  }]);
  // What is kept is neither built nor pushed.
  assertEquals(result["hosts"].map(({ name }: Draft) => name), ["web2", "db"]);
  assertEquals(await Deno.readTextFile(pushed), "web2\ndb\n");
  assertEquals((await fleet.json())["meta"].ciCommit, await fleet.head());
});

Deno.test("the program's --hosts does not evaluate what it leaves out", async () => {
  await using fleet = await TestFleet.create({
    files: {
      "flake.nix": flakeOf(`{
        db = host (build "db" "echo built > $out");
        web1 = host (throw "web1 was evaluated");
        web2 = host (build "web2" "exit 1");
      }`),
    },
  });
  await expectRelease(fleet, ["--hosts", "db"]);
  assertEquals(await contents(fleet), [["db", "built"], ["web1", null], ["web2", null]]);
  // Whether the process of the inventory goes on with the hosts, or an earlier run has kept what that was.
  for (const [index, args] of [["@db,%edge"], ["!web*", "--no-memo"]].entries()) {
    const dir = join(fleet.root, `out${index}`);
    const { hosts } = await expectRelease(fleet, ["--release-dir", dir, "--hosts", ...args]);
    assertEquals(hosts.map(({ name }: Draft) => name), ["db"]);
    assertEquals(await contents(fleet, dir), [["db", "built"], ["web1", null], ["web2", null]]);
  }
});

Deno.test("a process of the program reads the hosts of --hosts - from standard input, and says so", async () => {
  await using fleet = await TestFleet.create();
  const { code, stdout, stderr } = await fleet.releaseProcess(["--hosts", "-", "--json"], {
    stdin: encode("web2\ndb\r\n"),
  });
  assertEquals([code, stderr.split("\n")[0]], [
    0,
    "Reading hosts from standard input, to its end (Ctrl-D on a terminal)",
  ], stderr);
  assertEquals(JSON.parse(stdout).hosts.map(({ name }: Draft) => name), ["web2", "db"]);
});

Deno.test("the program reads nothing but a list of hosts from standard input", async () => {
  await using fleet = await FleetWithoutNix.create();
  const given = (stdin: Uint8Array<ArrayBuffer>) => fleet.release(["--hosts", "-", "--json"], { stdin });
  const { code, stdout, stderr } = await given(encode("@web !web1"));
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).hosts.map(({ name }: Draft) => name), ["web2"]);
  const refused: [stdin: Uint8Array<ArrayBuffer>, said: string][] = [
    [encode(" \n, \n"), "No hosts to release: standard input, which --hosts - reads, names none"],
    [encode("auto"), 'The flake has no host "auto", which --hosts names'],
    [encode("web1\nwbe2"), 'The flake has no host "wbe2", which --hosts names'],
    [encode("web1\0"), "Cannot use --hosts: it has a null character in it"],
    [new Uint8Array([0x77, 0xff]), "Cannot read the hosts from standard input: it is not UTF-8"],
  ];
  for (const [stdin, said] of refused) {
    const { code, stderr } = await given(stdin);
    assertEquals([code, /^error: (.*)$/m.exec(stderr)?.[1]], [1, said]);
  }
});

const OTHER_KEY = "restore it from git, release all hosts with --hosts auto, or give its key, too, with " +
  "--trust-file or --public-key, if another one signed it";

Deno.test("the program pushes nothing in a partial run on top of a damaged release", async () => {
  await using fleet = await releasedBefore();
  await fleet.write({ "releases/fleet.resolved.json": "" });
  await expectRefused(fleet, { args: ["--hosts", "web1", "--public-key", PUBLIC_KEY] }, {
    code: 3,
    message:
      'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk cannot be trusted: its ' +
      "signature does not verify with any trusted key",
    hint: OTHER_KEY,
  });
});

Deno.test("the program signs no closure that somebody has put into the release on disk, nor one of an earlier release", async () => {
  await using fleet = await releasedBefore();
  const partly = [
    "--sign-cmd",
    SIGN,
    "--public-key",
    PUBLIC_KEY,
    "--hosts",
    "web1",
    "--now",
    "2026-05-01T13:30:00Z",
  ];
  await shell(fleet, "cp -R releases ../earlier && git add releases && git commit -q -m earlier");
  await expectRelease(fleet, [...SOON_AFTER, "--git-commit"]);
  const CANNOT = 'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk';
  await shell(fleet, "rm -r releases && cp -R ../earlier releases");
  await expectRefused(fleet, { onlyArgs: partly }, {
    code: 3,
    message: `${CANNOT} was signed at 2026-05-01T12:00:00Z, before the one in commit ` +
      `${(await fleet.head()).slice(0, 8)}, which was signed at 2026-05-01T13:00:00Z`,
    hint:
      "restore it from git, release all hosts with --hosts auto, or keep what it gives with --allow-older",
  });
  const forge = "sed -i.old 's/-nixos-system-db/-evil/' releases/*.json && rm releases/*.old";
  await shell(fleet, `git checkout -q releases && ${forge}`);
  await expectRefused(fleet, { onlyArgs: partly }, {
    code: 3,
    message: `${CANNOT} cannot be trusted: its signature does not verify with any trusted key`,
    hint: OTHER_KEY,
  });
  // As the hint says.
  await shell(fleet, "git checkout -q releases");
  await expectRelease(fleet, partly.slice(4));
});
