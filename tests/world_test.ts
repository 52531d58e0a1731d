import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { cacheDirIn, ciSystemIn, environmentOf, processWorld, SYSTEM_CLOCK } from "../src/world.ts";
import { find, type Finished, PROJECT, run, which } from "./support/command.ts";
import { DENO_ENV } from "./support/program.ts";
import { deepFreeze, pureTest, refusal } from "./support/pure.ts";

pureTest("environmentOf() gives all variables, whatever is asked for, and each time a copy", () => {
  const given = deepFreeze({ A: "1", B: "" });
  const environment = environmentOf(given);
  for (const names of [[], ["A"], ["C"]]) {
    assertEquals(environment.read(names), { A: "1", B: "" });
    assertEquals(environment.require(names), { A: "1", B: "" });
  }
  environment.read([])["A"] = "2";
  assertEquals(environment.read([]), { A: "1", B: "" });
});

pureTest("ciSystemIn() is the system that says it is one, and the files that it names", () => {
  const files = { GITHUB_STEP_SUMMARY: "/s", GITHUB_OUTPUT: "/o" };
  assertEquals(ciSystemIn({ ...files, GITHUB_ACTIONS: "true" }), { summary: "/s", outputs: "/o" });
  const bare = { summary: undefined, outputs: undefined };
  assertEquals(ciSystemIn({ GITHUB_ACTIONS: "true", GITHUB_OUTPUT: "" }), bare);
  // As of `forgejo-runner exec`.
  for (const told of ["false", "", undefined]) {
    assertEquals(ciSystemIn({ ...files, ...told === undefined ? {} : { GITHUB_ACTIONS: told } }), undefined);
  }
});

pureTest("without any permission, no variable can be read, and those that are needed are named", () => {
  const { environment } = processWorld();
  assertEquals(environment.read(["HOME", "PATH"]), {});
  assertEquals(refusal(() => environment.require(["HOME", "PATH"])), {
    kind: "io",
    message: 'No permission to read the variable "HOME", "PATH"',
    hint: "give it with --allow-env=HOME,PATH, beside what is there",
  });
  assertEquals(environment.require([]), {});
});

Deno.test({
  name: "of variables that are permitted by name, those that are asked for, permitted and set are read",
  permissions: { env: ["PATH", "FLEET_RELEASE_TEST_UNSET"] },
  fn() {
    const { environment } = processWorld();
    const PATH = Deno.env.get("PATH")!;
    assertEquals(environment.read(["PATH", "HOME", "FLEET_RELEASE_TEST_UNSET"]), { PATH });
    assertEquals(environment.read([]), {});
    assertEquals(environment.require(["PATH", "FLEET_RELEASE_TEST_UNSET"]), { PATH });
    assertEquals(refusal(() => environment.require(["PATH", "HOME", "USER"])), {
      kind: "io",
      message: 'No permission to read the variable "HOME", "USER"',
      hint: "give it with --allow-env=HOME,USER, beside what is there",
    });
  },
});

Deno.test({
  name: "the world of this process has its directory, its Deno and its cores",
  permissions: { read: true },
  fn() {
    const { cwd, runtime, cores, signal } = processWorld();
    assertEquals([cwd, runtime, cores], [Deno.cwd(), Deno.version.deno, navigator.hardwareConcurrency]);
    assertEquals(signal.aborted, false);
  },
});

pureTest("the machine's clock tells the present, and never goes back", () => {
  const before = Date.now();
  const now = SYSTEM_CLOCK.now().epochMilliseconds;
  assert(before <= now && now <= Date.now());
  const first = SYSTEM_CLOCK.monotonic();
  assert(first <= SYSTEM_CLOCK.monotonic());
});

/** Runs the program that shows what it sees. */
function show(
  args: readonly string[],
  { flags = [], env = {}, stdin }: { flags?: string[]; env?: Record<string, string>; stdin?: Uint8Array } =
    {},
): Promise<Finished> {
  const program = [Deno.execPath(), "run", "--no-prompt", "--cached-only", "--frozen", ...flags];
  return run([...program, PROGRAM, ...args], {
    cwd: PROJECT,
    env: { ...DENO_ENV, NO_COLOR: "1", ...env },
    ...(stdin === undefined ? {} : { stdin }),
  });
}

