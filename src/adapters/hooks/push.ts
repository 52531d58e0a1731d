/**
 * The push hooks: put closures where the machines fetch them.
 *
 * @module
 */
import { join } from "@std/path";
import type { StorePath } from "../../contract/store_path.ts";
import type { PushFailure } from "../../ports.ts";
import type { CommandResult } from "../process.ts";
import { failureOf, type Hook, type HookContext, hookFailure, runHook } from "./run.ts";

/** What is pushed. */
export interface Closure {
  readonly host: string;
  readonly storePath: StorePath;
  readonly closureHash: string;
}

/**
 * Runs the push hook for one closure.
 *
 * @returns how it failed; null: it did not
 */
export async function runPushHook(
  context: HookContext,
  command: string,
  closure: Closure,
): Promise<PushFailure | null> {
  const { host, storePath, closureHash } = closure;
  const hook: Hook = { kind: "push-hook", command };
  const result = await runHook(context, hook, {
    variables: { NIXFLEET_HOST: host, NIXFLEET_PATH: storePath, NIXFLEET_CLOSURE_HASH: closureHash },
  });
  return pushFailure(context, hook, { result, what: `Push hook failed for host "${host}"` });
}

/**
 * Runs the push hook for all closures, whose paths it is given on its standard input and in a file, one a line.
 *
 * @returns how it failed; null: it did not
 */
export async function runPushAllHook(
  context: HookContext,
  command: string,
  paths: readonly StorePath[],
): Promise<PushFailure | null> {
  const hook: Hook = { kind: "push-hook", command };
  const list = new TextEncoder().encode(paths.map((path) => `${path}\n`).join(""));
  // It stays until the run's directory goes: the hook may have taken it away.
  const file = join(context.tempDir, `paths-${crypto.randomUUID()}`);
  await Deno.writeFile(file, list, { createNew: true });
  const variables = { NIXFLEET_PATHS_FILE: file };
  const result = await runHook(context, hook, { variables, stdin: list });
  return pushFailure(context, hook, { result, what: "Push hook failed" });
}

/** How `sh` ends when it cannot read the command, may not run what it names, or does not find that. */
const NOT_RUN: readonly number[] = [2, 126, 127];

function pushFailure(
  context: HookContext,
  hook: Hook,
  { result, what }: { readonly result: CommandResult; readonly what: string },
): PushFailure | null {
  const failure = failureOf(result, context);
  if (failure === undefined) return null;
  return {
    error: hookFailure(hook, `${what}: ${failure}`, result),
    mayPass: !NOT_RUN.includes(result.code),
  };
}
