/**
 * The push hook: puts one closure where the machines fetch it.
 *
 * @module
 */
import type { StorePath } from "../../contract/store_path.ts";
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
 * @throws {ReleaseError} of kind `push-hook` when it fails
 */
export async function runPushHook(context: HookContext, command: string, closure: Closure): Promise<void> {
  const { host, storePath, closureHash } = closure;
  const hook: Hook = { kind: "push-hook", command };
  const result = await runHook(context, hook, {
    NIXFLEET_HOST: host,
    NIXFLEET_PATH: storePath,
    NIXFLEET_CLOSURE_HASH: closureHash,
  });
  const failure = failureOf(result, context);
  if (failure !== undefined) {
    throw hookFailure(hook, `Push hook failed for host "${host}": ${failure}`, result);
  }
}