const SCRIPT = find("script");
const PROGRAM = join(PROJECT, "tests/support/world_program.ts");

/** The variables that a process is given here. */
const GIVEN = {
  A: "1",
  B: "2",
  GIT_CONFIG_COUNT: "2",
  GIT_CONFIG_KEY_0: "user.name",
  GIT_CONFIG_VALUE_0: "n",
  GIT_CONFIG_KEY_1: "user.email",
  GIT_CONFIG_VALUE_1: "e",
  GIT_CONFIG_KEY_2: "beyond",
};
const { B: _b, GIT_CONFIG_KEY_2: _beyond, ...ANNOUNCED } = GIVEN;
const GIT = "GIT_CONFIG_KEY_*,GIT_CONFIG_VALUE_*";

/** What a process is permitted, told and shown. */
const SEEN: Record<string, [flags: string[], args: string[], seen: unknown]> = {
  "what GIT_CONFIG_COUNT announces is read with it, and no more": [
    [`--allow-env=A,B,GIT_CONFIG_COUNT,${GIT}`],
    ["read", "A", "GIT_CONFIG_COUNT"],
    ANNOUNCED,
  ],
  "what GIT_CONFIG_COUNT announces is read for what cannot be done without": [
    [`--allow-env=A,B,GIT_CONFIG_COUNT,${GIT}`],
    ["require", "A", "GIT_CONFIG_COUNT"],
    ANNOUNCED,
  ],
  "what GIT_CONFIG_COUNT announces, and may not be read, is left out of what can be done without": [
    ["--allow-env=A,GIT_CONFIG_COUNT,GIT_CONFIG_KEY_*"],
    ["read", "A", "GIT_CONFIG_COUNT"],
    { A: "1", GIT_CONFIG_COUNT: "2", GIT_CONFIG_KEY_0: "user.name", GIT_CONFIG_KEY_1: "user.email" },
  ],
  "what GIT_CONFIG_COUNT announces, and may not be read, is refused where git would miss it": [
    ["--allow-env=A,GIT_CONFIG_COUNT,GIT_CONFIG_KEY_*"],
    ["require", "A", "GIT_CONFIG_COUNT"],
    {
      kind: "io",
      message: 'No permission to read the variable "GIT_CONFIG_VALUE_0", "GIT_CONFIG_VALUE_1"',
      hint: "give it with --allow-env=GIT_CONFIG_VALUE_0,GIT_CONFIG_VALUE_1, beside what is there",
    },
  ],
};

for (const [claim, [flags, args, seen]] of Object.entries(SEEN)) {
  Deno.test(claim, async () => {
    const { code, stdout, stderr } = await show(args, { flags, env: GIVEN });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), seen);
  });
}

Deno.test("with permission to read all, every variable is read, but a loader's only where all may be run", async () => {
  const env = { ...GIVEN, LD_FLEET_RELEASE_TEST: "x", DYLD_FLEET_RELEASE_TEST: "x" };
  const seen = async (...flags: string[]) => {
    const { code, stdout, stderr } = await show(["read", "A"], { flags: ["--allow-env", ...flags], env });
    assertEquals([code, stderr], [0, ""]);
    // Beside those that Deno brings with it.
    return Object.fromEntries(
      Object.entries(JSON.parse(stdout)).filter(([name]) => Object.hasOwn(env, name)),
    );
  };
  assertEquals(await seen("--allow-run"), env);
  assertEquals(await seen(), GIVEN);
  assertEquals(await seen(`--allow-run=${which("sh")}`), GIVEN);
});

