import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runPushHook } from "../../../src/adapters/hooks/push.ts";
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
  await runPushHook(context, command, CLOSURE);
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

Deno.test("hookContext() takes the sh that is on the PATH, and refuses a PATH without it", async () => {
  const settings = { env: {}, tempDir: "/tmp" };
  assertEquals(hookContext(tracedShell("/").shell, settings).sh, which("sh"));
  assertEquals(await rejection(Promise.try(() => hookContext(tracedShell("/", "/gone").shell, settings))), {
    kind: "io",
    message: 'Cannot find "sh" on PATH',
    hint: "install sh, or add the directory that it is in to PATH",
  });
});
