/**
 * What the commands have in common that look at a fleet, and change nothing.
 *
 * @module
 */
import type { Surface } from "../adapters/ports.ts";
import type { Session } from "../cli/command.ts";
import type { ReleaseConfig } from "../config.ts";
import type { Warning } from "../model.ts";
import { errorWithoutSecrets, withoutSecrets } from "../report/log.ts";
import type { Interruption } from "../stages/interruption.ts";
import type { Notes } from "../stages/run.ts";
import { secretsIn } from "./release.ts";

/** What such a command works with. */
export interface Looking {
  readonly surface: Surface;
  readonly interruption: Interruption;
  /** What is to be told first. */
  readonly warnings: readonly Warning[];
  /** Takes what the run notes, which says how far it has come when it is interrupted. */
  readonly follow: (notes: Notes) => void;
}

/**
 * Looks at a fleet, until a signal ends it.
 *
 * @param given The variables of the environment
 * @throws {ReleaseError} that of the work, without secrets, and of kind `interrupted`
 */
export async function lookAt<T>(
  config: ReleaseConfig,
  { world, log }: Session,
  given: Readonly<Record<string, string>>,
  look: (looking: Looking) => Promise<T>,
): Promise<T> {
  const [{ withSafePath }, { Interruption, interruptedError }] = await Promise.all([
    import("../adapters/search_path.ts"),
    import("../stages/interruption.ts"),
  ]);
  const { env, warnings } = withSafePath(given);
  const secrets = secretsIn(config, env);
  const { cwd, stdin, clock, cores, signal } = world;
  const surface = { cwd, env, hidden: [], secrets, stdin, log: withoutSecrets(log, secrets), clock, cores };
  using interruption = new Interruption(signal);
  let notes: Notes | undefined;
  try {
    return await look({ surface, interruption, warnings, follow: (begun) => notes = begun });
  } catch (error) {
    const done = notes?.stages.map(({ stage }) => stage) ?? [];
    const progress = { at: notes?.at ?? [], done };
    throw errorWithoutSecrets(interruptedError(error, interruption.signal.reason, progress), secrets);
  }
}
