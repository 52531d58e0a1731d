// Runs that a signal or a limit of time ends, at each stage that starts something: real processes and signals.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { alive } from "../support/alive.ts";
import { find, PROJECT, which } from "../support/command.ts";
import { FLAKE, SIGN, TestFleet } from "../support/fleet.ts";
import { expectShape } from "../support/json_schema.ts";
import { flakeOf } from "../support/releases.ts";

/** Gives a program a terminal; undefined where there is none. */
const SCRIPT = find("script");

/** A command that writes its process and one that it starts into a file, and then hangs. */
const HANG = 'sleep 600 & echo $$ $! >> "$PIDS"; wait';

/** A builder does the same. It sees nothing of the environment. */
const slowBuild = (pids: string) =>
  FLAKE.replace(/args = \[[^;]*;/, () => `args = [ "-c" "echo $$ >> ${pids}; while :; do :; done" ];`);

/** Waits until a file has a line. */
async function line(path: string): Promise<string> {
  for (;;) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text.endsWith("\n")) return text.trimEnd();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Case {
  readonly signal: "SIGINT" | "SIGTERM" | "SIGHUP";
  readonly args: (pids: string) => string[];
  readonly files?: (pids: string) => Record<string, string>;
  readonly code: number;
  readonly said: string;
}

/** One host is built, which does the same, while the evaluation of another waits for a build that takes its time. */
const slowEvaluation = (pids: string) =>
  flakeOf(`{
    db = host (build "db" "echo $$ >> ${pids}; while :; do :; done");
    web1 = host (build "web1" (builtins.readFile (build "slow" "while :; do :; done")));
  }`);

const CASES: Record<string, Case> = {
  "an evaluation": {
    signal: "SIGTERM",
    args: () => ["--eval-workers", "1"],
    files: (pids) => ({ "flake.nix": slowEvaluation(pids) }),
    code: 143,
    said: "Interrupted by SIGTERM while evaluating 2 hosts and building 2 hosts: nothing was published",
  },
  "a build": {
    signal: "SIGTERM",
    args: () => [],
    files: (pids) => ({ "flake.nix": slowBuild(pids) }),
    code: 143,
    said: "Interrupted by SIGTERM while building 1 host: nothing was published",
  },
  "a push hook": {
    signal: "SIGINT",
    args: (pids) => ["--push-cmd", `PIDS=${pids}; ${HANG}`],
    code: 130,
    said: "Interrupted by SIGINT while pushing 1 closure: nothing was published",
  },
  "a sign hook": {
    signal: "SIGHUP",
    args: (pids) => ["--sign-cmd", `PIDS=${pids}; ${HANG}; ${SIGN}`],
    code: 129,
    said: "Interrupted by SIGHUP while signing 2 artifacts: nothing was published",
  },
};

for (const [what, { signal, args, files, code, said }] of Object.entries(CASES)) {
  Deno.test(`${signal} ends a run in ${what}, with all that it has started and nothing left`, async () => {
    await using fleet = await TestFleet.create();
    const pids = join(fleet.root, "pids");
    await fleet.write(files?.(pids) ?? {});
    await fleet.commit("slow");
    const signing = what === "a sign hook" ? [] : ["--sign-key", fleet.key];
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "run",
          "-A",
          join(PROJECT, "src/main.ts"),
          "--hosts",
          what === "an evaluation" ? "db,web1" : "web1",
        ],
        ...[...signing, ...args(pids), "--json"],
      ],
      cwd: fleet.dir,
      env: fleet.env(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    const started = (await line(pids)).split(/\s/).map(Number);
    assertEquals(await alive(started), started);
    child.kill(signal);
    const ended = await output;
    const stderr = new TextDecoder().decode(ended.stderr);
    assertEquals([ended.code, stderr.split("\n").filter((text) => text.includes("Interrupted"))], [
      code,
      [`error: ${said}`],
    ]);
    const error = JSON.parse(new TextDecoder().decode(ended.stdout));
    await expectShape(error);
    assertEquals([error.kind, error.message, error.exitCode], ["interrupted", said, code]);
    assertEquals(await alive(started), []);
    assertEquals([...Deno.readDirSync(join(fleet.root, "tmp"))], []);
    assertEquals((await fleet.files()).size, 0);
    assertEquals(
      [...Deno.readDirSync(join(fleet.dir, ".git"))].filter(({ name }) => name.includes("lock")),
      [],
    );
  });
}

