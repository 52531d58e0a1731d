/**
 * The operator's own commands, as the pipeline sees them.
 *
 * @module
 */
import type { ArtifactSigner, Hooks } from "../../ports.ts";
import type { Shell } from "../process.ts";
import type { SignHook } from "../signers.ts";
import { runPushHook } from "./push.ts";
import { hookContext } from "./run.ts";
import { runSignHook } from "./sign.ts";

/** What the hooks are given beside their own variables. */
export interface HookSettings {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for what is handed to the sign hook. */
  readonly tempDir: string;
}

/**
 * The operator's hooks, in the shell's directory.
 *
 * @throws {ReleaseError} of kind `io` when there is no `sh`
 */
export function createHooks(
  shell: Shell,
  { env, tempDir }: HookSettings,
): Hooks & { signer(hook: SignHook): ArtifactSigner } {
  const context = hookContext(shell, env);
  return {
    push: (command, closure) => runPushHook(context, command, closure),
    signer: (hook) => ({
      algorithm: hook.algorithm,
      publicKey: null,
      warnings: [],
      sign: (artifact) => runSignHook(context, hook, { ...artifact, tempDir }),
    }),
  };
}
