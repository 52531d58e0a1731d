import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runPushAllHook, runPushHook } from "../../../src/adapters/hooks/push.ts";
import { hookContext } from "../../../src/adapters/hooks/run.ts";
import { parseStorePath } from "../../../src/contract/store_path.ts";
import { alive } from "../../support/alive.ts";
import { which } from "../../support/command.ts";
import { rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";

const HASH = `${"0".repeat(32)}-nixos-system-web1`;
const CLOSURE = {
  host: "web 1",
  storePath: parseStorePath(`/nix/store/${HASH}`, "/nix/store")!,
  closureHash: HASH,
};

/** Runs a push hook in a directory. */
async function push({ path: cwd }: TemporaryDirectory, command: string, limit?: number) {
  const traced = tracedShell(cwd);
  const env = { PATH: "/usr/bin:/bin", TOKEN: "abc" };
  const context = hookContext(traced.shell, { env, tempDir: cwd, limit });
  const failure = await runPushHook(context, command, CLOSURE);
  if (failure !== null) throw failure.error;
  return traced;
}

Deno.test("runPushHook() gives the command the closure and the environment, and nothing else", async () => {
  await using dir = await TemporaryDirectory.create();
  await push(dir, "env > told");
  const told = (await Deno.readTextFile(join(dir.path, "told"))).trimEnd().split("\n");
  // A shell sets these by itself.
  assertEquals(told.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort(), [
    `NIXFLEET_CLOSURE_HASH=${HASH}`,
    "NIXFLEET_HOST=web 1",
    `NIXFLEET_PATH=/nix/store/${HASH}`,
    "PATH=/usr/bin:/bin",
    "TOKEN=abc",
  ]);
});

Deno.test("runPushHook() runs the command in the shell's directory, without stdin", async () => {
  await using dir = await TemporaryDirectory.create();
  await push(dir, "{ pwd -P; cat; } > told");
  assertEquals(await Deno.readTextFile(join(dir.path, "told")), `${dir.path}\n`);
});

Deno.test("runPushHook() shows the variables and no text of the command", async () => {
  await using dir = await TemporaryDirectory.create();
  const { commands, output } = await push(dir, "echo said; : s3cret");
  assertEquals(commands, [[
    "NIXFLEET_HOST=web 1",
    `NIXFLEET_PATH=/nix/store/${HASH}`,
    `NIXFLEET_CLOSURE_HASH=${HASH}`,
    ...["sh", "-c", "<push hook>"],
  ]]);
  assertEquals(output, ["said"]);
});

Deno.test("runPushHook() refuses with the exit code, and the last of both outputs", async () => {
  await using dir = await TemporaryDirectory.create();
  assertEquals(await rejection(push(dir, "echo out; exec >&2; echo refused; exit 7")), {
    kind: "push-hook",
    message: 'Push hook failed for host "web 1": it exited with 7',
    lines: ["| out", "| refused"],
  });
  const { message } = await rejection(push(dir, "kill -9 $$"));
  assertEquals(message, 'Push hook failed for host "web 1": it exited with 137');
});

Deno.test("runPushHook() waits for the command, and not for what has left its group, and loses none of its output", async () => {
  await using dir = await TemporaryDirectory.create();
  const many = "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done";
  const leave = "setsid sh -c 'echo $$ > pid; exec sleep 60' & while [ ! -s pid ]; do :; done";
  const { output } = await push(dir, `${leave}; ${many}; echo error >&2; printf end`);
  const pid = Number(await Deno.readTextFile(join(dir.path, "pid")));
  // It has its output open, and is there still.
  Deno.kill(pid, "SIGKILL");
  assertEquals([output.length, ...output.slice(-3)], [5002, "4999", "error", "end"]);
  const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assertEquals(left, ["pid"]);
});

Deno.test("runPushHook() stops what the command leaves running, and the command when it takes too long", async () => {
  await using dir = await TemporaryDirectory.create();
  const forks = "i=0; while [ $i -lt 50 ]; do sleep 60 & echo $! >> pids; i=$((i+1)); done";
  await push(dir, forks);
  const { message } = await rejection(push(dir, `${forks}; sleep 60`, 1));
  assertEquals(
    message,
    'Push hook failed for host "web 1": it was stopped after 1 s, as --hook-timeout says',
  );
  const pids = (await Deno.readTextFile(join(dir.path, "pids"))).trimEnd().split("\n").map(Number);
  assertEquals([pids.length, await alive(pids)], [100, []]);
});

Deno.test("runPushHook() says whether another try may go better: the command could be run", async () => {
  await using dir = await TemporaryDirectory.create();
  const env = { PATH: "/usr/bin:/bin" };
  const context = hookContext(tracedShell(dir.path).shell, { env, tempDir: dir.path });
  const tries: [command: string, mayPass: boolean | undefined][] = [
    ["exit 1", true],
    ["kill -9 $$", true],
    ["true", undefined],
    ["if", false],
    ["no-such-program", false],
    ["/", false],
  ];
  for (const [command, expected] of tries) {
    assertEquals((await runPushHook(context, command, CLOSURE))?.mayPass, expected, command);
  }
});

Deno.test("runPushAllHook() gives the command the paths on its standard input and in a file, one a line", async () => {
  await using dir = await TemporaryDirectory.create();
  const { shell, commands } = tracedShell(dir.path);
  const tempDir = join(dir.path, "temp");
  await Deno.mkdir(tempDir);
  const context = hookContext(shell, { env: { PATH: "/usr/bin:/bin" }, tempDir });
  const paths = ["a", "b"].map((name) =>
    parseStorePath(`/nix/store/${"0".repeat(32)}-${name}`, "/nix/store")!
  );
  assertEquals(await runPushAllHook(context, 'cat > read; cp "$NIXFLEET_PATHS_FILE" copied', paths), null);
  const lines = paths.map((path) => `${path}\n`).join("");
  for (const file of ["read", "copied"]) assertEquals(await Deno.readTextFile(join(dir.path, file)), lines);
  const left = [...Deno.readDirSync(tempDir)].map(({ name }) => name.replace(/-.*/, ""));
  assertEquals(left, ["paths"]);
  assertEquals(await runPushAllHook(context, 'rm "$NIXFLEET_PATHS_FILE"', paths), null);
  assertEquals(commands[0]!.slice(1), ["sh", "-c", "<push hook>"]);
  const failure = await runPushAllHook(context, "echo no; exit 4", paths);
  assertEquals([failure?.error.message, failure?.error.lines], ["Push hook failed: it exited with 4", [
    "| no",
  ]]);
});

Deno.test("hookContext() takes the sh that is on the PATH, and refuses a PATH without it", async () => {
  const settings = { env: {}, tempDir: "/tmp" };
  assertEquals(hookContext(tracedShell("/").shell, settings).sh, which("sh"));
  assertEquals(await rejection(Promise.try(() => hookContext(tracedShell("/", "/gone").shell, settings))), {
    kind: "io",
    message: 'Cannot find "sh" on PATH',
    hint: "install sh, or add the directory that it is in to PATH",
  });
});
