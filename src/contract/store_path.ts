/**
 * Store paths: the only form in which a build result enters the program.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { ReleaseError } from "../errors.ts";

/** An absolute path of one store object, checked to lie directly in the store directory. */
export type StorePath = string & { readonly brand: "StorePath" };

// The alphabet of Nix's base 32 leaves out e, o, t and u.
const BASE_NAME = /^[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-._?=]+$/;

/** The directory that store paths lie in when Nix is not asked. */
export const DEFAULT_STORE_DIR = "/nix/store";

/**
 * Checks a store path.
 *
 * @param path What a nix command printed
 * @param storeDir The store directory of that nix
 * @returns the same text as a checked type, or undefined when it is not one object of the store
 */
export function parseStorePath(path: string, storeDir: string): StorePath | undefined {
  return dirname(path) === storeDir && BASE_NAME.test(basename(path)) &&
      path === `${storeDir}/${basename(path)}`
    ? path as StorePath
    : undefined;
}

/**
 * The base name of a store path, whole: what consumers call the closure hash.
 *
 * @param storePath A path directly in the store directory
 * @param storeDir The store directory
 * @throws {ReleaseError} of kind `build` when the path is not one object of the store
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   closureHash("/nix/store/0c9vmb4ik2ws0x4yqp4yb7kd2l4l0f7n-nixos-system-web1-26.05"),
 *   "0c9vmb4ik2ws0x4yqp4yb7kd2l4l0f7n-nixos-system-web1-26.05",
 * );
 * ```
 */
export function closureHash(storePath: string, storeDir = DEFAULT_STORE_DIR): string {
  const checked = parseStorePath(storePath, storeDir);
  if (checked === undefined) {
    throw new ReleaseError(
      "build",
      `Cannot take the closure hash of "${storePath}": expected a path in ${storeDir}`,
    );
  }
  return basename(checked);
}