Deno.test("standard input is read to its end, and standard output written to its own", async () => {
  const text = "ünïcode\n".repeat(100_000);
  const finished = await show(["copy"], { stdin: new TextEncoder().encode(text) });
  assertEquals([finished.code, finished.stderr, finished.stdout === text], [0, "", true]);
  assertEquals(await show(["copy"], { stdin: new Uint8Array() }), { code: 0, stdout: "", stderr: "" });
});

Deno.test("where nobody looks, standard error is no terminal, and 80 columns wide", async () => {
  assertEquals(await show(["stderr"]), {
    code: 0,
    stdout: "",
    stderr: '{"isTerminal":false,"width":80}',
  });
});

Deno.test({
  name: "standard error is a terminal to write over, unless it or who sits at it takes nothing but text",
  ignore: Deno.build.os !== "linux" || SCRIPT === undefined,
  async fn() {
    const seen = async (variables: Record<string, string>, flag = "--allow-env") => {
      const program = `exec ${Deno.execPath()} run --quiet --cached-only --frozen ${flag} ${PROGRAM} stderr`;
      const { stdout } = await run([SCRIPT!, "-q", "-e", "-c", program, "/dev/null"], {
        cwd: PROJECT,
        env: { ...DENO_ENV, SHELL: which("sh"), ...variables },
      });
      return stdout.match(/"isTerminal":(\w+)/)![1];
    };
    const variables = [{ TERM: "xterm" }, { TERM: "dumb" }, { TERM: "xterm", NO_COLOR: "1" }];
    assertEquals(await Promise.all(variables.map((some) => seen(some))), ["true", "false", "false"]);
    // Where it may not be known, as for what prints no progress.
    assertEquals(await seen({ TERM: "dumb" }, "--no-prompt"), "true");
  },
});

/** Starts the program that shows what it sees, and reads one of its streams no further than its beginning. */
async function withoutReader(
  what: string,
  stream: "stdout" | "stderr",
): Promise<{ code: number; other: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--cached-only", "--frozen", PROGRAM, what],
    cwd: PROJECT,
    env: { ...DENO_ENV, NO_COLOR: "1" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child[stream].cancel();
  const other = await child[stream === "stdout" ? "stderr" : "stdout"].text();
  return { code: (await child.status).code, other };
}

Deno.test("a run goes on when nobody reads its standard error any more", async () => {
  assertEquals(await withoutReader("stderr without end", "stderr"), { code: 0, other: "still there" });
});

Deno.test("a run goes on when its standard error cannot be written, as on a full disk or a terminal that is gone", async () => {
  const command = ["-c", 'exec "$@" 2>/dev/full', "sh", Deno.execPath(), "run", "--cached-only", "--frozen"];
  const finished = await run([which("sh"), ...command, PROGRAM, "stderr without end"], {
    cwd: PROJECT,
    env: { ...DENO_ENV, NO_COLOR: "1" },
  });
  assertEquals([finished.code, finished.stdout], [0, "still there"]);
});

Deno.test("data that nobody reads is an error, of the kind io", async () => {
  const { code, other } = await withoutReader("stdout without end", "stdout");
  assertEquals([code, other.split(":").slice(0, 2).join(":")], [0, "io: Cannot write standard output"]);
});

pureTest("cacheDirIn() goes by XDG_CACHE_HOME, then by HOME, and passes over what is relative", () => {
  const dirs: [env: Record<string, string>, dir: string | undefined][] = [
    [{ HOME: "/home/a", XDG_CACHE_HOME: "/cache" }, "/cache/fleet-release"],
    [{ HOME: "/home/a" }, "/home/a/.cache/fleet-release"],
    [{ HOME: "/home/a", XDG_CACHE_HOME: "cache" }, "/home/a/.cache/fleet-release"],
    [{ XDG_CACHE_HOME: "/cache" }, "/cache/fleet-release"],
    [{ HOME: "", XDG_CACHE_HOME: "" }, undefined],
    [{ HOME: "home" }, undefined],
    [{}, undefined],
  ];
  for (const [env, dir] of dirs) assertEquals(cacheDirIn(env), dir, JSON.stringify(env));
});
