// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/assert, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import { AssertionError as NodeAssertionError } from "node:assert";
import { inspect, isDeepStrictEqual, stripVTControlCharacters } from "node:util";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** Thrown by each assertion that does not hold. */
export class AssertionError extends Error {
  /** Makes the error. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails always. */
export function fail(msg?: string): never {
  throw failure("Failed assertion", msg);
}

/** Fails unless the value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails unless both have the same content. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw failure("Not equal", msg, diff(actual, expected, "deepStrictEqual"));
}

/** Fails if both have the same content. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) throw failure(`Equal, but should differ: ${show(actual)}`, msg);
}

/** Fails unless both are the same value or the same object. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw failure("Not strictly equal", msg, diff(actual, expected, "strictEqual"));
}

/** Fails unless everything in `expected` is in `actual` with the same content; `actual` may hold more. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any -- with unknown, values of an interface type would be refused
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(pick(actual, expected), pick(expected, expected), msg);
}

/** Fails unless each item of `expected` equals one of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T> & object,
  expected: ArrayLike<T> & object,
  msg?: string,
): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !present.some((other) => equal(item, other)));
  if (missing.length > 0) throw failure(`${show(actual)} does not include ${show(missing)}`, msg);
}

/** Fails if the value is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) throw failure(`Expected a value, but got ${actual}`, msg);
}

/** Fails unless the value is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: abstract new (...args: never[]) => T,
  msg?: string,
): asserts actual is T {
  if (actual instanceof expectedType) return;
  throw failure(`Expected an instance of ${expectedType.name}, but got ${show(actual)}`, msg);
}

/** Fails unless the text contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) throw failure(`${show(actual)} does not include ${show(expected)}`, msg);
}

/** Fails unless the text matches the pattern. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) throw failure(`${show(actual)} does not match ${expected}`, msg);
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw failure(`${show(actual)} is not greater than ${show(expected)}`, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw failure(`${show(actual)} is not less than ${show(expected)}`, msg);
}

/** Fails unless the function throws; gives what it throws. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless the function throws an error of the class, with `msgIncludes` in its message; gives the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, classOrMsg, msgIncludes, msg);
  }
  throw failure("Expected the function to throw", typeof classOrMsg === "string" ? classOrMsg : msg);
}

/** Fails unless the promise is rejected; gives the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless the promise is rejected with an error of the class, with `msgIncludes` in its message; gives it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (cause) {
    throw failure("Expected a rejected promise, but the function throws", text, "", { cause });
  }
  try {
    await promise;
  } catch (error) {
    return checkError(error, classOrMsg, msgIncludes, msg);
  }
  throw failure("Expected the promise to be rejected", text);
}

function checkError(
  error: unknown,
  classOrMsg: ErrorClass<Error> | string | undefined,
  msgIncludes = "",
  msg?: string,
): unknown {
  if (typeof classOrMsg !== "function") return error;
  const got = error instanceof Error ? String(error) : show(error);
  const refuse = (wanted: string) => failure(`Expected ${wanted}, but got ${got}`, msg, "", { cause: error });
  if (!(error instanceof classOrMsg)) throw refuse(`an error of class ${classOrMsg.name}`);
  const text = stripVTControlCharacters(error.message);
  if (!text.includes(stripVTControlCharacters(msgIncludes))) {
    throw refuse(`a message with ${show(msgIncludes)}`);
  }
  return error;
}

/** The part of `value` that `pattern` mentions. */
function pick<T>(value: T, pattern: unknown): T;
function pick(value: unknown, pattern: unknown): unknown {
  if (!isObject(value) || !isObject(pattern) || value instanceof Date || value instanceof RegExp) {
    return value;
  }
  if (Array.isArray(value) && Array.isArray(pattern)) {
    return Array.from(value.slice(0, pattern.length), (item, i) => pick(item, pattern[i]));
  }
  if (value instanceof Set && pattern instanceof Set) return value.intersection(pattern);
  if (value instanceof Map && pattern instanceof Map) {
    const shared = [...value].filter(([key]) => pattern.has(key));
    return new Map(shared.map(([key, item]) => [key, pick(item, pattern.get(key))]));
  }
  const shared = Reflect.ownKeys(value).filter((key) => Object.hasOwn(pattern, key));
  return Object.fromEntries(shared.map((key) => [key, pick(value[key], pattern[key])]));
}

/**
 * Whether both have the same content. Not node:util's `isDeepStrictEqual` throughout: that one tells objects without
 * a prototype from plain ones, 0 from -0, and does not look into Temporal values.
 */
function equal(a: unknown, b: unknown, seen = new Map<unknown, unknown>()): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || prototypeOf(a) !== prototypeOf(b)) return false;
  if (ArrayBuffer.isView(a) || a instanceof ArrayBuffer || a instanceof Date) return isDeepStrictEqual(a, b);

  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if ((a instanceof Map && b instanceof Map) || (a instanceof Set && b instanceof Set)) {
    const others = [...b.entries()];
    return a.size === b.size &&
      a.entries().every(([key, value]) =>
        others.some(([otherKey, otherValue]) => equal(key, otherKey, seen) && equal(value, otherValue, seen))
      );
  }
  const isPlain = [Object.prototype, Array.prototype].includes(prototypeOf(a));
  const keys = isPlain ? Reflect.ownKeys({ ...a, ...b }) : [...keysOfClass(a), ...keysOfClass(b)];
  return keys.every((key) => key in a === key in b && equal(a[key], b[key], seen));
}

/** All keys of an instance, and of its classes. */
function keysOfClass(instance: object): PropertyKey[] {
  const keys: PropertyKey[] = [];
  for (let object = instance; object !== Object.prototype; object = prototypeOf(object)) {
    keys.push(...Reflect.ownKeys(object));
  }
  return keys;
}

function prototypeOf(object: object): object {
  return Object.getPrototypeOf(object) ?? Object.prototype;
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null;
}

function diff(actual: unknown, expected: unknown, operator: string): string {
  const lines = (value: unknown) =>
    typeof value === "string" && value.includes("\n") ? value.split("\n") : value;
  return "\n" +
    new NodeAssertionError({ actual: lines(actual), expected: lines(expected), operator }).message;
}

function show(value: unknown): string {
  return inspect(value, { depth: null });
}

function failure(text: string, msg?: string, details = "", options?: ErrorOptions): AssertionError {
  return new AssertionError((msg ? `${text}: ${msg}` : text) + details, options);
}
