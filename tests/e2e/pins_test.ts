import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { expectRefused } from "../support/refusal.ts";
import { contents, editFleet, expectRelease, flakeOf, hold, NOW, shell } from "../support/releases.ts";

/** A fleet with history: its hosts hold "one" in the first commit, "two" in the second, and so on. */
interface History {
  readonly fleet: TestFleet;
  readonly commits: readonly string[];
}

async function fleetWithHistory(length = 2): Promise<History> {
  const fleet = await TestFleet.create();
  const commits = [await fleet.git("rev-parse", "HEAD")];
  for (const text of ["two", "three"].slice(0, length - 1)) {
    await hold(fleet, { db: text, web1: text, web2: text });
    commits.push(await fleet.commit(text));
  }
  return { fleet, commits };
}

/** Pins hosts in one more commit, in which hosts hold "now", and gives that commit. */
async function pin(fleet: TestFleet, pins: Record<string, string>, expiresAt?: string): Promise<string> {
  await editFleet(fleet, ({ hosts }) => {
    for (const [name, commit] of Object.entries(pins)) {
      hosts[name].pin = { commit, reason: "audit", ...(expiresAt === undefined ? {} : { expiresAt }) };
    }
  });
  await hold(fleet, { db: "now", web1: "now", web2: "now" });
  return await fleet.commit("pin");
}

/** The source of all pins in a fleet's own repository. */
function ownSource({ dir }: TestFleet): string[] {
  return ["--pin-source-url", `git+file://${dir}`];
}

/** Commit and host of every pin in the result that `--json` prints. */
function pinnedIn(result: Draft): [string, string | null][] {
  return result["hosts"].map(({ name, pinnedTo }: Draft) => [name, pinnedTo]);
}

/** How the pin source is called: DIR stands for the flake's directory. */
const SOURCES = [
  "git+file://DIR",
  "git+file:DIR",
  "git+file://DIR?submodules=1",
  "git+file://DIR?shallow=1",
  "git+file://DIR?allRefs=1",
  "git+file://DIR?ref=main",
  "git+file://DIR?ref=main&submodules=1",
  "git+file://DIR?rev=0123456789abcdef0123456789abcdef01234567",
  "git+file://DIR?lfs=1",
  "path:DIR",
  "DIR",
  ".",
  "DIR?submodules=1",
];

for (const source of SOURCES) {
  Deno.test(`the program builds a pinned host from its commit, and others from HEAD, with the pin source ${source}`, async () => {
    const { fleet, commits: [first] } = await fleetWithHistory();
    await using _ = fleet;
    const head = await pin(fleet, { web1: first! });
    const result = await expectRelease(fleet, ["--pin-source-url", source.replace("DIR", fleet.dir)]);
    assertEquals(pinnedIn(result), [["db", null], ["web1", first!], ["web2", null]]);
    assertEquals([result["commit"], result["warnings"]], [head, []]);
    assertEquals(await contents(fleet), [["db", "now"], ["web1", "one"], ["web2", "now"]]);
    assertEquals((await fleet.json())["hosts"].web1.pin, { commit: first, reason: "audit" });
  });
}

Deno.test("the program builds pinned hosts from a flake in a sub-directory of the pin source", async () => {
  const { fleet } = await fleetWithHistory(1);
  await using _ = fleet;
  await shell(fleet, `mkdir sub && mv *.nix *.json sub && git add -A && git commit -q -m "into a directory"`);
  const moved = await fleet.git("rev-parse", "HEAD");
  await shell(fleet, `sed -i.old 's/one/two/' sub/flake.nix && rm sub/*.old`);
  await fleet.git("commit", "-q", "-a", "-m", "two");
  await shell(
    fleet,
    `sed -i.old 's/"db":{/"db":{"pin":{"commit":"${moved}","reason":"audit"},/' sub/fleet.json && rm sub/*.old`,
  );
  await fleet.git("commit", "-q", "-a", "-m", "pin");
  await expectRelease(fleet, [
    "--build-flake",
    "./sub",
    "--pin-source-url",
    `git+file://${fleet.dir}?dir=sub&ref=main`,
  ]);
  assertEquals(await contents(fleet), [["db", "one"], ["web1", "two"], ["web2", "two"]]);
});

