/**
 * Runs the operator's own commands, by `sh -c` with the environment of the contract.
 *
 * The text of a hook may hold a token, so it is never shown: not in errors, and not by `-v`. What of its output is
 * secret, whoever prints that hides (`src/secrets.ts`).
 *
 * @module
 */
import { join } from "@std/path";
import { ReleaseError } from "../../errors.ts";
import { type CommandResult, lastLines, type Shell } from "../process.ts";

/** What the hooks are given beside their own variables. */
export interface HookSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone. */
  readonly tempDir: string;
  /** Seconds that each may take. */
  readonly limit?: number | undefined;
}

/** What every hook is run with. */
export interface HookContext {
  readonly shell: Shell;
  /** The absolute path of `sh`. */
  readonly sh: string;
  /** What a hook gets beside its own variables. */
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for what hooks are given and what they print. */
  readonly tempDir: string;
  /** Seconds that each may take. */
  readonly limit: number | undefined;
}

/** A hook: which of them, and the operator's command. */
export interface Hook {
  readonly kind: "push-hook" | "sign-hook";
  readonly command: string;
}

/**
 * What hooks are run with. They run in the shell's directory.
 *
 * @throws {ReleaseError} of kind `io` when there is no `sh`
 */
export function hookContext(shell: Shell, { env, tempDir, limit }: HookSettings): HookContext {
  return { shell, sh: shell.find("sh"), env, tempDir, limit };
}

/**
 * Runs a hook. One that fails is a result, not an error. What it leaves running in its group is stopped. What has left
 * that (a master of ssh, a daemon) goes on, and may keep what it prints to open: nobody waits for that.
 *
 * @param given The hook's own variables, and its standard input, which is closed by default
 */
export async function runHook(
  { shell, sh, env, tempDir, limit }: HookContext,
  { kind, command }: Hook,
  { variables, stdin }: {
    readonly variables: Readonly<Record<string, string>>;
    readonly stdin?: Uint8Array<ArrayBuffer>;
  },
): Promise<CommandResult> {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const outputFile = join(tempDir, `hook-${crypto.randomUUID()}.log`);
  const result = await shell.run([sh, "-c", command], {
    env: { ...env, ...variables },
    // Both outputs go where people read: stdout of this program is for data.
    outputFile,
    stdin,
    alone: true,
    limit,
    shown: [...assignments, "sh", "-c", kind === "push-hook" ? "<push hook>" : "<sign hook>"],
  });
  await Deno.remove(outputFile);
  return result;
}

/** How a hook ended that did not end well; undefined: it did. */
export function failureOf({ code, late }: CommandResult, { limit }: HookContext): string | undefined {
  if (late) return `it was stopped after ${limit} s, as --hook-timeout says`;
  return code === 0 ? undefined : `it exited with ${code}`;
}

/** How a hook failed, and the last that it printed. */
export function hookFailure(
  { kind }: Hook,
  message: string,
  result: CommandResult,
  hint?: string,
): ReleaseError {
  const code = result.late ? "timeout" : undefined;
  return new ReleaseError(kind, message, { code, lines: lastLines(result.stderr, 15), hint });
}
