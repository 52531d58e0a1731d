import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Draft, SIGN, TestFleet } from "../support/fleet.ts";
import { expectRefused, writeEarlierRelease } from "../support/refusal.ts";
import { contents, editFleet, expectRelease, flakeOf, hold, shell } from "../support/releases.ts";

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

function keeps(names: string, one: boolean): Draft {
  return {
    code: "kept-closure",
    message:
      `This run leaves out ${names}: ${one ? "it keeps" : "they keep"} the closure that the release on ` +
      "disk gives",
  };
}

/** Runs that leave hosts out, on top of a release of all of them. */
const PARTIAL: [spec: string, built: string[], kept: string, one: boolean][] = [
  ["web1", ["web1"], '"db", "web2"', false],
  ["web2,db", ["web2", "db"], '"web1"', true],
  ["auto:exclude=web1", ["db", "web2"], '"web1"', true],
  ["auto:exclude=web1,db", ["web2"], '"db", "web1"', false],
];

for (const [spec, built, kept, one] of PARTIAL) {
  Deno.test(`the program's --hosts ${spec} keeps the closures of the others from the release on disk, and says so`, async () => {
    await using fleet = await releasedBefore();
    const pushed = join(fleet.root, "home/pushed");
    const result = await expectRelease(fleet, [
      "--hosts",
      spec,
      "--push-cmd",
      `echo "$NIXFLEET_HOST" >> '${pushed}'`,
    ]);
    const text = (name: string) => built.includes(name) ? "two" : "one";
    assertEquals(await contents(fleet), ["db", "web1", "web2"].map((name) => [name, text(name)]));
    assertEquals(await targets(fleet, result), {
      edge: [["db", text("db")]],
      stable: [["web1", text("web1")], ["web2", text("web2")]],
    });
    assertEquals(result["warnings"], [keeps(kept, one)]);
    // What is kept is neither built nor pushed.
    assertEquals(result["hosts"].map(({ name }: Draft) => name), built);
    assertEquals(await Deno.readTextFile(pushed), built.map((name) => `${name}\n`).join(""));
    assertEquals((await fleet.json())["meta"].ciCommit, await fleet.git("rev-parse", "HEAD"));
  });
}

Deno.test("the program's --hosts of all hosts keeps nothing and warns of nothing", async () => {
  await using fleet = await releasedBefore();
  assertEquals((await expectRelease(fleet, ["--hosts", "web1,web2,db"]))["warnings"], []);
  assertEquals(await contents(fleet), [["db", "two"], ["web1", "two"], ["web2", "two"]]);
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
});

Deno.test("the program's --hosts without a release on disk leaves the others without a closure, and warns", async () => {
  await using fleet = await TestFleet.create();
  const result = await expectRelease(fleet, ["--hosts", "web1"]);
  assertEquals(await contents(fleet), [["db", null], ["web1", "one"], ["web2", null]]);
  // The channel of which no host has a closure has no rollout.
  assertEquals(await targets(fleet, result), { stable: [["web1", "one"]] });
  assertEquals(result["warnings"], [{
    code: "host-without-closure",
    message: '"db", "web2" have no closure in this release: no rollout reaches them',
    path: "hosts",
  }]);
});

Deno.test("the program's --hosts reads the release of the same --artifact-name and --release-dir", async () => {
  await using fleet = await releasedBefore();
  await shell(fleet, "mkdir elsewhere && mv releases/fleet.resolved.json elsewhere/fleet.json");
  const args = ["--hosts", "web1", "--release-dir", "elsewhere", "--artifact-name"];
  await expectRelease(fleet, [...args, "other.json"]);
  const { hosts } = JSON.parse(await Deno.readTextFile(join(fleet.dir, "elsewhere/other.json")));
  assertEquals([hosts.web1.closureHash === null, hosts.web2.closureHash], [false, null]);
  await expectRelease(fleet, [...args, "fleet.json"]);
  const kept = JSON.parse(await Deno.readTextFile(join(fleet.dir, "elsewhere/fleet.json")));
  assertEquals(kept.hosts.web2.closureHash.endsWith("-nixos-system-web2-26.05"), true);
});

