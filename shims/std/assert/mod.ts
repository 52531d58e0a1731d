// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/assert, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** Thrown by each assertion that does not hold. */
export class AssertionError extends Error {
  /** Makes the error. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails unless the value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/**
 * Fails unless both have the same content. Unlike the real one, tells 0 from -0 and objects without a prototype from
 * plain ones, and does not look into Temporal values and private fields.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const diff = new NodeAssertionError({
    actual: lines(actual),
    expected: lines(expected),
    operator: "deepStrictEqual",
  });
  throw failure("Not equal", msg, `\n${diff.message}`);
}

/** Fails if both have the same content. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) {
    throw failure(`Equal, but should differ: ${inspect(actual)}`, msg);
  }
}

/** Fails unless the value is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: abstract new (...args: never[]) => T,
): asserts actual is T {
  if (actual instanceof expectedType) return;
  throw failure(`Expected an instance of ${expectedType.name}, but got ${inspect(actual)}`);
}

/** Fails unless the function throws an error of the class, with `msgIncludes` in its message; gives the error. */
export function assertThrows<E extends Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, msgIncludes);
  }
  throw failure("Expected the function to throw");
}

/** Fails unless the promise is rejected; gives the reason. What `fn` throws itself comes out as it is. */
export function assertRejects(fn: () => PromiseLike<unknown>): Promise<unknown>;
/** Fails unless the promise is rejected with an error of the class, with `msgIncludes` in its message; gives it. */
export function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<Error>,
  msgIncludes?: string,
): Promise<unknown> {
  const promise = fn(); // not below: what is thrown here is no rejection
  try {
    await promise;
  } catch (error) {
    return errorClass === undefined ? error : checkError(error, errorClass, msgIncludes);
  }
  throw failure("Expected the promise to be rejected");
}

function checkError<E extends Error>(error: unknown, errorClass: ErrorClass<E>, msgIncludes = ""): E {
  if (error instanceof errorClass && error.message.includes(msgIncludes)) return error;
  const wanted = `${errorClass.name} with "${msgIncludes}" in its message`;
  throw new AssertionError(`Expected ${wanted}, but got ${inspect(error)}`, { cause: error });
}

/** Text as an array of its lines, of which a diff shows those that differ. */
function lines(value: unknown): unknown {
  return typeof value === "string" && value.includes("\n") ? value.split("\n") : value;
}

function failure(text: string, msg?: string, details = ""): AssertionError {
  return new AssertionError((msg ? `${text}: ${msg}` : text) + details);
}
