// The one place that starts processes, with real ones.

import { assertEquals } from "@std/assert";
import { type CommandTrace, type RunOptions, Shell, text } from "../../src/adapters/process.ts";
import { alive } from "../support/alive.ts";
import { which } from "../support/command.ts";
import { rejection } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

const SH = which("sh");
const PATH = Deno.env.get("PATH") ?? "";
const SILENT: CommandTrace = { command() {}, output() {} };

/** Runs a script, and gives the result and what `-v` was told. */
async function run(
  script: string,
  options: Partial<RunOptions> = {},
) {
  const commands: (readonly string[])[] = [];
  const output: string[] = [];
  const shell = new Shell({
    path: PATH,
    cwd: "/usr",
    trace: { command: (argv) => commands.push(argv), output: (line) => output.push(line) },
  });
  const result = await shell.run([SH, "-c", script], { env: { PATH }, ...options });
  return { ...result, text: text(result), commands, output };
}

Deno.test("Shell gives what a command printed, byte for byte, and its exit code", async () => {
  const { code, stdout, stderr } = await run(`printf 'a\\0\\377\\n\\n'; echo no >&2; exit 3`);
  assertEquals({ code, stdout: [...stdout], stderr }, {
    code: 3,
    stdout: [0x61, 0x00, 0xff, 0x0a, 0x0a],
    stderr: ["no"],
  });
});

Deno.test("Shell tells a command that a signal ended from one that succeeded", async () => {
  for (const [signal, code] of [["KILL", 137], ["TERM", 143], ["SEGV", 139]] as const) {
    assertEquals((await run(`kill -${signal} $$`)).code, code, signal);
  }
});

Deno.test("Shell gives a command the environment that it is told, and nothing else", async () => {
  const { text: printed } = await run("env", { env: { PATH, GREETING: "a b" } });
  // A shell sets these by itself.
  const set = printed.split("\n").filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
  assertEquals(set.sort(), ["GREETING=a b", `PATH=${PATH}`]);
});

