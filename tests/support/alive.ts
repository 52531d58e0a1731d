/**
 * Whether processes are there.
 *
 * @module
 */
import { run, which } from "./command.ts";

/** Those of these processes that are there. One that is dead, and that nobody has asked about yet, is not. */
export async function alive(pids: readonly number[]): Promise<number[]> {
  const { stdout } = await run([which("ps"), "-A", "-o", "pid=", "-o", "stat="]);
  const there = stdout.split("\n").map((line) => line.trim().split(/\s+/)).filter(([, state]) =>
    state !== undefined && !state.startsWith("Z")
  );
  const found = new Set(there.map(([pid]) => Number(pid)));
  return pids.filter((pid) => found.has(pid));
}
