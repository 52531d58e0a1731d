/**
 * Asks, where that is wanted, whether what is about to be signed is meant.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";
import type { Run } from "./run.ts";

/** The one answer that is a yes: nothing that is typed by the way. */
const YES = "yes";
/** So many lines of what changes are shown. */
const LINES = 100;

/**
 * Shows what a release changes, and waits for a yes. It is no stage: nothing is shown of the run meanwhile, and the time is
 * not the run's.
 *
 * @param tell What changes, in lines
 * @throws {ReleaseError} of kind `declined` when the answer is another one, or there is none any more
 */
export async function confirmRelease(
  { config, ports: { ask } }: Run,
  tell: () => readonly string[],
): Promise<void> {
  if (!config.confirm) return;
  const lines = tell();
  const more = lines.length > LINES ? [`and ${lines.length - LINES} more lines`] : [];
  const question = `Sign and release this? Only "${YES}" is a yes: `;
  const answer = await ask([...lines.slice(0, LINES), ...more, question].join("\n"));
  if (answer?.trim() === YES) return;
  throw new ReleaseError("declined", "Not confirmed: nothing was signed or written");
}