Deno.test("Shell closes a command's stdin, or feeds it all that there is", async () => {
  assertEquals((await run("cat")).text, "");
  const stdin = new Uint8Array(300_000).fill(0x78);
  assertEquals((await run("wc -c | tr -d ' '", { stdin })).text, "300000");
  await using dir = await TemporaryDirectory.create();
  const shell = new Shell({ path: PATH, cwd: "/", trace: SILENT, tempDir: dir.path });
  assertEquals(text(await shell.run([which("wc"), "-c"], { env: {}, stdin })).trim(), "300000");
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("Shell runs a command in the directory that the command is told, or else in its own", async () => {
  assertEquals((await run("pwd -P", { cwd: "/" })).text, "/");
  assertEquals((await run("pwd -P")).text, await Deno.realPath("/usr"));
});

Deno.test("Shell hands an argument on as it is, through no shell of its own", async () => {
  const words = ["a b", "$HOME", "*", "'", '"', "\\", "", ">x", "`id`", "ü"];
  const shell = new Shell({ path: PATH, cwd: "/", trace: SILENT });
  const result = await shell.run([SH, "-c", 'printf "<%s>" "$@"', "sh", ...words], { env: { PATH } });
  assertEquals(text(result), words.map((word) => `<${word}>`).join(""));
});

Deno.test("Shell keeps what a command writes to stderr, and shows every line of it", async () => {
  const { stderr, output } = await run("i=0; while [ $i -lt 100 ]; do echo $i >&2; i=$((i+1)); done");
  const lines = Array.from({ length: 100 }, (_, index) => String(index));
  assertEquals([stderr, output], [lines, lines]);
});

Deno.test("Shell cuts a long line, and takes what has no newline at its end for a line", async () => {
  const { stderr } = await run("printf '%05000d\\nend' 0 >&2");
  assertEquals(stderr, [`${"0".repeat(4000)}…`, "end"]);
});

Deno.test("Shell takes what ends a line on other systems for no part of it", async () => {
  assertEquals((await run("printf 'a\\r\\nb\\rc\\n' >&2")).stderr, ["a", "b\rc"]);
});

Deno.test("Shell shows no private key that a command prints, and keeps none", async () => {
  const key = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\\nAAAA\\n-----END PRIVATE KEY-----";
  const { stderr, output } = await run(`printf 'a\\n${key}\\nbbbb\\n' >&2`);
  const lines = ["a", "-----BEGIN PRIVATE KEY-----", "***", "***", "-----END PRIVATE KEY-----", "bbbb"];
  assertEquals([stderr, output], [lines, lines]);
});

Deno.test("Shell puts characters together that come in pieces", async () => {
  // 19 bytes a line and more than a pipe holds, so that characters lie across the ends of what is read at once.
  const { output } = await run("yes €€€€€€ | head -n 50000 >&2");
  assertEquals(output.length, 50_000);
  assertEquals([...new Set(output)], ["€€€€€€"]);
});

Deno.test("Shell keeps stdout with stderr, in their order, when both go to a file, and gives none", async () => {
  await using dir = await TemporaryDirectory.create();
  const script = "echo out; echo error >&2; ls -l file | cut -c1-10; exit 3";
  const outputFile = `${dir.path}/file`;
  const { code, stdout, stderr, output } = await run(script, { outputFile, cwd: dir.path });
  const lines = ["out", "error", "-rw-------"];
  assertEquals([code, stdout, stderr, output], [3, new Uint8Array(), lines, lines]);
  // What is there already may be another's.
  const refused = await run(script, { outputFile }).catch((error) => error);
  assertEquals(refused instanceof Deno.errors.AlreadyExists, true);
});

Deno.test("Shell shows and keeps the text that onStderr finds in each line", async () => {
  const { stderr, output } = await run("echo a >&2; echo b >&2", {
    onStderr: (line) => line === "a" ? undefined : `${line}!\nand more`,
  });
  assertEquals([stderr, output], [["b!", "and more"], ["b!", "and more"]]);
});

Deno.test("Shell shows the command, or what is to be shown in its place", async () => {
  assertEquals((await run("true")).commands, [[SH, "-c", "true"]]);
  assertEquals((await run("true", { shown: ["sh", "-c", "<hook>"] })).commands, [["sh", "-c", "<hook>"]]);
});

Deno.test("Shell finds the first program of the name that can be run, by its absolute path", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (const [path, mode] of [["a/tool", 0o644], ["b/tool", 0o755], ["c/tool", 0o755]] as const) {
      await Deno.mkdir(`${dir}/${path.split("/")[0]}`);
      await Deno.writeTextFile(`${dir}/${path}`, "#!/bin/sh\n");
      await Deno.chmod(`${dir}/${path}`, mode);
    }
    await Deno.mkdir(`${dir}/d/tool`, { recursive: true });
    await Deno.symlink(`${dir}/b/tool`, `${dir}/d/link`);
    const path = `relative:${dir}/gone:${dir}/d:${dir}/a:${dir}/b:${dir}/c`;
    const shell = new Shell({ path, cwd: dir, trace: SILENT });
    assertEquals(shell.find("tool"), `${dir}/b/tool`);
    assertEquals(shell.find("link"), `${dir}/d/link`);
    assertEquals(shell.find("tool", `${dir}/c/other`), `${dir}/c/tool`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: "Shell says which argument or variable is longer than Linux takes, and takes what just fits",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const shell = new Shell({ path: PATH, cwd: "/", trace: SILENT });
    const start = (argument: string, variable = "") =>
      shell.run([SH, "-c", ":", argument], { env: { A: variable } });
    assertEquals((await start("x".repeat(131_071), "x".repeat(131_069))).code, 0);
    const refused = async (...texts: [string, string?]) => (await rejection(start(...texts))).message;
    const said = (what: string) => `Cannot run "${SH}": ${what} has 131072 bytes, and Linux takes 131071`;
    assertEquals(await refused("x".repeat(131_072)), said("argument 3"));
    assertEquals(await refused("\u00e9".repeat(65_536)), said("argument 3"));
    assertEquals(await refused("", "x".repeat(131_070)), said('the variable "A"'));
  },
});

Deno.test({
  name: "Shell says of arguments that are too many together how many they are",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const shell = new Shell({ path: PATH, cwd: "/", trace: SILENT });
    // Linux takes 6 MiB at most, whatever the stack may have.
    const many = Array.from({ length: 64 }, () => "x".repeat(100_000));
    const { kind, message } = await rejection(shell.run([SH, "-c", ":", ...many], { env: {} }));
    assertEquals([kind, message], [
      "io",
      `Cannot run "${SH}": its 66 arguments have ${
        SH.length + 1 + 3 + 2 + 64 * 100_001
      } bytes, more than this ` +
      "system takes",
    ]);
  },
});

