// deno-lint-ignore-file no-external-import -- node: modules are built into Deno
// Stands in for jsr:@std/path, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

import * as path from "node:path";
import { fileURLToPath } from "node:url";

export { isAbsolute, relative, resolve } from "node:path";

/** The path that a `file:` URL names. Unlike the real one, refuses a host, an encoded `/` and a stray `%`. */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** The `file:` URL of an absolute path. */
export function toFileUrl(absolutePath: string): URL {
  if (!path.isAbsolute(absolutePath)) throw new TypeError(`Not an absolute path: "${absolutePath}"`);
  const url = new URL("file:///");
  url.pathname = absolutePath.replace(/[%\\\s]/g, encodeURIComponent);
  return url;
}

/** Puts the parts together with separators, and normalizes the outcome. */
export function join(first: string | URL, ...others: string[]): string {
  return path.join(toPath(first), ...others);
}

/** The path with `.`, `..` and repeated separators resolved. */
export function normalize(pathOrUrl: string | URL): string {
  return path.normalize(toPath(pathOrUrl));
}

/** The path without its last part. */
export function dirname(pathOrUrl: string | URL): string {
  return path.dirname(toPath(pathOrUrl)).replace(/(?!^)\/+$/, "");
}

/** The last part of the path, without `suffix` where it ends with that; `/` for the root. */
export function basename(pathOrUrl: string | URL, suffix = ""): string {
  const text = toPath(pathOrUrl);
  const name = path.basename(text) || text.charAt(0);
  const isLonger = name.length > suffix.length;
  return isLonger && name.endsWith(suffix) ? name.slice(0, name.length - suffix.length) : name;
}

function toPath(pathOrUrl: string | URL): string {
  return pathOrUrl instanceof URL ? fileURLToPath(pathOrUrl) : pathOrUrl;
}
