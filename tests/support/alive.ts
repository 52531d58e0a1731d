/**
 * Whether processes are there.
 *
 * @module
 */

/** Whether there is a process with this id. */
export function isAlive(pid: number): boolean {
  try {
    // It changes nothing for what is not stopped.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
