/**
 * A world without a process: what a program prints is kept, and nothing else can be reached.
 *
 * @module
 */
import { environmentOf, type World } from "../../src/world.ts";

/** What is to be found in it. */
export interface MemoryWorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** A world, and what was printed in it. */
export interface MemoryWorld {
  readonly world: World;
  /** All that was printed so far. */
  readonly printed: () => { readonly stdout: string; readonly stderr: string };
}

/** A world at `/here` in the summer of 2026, in which time stands still. */
export function memoryWorld({ env = {}, stdin = "" }: MemoryWorldOptions = {}): MemoryWorld {
  const printed = { stdout: "", stderr: "" };
  return {
    printed: () => ({ ...printed }),
    world: {
      cwd: "/here",
      environment: environmentOf(env),
      stdin: () => Promise.resolve(new TextEncoder().encode(stdin)),
      stdout: { write: (text) => void (printed.stdout += text) },
      stderr: { write: (text) => void (printed.stderr += text), isTerminal: false, width: 80 },
      clock: { now: () => Temporal.Instant.from("2026-06-01T12:00:00Z"), monotonic: () => 0 },
      signal: new AbortController().signal,
      cores: 1,
      runtime: "2.9.6",
    },
  };
}