/** Puts a git before the real one that does something first when it is told to do this. */
async function gitBefore(fleet: TestFleet, subcommand: string, script: string): Promise<string> {
  await Deno.mkdir(join(fleet.root, "bin"));
  const lines = [
    `#!${which("sh")}`,
    `case " $* " in *" ${subcommand} "*) ${script} ;; esac`,
    `exec ${which("git")} "$@"`,
  ];
  await Deno.writeTextFile(join(fleet.root, "bin/git"), `${lines.join("\n")}\n`, { mode: 0o755 });
  return `${join(fleet.root, "bin")}:${Deno.env.get("PATH")}`;
}

Deno.test("what a run has started ends with it when it is killed, also a command that is given data", async () => {
  await using fleet = await TestFleet.create();
  const pids = join(fleet.root, "pids");
  const hang = `PIDS=${pids}; ${HANG}`;
  const PATH = await gitBefore(fleet, "hash-object", hang);
  for (const args of [["--push-cmd", hang], ["--git-commit"]]) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", join(PROJECT, "src/main.ts"), "--hosts", "web1", "--sign-key", fleet.key],
        ...args,
      ],
      cwd: fleet.dir,
      env: { ...fleet.env(), PATH },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const started = (await line(pids)).split(/\s/).map(Number);
    child.kill("SIGKILL");
    await child.status;
    while ((await alive(started)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await Deno.remove(pids);
  }
});

Deno.test({
  name: "Ctrl-C at a terminal lets a commit end first, and a second one as well",
  ignore: Deno.build.os !== "linux" || SCRIPT === undefined,
  async fn() {
    await using fleet = await TestFleet.create();
    const [mark, go] = [join(fleet.root, "mark"), join(fleet.root, "go")];
    // As git does when it holds a lock, it takes the signal whether or not that is ignored.
    const script = `Deno.addSignalListener("SIGINT", () => Deno.exit(9));
      Deno.writeTextFileSync("${mark}", "\\n");
      const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
      do await turn(); while (!await Deno.stat("${go}").catch(() => false));
      await turn();`;
    const PATH = await gitBefore(fleet, "update-ref", `${Deno.execPath()} eval '${script}' || exit`);
    const command = ["exec", Deno.execPath(), "run", "-A", join(PROJECT, "src/main.ts"), "--hosts", "web1"];
    // Its child has a terminal of its own.
    const terminal = new Deno.Command(SCRIPT!, {
      args: ["-q", "-e", "-c", [...command, "--sign-key", fleet.key, "--git-commit"].join(" "), "/dev/null"],
      cwd: fleet.dir,
      // With NO_COLOR nothing would be shown of the stage that is running.
      env: { ...fleet.env(), PATH, SHELL: which("sh"), NO_COLOR: "" },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const keys = terminal.stdin.getWriter();
    await line(mark);
    let said = "";
    for await (const chunk of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      said += chunk;
      const count = said.split("^C").length - 1;
      if (said.includes("Committing") && !said.includes("Committed") && count < 2) {
        await keys.write(new Uint8Array([3]));
      }
      // The terminal shows the key when it has sent the signal.
      if (count === 2) await Deno.writeTextFile(go, "");
    }
    const { code } = await terminal.status;
    await keys.close();
    assertEquals([code, said.includes("Committed")], [0, true], said);
    assertEquals(await fleet.git("log", "--format=%s", "HEAD^!", "--", "releases") === "", false);
    assertEquals(await fleet.git("status", "--porcelain"), "");
  },
});

Deno.test("a build that takes too long ends the run, which names the host, and all that it has started", async () => {
  await using fleet = await TestFleet.create();
  const pids = join(fleet.root, "pids");
  await fleet.write({ "flake.nix": slowBuild(pids) });
  await fleet.commit("slow");
  const { code, stderr } = await fleet.release(["--hosts", "web1", "--build-timeout", "2"]);
  assertEquals([code, stderr.includes("Building 1 host took longer than 2 s")], [1, true]);
  const started = (await Deno.readTextFile(pids)).trimEnd().split("\n").map(Number);
  assertEquals(await alive(started), []);
});

Deno.test("an evaluation that takes too long ends the run, also when derivations are held, and nothing is kept yet", async () => {
  await using fleet = await TestFleet.create();
  const most = "(builtins.genList (i: i) 10000)";
  const forever =
    `builtins.foldl' (a: _: builtins.foldl' (b: _: builtins.hashString "sha256" b) a ${most}) "" ${most}`;
  await fleet.write({
    "flake.nix": FLAKE.replace(
      "args =",
      () => `salt = if name == "web2" then ${forever} else ""; args =`,
    ),
  });
  await fleet.commit("slow");
  const { code, stderr } = await fleet.release(["--hosts", "web1,web2", "--eval-timeout", "2"]);
  const said = stderr.split("\n").filter((line) => line.startsWith("error:"));
  assertEquals([code, said], [1, [
    'error: Evaluating 2 hosts took longer than 2 s, and was at "web2" still',
  ]]);
});
