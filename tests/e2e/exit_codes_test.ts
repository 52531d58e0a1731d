import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { generatePrivateKey } from "../../src/crypto/private_key.ts";
import { Interrupt, SIGNALS } from "../../src/errors.ts";
import { ALL } from "../support/asked.ts";
import { SYSTEM } from "../support/command.ts";
import { type FleetOptions, KEY, PUBLIC_KEY, SIGN, TestFleet } from "../support/fleet.ts";
import { FleetWithoutNix } from "../support/fleet_without_nix.ts";
import { runInProcess } from "../support/in_process.ts";
import { onlyHosts } from "../support/releases.ts";

/** A fleet of one host. */
const ONE_HOST: FleetOptions = { edit: onlyHosts("db"), nixos: ["db"] };

const RAW_SIGNATURE = 'head -c 64 /dev/zero > "$NIXFLEET_OUTPUT"';

const { publicKey: OTHER } = await generatePrivateKey("ed25519");
const OTHER_KEY = `ed25519:${OTHER.bytes.toBase64()}`;

Deno.test("the program exits 0 for a release, for one that changes nothing, and for --help and --version", async () => {
  await using fleet = await FleetWithoutNix.create();
  const runs = [
    [],
    ["--reuse-unchanged-signature"],
    ["--git-commit"],
    ["--help"],
    ["--version"],
    ["-h", "--hosts", "nobody"],
    ["-V"],
  ];
  const codes: number[] = [];
  for (const args of runs) codes.push((await fleet.release(args)).code);
  assertEquals(codes, runs.map(() => 0));
});

Deno.test("a process of the program ends with the code 0, 1, 2 or 3 of its run", async () => {
  await using fleet = await TestFleet.create(ONE_HOST);
  const key = join(fleet.root, "home/key");
  await Deno.copyFile(KEY, key);
  const runs: [args: string[], code: number][] = [
    [["--sign-key", key, "--public-key", PUBLIC_KEY], 0],
    [[], 1],
    [["--sign-cmd", "exit 1", "--public-key", PUBLIC_KEY], 2],
    [["--sign-cmd", SIGN, "--public-key", OTHER_KEY], 3],
  ];
  const codes: number[] = [];
  for (const [args] of runs) codes.push((await fleet.runProcess(args)).code);
  assertEquals(codes, runs.map(([, code]) => code));
});

/** A flake in which one host's build fails, and says what the others in this file look for. */
const FAILING_BUILD = `{
  outputs = _: {
    nixosConfigurations.db.config.system.build.toplevel = derivation {
      name = "push-hook-failed";
      system = "${SYSTEM}";
      builder = "/bin/sh";
      args = ["-c" "echo 'smoke verify: the sign hook exited with 3' >&2; exit 3"];
    };
    fleet.resolved = builtins.fromJSON (builtins.readFile ./fleet.json);
  };
}`;