Deno.test("Shell gives the exit code of a command that leaves its input unread, however much that is", async () => {
  const shell = new Shell({ path: PATH, cwd: "/", trace: SILENT });
  const codeFor = async (length: number) => {
    const stdin = new Uint8Array(length).fill(0x61);
    return (await shell.run([SH, "-c", "exec 0<&-; exit 128"], { env: {}, stdin })).code;
  };
  // A race without it: enough runs to lose it.
  for (let round = 0; round < 5; round++) {
    assertEquals(await Promise.all([0, 10, 10, 10, 100_000].map(codeFor)), [128, 128, 128, 128, 128]);
  }
});

Deno.test("Shell takes no signal for its own that is sent to all processes around it, and a killed supervisor for no success", async () => {
  // The parent of a command is what it runs under.
  const all = "for signal in HUP INT QUIT TERM; do kill -s $signal $PPID; done; exit 3";
  for (const alone of [false, true]) assertEquals((await run(all, { alone })).code, 3);
  assertEquals((await run("kill -s KILL $PPID")).code, 255);
});

Deno.test("Shell runs a command again whose supervisor was killed by a signal to all, before it had started anything", async () => {
  await using dir = await TemporaryDirectory.create();
  const hit = "#!" + SH + `\necho >>hits; [ -s hit ] || { echo >hit; kill -s INT $$; }; exec ${SH} "$@"`;
  await Deno.writeTextFile(`${dir.path}/sh`, hit, { mode: 0o755 });
  const codes: number[] = [];
  for (const asked of [false, true]) {
    await Deno.writeTextFile(`${dir.path}/hit`, "");
    const end = { signal: undefined, isAsked: asked, isWhole: true };
    const shell = new Shell({ path: dir.path, cwd: dir.path, trace: SILENT, end });
    codes.push((await shell.run([SH, "-c", "exit 3"], { env: {}, apart: true })).code);
  }
  assertEquals([codes, await Deno.readTextFile(`${dir.path}/hits`)], [[255, 3], "\n\n\n"]);
});

Deno.test("Shell stops what takes too long with all that is below it, and the command alone without programs for that", async () => {
  await using dir = await TemporaryDirectory.create();
  await Deno.symlink(SH, `${dir.path}/sh`);
  const cwd = dir.path;
  const [all, alone] = await Promise.all([
    // `timeout` leads a group of its own.
    run("timeout 60 sh -c 'echo $$ >>pids; sleep 60' & echo $! $$ >>pids; wait", { cwd, limit: 1 }),
    run("echo $$ >alone; while :; do :; done", { cwd, limit: 1, env: { PATH: dir.path } }),
  ]);
  assertEquals([all.late, alone.late], [true, true]);
  const text = await Deno.readTextFile(`${cwd}/pids`) + await Deno.readTextFile(`${cwd}/alone`);
  const pids = text.trim().split(/\s+/).map(Number);
  assertEquals([pids.length, await alive(pids)], [4, []]);
});

Deno.test("Shell ends a command that answers, also one that reads nothing any more and heeds no signal", async () => {
  const shell = new Shell({ path: PATH, cwd: "/usr", trace: SILENT });
  const conversation = await shell.open([SH, "-c", "trap '' TERM; echo $$; exec sleep 600"], {
    env: { PATH },
  });
  const pid = Number(new TextDecoder().decode(await conversation.read()));
  assertEquals(await alive([pid]), [pid]);
  await conversation[Symbol.asyncDispose]();
  assertEquals(await alive([pid]), []);
  // Nor does it wait for who holds its output open.
  const two = await shell.open([SH, "-c", "sleep 600 & echo $$ $!; wait"], { env: { PATH } });
  const pids = new TextDecoder().decode(await two.read()).split(" ").map(Number) as [number, number];
  await two[Symbol.asyncDispose]();
  assertEquals([await alive(pids), await two.read()], [[pids[1]], undefined]);
  Deno.kill(pids[1], "SIGKILL");
  await two.ended;
});

Deno.test("Shell kills what is expendable at once where it is alone, and else lets it clear away what it has begun", async () => {
  await using dir = await TemporaryDirectory.create();
  const stopped = async (script: string) => {
    const stopping = new AbortController();
    const running = run(script, {
      // More than a test may take.
      ...{ isExpendable: true, grace: 3600, signal: stopping.signal },
      onStderr: () => void stopping.abort("stopped"),
    });
    await running.catch((reason) => assertEquals(reason, "stopped"));
  };
  await stopped(`trap '' TERM; echo ready >&2; while :; do :; done`);
  await stopped(`trap 'echo cleared >${dir.path}/told; exit' TERM; sleep 3600 & echo ready >&2; wait`);
  assertEquals(await Deno.readTextFile(`${dir.path}/told`), "cleared\n");
});