Deno.test("the program's --hosts neither keeps what the fleet has lost nor finds what it has gained", async () => {
  await using fleet = await releasedBefore();
  await editFleet(fleet, ({ hosts, waves }) => {
    hosts.new = hosts.web2;
    delete hosts.web2;
    waves.stable.shift();
    waves.stable[0].hosts = ["web1", "new"];
  });
  await fleet.commit("renamed");
  const result = await expectRelease(fleet, ["--hosts", "web1"]);
  assertEquals(await contents(fleet), [["db", "one"], ["new", null], ["web1", "two"]]);
  assertEquals(result["warnings"], [keeps('"db"', true), {
    code: "host-without-closure",
    message: '"new" has no closure in this release: no rollout reaches it',
    path: "hosts",
  }]);
});

Deno.test("the program's --hosts leaves the closure that the flake itself declares, and builds over it", async () => {
  await using fleet = await releasedBefore();
  const { hosts } = await fleet.json();
  await editFleet(fleet, (draft) => {
    // Declared crosswise, so that each differs from what the release on disk gives and from what is built.
    draft["hosts"].web1.closureHash = hosts.db.closureHash;
    draft["hosts"].web2.closureHash = hosts.web1.closureHash;
  });
  await fleet.commit("declared");
  const result = await expectRelease(fleet, ["--hosts", "web1"]);
  const released = (await fleet.json())["hosts"];
  assertEquals(released.db.closureHash, hosts.db.closureHash);
  assertEquals(released.web2.closureHash, hosts.web1.closureHash);
  assertEquals(`/nix/store/${released.web1.closureHash}`, result["hosts"][0].storePath);
  assertEquals(result["warnings"], [keeps('"db"', true)]);
});

Deno.test("the program's --hosts auto keeps nothing of the release on disk", async () => {
  await using fleet = await TestFleet.create({
    nixos: ["web1", "web2", "db", "lost"],
    edit: ({ hosts }) => hosts.lost = hosts.db,
  });
  await expectRelease(fleet);
  await shell(fleet, "git add releases && git commit -q -m release");
  await hold(fleet, {});
  await fleet.commit("without the configuration of one host");
  const result = await expectRelease(fleet);
  assertEquals(await contents(fleet), [["db", "one"], ["lost", null], ["web1", "one"], ["web2", "one"]]);
  assertEquals(result["warnings"].map(({ code }: Draft) => code), ["host-without-closure"]);
});

/** What makes the release on disk unreadable, as a script in the release directory. */
const DAMAGES: [of: string, script: string][] = [
  ["an empty file", ": > fleet.resolved.json"],
  ["a file cut in the middle", "head -c 300 fleet.resolved.json > cut && mv cut fleet.resolved.json"],
  ["a file that is not UTF-8", "printf '\\377' >> fleet.resolved.json"],
  ["a document that is no fleet", "for file in rollouts/*.json; do cp $file fleet.resolved.json; done"],
  ["a fleet of schema version 2", `sed -i.old 's/"schemaVersion":1/"schemaVersion":2/g' *.json && rm *.old`],
];

for (const [of, script] of DAMAGES) {
  Deno.test(`the program refuses a partial run on top of ${of}, and writes nothing`, async () => {
    await using fleet = await releasedBefore();
    await shell(fleet, `cd releases; ${script}`);
    for (const spec of ["web1", "auto:exclude=db"]) {
      await expectRefused(fleet, { onlyArgs: ["--sign-cmd", SIGN, "--hosts", spec] }, {
        message: 'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk is damaged',
        hint: "restore it from git, or release all hosts with --hosts auto",
      });
    }
    // As the hint says.
    assertEquals((await expectRelease(fleet, ["--hosts", "auto"]))["warnings"], []);
  });
}

Deno.test("the program pushes nothing in a partial run on top of a damaged release", async () => {
  await using fleet = await releasedBefore();
  await fleet.write({ "releases/fleet.resolved.json": "" });
  await expectRefused(fleet, { args: ["--hosts", "web1"] }, {
    message: 'Cannot keep the closures of other hosts: "fleet.resolved.json" on disk is damaged',
    hint: "restore it from git, or release all hosts with --hosts auto",
  });
});
