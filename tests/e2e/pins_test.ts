// Samples of whole runs. Each form of a pin source is tested at nix's adapter, each name of a commit at git's.

import { assertEquals } from "@std/assert";
import { type Draft, TestFleet } from "../support/fleet.ts";
import { expectRefused } from "../support/refusal.ts";
import { contents, editFleet, expectRelease, hold, NOW, onlyHosts, shell } from "../support/releases.ts";

/** A fleet with history: its hosts hold "one" in the first commit, "two" in the second, and so on. */
interface History {
  readonly fleet: TestFleet;
  readonly commits: readonly string[];
}

async function fleetWithHistory(length = 2): Promise<History> {
  const fleet = await TestFleet.create();
  const commits = [await fleet.head()];
  for (const text of ["two", "three"].slice(0, length - 1)) {
    await hold(fleet, { db: text, web1: text, web2: text });
    commits.push(await fleet.commit(text));
  }
  return { fleet, commits };
}

/** Pins hosts in one more commit, in which hosts hold "now", and gives that commit. */
async function pin(fleet: TestFleet, pins: Record<string, string>): Promise<string> {
  await editFleet(fleet, ({ hosts }) => {
    for (const [name, commit] of Object.entries(pins)) hosts[name].pin = { commit, reason: "audit" };
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

/** What names a commit, when a tag and a branch are at the first one: each is the pin of a host. */
const NAMES: [host: string, nameOf: (fleet: TestFleet, commit: string) => string | Promise<string>][] = [
  ["short", (_fleet, commit) => commit.slice(0, 8)],
  ["tag", () => "v1"],
  ["annotated", () => "v1-annotated"],
  ["branch", () => "old/branch"],
  ["remote", () => "origin/main"],
  ["tag-before-branch", () => "both"],
  ["relative", () => "HEAD~2"],
  ["capitals", (_fleet, commit) => commit.toUpperCase()],
  ["tag-id", (fleet) => fleet.git("rev-parse", "v1-annotated")],
  ["full", (_fleet, commit) => commit],
];

Deno.test("the program builds hosts from several pinned commits and HEAD in one run, whatever names the commits", async () => {
  const names = NAMES.map(([host]) => host);
  const nixos = ["aside", "later", ...names, "unpinned"];
  const texts = (text: string) =>
    JSON.stringify({ nixos, darwin: [], content: Object.fromEntries(nixos.map((name) => [name, text])) });
  await using fleet = await TestFleet.create({ edit: onlyHosts(...nixos), nixos });
  const first = await fleet.head();
  await fleet.git("checkout", "-q", "-b", "side");
  await fleet.write({ "hosts.json": texts("aside") });
  const side = await fleet.commit("aside");
  await fleet.git("checkout", "-q", "main");
  await fleet.write({ "hosts.json": texts("two") });
  const second = await fleet.commit("two");
  await shell(
    fleet,
    `git tag v1 ${first} && git tag -a -m annotated v1-annotated ${first} && git branch old/branch ${first}
     git tag both ${first} && git branch both HEAD && git update-ref refs/remotes/origin/main ${first}`,
  );
  // A pin that is yet to expire is as good as one that never does.
  const expiresAt = "2026-06-01T12:00:00.000000001Z";
  const pins: [host: string, pin: Draft][] = [
    // HEAD does not contain it.
    ["aside", { commit: side, reason: "audit" }],
    ["later", { commit: second, expiresAt, reason: "audit" }],
  ];
  for (const [host, nameOf] of NAMES) {
    pins.push([host, { commit: await nameOf(fleet, first), reason: "audit" }]);
  }
  await editFleet(fleet, ({ hosts }) => pins.forEach(([name, pin]) => hosts[name].pin = pin));
  await fleet.write({ "hosts.json": texts("now") });
  const head = await fleet.commit("pins");
  const result = await expectRelease(fleet, ["--now", NOW, ...ownSource(fleet)]);
  assertEquals(
    [result["commit"], result["warnings"].map(({ code, hosts }: Draft) => [code, hosts])],
    [head, [["pin-expires-soon", ["later"]]]],
  );
  const commits = new Map<string, string | null>([
    ["aside", side],
    ["later", second],
    ...names.map((name): [string, string] => [name, first]),
    ["unpinned", null],
  ]);
  assertEquals(new Map(pinnedIn(result)), commits);
  assertEquals(
    new Map(await contents(fleet)),
    new Map<string, string | null>([
      ["aside", "aside"],
      ["later", "two"],
      ...names.map((name): [string, string] => [name, "one"]),
      ["unpinned", "now"],
    ]),
  );
  // The artifact names the full commit.
  const { hosts } = await fleet.json();
  assertEquals(
    new Map(nixos.map((name) => [name, hosts[name].pin])),
    new Map(nixos.map((name) => {
      const commit = commits.get(name);
      if (commit === null) return [name, undefined];
      return [name, { commit, reason: "audit", ...(name === "later" ? { expiresAt } : {}) }];
    })),
  );
});

Deno.test("the program builds a host from HEAD whose pin names HEAD or has expired, and needs no pin source for it", async () => {
  await using fleet = await TestFleet.create({
    edit: onlyHosts("a", "b", "c", "d"),
    nixos: ["a", "b", "c", "d"],
  });
  const first = await fleet.head();
  await editFleet(fleet, ({ hosts }) => {
    hosts.a.pin = { commit: "HEAD", reason: "audit" };
    hosts.b.pin = { commit: "main", reason: "audit" };
    // Before the signing time, and exactly at it.
    hosts.c.pin = { commit: first, reason: "audit", expiresAt: "2026-06-01T11:59:59Z" };
    hosts.d.pin = { commit: first, reason: "audit", expiresAt: "2026-06-01T14:00:00+02:00" };
  });
  await shell(fleet, `sed -i.old 's/one/now/' flake.nix && rm *.old`);
  const head = await fleet.commit("pins");
  const result = await expectRelease(fleet, ["--now", NOW]);
  assertEquals(pinnedIn(result), [["a", null], ["b", null], ["c", null], ["d", null]]);
  assertEquals(await contents(fleet), [["a", "now"], ["b", "now"], ["c", "now"], ["d", "now"]]);
  const { hosts } = await fleet.json();
  const pin = { commit: head, reason: "audit" };
  assertEquals([hosts.a.pin, hosts.b.pin, hosts.c.pin, hosts.d.pin], [pin, pin, undefined, undefined]);
  assertEquals(
    result["warnings"].map(({ code, path, message }: Draft) => [code, path, message.includes('"c", "d"')]),
    [["expired-pin", "hosts.c.pin", true]],
  );
});

Deno.test("the program builds a pin to HEAD from the commit, and the others from the changed tree", async () => {
  await using fleet = await TestFleet.create({ edit: onlyHosts("a", "b"), nixos: ["a", "b"] });
  await editFleet(fleet, ({ hosts }) => hosts.a.pin = { commit: "HEAD", reason: "audit" });
  await shell(fleet, `sed -i.old 's/one/edited/' flake.nix && rm *.old`);
  const head = await fleet.head();
  const result = await expectRelease(fleet);
  assertEquals(pinnedIn(result), [["a", head], ["b", null]]);
  assertEquals(await contents(fleet), [["a", "one"], ["b", "edited"]]);
});

Deno.test("the program refuses a relative path: as a pin source, since nix believes any revision of it, and writes nothing", async () => {
  const { fleet, commits: [first] } = await fleetWithHistory();
  await using _ = fleet;
  await pin(fleet, { web2: first!, db: first! });
  await expectRefused(fleet, { args: ["--pin-source-url", "path:../fleet"] }, {
    message: `The pin source gives no commit instead of ${first}, which "db", "web2" are pinned to`,
    at: "hosts.db.pin.commit",
    hint: `--pin-source-url must lead to a git repository: path:../fleet?rev=${first}`,
  });
});

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

Deno.test("the program never shows the password of a pin source's URL", async () => {
  const { fleet, commits: [first] } = await fleetWithHistory();
  await using _ = fleet;
  await pin(fleet, { web2: first! });
  // No server listens there.
  const source = ["--pin-source-url", "git+https://bot:s3cret@127.0.0.1:1/fleet.git"];
  // With -v it says all that it says without, and more.
  for (const more of [["-v"], ["--log-format", "json", "-v"]]) {
    const { code, stdout, stderr } = await fleet.release([...source, ...more]);
    assertEquals([code, stdout], [1, ""]);
    assertEquals(stderr.includes("git+https://***@127.0.0.1:1/fleet.git"), true, stderr);
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
    including: [
      `host "db" at commit ${without}:`,
      "does not provide attribute 'nixosConfigurations.db.config.system.build.toplevel'",
    ],
    hint: "to release the others: --hosts auto:exclude=db",
  });
});
