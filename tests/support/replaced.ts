/**
 * Operations of the file system that a test has its hand in.
 *
 * @module
 */

/** Replaces an operation of `Deno`, until it is disposed of. */
export function replaced<Name extends "openSync" | "remove" | "renameSync">(
  name: Name,
  operation: (typeof Deno)[Name],
): Disposable {
  const own = Deno[name];
  Object.assign(Deno, { [name]: operation });
  return { [Symbol.dispose]: () => void Object.assign(Deno, { [name]: own }) };
}