/** Runs that fail: each tells lies about what failed, since the reference takes its exit code from such words. */
const FAILURES: {
  because: string;
  /** A real fleet, where nix or git fail. */
  fleet?: FleetOptions;
  /** A fleet without nix, where they do not. */
  without?: FleetOptions["edit"];
  prepare?: (fleet: TestFleet) => Promise<void>;
  args: readonly string[];
  expected: { code: number; kind: string; word?: string; hosts?: readonly string[] };
}[] = [
  { because: "there is no sign command", args: [], expected: { code: 1, kind: "usage" } },
  {
    because: "an option is unknown, whatever hook it is called after",
    args: ["--sign-cmd", SIGN, "--smoke-verify-push-hook"],
    expected: { code: 1, kind: "usage" },
  },
  { because: "an option lacks its value", args: ["--sign-cmd"], expected: { code: 1, kind: "usage" } },
  {
    because: "a log format is unknown",
    args: ["--sign-cmd", SIGN, "--log-format", "sign hook"],
    expected: { code: 1, kind: "usage" },
  },
  {
    because: "a host is unknown, whatever it is called",
    args: ["--sign-cmd", SIGN, "--hosts", "smoke verify"],
    expected: { code: 1, kind: "usage" },
  },
  {
    because: "the flake does not evaluate, whatever it throws",
    fleet: { files: { "flake.nix": '{ outputs = _: throw "push hook failed: smoke verify failed"; }' } },
    args: ["--sign-cmd", SIGN],
    expected: { code: 1, kind: "evaluation" },
  },
  {
    because: "a rollout policy is missing, whatever it is called",
    without: (fleet) => fleet["channels"].edge.rolloutPolicy = "sign hook failed",
    args: ["--sign-cmd", SIGN],
    expected: { code: 1, kind: "contract" },
  },
  {
    because: "a build fails, whatever its log says",
    fleet: { files: { "flake.nix": FAILING_BUILD } },
    args: ["--sign-cmd", SIGN],
    expected: { code: 1, kind: "build", hosts: ["db"] },
  },
  {
    because: "git cannot push, whatever the remote is called",
    fleet: ONE_HOST,
    args: ["--sign-cmd", SIGN, "--git-push", "./push hook smoke verify:main"],
    expected: { code: 1, kind: "git" },
  },
  {
    because: "git is killed while it pushes",
    fleet: ONE_HOST,
    prepare: async (fleet) => {
      await fleet.git("init", "-q", "--bare", "../remote.git");
      await fleet.write({ ".git/hooks/pre-push": "#!/bin/sh\nkill -9 $PPID\n" });
      await Deno.chmod(`${fleet.dir}/.git/hooks/pre-push`, 0o755);
    },
    args: ["--sign-cmd", SIGN, "--git-push", "../remote.git:main", "--git-hooks"],
    expected: { code: 1, kind: "git" },
  },
  {
    because: "the release directory is a file",
    args: ["--sign-cmd", SIGN, "--release-dir", "../home/sign-hook"],
    expected: { code: 1, kind: "io" },
  },
  ...["exit 1", "exit 3", "exit 255", "nix-no-such-program", "kill -9 $$", "kill -TERM $$"].map((
    command,
  ) => ({
    because: `the push hook ends with "${command}", whatever it prints`,
    args: [
      ...["--sign-cmd", SIGN, "--push-retries=0"],
      ...["--push-cmd", `echo "smoke verify: error: nix exited with 1" >&2; ${command}`],
    ],
    expected: { code: 2, kind: "push-hook", hosts: ["db", "web1", "web2"] },
  })),
  ...["exit 1", "exit 3", "exit 255", "nix-no-such-program", "kill -9 $$", "kill -TERM $$"].map((
    command,
  ) => ({
    because: `the sign hook ends with "${command}", whatever it has written`,
    args: ["--sign-cmd", `echo "smoke verify: error: nix exited with 1" >&2; ${RAW_SIGNATURE}; ${command}`],
    expected: { code: 2, kind: "sign-hook" },
  })),
  {
    because: "the sign hook takes too long",
    args: ["--sign-cmd", "sleep 60", "--hook-timeout", "1"],
    expected: { code: 2, kind: "sign-hook", word: "timeout" },
  },
  {
    because: "there are warnings, and they are denied",
    args: ["--sign-cmd", SIGN, "--deny-warnings"],
    expected: { code: 1, kind: "contract", word: "warnings-denied" },
  },
  {
    because: "another key has signed than the one that consumers trust",
    args: ["--sign-cmd", SIGN, "--public-key", OTHER_KEY],
    expected: { code: 3, kind: "smoke-verify", word: "bad-signature" },
  },
  {
    because: "the sign hook signs nothing",
    args: ["--sign-cmd", "true"],
    expected: { code: 2, kind: "sign-hook" },
  },
  {
    because: "the sign hook leaves a directory where its output belongs",
    args: ["--sign-cmd", 'rm "$NIXFLEET_OUTPUT" && mkdir "$NIXFLEET_OUTPUT"'],
    expected: { code: 2, kind: "sign-hook" },
  },
  ...["echo >>", "cp /dev/null"].map((change) => ({
    because: `the sign hook changes what it signs, as with ${change}`,
    args: ["--sign-cmd", `${RAW_SIGNATURE}; ${change} "$NIXFLEET_INPUT"`],
    expected: { code: 3, kind: "smoke-verify" },
  })),
];

for (const { because, fleet: options, without, prepare, args, expected } of FAILURES) {
  Deno.test(`the program exits ${expected.code} when ${because}`, async () => {
    await using fleet = options === undefined
      ? await FleetWithoutNix.create(without && { edit: without })
      : await TestFleet.create(options);
    if (fleet instanceof TestFleet) await prepare?.(fleet);
    await Deno.writeTextFile(join(fleet.root, "home/sign-hook"), "a file");
    // The first --log-format counts for the report of a wrong second one.
    const { code, stdout, stderr } = await fleet.run(["--log-format=json", "--json", ...args]);
    const last = JSON.parse(stderr.trimEnd().split("\n").at(-1)!);
    assertEquals({ code, kind: last.kind }, { code: expected.code, kind: expected.kind }, stderr);
    assertEquals({ level: last.level, event: last.event }, { level: "error", event: "error" });
    const { schema, kind, code: word, hosts, exitCode } = JSON.parse(stdout);
    assertEquals({ schema, kind, word, hosts, exitCode }, {
      ...{ schema: "fleet-release/error/1", kind: expected.kind, exitCode: code },
      ...{ word: expected.word ?? null, hosts: expected.hosts ?? [] },
    });
  });
}

Deno.test("a command that ends well when it is interrupted says so with --json, by the exit code of the signal", async () => {
  await using fleet = await FleetWithoutNix.create();
  assertEquals((await fleet.release()).code, 0);
  const interruptible = ALL.filter(({ options, exitCodes }) =>
    Object.hasOwn(options, "json") && Object.hasOwn(exitCodes, 130)
  );
  assert(interruptible.length >= 4, "none is found");
  for (const { name, options } of interruptible) {
    const args = [name, "--json", ...Object.hasOwn(options, "sign-key") ? ["--sign-key", KEY] : []];
    for (const [signal, code] of Object.entries(SIGNALS)) {
      const interrupted = AbortSignal.abort(new Interrupt(signal as keyof typeof SIGNALS));
      const result = await runInProcess(args, { cwd: fleet.dir, env: fleet.env(), signal: interrupted });
      const { kind, exitCode } = JSON.parse(result.stdout);
      assertEquals([result.code, kind, exitCode], [code, "interrupted", code], name);
    }
  }
});
