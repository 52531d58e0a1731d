/**
 * The program as a process, with exactly the permissions that a test gives it.
 *
 * @module
 */
import { join } from "@std/path";
import { type Finished, PROJECT, run } from "./command.ts";

/** What Deno itself goes by, for processes that get no other environment. */
export const DENO_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  ["DENO_DIR", "JSR_URL"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }),
);

/** Runs the program with these flags of `deno run` as its only permissions. */
export function runProgram(
  permissions: readonly string[],
  args: readonly string[],
  { cwd, stdin, env = {} }: { cwd: string; stdin?: Uint8Array; env?: Record<string, string> },
): Promise<Finished> {
  const flags = ["--no-prompt", "--cached-only", "--frozen", ...permissions];
  return run([Deno.execPath(), "run", ...flags, join(PROJECT, "src/main.ts"), ...args], {
    cwd,
    env: { ...DENO_ENV, HOME: cwd, NO_COLOR: "1", ...env },
    ...(stdin === undefined ? {} : { stdin }),
  });
}

/** Runs the program as {@linkcode runProgram} does; it has to exit with 0 and say nothing on stderr. */
export async function expectProgram(...call: Parameters<typeof runProgram>): Promise<string> {
  const { code, stdout, stderr } = await runProgram(...call);
  if (code !== 0 || stderr !== "") throw new Error(`${call[1].join(" ")} exited with ${code}\n${stderr}`);
  return stdout;
}

/** Gives a temporary directory, without symbolic links in its path, to a test, and removes it afterwards. */
export async function inTempDir<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "fleet-release-test-" }));
  try {
    return await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
