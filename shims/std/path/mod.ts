// Stands in for jsr:@std/path, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.
//
// Unlike the real ones, `basename("/")` is empty, `dirname` keeps a doubled slash, and `toFileUrl` resolves a relative
// path instead of refusing it, and escapes `[`, `]`, `^`, `|` and `~`.

export { basename, dirname, join, relative, resolve } from "node:path";
export { fileURLToPath as fromFileUrl, pathToFileURL as toFileUrl } from "node:url";