Deno.test("the program builds hosts from several pinned commits and HEAD in one run", async () => {
  const { fleet, commits: [first, second] } = await fleetWithHistory();
  await using _ = fleet;
  await hold(fleet, { db: "three", web1: "three", web2: "three" });
  await fleet.commit("three");
  await shell(fleet, `sed -i.old 's/"nixos":\\[/&"lab",/' hosts.json`);
  await editFleet(fleet, ({ hosts }) => {
    hosts.lab = { ...hosts.db };
    for (const name of ["web1", "db"]) hosts[name].pin = { commit: first, reason: "audit" };
    hosts.web2.pin = { commit: second, reason: "audit" };
  });
  await fleet.commit("pins");
  const result = await expectRelease(fleet, ownSource(fleet));
  assertEquals(pinnedIn(result), [["db", first!], ["lab", null], ["web1", first!], ["web2", second!]]);
  assertEquals(await contents(fleet), [["db", "one"], ["lab", "one"], ["web1", "one"], ["web2", "two"]]);
  const closure = (name: string) => result["hosts"].find((host: Draft) => host["name"] === name).storePath;
  assertEquals(closure("web2") === closure("web1"), false);
});

/** What names a commit, when a tag and a branch are at the first one. */
const NAMES: [of: string, name: (fleet: TestFleet, commit: string) => Promise<string>][] = [
  ["a short commit", (_fleet, commit) => Promise.resolve(commit.slice(0, 8))],
  ["a tag", () => Promise.resolve("v1")],
  ["an annotated tag", () => Promise.resolve("v1-annotated")],
  ["a branch", () => Promise.resolve("old/branch")],
  ["a remote branch", () => Promise.resolve("origin/main")],
  ["a tag before a branch of the same name, as git does", () => Promise.resolve("both")],
  ["a revision relative to HEAD", () => Promise.resolve("HEAD~2")],
  ["a full commit in capitals", (_fleet, commit) => Promise.resolve(commit.toUpperCase())],
  ["the id of an annotated tag", (fleet) => fleet.git("rev-parse", "v1-annotated")],
];

for (const [of, nameOf] of NAMES) {
  Deno.test(`the program resolves ${of} in a pin, and names the full commit in the artifact`, async () => {
    const { fleet, commits: [first] } = await fleetWithHistory();
    await using _ = fleet;
    await shell(
      fleet,
      `git tag v1 ${first} && git tag -a -m annotated v1-annotated ${first} && git branch old/branch ${first}
       git tag both ${first} && git branch both HEAD && git update-ref refs/remotes/origin/main ${first}`,
    );
    await pin(fleet, { web1: await nameOf(fleet, first!) });
    const result = await expectRelease(fleet, ownSource(fleet));
    assertEquals(pinnedIn(result), [["db", null], ["web1", first!], ["web2", null]]);
    assertEquals((await fleet.json())["hosts"].web1.pin, { commit: first, reason: "audit" });
    assertEquals(await contents(fleet), [["db", "now"], ["web1", "one"], ["web2", "now"]]);
  });
}

for (const name of ["HEAD", "main"]) {
  Deno.test(`the program builds a host that is pinned to ${name} like others, and needs no pin source`, async () => {
    const { fleet } = await fleetWithHistory();
    await using _ = fleet;
    const head = await pin(fleet, { web1: name });
    const result = await expectRelease(fleet);
    assertEquals(pinnedIn(result), [["db", null], ["web1", null], ["web2", null]]);
    assertEquals((await fleet.json())["hosts"].web1.pin, { commit: head, reason: "audit" });
    assertEquals(await contents(fleet), [["db", "now"], ["web1", "now"], ["web2", "now"]]);
  });
}

