import { assert, assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { RELEASE } from "../../src/commands/release.ts";
import metadata from "../../deno.json" with { type: "json" };
import { expectRun, type Finished, PROJECT, run, which } from "../support/command.ts";
import { type Draft, type FleetOptions, KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { runInProcess } from "../support/in_process.ts";
import { releaseByKey } from "../support/key_release.ts";
import { DENO_ENV } from "../support/program.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { SOON_AFTER, writeEarlierRelease } from "../support/refusal.ts";

const NOW = "2026-06-01T12:00:00Z";

/** The stages of a run with everything in it, in their order. */
const STAGES = [
  ["source", "Reading flake .", "Read flake . at COMMIT"],
  ["fleet", "Evaluating the fleet", "Evaluated the fleet: releasing 3 of 3 hosts"],
  ["earlier", "Looking for earlier releases", "Found no earlier release"],
  ["evaluate", "Evaluating 3 hosts", "Evaluated 3 hosts"],
  ["build", "Building 3 hosts", "Built 3 hosts"],
  ["push", "Pushing 3 closures", "Pushed 3 closures"],
  ["compose", "Composing the release", "Composed 4 artifacts"],
  ["changes", "Comparing with the last release", "Compared with the last release: first release, of 3 hosts"],
  ["sign", "Signing 4 artifacts", "Signed 4 artifacts"],
  ["verify-signatures", "Verifying the signatures", "Verified 4 signatures"],
  ["verify", "Reading the release back", "Read 4 artifacts back as a consumer would"],
  ["upstream", "Looking at main", "Found main ready for this release"],
  ["write", "Writing releases", "Wrote 8 files to FLEET/releases"],
  ["commit", "Committing the release", "Committed RELEASE"],
  ["git-push", "Pushing to main", "Pushed RELEASE to main"],
] as const;

/** A fleet with a remote, a wave that names nobody, and content that no store has seen. */
async function wholeFleet(): Promise<TestFleet> {
  const content = Object.fromEntries(["web1", "web2", "db"].map((name) => [name, crypto.randomUUID()]));
  const fleet = await TestFleet.create({
    edit(fleet) {
      fleet["waves"].edge = [{ hosts: ["db", "nobody"], soakMinutes: 5 }];
      fleet["hosts"].db.system = "aarch64-darwin";
    },
    files: { "hosts.json": JSON.stringify({ nixos: ["web1", "web2"], darwin: ["db"], content }) },
  });
  await fleet.git("init", "-q", "--bare", join(fleet.root, "remote.git"));
  return fleet;
}

const WHOLE_RUN = [
  "--revocations-attr",
  "fleet.revocations",
  "--push-cmd",
  "true",
  "--git-push",
  "../remote.git:main",
];
const WAVE_WARNING = {
  code: "unknown-wave-host",
  message: 'Wave 0 of channel "edge" names "nobody", which the fleet does not have',
  path: "waves.edge.0.hosts",
};

/** A log with the fleet and the commits named, so that it can be compared. */
async function named(log: string, fleet: TestFleet, commit: string): Promise<string> {
  const releaseCommit = await fleet.head();
  return log.replaceAll(fleet.dir, "FLEET").replaceAll(commit.slice(0, 8), "COMMIT")
    .replaceAll(releaseCommit.slice(0, 8), "RELEASE");
}

Deno.test("the program tells a person one line for each stage, and writes nothing to stdout", async () => {
  await using fleet = await wholeFleet();
  const commit = await fleet.git("rev-parse", "HEAD");
  const { code, stdout, stderr } = await releaseByKey(fleet, WHOLE_RUN);
  const log = await named(stderr, fleet, commit);
  const lines = STAGES.map(([, , done]) => `${done} in TIME`);
  lines.splice(6, 0, `warning: ${WAVE_WARNING.message}`);
  assertEquals(log.replace(/ in (\d+ ms|\d+\.\d s)$/gm, " in TIME").split("\n"), [...lines, ""]);
  assertEquals([code, stdout], [0, ""]);
});

Deno.test("the program's --log-format json has one object a line, with stages, hosts and durations", async () => {
  await using fleet = await wholeFleet();
  const commit = await fleet.git("rev-parse", "HEAD");
  const { code, stdout, stderr } = await releaseByKey(fleet, [...WHOLE_RUN, "--log-format", "json"]);
  assertEquals([code, stdout], [0, ""]);
  const log = await named(stderr, fleet, commit);
  assertEquals(log.at(-1), "\n");
  const records: Draft[] = log.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const record of records) {
    assertEquals(new Date(record["time"]).toISOString(), record["time"]);
    if (record["event"].endsWith("-done")) assert(record["seconds"] >= 0, JSON.stringify(record));
  }
  // runInProcess() has looked at their schema.
  const told = records.map(({ schema: _, time: __, seconds: ___, ...record }) => record);
  const level = "info";
  // What evaluates has not ended when what is built begins.
  const isEvaluated = ({ event, stage }: Draft) => event === "stage-done" && stage === "evaluate";
  const stages = told.filter(({ host }) => host === undefined);
  assert(stages.some(isEvaluated));
  assertEquals(
    stages.filter((record) => !isEvaluated(record)),
    STAGES.flatMap(([stage, title, done]) =>
      [
        { level, event: "stage-started", stage, message: title },
        ...(stage === "compose" ? [{ level: "warning", event: "warning", ...WAVE_WARNING, stage }] : []),
        { level, event: "stage-done", stage, message: done },
      ].filter((record) => !isEvaluated(record))
    ),
  );
  const byText = (a: Draft, b: Draft) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
  assertEquals(
    told.filter(({ host }) => host !== undefined).sort(byText),
    ["evaluate", "build", "push"].flatMap((stage) =>
      ["db", "web1", "web2"].flatMap((host) =>
        ["host-started", "host-done"].map((event) => ({ level, event, stage, host }))
      )
    ).sort(byText),
  );
});

Deno.test("the program's --json is the whole result, as it is on disk and in git", async () => {
  await using fleet = await wholeFleet();
  const old = await fleet.git("rev-parse", "HEAD");
  const pinned = JSON.parse(await Deno.readTextFile(join(fleet.dir, "fleet.json")));
  pinned.hosts.web2.pin = { commit: old, reason: "audit" };
  await fleet.write({ "fleet.json": JSON.stringify(pinned) });
  const commit = await fleet.commit("pin");
  const { code, stdout, stderr } = await releaseByKey(
    fleet,
    [...WHOLE_RUN, "--json", "--now", NOW, "--pin-source-url", `git+file://${fleet.dir}`],
  );
  assertEquals(code, 0, stderr);
  const result = JSON.parse(stdout);
  assertEquals(stdout, `${JSON.stringify(result, null, 2)}\n`);

  const released = await fleet.json();
  const manifests = [...(await fleet.files()).keys()].filter((path) => /^rollouts\/.*\.json$/.test(path));
  const channelOf = new Map<string, string>();
  for (const path of manifests) channelOf.set(path, (await fleet.json(path))["channel"]);
  manifests.sort((a, b) => channelOf.get(a)! < channelOf.get(b)! ? -1 : 1);
  const artifacts = ["fleet.resolved.json", "revocations.json", ...manifests];
  assertEquals(artifacts.length, 4);
  const { stages, ...others } = result;
  const seconds = others.hosts.map(({ seconds }: Draft) => seconds);
  others.hosts.forEach((host: Draft) => delete host["seconds"]);
  assertEquals(Object.keys(others)[0], "schema");
  assertEquals(others, {
    schema: "fleet-release/release/1",
    outcome: "released",
    commit,
    signedAt: NOW,
    releaseCommit: await fleet.git("--git-dir", "../remote.git", "rev-parse", "main"),
    pushedTo: { remote: "../remote.git", branch: "main" },
    flake: `git+file://${fleet.dir}?rev=${commit}`,
    nixVersion: (await expectRun([which("nix"), "--version"])).trim().split(" ").at(-1),
    programVersion: metadata.version,
    hosts: await Promise.all(
      [
        ["web1", "nixos", "stable", null],
        ["web2", "nixos", "stable", old],
        ["db", "darwin", "edge", null],
      ].map(async ([name, kind, channel, pinnedTo]) => {
        const { closureHash } = released["hosts"][name!];
        const storePath = join("/nix/store", closureHash);
        const query = [which("nix-store"), "--query", "--deriver", storePath];
        const derivation = (await expectRun(query, { env: fleet.env() })).trim();
        return { name, kind, channel, pinnedTo, derivation, storePath, closureHash };
      }),
    ),
    artifacts: await Promise.all(artifacts.map(async (path) => {
      const sha256 = await sha256Of(join(fleet.dir, "releases", path));
      return { path, sha256, rolloutId: path.startsWith("rollouts/") ? sha256 : null, reused: false };
    })),
    changes: {
      ...{ summary: "first release, of 3 hosts", first: true, channels: ["edge", "stable"], unchanged: 0 },
      ...{ hosts: result.changes.hosts, parts: result.changes.parts },
    },
    warnings: [WAVE_WARNING],
  });
  assertEquals(
    result.changes.hosts.map(({ name, change, after }: Draft) => [name, change, after.closureHash]),
    ["db", "web1", "web2"].map((name) => [name, "added", released["hosts"][name].closureHash]),
  );
  assertEquals(
    manifests.map((path) => basename(path, ".json")),
    result.artifacts.slice(2).map(({ rolloutId }: Draft) => rolloutId),
  );
  for (const work of seconds) {
    assertEquals(Object.keys(work), ["evaluate", "build", "push"]);
    assert(Object.values(work).every((taken) => Number(taken) >= 0), JSON.stringify(work));
  }
  assertEquals(stages.map(({ stage }: Draft) => stage), STAGES.map(([name]) => name));
  for (const stage of stages) {
    assertEquals(Object.keys(stage), ["stage", "seconds"]);
    assert(stage.seconds >= 0 && stage.seconds === Math.round(stage.seconds * 1000) / 1000);
  }
});

async function sha256Of(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

Deno.test("the program's --json tells of a run that changes nothing", async () => {
  await using fleet = await TestFleet.create();
  const args = ["--json", "--reuse-unchanged-signature", "--git-commit", "--now"];
  const released = await releaseByKey(fleet, [...args, NOW]);
  const first = JSON.parse(released.stdout);
  // Where there is nothing to warn of, nothing is warned of.
  assertEquals([first.warnings, released.stderr.includes("warning")], [[], false], released.stderr);
  const { code, stdout, stderr } = await releaseByKey(fleet, [...args, "2026-06-01T12:30:00Z"]);
  assertEquals(code, 0, stderr);
  const unchanged = JSON.parse(stdout);
  for (const { hosts } of [first, unchanged]) hosts.forEach((host: Draft) => delete host["seconds"]);
  assertEquals({ ...unchanged, flake: "", stages: [] }, {
    ...first,
    flake: "",
    outcome: "no-change",
    releaseCommit: null,
    changes: {
      ...{ summary: "nothing changes for 3 hosts", first: false, channels: [], unchanged: 3 },
      ...{ hosts: [], parts: [] },
    },
    artifacts: first.artifacts.map((artifact: Draft) => ({ ...artifact, reused: true })),
    stages: [],
  });
  assertEquals(stderr.split("\n").map((line) => line.replace(/ in .*$/, "")).slice(-7), [
    "Composed 3 artifacts, unchanged since they were signed",
    "Compared with the last release: nothing changes for 3 hosts",
    "Verified 3 signatures",
    "Read 3 artifacts back as a consumer would",
    "Wrote nothing: every file is",
    "Committed nothing: no change",
    "",
  ]);
});

Deno.test("the program's --log-format json tells an error as one object, and --json the same", async () => {
  await using fleet = await TestFleet.create({
    edit: (fleet) => fleet["channels"].edge.rolloutPolicy = "none",
  });
  const { code, stdout, stderr } = await releaseByKey(fleet, ["--log-format", "json", "--json"]);
  const records: Draft[] = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  const error = {
    kind: "contract",
    message: 'Channel "edge" names the rollout policy "none", which the fleet does not have',
    path: "channels.edge.rolloutPolicy",
    lines: [],
    hint: "add rolloutPolicies.none, or name a policy that is there",
    exitCode: 1,
  };
  assertEquals(code, 1);
  assertEquals(JSON.parse(stdout), { schema: "fleet-release/error/1", ...error, code: null, hosts: [] });
  assertEquals(records.filter(({ level }) => level === "error").map(({ time: _, ...record }) => record), [{
    schema: "fleet-release/event/1",
    level: "error",
    event: "error",
    stage: "fleet",
    ...error,
  }]);
  assertEquals(records.at(-1)!["level"], "error");
});

Deno.test("the program's --log-format json holds for an error of the command line itself", async () => {
  await using fleet = await TestFleet.create({ git: false });
  for (const format of [["--log-format", "json"], ["--log-format=json"]]) {
    for (const args of [[...format, "--unknown"], ["--unknown", ...format]]) {
      const { code, stdout, stderr } = await fleet.run(args);
      const { time: _, ...error } = JSON.parse(stderr);
      assertEquals([code, stdout], [1, ""]);
      assertEquals(error, {
        schema: "fleet-release/event/1",
        level: "error",
        event: "error",
        kind: "usage",
        message: 'Unknown option "--unknown"',
        lines: [],
        hint: "fleet-release --help lists the options",
        exitCode: 1,
      });
    }
  }
});

Deno.test("the program's -v shows commands that a shell runs as they stand", async () => {
  await using fleet = await TestFleet.create();
  const flake = await Deno.readTextFile(join(fleet.dir, "flake.nix"));
  // A name that means something to the shell and to nix.
  const name = '"it\'s \\${here}"';
  await fleet.write({ "flake.nix": flake.replace(" revocations = ", () => ` ${name} = `) });
  await fleet.commit("rename");
  const { code, stdout, stderr } = await releaseByKey(fleet, ["-v", "--revocations-attr", `fleet.${name}`]);
  assertEquals([code, stdout], [0, ""], stderr);
  const commands = shownCommands(stderr).filter((command) => command.startsWith(`${which("nix")} `));
  const printed: unknown[] = [];
  const traced: string[] = [];
  for (const command of commands) {
    const { code, stdout, stderr } = await run([which("sh"), "-c", command], {
      cwd: fleet.dir,
      env: fleet.env(),
    });
    assertEquals(code, 0, stderr);
    printed.push(JSON.parse(stdout));
    traced.push(stderr);
  }
  // The evaluation of the fleet begins before it is known what the flake declares.
  const [fetched, ended, declared] = printed as [Draft, unknown, Draft];
  assertEquals(declared, { inputs: [], nixConfig: {}, self: {} });
  assertEquals(fetched["info"].rev, await fleet.git("rev-parse", "HEAD"));
  // The inventory and the hosts are traced, within events.
  assertEquals(ended, null);
  const events = traced.join("\n").split("\n").filter((line) => line.startsWith("@nix "))
    .map((line) => JSON.parse(line.slice(5)));
  const [inventory] = events.flatMap(({ msg = "" }) => /^trace: \S+ (\[\{.*)$/.exec(msg)?.[1] ?? [])
    .map((text) => JSON.parse(text)[0]);
  assertEquals(inventory["hosts"], { nixos: ["db", "web1", "web2"], darwin: [] });
  assertEquals(inventory["attributes"], {
    fleet: { ok: true, value: JSON.parse(await Deno.readTextFile(join(fleet.dir, "fleet.json"))) },
    revocations: { ok: true, value: [] },
  });
  const outPaths = [...traced.join().matchAll(/"([^"\\]+)-26\.05\\",\\"out\\"/g)].map(([, path]) =>
    basename(path!)
  );
  const { hosts: released } = await fleet.json();
  assertEquals(
    outPaths.map((name) => `${name}-26.05`).sort(),
    Object.values<Draft>(released).map(({ closureHash }) => closureHash).sort(),
  );
});

/** The commands in a log, each up to the first newline that is not within quotes. */
function shownCommands(log: string): string[] {
  return [...log.matchAll(/^\$ ((?:'[^']*'|\\.|[^'\\\n])*)$/gm)].map(([, command]) => command!);
}

Deno.test("the program's -v shows the same commands with --log-format json", async () => {
  await using fleet = await TestFleet.create();
  const { stderr } = await fleet.release(["--sign-cmd", SIGN, "--no-memo", "-v", "--log-format", "json"]);
  const records: Draft[] = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  const commands = records.filter(({ event }) => event === "command");
  assertEquals(new Set(commands.map(({ level }) => level)), new Set(["debug"]));
  const words = (command: string) => command.replace(/^(?:NIXFLEET_\w+=\S+ )+/, "").split(" ")[0]!;
  assertEquals(
    // Where two stages are at work it is told of none of them.
    [...new Set(commands.map(({ stage = "build", command }) => `${stage}: ${basename(words(command))}`))]
      // How much memory there is, which is looked at when evaluation takes its time; and what nobody has built before.
      .filter((found) => found !== "evaluate: sh" && found !== "build: nix-store"),
    [
      "source: git",
      "source: nix",
      "source: nix-store",
      "earlier: git",
      "sign: sh",
    ],
  );
  assertEquals(
    commands.filter(({ stage }) => stage === "sign").map(({ command }) =>
      command.replace(/^.* sh -c/, "sh -c")
    ),
    ["sh -c '<sign hook>'", "sh -c '<sign hook>'", "sh -c '<sign hook>'"],
  );
});

/** Runs the program without any permission, and without programs to find. */
async function runWithNothing(args: readonly string[]): Promise<Finished> {
  await using fleet = await TestFleet.create({ git: false });
  const argv = [Deno.execPath(), "run", "--no-prompt", "--cached-only", "--frozen"];
  return await run([...argv, join(PROJECT, "src/main.ts"), ...args], { env: { ...fleet.env(), PATH: "" } });
}

Deno.test("the program's --help tells every option, and needs no permission", async () => {
  const { code, stdout, stderr } = await runWithNothing(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assertEquals(lines[0], "Usage: fleet-release [release] --sign-key FILE [OPTION...]");
  const flags = lines.flatMap((line) =>
    /^ {2}(?:-\w, | {4})--([a-z-]+)(?: [A-Z0-9:]+)* {2,}\S/.exec(line)?.[1] ?? []
  );
  assertEquals(flags, Object.keys(RELEASE.options));
  assertEquals(lines.filter((line) => /^ {2}\d {2}/.test(line)).map((line) => line.trim()[0]), [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
  ]);
  const withH = await runInProcess(["-h", "--hosts", "web1"], { cwd: "/" });
  assertEquals(withH, { code, stdout, stderr });
});

Deno.test("the program's --version is the version of deno.json, and needs no permission", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(join(PROJECT, "deno.json")));
  const said = { code: 0, stdout: `fleet-release ${version}\n`, stderr: "" };
  assertEquals(await runWithNothing(["--version"]), said);
  assertEquals(await runInProcess(["-V"], { cwd: "/" }), said);
});

