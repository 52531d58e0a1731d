import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { basename, join, toFileUrl } from "@std/path";
import {
  type CommandTrace,
  type Log,
  release,
  type ReleaseConfig,
  ReleaseError,
  type RunOutcome,
} from "../../mod.ts";
import { PROJECT, run, which } from "../support/command.ts";
import { type FleetOptions, KEY, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { releaseByKey } from "../support/key_release.ts";
import { worldOf } from "../support/refusal.ts";

const NOW = "2026-06-01T12:00:00Z";

/** What the program is told by its options, for a fleet that is not in the current directory. */
function settingsFor(fleet: TestFleet, more: Partial<ReleaseConfig> = {}): Partial<ReleaseConfig> {
  return {
    buildFlake: fleet.dir,
    releaseDir: join(fleet.dir, "releases"),
    signKey: KEY,
    publicKey: PUBLIC_KEY,
    now: NOW,
    ...more,
  };
}

/** A result without what no two runs have in common. */
function untimed({ stages, hosts, ...others }: Pick<RunOutcome, "stages" | "hosts">) {
  return {
    ...others,
    stages: stages.map(({ stage }) => stage),
    hosts: hosts.map(({ seconds, ...host }) => ({ ...host, work: Object.keys(seconds) })),
  };
}

Deno.test("release() gives what the program prints with --json, and writes the same files", async () => {
  const edit: FleetOptions["edit"] = ({ waves }) => waves.stable.pop();
  await using fleet = await TestFleet.create({ edit, darwin: ["air"] });
  // In a variable: others may read the file, and it depends on the checkout whether there is a warning of that.
  const env = { ...fleet.env(), RELEASE_KEY: await Deno.readTextFile(KEY) };
  const signKey = "env:RELEASE_KEY";
  const outcome = await release({ ...settingsFor(fleet, { signKey }), buildFlake: "." }, {
    env,
    cwd: fleet.dir,
  });
  const files = await fleet.files();
  await Deno.remove(join(fleet.dir, "releases"), { recursive: true });
  const { stdout } = await releaseByKey(fleet, ["--json", "--now", NOW]);
  const { schema, ...printed } = JSON.parse(stdout);
  assertEquals(schema, "fleet-release/release/1");
  assertEquals(printed.warnings.length, 2);
  assertEquals<unknown>(untimed(outcome), untimed(printed));
  assertEquals(files, await fleet.files());
});

Deno.test("release() takes the signing time and the durations from the clock that it is given", async () => {
  await using fleet = await TestFleet.create();
  let ticks = 0;
  const clock = {
    now: () => Temporal.Instant.from("2026-06-01T12:00:00.999999999Z"),
    monotonic: () => 1500 * ticks++,
  };
  const outcome = await release(settingsFor(fleet, { now: undefined!, allowOlder: true }), {
    env: fleet.env(),
    clock,
  });
  assertEquals(outcome.signedAt, NOW);
  assertEquals((await fleet.json())["meta"].signedAt, NOW);
  const odd = outcome.stages.filter(({ seconds }) => seconds === 0 || seconds % 1.5 !== 0);
  assertEquals(odd, []);
});

Deno.test("release() tells its log of stages, hosts, warnings and commands, and never of a hook's text", async () => {
  await using fleet = await TestFleet.create({ edit: ({ waves }) => waves.stable.pop() });
  const told: string[] = [];
  const log: Log & CommandTrace = {
    start: ({ name }) => told.push(`start ${name}`),
    end: ({ name }, _result, seconds) => told.push(`end ${name}${seconds >= 0 ? "" : " too early"}`),
    host: () => {},
    fail: () => {},
    builds: () => {},
    warn: ({ code }) => told.push(`warn ${code}`),
    command: (argv) => told.push(`run ${shown(argv)}`),
    output: (line) => told.push(`output ${line}`),
  };
  // Of a hook, how it is shown; of another command, its program.
  const shown = (argv: readonly string[]) => argv.includes("-c") ? argv.at(-1) : basename(argv[0]!);
  const hosts = { kind: "explicit", hosts: ["db"] } as const;
  // What is kept for later runs is kept side by side with the stages.
  const hooks = { noMemo: true, signKey: undefined!, signCmd: SIGN, pushCmd: 'echo "$NIXFLEET_HOST"' };
  await release(settingsFor(fleet, { hosts, ...hooks }), { env: fleet.env(), log });
  // Git and nix look at the source side by side, and the evaluation of the fleet begins, and what tells what is built.
  const source = told.splice(0, told.indexOf("start fleet"));
  assertEquals(source.filter((what) => what !== "run git").toSorted(), [
    ...["end source", "run nix", "run nix", "run nix", "run nix-store", "start source"],
  ]);
  // Nothing has to be built where another test has built it.
  assertEquals(told.filter((what) => what !== "run nix-store"), [
    ...["start fleet", "end fleet"],
    ...["start earlier", "run git", "run git", "end earlier"],
    ...["start previous", "end previous"],
    ...["start evaluate", "start build", "end evaluate", "end build"],
    ...["start push", "run <push hook>", "output db", "end push"],
    ...["start compose", "warn host-in-no-wave", "warn host-without-closure", "end compose"],
    ...["start changes", "end changes"],
    ...["start sign", "run <sign hook>", "run <sign hook>", "end sign"],
    ...["start verify-signatures", "end verify-signatures"],
    ...["start verify", "end verify"],
    ...["start write", "end write"],
  ]);
});

Deno.test("release() gives hooks the environment that it is given, and nothing of the process's own", async () => {
  await using fleet = await TestFleet.create();
  const seen = join(fleet.root, "seen");
  const env = { ...fleet.env(), FLEET_RELEASE_TEST: "given" };
  Deno.env.set("FLEET_RELEASE_TEST_OWN", "the process's own");
  try {
    await release(settingsFor(fleet, { pushCmd: `env > ${seen}` }), { env });
  } finally {
    Deno.env.delete("FLEET_RELEASE_TEST_OWN");
  }
  const names = (await Deno.readTextFile(seen)).split("\n").flatMap((line) =>
    /^(\w+)=/.exec(line)?.[1] ?? []
  );
  const hookVariables = ["NIXFLEET_HOST", "NIXFLEET_PATH", "NIXFLEET_CLOSURE_HASH"];
  // What a shell sets by itself.
  const known = new Set([...Object.keys(env), ...hookVariables, "PWD", "OLDPWD", "SHLVL", "_"]);
  assertEquals(names.filter((name) => !known.has(name)), []);
  assertEquals([...Object.keys(env), ...hookVariables].filter((name) => !names.includes(name)), []);
});

Deno.test("release() runs twice at once in one process, and writes the time of each in the contract's form", async () => {
  await using one = await TestFleet.create();
  await using two = await TestFleet.create({ nixos: ["db"], edit: ({ hosts }) => hosts.db.tags.push("two") });
  const outcomes = await Promise.all(
    ([[one, NOW], [two, "2026-06-01 14:30:00.120+02:30"]] as const).map(([fleet, now]) =>
      release(settingsFor(fleet, { now }), { env: fleet.env() })
    ),
  );
  assertEquals(outcomes.map(({ signedAt }) => signedAt), [NOW, "2026-06-01T12:00:00.120Z"]);
  assertEquals(outcomes.map(({ hosts }) => hosts.map(({ name }) => name)), [["db", "web1", "web2"], ["db"]]);
  assertEquals([(await one.json())["hosts"].db.tags, (await two.json())["hosts"].db.tags], [["db"], [
    "db",
    "two",
  ]]);
});

/** Runs that fail, and what is known of each without reading its message. */
const FAILURES: [settings: Partial<ReleaseConfig>, error: Partial<ReleaseError>][] = [
  [{ signCmd: "" }, { kind: "usage", exitCode: 1 }],
  [{ artifactName: "../fleet.json" }, { kind: "usage", exitCode: 1 }],
  [{ evalWorkers: 0 }, { kind: "usage", exitCode: 1 }],
  [{ hosts: { kind: "explicit", hosts: [] } }, { kind: "usage", exitCode: 1 }],
  [{ hosts: { kind: "explicit", hosts: ["web9"] } }, { kind: "usage", exitCode: 1 }],
  [{ buildFlake: "/nowhere" }, { kind: "evaluation", exitCode: 1 }],
  [{ revocationsAttr: "fleet.nothing" }, { kind: "evaluation", exitCode: 1, path: "fleet.nothing" }],
  [{ fleetResolvedAttr: "fleet" }, { kind: "contract", exitCode: 1, path: "schemaVersion" }],
  [{ pushCmd: "exit 3", pushRetries: 0 }, { kind: "push-hook", exitCode: 2 }],
  [{ signCmd: "echo why; exit 1" }, { kind: "sign-hook", exitCode: 2, lines: ["| why"] }],
  [
    { signCmd: 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"; echo >> "$NIXFLEET_INPUT"' },
    { kind: "smoke-verify", exitCode: 3 },
  ],
];

Deno.test("release() rejects what fails with an error that says of which kind, and writes nothing", async (t) => {
  await using fleet = await TestFleet.create();
  const before = await worldOf(fleet);
  for (const [settings, expected] of FAILURES) {
    await t.step(`${JSON.stringify(settings)}: ${expected.kind}`, async () => {
      const given = settingsFor(
        fleet,
        "signCmd" in settings ? { signKey: undefined!, ...settings } : settings,
      );
      const error = await assertRejects(() => release(given, { env: fleet.env() }));
      assertInstanceOf(error, ReleaseError);
      const { kind, exitCode, path, lines } = error;
      assertEquals({ kind, exitCode, path, lines }, { path: undefined, lines: error.lines, ...expected });
      assertEquals(await worldOf(fleet), before);
      assertEquals(Deno.exitCode, 0);
    });
  }
});

/** A program that uses the library, in a process of its own. */
const USER = `
import { release, ReleaseError } from ${JSON.stringify(toFileUrl(join(PROJECT, "mod.ts")).href)};
try {
  const [signCmd, now] = Deno.args;
  const { outcome, hosts } = await release({ signCmd, now });
  console.log(outcome, hosts.length);
} catch (error) {
  console.log(error instanceof ReleaseError ? error.kind : error);
}
`;

Deno.test("release() needs no other permissions than its documentation says, prints nothing, and cleans up", async () => {
  await using fleet = await TestFleet.create();
  const script = join(fleet.root, "user.ts");
  await Deno.writeTextFile(script, USER);
  const programs = ["nix", "nix-store", "git", "sh"].map((program) => which(program));
  const argv = [
    ...[Deno.execPath(), "run", "--no-prompt", "--cached-only", "--config", join(PROJECT, "deno.json")],
    `--allow-run=${programs.join(",")}`,
    `--allow-read=${
      [fleet.root, ...programs.map((program) => program.slice(0, -basename(program).length))].join(",")
    }`,
    `--allow-write=${fleet.root}`,
    "--allow-env",
    script,
  ];
  const options = { cwd: fleet.dir, env: fleet.env() };
  const ends = [];
  for (const sign of [SIGN, SIGN, "exit 1"]) ends.push(await run([...argv, sign, NOW], options));
  assertEquals(
    ends,
    ["released 3", "no-change 3", "sign-hook"].map((said) => ({ code: 0, stdout: `${said}\n`, stderr: "" })),
  );
  assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
  assertEquals([...(await fleet.files()).keys()].length, 6);
});