for (
  const [when, expiresAt, expired] of [
    ["before the signing time", "2026-06-01T11:59:59Z", true],
    ["exactly at the signing time", "2026-06-01T14:00:00+02:00", true],
    ["after the signing time", "2026-06-01T12:00:00.000000001Z", false],
  ] as const
) {
  Deno.test(
    `the program builds a host ${
      expired ? "from HEAD, without its pin," : "from its pin"
    } when that expires ${when}`,
    async () => {
      const { fleet, commits: [first] } = await fleetWithHistory();
      await using _ = fleet;
      await pin(fleet, { web1: first! }, expiresAt);
      // An expired pin needs no source.
      const args = expired ? [] : ownSource(fleet);
      const result = await expectRelease(fleet, ["--now", NOW, ...args]);
      assertEquals(pinnedIn(result), [["db", null], ["web1", expired ? null : first!], ["web2", null]]);
      assertEquals(await contents(fleet), [["db", "now"], ["web1", expired ? "now" : "one"], [
        "web2",
        "now",
      ]]);
      const released = (await fleet.json())["hosts"].web1;
      assertEquals(released.pin, expired ? undefined : { commit: first, expiresAt, reason: "audit" });
      assertEquals(result["warnings"].map(({ code }: Draft) => code), expired ? ["expired-pin"] : []);
    },
  );
}

/** Pin sources beside the flake's own work tree, and whether the commit is on a branch that HEAD does not contain. */
const BRANCHES: [source: string, aside: boolean][] = [
  ["git+file://FLEET", true],
  ["git+file://REMOTE?ref=side", true],
  ["git+file://REMOTE?ref=main", false],
];

for (const [source, aside] of BRANCHES) {
  Deno.test(
    `the program builds a commit that HEAD ${
      aside ? "does not contain" : "contains"
    } from the pin source ${source}`,
    async () => {
      const { fleet, commits: [first] } = await fleetWithHistory();
      await using _ = fleet;
      await fleet.git("checkout", "-q", "-b", "side", first!);
      await hold(fleet, { web1: "aside" });
      const side = await fleet.commit("aside");
      await fleet.git("checkout", "-q", "main");
      await pin(fleet, { web1: aside ? side : first! });
      await fleet.git("clone", "-q", "--bare", ".", "../remote.git");
      const url = source.replace("FLEET", fleet.dir).replace("REMOTE", join(fleet.root, "remote.git"));
      await expectRelease(fleet, ["--pin-source-url", url]);
      assertEquals(await contents(fleet), [["db", "now"], ["web1", aside ? "aside" : "one"], [
        "web2",
        "now",
      ]]);
    },
  );
}

Deno.test("the program refuses a pin that names no commit before it builds anything", async () => {
  await using fleet = await TestFleet.create({
    files: { "flake.nix": flakeOf(`{ db = host (build "db" "echo built > ${"$out"}"); }`) },
  });
  await editFleet(fleet, ({ hosts }) => hosts.web2.pin = { commit: "v2", reason: "audit" });
  await fleet.commit("pin");
  const outPath = await outPathOfDb(fleet);
  await expectRefused(fleet, { args: ownSource(fleet) }, {
    message: 'Cannot resolve the pin of host "web2": "v2" names no commit',
    at: "hosts.web2.pin.commit",
    hint: "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
  });
  assertEquals(await exists(outPath), false);
});

/** Where nix will put what it builds for the host "db". */
function outPathOfDb(fleet: TestFleet): Promise<string> {
  const attribute = ".#nixosConfigurations.db.config.system.build.toplevel.outPath";
  return shell(
    fleet,
    `nix --extra-experimental-features 'nix-command flakes' eval --raw '${attribute}'`,
  );
}

Deno.test("the program refuses a short commit that several commits begin with, and writes nothing", async () => {
  const { fleet } = await fleetWithHistory();
  await using _ = fleet;
  const prefix = await ambiguousPrefix(fleet);
  await pin(fleet, { db: prefix });
  await expectRefused(fleet, { args: ownSource(fleet) }, {
    message: `Cannot resolve the pin of host "db": "${prefix}" names no commit`,
    at: "hosts.db.pin.commit",
    hint: "give a full commit, or a short commit, tag or branch of the flake's repository (fetch it first)",
  });
});