Deno.test("the program never shows the password in the URL of --git-push", async () => {
  await using fleet = await wholeFleet();
  const url = "https://bob:tok-4F9aZ77q@git.example.com/fleet.git";
  await fleet.git("config", `url.${fleet.root}/remote.git.insteadOf`, url);
  // What is told without -v is told with it, too.
  for (const more of [["-v", "--json"], ["-v", "--log-format", "json"]]) {
    const { code, stdout, stderr } = await releaseByKey(fleet, ["--git-push", `${url}:main`, ...more]);
    assertEquals(code, 0, stderr);
    assertEquals(`${stdout}${stderr}`.split("\n").filter((line) => line.includes("tok-4F9aZ77q")), []);
  }
});

const ENV = { RELEASE_KEY: await Deno.readTextFile(KEY) };

/** Runs that end well, and what they warn of: as many things at once as go together, in the order of the stages. */
const WARNINGS: {
  of: string;
  fleet?: FleetOptions;
  prepare?: (fleet: TestFleet) => Promise<void>;
  args?: readonly string[];
  /** How it is signed, and what it is verified with; by default by one key, with its public part. */
  sign?: typeof releaseByKey;
  warnings: { code: string; message: string; path?: string }[];
}[] = [
  {
    of: "a dirty tree, and all that is odd in a fleet and its release directory",
    fleet: {
      nixos: ["web1", "web2", "db", "mail", "lab"],
      edit: (fleet) => {
        const { hosts, channels, waves } = fleet;
        hosts.db.pin = { commit: "v1", reason: "audit", expiresAt: NOW };
        hosts.mail = { ...hosts.db, channel: "beta" };
        delete hosts.mail.pin;
        fleet["comment"] = "mine";
        for (const name of ["web1", "web2", "db"]) hosts[name].rack = 7;
        channels.edge.compliance.level = "high";
        fleet["disruptionBudgets"] = [
          { selector: { all: true, and: [], not: null }, maxInFlight: 1 },
          { selector: { tags: ["web"], and: [{ hosts: ["web1"] }] }, maxInFlight: 1 },
          { selector: { tags: ["web"], not: { hosts: ["web1"] } }, maxInFlight: 1 },
        ];
        waves.stable = [{ hosts: ["web2", "web9"], soakMinutes: 10 }];
      },
    },
    prepare: async (fleet) => {
      await Deno.writeTextFile(join(fleet.dir, "flake.nix"), "# changed\n", { append: true });
      await fleet.write({ "releases/revocations.json": "{}" });
    },
    args: ["--now", NOW, "--smoke-verify", "false"],
    warnings: [
      {
        code: "dirty-tree",
        message:
          'The source has no locked revision (there are changes that are not committed: "flake.nix"): the release names ' +
          "commit COMMIT, which need not contain what is built",
      },
      ...([["and", 1], ["not", 2]] as const).map(([key, index]) => ({
        code: "inexpressible-selector",
        message:
          `Disruption budget ${index} chooses hosts by "${key}", which consumers cannot understand: it ` +
          "protects other hosts than its author meant",
        path: `disruptionBudgets.${index}.selector.${key}`,
      })),
      // Once for each kind of field.
      ...([
        ["channels.edge.compliance.level", ""],
        ["comment", ""],
        ["hosts.db.rack", " (and 2 more fields like it)"],
      ] as const).map(([path, others]) => ({
        code: "dropped-field",
        message: `The contract does not know the field "${path}"${others}: it does not reach the artifact`,
        path,
      })),
      {
        code: "expired-pin",
        message: 'The pin of "db" has expired: released from the current commit',
        path: "hosts.db.pin",
      },
      {
        code: "unknown-host",
        message: '"lab" was built, but the fleet does not know it: not in the release',
        path: "hosts",
      },
      {
        code: "unknown-channel",
        message: 'Host "mail" is on channel "beta", which the fleet does not have: no rollout reaches it',
        path: "hosts.mail.channel",
      },
      {
        code: "unknown-wave-host",
        message: 'Wave 0 of channel "stable" names "web9", which the fleet does not have',
        path: "waves.stable.0.hosts",
      },
      {
        code: "host-in-no-wave",
        message:
          '"web1" is in no wave of channel "stable": consumers put such hosts into wave 0, the first to change',
        path: "waves.stable",
      },
      {
        code: "no-smoke-verify",
        message: "The signed artifacts were not read back: --smoke-verify is false",
      },
      {
        code: "stale-sidecar",
        message:
          '"revocations.json" is from an earlier release and not part of this one: consumers take it for ' +
          "valid until it is stale, and verify for a part of this one. Give its attribute again, or --prune-sidecars, " +
          "which removes it",
        path: "revocations.json",
      },
    ],
  },
  {
    of:
      "a flake outside git, signatures that are not verified, and hosts that a partial run leaves without a closure",
    fleet: { git: false },
    sign: (fleet, args = []) => fleet.run(["--sign-key", "env:RELEASE_KEY", ...args], { env: ENV }),
    args: ["--hosts", "web1"],
    warnings: [{
      code: "no-commit",
      message: "The source has no locked revision (it is not in git): the release names no commit",
    }, {
      code: "unverified-signatures",
      message:
        "Signatures are not verified: give the keys that consumers trust with --trust-file, --trust-attr or " +
        "--public-key",
    }, {
      code: "host-without-closure",
      message: '"db", "web2" have no closure in this release: no rollout reaches them',
      path: "hosts",
    }],
  },
  {
    of: "hosts that a partial run leaves at the closure that they have",
    prepare: writeEarlierRelease,
    args: [...SOON_AFTER, "--hosts", "auto:exclude=web1"],
    warnings: [{
      code: "kept-closure",
      message: 'This run leaves out "web1": it keeps the closure that the release on disk gives',
    }],
  },
];

