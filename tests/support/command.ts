/**
 * Starts real processes for tests.
 *
 * @module
 */
import { dirname, fromFileUrl, join, resolve } from "@std/path";

/** The root of the project. */
export const PROJECT: string = resolve(dirname(fromFileUrl(import.meta.url)), "../..");

/** The system of this machine, as nix names it. */
export const SYSTEM: string = `${Deno.build.arch}-${Deno.build.os}`;

/** A finished process. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with exactly this environment. */
export async function run(
  argv: readonly string[],
  { cwd, env = {}, stdin }: { cwd?: string; env?: Record<string, string>; stdin?: Uint8Array } = {},
): Promise<Finished> {
  const [program, ...args] = argv;
  const child = new Deno.Command(program!, {
    args,
    ...(cwd === undefined ? {} : { cwd }),
    env,
    clearEnv: true,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(stdin);
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program that has to succeed, and gives what it printed. */
export async function expectRun(...call: Parameters<typeof run>): Promise<string> {
  const result = await run(...call);
  if (result.code !== 0) {
    throw new Error(`${call[0].join(" ")} exited with ${result.code}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** The absolute path of a program on PATH. */
export function which(program: string, path: string = Deno.env.get("PATH") ?? ""): string {
  for (const dir of path.split(":").filter((dir) => dir !== "")) {
    try {
      const path = join(dir, program);
      const stat = Deno.statSync(path);
      if (stat.isFile && ((stat.mode ?? 0o111) & 0o111) !== 0) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  throw new Error(`Cannot find "${program}" on PATH: the end-to-end tests need it`);
}

/** The same of a program that need not be there; undefined: it is not. */
export function find(program: string): string | undefined {
  try {
    return which(program);
  } catch {
    return undefined;
  }
}