/** Makes so many commits that some of them begin with the same four digits, and gives such a beginning. */
async function ambiguousPrefix(fleet: TestFleet): Promise<string> {
  const commits = Array.from(
    { length: 2000 },
    (_, index) =>
      `commit refs/heads/many\nmark :${
        index + 1
      }\ncommitter tester <tester@example.com> ${index} +0000\ndata 0\n`,
  );
  await Deno.writeTextFile(join(fleet.root, "home/stream"), commits.join("\n"));
  await shell(fleet, "git fast-import --quiet --export-marks=../home/marks < ../home/stream");
  const marks = await Deno.readTextFile(join(fleet.root, "home/marks"));
  const seen = new Set<string>();
  for (const [, prefix = ""] of marks.matchAll(/^:\d+ ([0-9a-f]{4})/gm)) {
    if (seen.has(prefix)) return prefix;
    seen.add(prefix);
  }
  throw new Error("of 2000 commits no two begin with the same four digits");
}

/** Pin sources that say a revision and give another state, and how they are made. */
const FALSE_SOURCES: [of: string, url: string, make: (fleet: TestFleet) => Promise<unknown>][] = [
  ["a relative path:", "path:../fleet", () => Promise.resolve()],
  [
    "a tarball",
    "file://ROOT/fleet.tar.gz",
    (fleet) => fleet.git("archive", "--prefix=fleet/", "-o", "../fleet.tar.gz", "HEAD"),
  ],
];

for (const [of, url, make] of FALSE_SOURCES) {
  Deno.test(`the program refuses ${of} as a pin source, since nix believes any revision of it, and writes nothing`, async () => {
    const { fleet, commits: [first] } = await fleetWithHistory();
    await using _ = fleet;
    await make(fleet);
    await pin(fleet, { web2: first!, db: first! });
    await expectRefused(fleet, { args: ["--pin-source-url", url.replace("ROOT", fleet.root)] }, {
      message: `The pin source gives no commit instead of ${first}, which "db", "web2" are pinned to`,
      at: "hosts.db.pin.commit",
      hint: `--pin-source-url must lead to a git repository: ${url}?rev=${first}`,
    });
  });
}

Deno.test("the program refuses a pin source that does not have the commit, and writes nothing", async () => {
  const { fleet } = await fleetWithHistory();
  await using _ = fleet;
  const absent = "0123456789abcdef0123456789abcdef01234567";
  await pin(fleet, { web2: absent });
  await expectRefused(fleet, { args: ownSource(fleet) }, {
    message: `Cannot read the flake "git+file://ROOT/fleet?allRefs=1&rev=${absent}": nix exited with 1`,
    at: "hosts.web2.pin.commit",
    including: [absent],
    hint: "--pin-source-url must lead to a repository that has the pinned commit",
  });
});

Deno.test("the program never shows the password of a pin source's URL", async () => {
  const { fleet, commits: [first] } = await fleetWithHistory();
  await using _ = fleet;
  await pin(fleet, { web2: first! });
  // No server listens there.
  const source = ["--pin-source-url", "git+https://bot:s3cret@127.0.0.1:1/fleet.git"];
  for (const more of [[], ["-v"], ["--log-format", "json", "-v"]]) {
    const { code, stdout, stderr } = await fleet.release([...source, ...more]);
    assertEquals([code, stdout], [1, ""]);
    assertEquals(stderr.split("\n").filter((line) => line.includes("s3cret")), []);
  }
});

Deno.test("the program refuses a host that its pinned commit does not have, and names host and commit", async () => {
  const { fleet } = await fleetWithHistory();
  await using _ = fleet;
  await shell(fleet, `echo '{"nixos": ["web2"], "darwin": []}' > hosts.json`);
  const without = await fleet.commit("without db and web1");
  await pin(fleet, { db: without, web2: without });
  await expectRefused(fleet, { args: ownSource(fleet) }, {
    message: 'Cannot evaluate 1 host: "db"',
    including: ['host "db":', "attribute 'db' missing", without],
  });
});
