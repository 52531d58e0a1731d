// What `plan` says of fleets, on real nix and git. That it says what a release then does: tests/agreement.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT, run, which } from "../support/command.ts";
import { type Draft, PUBLIC_KEY, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { worldOf } from "../support/refusal.ts";
import { editFleet, expectRelease, flakeOf, hold, NOW, onlyHosts } from "../support/releases.ts";

/** A time at which what is signed at {@linkcode NOW} is fresh. */
const SOON = "2026-06-01T12:30:00Z";

/** The plan that `--json` prints. */
async function planned(fleet: TestFleet, args: readonly string[] = []): Promise<Draft> {
  const { code, stdout, stderr } = await fleet.run(["plan", "--json", `--now=${SOON}`, ...args]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Asserts that a text has this in it. */
function assertHas(text: string, part: RegExp): void {
  assert(part.test(text), text);
}

Deno.test("plan says what a release would change, needs what it asks for and no key, writes nothing, and spares it nix eval", async () => {
  await using fleet = await TestFleet.create();
  await expectRelease(fleet, ["--git-commit", `--now=${NOW}`]);
  await hold(fleet, { web1: "two" });
  await editFleet(fleet, (draft) => {
    delete draft["hosts"].db;
    draft["channels"].stable.freshnessWindow = 2880;
  });
  await fleet.commit("two");
  const args = ["plan", "--exit-code", `--now=${SOON}`];
  const env = fleet.env();
  const flags = await runInProcess(["--print-permissions", ...args], { cwd: fleet.dir, env });
  const program = ["run", "--cached-only", "--frozen", ...flags.stdout.trimEnd().split("\n")];
  const before = await worldOf(fleet);
  const { code, stdout, stderr } = await run(
    [Deno.execPath(), ...program, join(PROJECT, "src/main.ts"), ...args],
    { cwd: fleet.dir, env },
  );
  assertEquals(code, 10, stderr);
  assertEquals(await worldOf(fleet), before);
  const [was, is] = ["0b6s9ad3", "46l1c329"];
  assertEquals(
    stdout.replace(/commit [0-9a-f]{8}/, "commit COMMIT").split("\n"),
    [
      '1 of 2 hosts changes: "web1"; 1 is removed: "db"; channels change',
      "",
      "channel  wave  host  change   closure              also",
      "edge     -     db    removed  nryvcwkd",
      `stable   1     web1  changed  ${was} → ${is}`,
      "",
      "changed  channels.stable.freshnessWindow: 1440 → 2880",
      "",
      `compared with the release on disk that was signed at ${NOW} from commit COMMIT: not verified, since no keys are given`,
      "that release is due to be signed anew at 2026-06-01T13:00:00Z",
      "closures that would be built or fetched: 0 of 3",
      "",
    ],
  );

  const released = await fleet.release(["--now=2026-06-01T13:00:00Z", "-v", "--log-format=json"]);
  const commands = released.stderr.trimEnd().split("\n").map((line): Draft => JSON.parse(line))
    .filter(({ event }) => event === "command").map(({ command }): string[] => command.split(" "));
  assertEquals(released.code, 0, released.stderr);
  assertEquals(commands.filter(([nix, ...words]) => nix === which("nix") && words.includes("eval")), []);

  const after = await fleet.run(["plan", "--exit-code", "--now=2026-06-01T14:00:00Z"]);
  assertEquals([after.code, after.stdout.split("\n")[0]], [0, "nothing changes for 2 hosts"], after.stderr);
  assertHas(
    after.stdout,
    /\nthat release has been due to be signed anew since 2026-06-01T14:00:00Z/,
  );
});

Deno.test("plan compares with the release that it is told to, and verifies it where keys are given", async () => {
  await using fleet = await TestFleet.create();
  const first = await planned(fleet);
  assertEquals([first["changes"].first, first["changed"], first["signing"]], [true, true, null]);
  await expectRelease(fleet, ["--git-commit", `--now=${NOW}`]);
  const root = await fleet.git("rev-parse", "HEAD~1");
  await fleet.git("tag", "one");
  await hold(fleet, { web2: "two" });
  await fleet.commit("two");
  await expectRelease(fleet, ["--git-commit", "--now=2026-06-01T12:10:00Z"]);
  await Deno.rename(join(fleet.dir, "releases"), join(fleet.root, "other"));
  await fleet.git("restore", "--source=one", "--worktree", "releases");

  const later = "2026-06-01T12:10:00Z";
  const changedIn = async (...args: string[]) => {
    const { changes, against } = await planned(fleet, args);
    return [changes.hosts.map(({ name }: Draft) => name), against.signedAt, against.verified];
  };
  assertEquals(await changedIn(), [["web2"], NOW, false]);
  // With keys, what is committed counts as it does for a release.
  assertEquals(await changedIn(`--public-key=${PUBLIC_KEY}`), [[], later, true]);
  assertEquals(await changedIn("--against=HEAD", `--public-key=${PUBLIC_KEY}`), [[], later, true]);
  assertEquals(await changedIn("--against=one", `--public-key=${PUBLIC_KEY}`), [["web2"], NOW, true]);
  assertEquals(await changedIn("--against=../other"), [[], later, false]);
  const { code, stdout, stderr } = await fleet.run(["plan", "--against", root]);
  const message = `error: Cannot compare with "${root}": there is no release in commit ${root.slice(0, 8)}`;
  assertEquals([code, stdout, stderr.split("\n").includes(message)], [1, "", true], stderr);
  await Deno.mkdir(join(fleet.root, "odd"));
  await Deno.symlink("../other/fleet.resolved.json", join(fleet.root, "odd/fleet.resolved.json"));
  assertHas(
    (await fleet.run(["plan", "--against=../odd"])).stderr,
    /\nerror: Cannot read "[^"]*": it is a link/,
  );
  await fleet.git("branch", "one");
  const ambiguous = await fleet.run(["plan", "--against=one"]);
  assertEquals(ambiguous.code, 1);
  assertHas(ambiguous.stderr, /\nerror: The name "one" may mean 2 things\n/);
});

Deno.test("plan compares closures that are in the store, and builds them where it is told to", async () => {
  const flake = (version: string) =>
    flakeOf(`let
      kernel = build "kernel-${version}" "echo ${version} > $out";
      top = name: host (build "nixos-\${name}" "echo \${kernel} > $out");
    in { web1 = top "web"; web2 = top "web"; db = top "db"; }`);
  await using fleet = await TestFleet.create({ files: { "flake.nix": flake("6.1") } });
  await expectRelease(fleet, [`--now=${NOW}`]);
  await fleet.write({ "flake.nix": flake("6.2") });
  await fleet.commit("6.2");
  const diff = ["--diff-closures"];
  const without = await planned(fleet, diff);
  assertEquals(without["closures"], { evaluated: 3, missing: ["db", "web1", "web2"], unknown: [] });
  const shown = ({ differences }: Draft) =>
    differences.map(({ hosts, missing, packages }: Draft) => ({ hosts, missing, packages }));
  assertEquals(shown(without), [
    { hosts: ["db"], missing: ["after"], packages: [] },
    { hosts: ["web1", "web2"], missing: ["after"], packages: [] },
  ]);
  const built = await planned(fleet, [...diff, "--build"]);
  assertEquals(built["closures"].missing, []);
  const packages = [{ name: "kernel", change: "6.1 → 6.2" }];
  assertEquals(shown(built), [
    { hosts: ["db"], missing: [], packages },
    { hosts: ["web1", "web2"], missing: [], packages },
  ]);
  const { stdout } = await fleet.run(["plan", ...diff]);
  assertHas(
    stdout,
    /\n\n"web1", "web2": \/nix\/store\/\S+-nixos-web → \/nix\/store\/\S+-nixos-web\n {2}kernel: 6\.1 → 6\.2\n$/,
  );
});

Deno.test("plan shows what a release then gives a host, whatever its flake says of its output", async () => {
  const hosts = `let real = build "real" "echo real > $out"; other = build "other" "echo other > $out"; in {
    db = host (real // { outPath = other.outPath; });
  }`;
  await using fleet = await TestFleet.create({
    edit: onlyHosts("db"),
    files: { "flake.nix": flakeOf(hosts) },
  });
  const plan = await planned(fleet);
  const [{ after }] = plan["changes"].hosts;
  const { hosts: [released] } = await expectRelease(fleet, [`--now=${NOW}`]);
  assertEquals([after.closureHash, /-real$/.test(after.closureHash)], [released.closureHash, true]);
});

Deno.test("plan says of which closures nobody knows the names before they are built", async () => {
  const addressed = (text: string) =>
    flakeOf(`let
      addressed = name: host (build name "" // derivation {
        inherit (build name "") name system builder;
        args = [ "-c" "echo ${text} > $out" ];
        __contentAddressed = true;
        outputHashMode = "recursive";
        outputHashAlgo = "sha256";
      });
    in { web1 = addressed "web1"; web2 = addressed "web2"; db = host (build "db" "echo > $out"); }`);
  await using fleet = await TestFleet.create({ files: { "flake.nix": addressed("one") } });
  const args = ["--option", "extra-experimental-features", "ca-derivations"];
  const known = (plan: Draft) => [plan["changed"], plan["closures"].unknown, plan["changes"].hosts.length];
  assertEquals(known(await planned(fleet, args)), [true, ["web1", "web2"], 3]);
  await expectRelease(fleet, [...args, `--now=${NOW}`]);
  assertEquals(known(await planned(fleet, args)), [true, ["web1", "web2"], 0]);
  const { code, stdout } = await fleet.run(["plan", "--exit-code", ...args]);
  assertEquals(code, 10);
  assert(stdout.includes('since they are content-addressed: 2: "web1", "web2"\n'), stdout);
  assertEquals(known(await planned(fleet, [...args, "--build"])), [false, [], 0]);
  await fleet.write({ "flake.nix": addressed("two") });
  assertEquals(known(await planned(fleet, [...args, "--build"])), [true, [], 3]);
});
