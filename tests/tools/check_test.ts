import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Finished, PROJECT, run, which } from "../support/command.ts";

/** Runs a script of the project with these programs on the PATH and no others. */
async function start(
  script: string[],
  programs: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const bin = await Deno.makeTempDir({ prefix: "fleet-release-test-" });
  try {
    for (const program of programs) await Deno.symlink(which(program), join(bin, program));
    return await run(script, { cwd: PROJECT, env: { PATH: bin, HOME: bin, ...env } });
  } finally {
    await Deno.remove(bin, { recursive: true });
  }
}

const TOOLS = ["cat", "dirname", "mktemp", "rm", "sed"];

/** Runs parts of `./dev check`. */
function check(parts: string[], env: Record<string, string> = {}): Promise<Finished> {
  return start([which("sh"), "tools/check.sh", Deno.execPath(), ...parts], TOOLS, env);
}

Deno.test("./dev check says so when the scripts cannot be checked, and in CI fails", async () => {
  assertEquals(await check(["scripts"]), {
    code: 0,
    stdout: "skipped  scripts: there is no shellcheck\n",
    stderr: "",
  });
  assertEquals(await check(["scripts"], { CI: "true" }), {
    code: 1,
    stdout: "FAILED   scripts\n  there is no shellcheck\n",
    stderr: "",
  });
});

Deno.test("./dev check lists its parts, and does nothing when asked for one that there is not", async () => {
  const help = await check(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertEquals(
    help.stdout.split("\n").flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []),
    ["format", "lint", "types", "docs", "scripts", "generated", "structure"],
  );
  assertEquals(await check(["docs", "formt"]), {
    code: 1,
    stdout: "",
    stderr: `no such part: formt\n${help.stdout}`,
  });
});

Deno.test("./dev ok lists its steps, and does nothing when asked for one that there is not", async () => {
  const steps = (args: string[]) =>
    start([which("bash"), ".ci/run", ...args], ["bash", "cat", "dirname", "mktemp", "rm"]);
  const help = await steps(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  const text = await Deno.readTextFile(join(PROJECT, ".ci/run"));
  assertEquals(
    help.stdout.split("\n").flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []),
    /^steps=\((.*)\)$/m.exec(text)![1]!.split(" "),
  );
  assertEquals(await steps(["check", "lint"]), {
    code: 1,
    stdout: "",
    stderr: `no such step: lint\n${help.stdout}`,
  });
});
