// `--confirm` asks on a terminal before anything is signed.

import { assertEquals } from "@std/assert";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { expectRun, find, PROJECT, which } from "../support/command.ts";
import { TestFleet } from "../support/fleet.ts";
import { onlyHosts } from "../support/releases.ts";

/** Gives a program a terminal; undefined where there is none. */
const SCRIPT = find("script");

const QUESTION = 'Sign and release this? Only "yes" is a yes: ';

/**
 * Releases at a terminal, where these keys are pressed when the question is there, and others before; gives what that shows,
 * too.
 */
async function releaseAtTerminal(
  fleet: TestFleet,
  keys: string,
  before = "",
): Promise<{ code: number; said: string }> {
  const command = ["exec", Deno.execPath(), "run", "-A", join(PROJECT, "src/main.ts"), "--confirm"];
  const terminal = new Deno.Command(SCRIPT!, {
    args: ["-q", "-e", "-c", [...command, "--sign-key", fleet.key].join(" "), "/dev/null"],
    cwd: fleet.dir,
    // With NO_COLOR nothing would be shown of the stage that is running, which must not hide the question.
    env: { ...fleet.env(), SHELL: which("sh"), NO_COLOR: "" },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const typed = terminal.stdin.getWriter();
  const type = (text: string) => typed.write(new TextEncoder().encode(text));
  await type(before);
  let said = "";
  for await (const chunk of terminal.stdout.pipeThrough(new TextDecoderStream())) {
    const isAsked = said.includes(QUESTION);
    said += chunk;
    if (!isAsked && said.includes(QUESTION)) await type(keys);
  }
  const { code } = await terminal.status;
  await typed.close();
  return { code, said };
}

Deno.test({
  name:
    "--confirm shows what changes and waits for a yes; another answer, the end of input and Ctrl-C are none",
  ignore: Deno.build.os !== "linux" || SCRIPT === undefined,
  async fn() {
    await using fleet = await TestFleet.create({ edit: onlyHosts("web1"), nixos: ["web1"] });
    const CASES = [
      ["no\r", 5, "error: Not confirmed: nothing was signed or written"],
      ["\x04", 5, "error: Not confirmed: nothing was signed or written"],
      ["\x03", 130, "error: Interrupted by SIGINT"],
      // What is typed before is no answer.
      ["no\r", 5, "error: Not confirmed: nothing was signed or written", "yes\ryes\r"],
    ] as const;
    for (const [keys, expected, error, before] of CASES) {
      const { code, said } = await releaseAtTerminal(fleet, keys, before);
      assertEquals([code, said.includes(error)], [expected, true], said);
      assertEquals(await exists(join(fleet.dir, "releases")), false);
    }
    const { code, said } = await releaseAtTerminal(fleet, "yes\r", "no\r");
    assertEquals([code, /^edge +- +web1 +added /m.test(said)], [0, true], said);
    assertEquals((await fleet.files()).size, 4);
  },
});

Deno.test({
  name: "--confirm takes a terminal that is gone for a no",
  ignore: Deno.build.os !== "linux" || SCRIPT === undefined,
  async fn() {
    await using fleet = await TestFleet.create({ edit: onlyHosts("web1"), nixos: ["web1"] });
    const [result, ended] = [join(fleet.root, "home/result"), join(fleet.root, "home/ended")];
    await expectRun([which("mkfifo"), ended]);
    const program = `${Deno.execPath()} run -A ${join(PROJECT, "src/main.ts")}`;
    // The shell outlives the terminal, to tell how the program has ended.
    const line =
      `trap : HUP; ${program} --confirm --json --sign-key ${fleet.key} >${result}; echo $? >${ended}`;
    const terminal = new Deno.Command(SCRIPT!, {
      args: ["-q", "-c", line, "/dev/null"],
      cwd: fleet.dir,
      env: { ...fleet.env(), SHELL: which("sh") },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let said = "";
    for await (const chunk of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      said += chunk;
      if (said.includes(QUESTION)) terminal.kill("SIGKILL");
    }
    await terminal.status;
    await terminal.stdin.close();
    const code = Number(await Deno.readTextFile(ended));
    const { kind, exitCode } = JSON.parse(await Deno.readTextFile(result));
    assertEquals(
      [exitCode, ["declined 5", "interrupted 129"].includes(`${kind} ${code}`)],
      [code, true],
      kind,
    );
    assertEquals(await exists(join(fleet.dir, "releases")), false);
  },
});

Deno.test("--confirm without a terminal is refused at once", async () => {
  await using fleet = await TestFleet.create({ git: false });
  const { code, stderr } = await fleet.release(["--confirm"]);
  assertEquals([code, stderr.split("\n")[0]], [
    1,
    "error: --confirm has nobody to ask: standard input or standard error is no terminal",
  ]);
});
