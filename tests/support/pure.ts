/**
 * Tests of pure code, which get no permission, so that the runtime proves that the code does no I/O.
 *
 * @module
 */
import { AssertionError } from "@std/assert";
import { type ErrorKind, ReleaseError } from "../../src/errors.ts";

/** Registers a test that may touch nothing of the world. */
export function pureTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}

/** What a {@linkcode ReleaseError} says; what it does not say is left out. */
export interface Refusal {
  kind: ErrorKind;
  message: string;
  path?: string;
  hint?: string;
  lines?: readonly string[];
}

/** Runs what has to be refused, and gives all that the error says. */
export function refusal(fn: () => unknown): Refusal {
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    return saidBy(error);
  }
  throw new AssertionError(`Expected a refusal, but got ${Deno.inspect(result)}`);
}

/** Awaits what has to be refused, and gives all that the error says. */
export async function rejection(promise: Promise<unknown>): Promise<Refusal> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return saidBy(error);
  }
  throw new AssertionError(`Expected a refusal, but got ${Deno.inspect(result)}`);
}

function saidBy(error: unknown): Refusal {
  if (!(error instanceof ReleaseError)) throw error;
  const { kind, message, path, hint, lines } = error;
  return {
    kind,
    message,
    ...(path === undefined ? {} : { path }),
    ...(hint === undefined ? {} : { hint }),
    ...(lines.length === 0 ? {} : { lines }),
  };
}

/** Freezes a value and all that is in it, so that code which changes what it was given throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