for (const { of, fleet: options, prepare, args = [], sign = releaseByKey, warnings } of WARNINGS) {
  Deno.test(`the program warns of ${of}, and releases`, async () => {
    await using fleet = await TestFleet.create(options);
    await prepare?.(fleet);
    const { code, stdout, stderr } = await sign(fleet, ["--json", ...args]);
    assertEquals(code, 0, stderr);
    const result = JSON.parse(stdout);
    const { commit } = result;
    const general = (text: string) => commit === null ? text : text.replaceAll(commit.slice(0, 8), "COMMIT");
    const found = result.warnings.map((warning: Draft) => ({
      ...warning,
      message: general(warning["message"]),
    }));
    assertEquals(found, warnings);
    assertEquals(
      stderr.split("\n").filter((line) => line.startsWith("warning: ")).map(general),
      warnings.map(({ message }) => `warning: ${message}`),
    );
    assertEquals(result.outcome, "released");
  });
}

Deno.test("a program that has read enough ends a command that only tells, without a word", async () => {
  const program = ["run", "-A", "--cached-only", "--frozen", join(PROJECT, "src/main.ts")];
  const cutOff = async (...args: string[]) => {
    // What it writes to is closed by then.
    const script = 'exec 3>&2; { sleep 0.2; "$@" 2>&3; echo "code $?" >&3; } | :';
    const argv = [which("sh"), "-c", script, "sh", Deno.execPath(), ...program, ...args];
    return (await run(argv, { cwd: PROJECT, env: { ...DENO_ENV, HOME: PROJECT, NO_COLOR: "1" } })).stderr;
  };
  for (const args of [["--help"], ["status", "--help"], ["man"], ["completions", "bash"]]) {
    assertEquals(await cutOff(...args), "code 141\n", args.join(" "));
  }
  // What a run has done is another matter.
  await using dir = await TemporaryDirectory.create();
  assertEquals(
    await cutOff("keygen", join(dir.path, "key.pem")),
    "error: Cannot write standard output: Broken pipe (os error 32)\ncode 1\n",
  );
});
