import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { KEY, TestFleet } from "../support/fleet.ts";
import { expectHarmless } from "../support/hostile.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { runInProcess } from "../support/in_process.ts";
import { flakeOf, onlyHosts } from "../support/releases.ts";

/** What others would like to say in our name, for a shell's printf and a nix string alike. */
const FORGED = String.raw`x\nVerified 99 signatures in 1 ms\n::stop-commands::tok\n##[group]\t\r`;
/** Escape sequences, and letters turned round, by a shell's printf. */
const SEQUENCES = String.raw`\033[2K\033]0;t\007\342\200\256\302\233`;

/** A fleet with a host of a hostile name, one that throws hostile words, and one whose build prints them. */
function hostileFleet(): Promise<TestFleet> {
  const hosts = `{
    db = host (build "db" "echo > $out");
    "evil${FORGED}" = host (build "evil" "echo > $out");
    throwing = host (throw "${FORGED}");
    failing = host (build "failing" "printf '${FORGED.replaceAll("\\", "\\\\")}${
    SEQUENCES.replaceAll("\\", "\\\\")
  }'; exit 1");
  }`;
  return TestFleet.create({
    edit: onlyHosts("db", "throwing", "failing"),
    files: { "flake.nix": flakeOf(hosts) },
  });
}

/** The beginnings of lines that people take for the program's own words. */
const OURS =
  /^(?:Read|Evaluated|Found|Built|Pushed|Composed|Compared|Signed|Verified|Wrote|warning: |error: | {2}at: |hint: |\$ | {2}host "| {2}derivation \/nix\/store\/\S+ failed, which host "| {2}Push hook failed for host "| {2}\d+ of \d+ closures? pushed$| {4}\| |\| | {2}\| )/;

Deno.test("nothing that a flake, a build or a hook says makes a line of its own, or commands a CI system", async () => {
  await using fleet = await hostileFleet();
  const push = `printf '${FORGED}${SEQUENCES}\\n'; exit 3`;
  for (
    const [args, code] of [
      [["--hosts", "throwing"], 1],
      [["--hosts", "failing"], 1],
      [["--hosts", "auto:exclude=throwing,failing", "--push-cmd", push, "--push-retries=0"], 2],
    ] as const
  ) {
    for (const more of [[], ["-v"], ["-v", "--log-format", "json", "--json"]]) {
      const result = await fleet.run(["--sign-key", KEY, ...args, ...more]);
      assertEquals([result.code, result.stdout === ""], [code, !more.includes("--json")], result.stderr);
      expectHarmless(result.stdout);
      expectHarmless(result.stderr);
      const lines = result.stderr.trimEnd().split("\n");
      if (more.includes("json")) lines.forEach((line) => JSON.parse(line));
      else assertEquals(lines.filter((line) => !OURS.test(line)), []);
      assertEquals(lines.filter((line) => /^Verified|^::/.test(line)), []);
    }
  }
});

Deno.test("the --json of a release reads back to the exact names", async () => {
  await using fleet = await hostileFleet();
  const { code, stdout, stderr } = await fleet.run([
    ...["--sign-key", KEY, "--hosts", "auto:exclude=throwing,failing", "--json"],
  ]);
  assertEquals(code, 0, stderr);
  expectHarmless(stdout);
  const names = JSON.parse(stdout).hosts.map(({ name }: { name: string }) => name);
  assertEquals(names, ["db", JSON.parse(`"evil${FORGED}"`)]);
});

Deno.test("verify prints no line that a document makes", async () => {
  await using fleet = await FleetWithoutNix.create({
    edit: ({ channels, hosts, waves }) => {
      const channel = JSON.parse(`"${FORGED}"`);
      channels[channel] = channels.edge;
      hosts.db.channel = channel;
      waves[channel] = [];
    },
  });
  const released = await fleet.release(["--now", "2026-06-01T12:00:00Z"]);
  assertEquals(released.code, 0, released.stderr);
  const trust = join(fleet.root, "home/trust.json");
  const { stdout: keys } = await runInProcess(["pubkey", KEY, "--format", "trust-file"], { cwd: fleet.dir });
  await Deno.writeTextFile(trust, keys);
  for (const json of [[], ["--json"]]) {
    const args = ["verify", "releases", "--trust-file", trust, "--now", "2027-06-01T12:00:00Z", ...json];
    const { code, stdout } = await runInProcess(args, { cwd: fleet.dir });
    assertEquals(code, 1);
    expectHarmless(stdout);
    if (json.length > 0) assertEquals(stdout.includes("Verified 99"), true);
    else assertEquals(stdout.split("\n").filter((line) => !/^(?:refused "|refused: |$)/.test(line)), []);
  }
});

const CANARY = "Canary7aQ2xZ";

/**
 * Ways to give a secret, what it fails with, and what an operator has to read in spite of it. Where that is said of a
 * hook, the others of its kind are tried without nix.
 */
const SECRETS: [args: string[], env: Record<string, string>, readable: string, withoutNix?: true][] = [
  [["--push-cmd", `set -x; sh -c "exit 3" -p${CANARY}`], {}, "+ sh -c exit 3", true],
  [["--push-cmd", `T=${CANARY}; printf "Canary\\033[1m7aQ2xZ\\n"; exit 3`], {}, "| ***", true],
  [
    ["--push-cmd", `NAME=eu; echo "no $NAME at cache.example.com"; exit 3`],
    {},
    "| no eu at cache.example.com",
    true,
  ],
  [["--push-cmd", "sh ./missing.sh"], {}, "./missing.sh", true],
  [["--push-cmd", 'echo "$MINE"; exit 3', "--hook-env", "MINE"], { MINE: CANARY }, "| ***"],
  [["--push-cmd", "env; exit 3"], { DEPLOY_TOKEN: CANARY }, "DEPLOY_TOKEN=***"],
  [["--hook-env", `MINE=${CANARY}`], {}, "--hook-env"],
  [["--option", "access-tokens", `github.com=${CANARY}`, "--hosts", "none"], {}, '"none"'],
  [["--git-push", `https://u:p'${CANARY}@127.0.0.1:1/x:main`], {}, "127.0.0.1:1/x"],
  [["--git-push", `https://u:p@${CANARY}@127.0.0.1:1/x:main`, "--release-dir", "b"], {}, "127.0.0.1:1/x"],
  [
    ["--git-push", `https://127.0.0.1:1/x?private_token=${CANARY}:main`, "--release-dir", "c"],
    {},
    "127.0.0.1:1/x",
  ],
];

for (const [args, env, readable, withoutNix] of SECRETS) {
  Deno.test(`a run with ${args.join(" ")} shows ${readable}, and not the secret`, async () => {
    const options = { nixos: ["db"], edit: onlyHosts("db") };
    await using fleet = await (withoutNix ? FleetWithoutNix : TestFleet).create(options);
    const { code, stdout, stderr } = await fleet.run(["--sign-key", KEY, "-v", "--push-retries=0", ...args], {
      env,
    });
    assertEquals([code > 0, stdout], [true, ""], stderr);
    assertEquals(stderr.split("\n").filter((line) => line.includes(CANARY) || line.includes("7aQ2xZ")), []);
    assertEquals(stderr.includes(readable), true, stderr);
  });
}
