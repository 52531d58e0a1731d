/**
 * The operator's own commands, as the pipeline sees them.
 *
 * @module
 */
import type { ArtifactSigner, Hooks } from "../../ports.ts";
import type { Shell } from "../process.ts";
import type { SignHook } from "../signers.ts";
import { runPushAllHook, runPushHook } from "./push.ts";
import { hookContext, type HookSettings } from "./run.ts";
import { runSignHook } from "./sign.ts";

/**
 * The operator's hooks, in the shell's directory.
 *
 * @throws {ReleaseError} of kind `io` when there is no `sh`
 */
export function createHooks(
  shell: Shell,
  settings: HookSettings,
): Hooks & { signer(hook: SignHook): ArtifactSigner } {
  const context = hookContext(shell, settings);
  return {
    push: (command, closure) => runPushHook(context, command, closure),
    pushAll: (command, paths) => runPushAllHook(context, command, paths),
    signer: (hook) => ({
      algorithm: hook.algorithm,
      publicKey: null,
      warnings: [],
      sign: (artifact) => runSignHook(context, hook, artifact),
    }),
  };
}
