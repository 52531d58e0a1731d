/**
 * Questions to the nix store.
 *
 * @module
 */
import type { NixContext } from "./context.ts";
import { outputLines } from "./output.ts";

/** Of these store paths, those that are not in the store. */
export async function invalidPaths(
  { shell, nixStore, env }: NixContext,
  paths: readonly string[],
): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const result = await shell.run([nixStore, "--check-validity", "--print-invalid", ...paths], { env });
  return new Set(outputLines(result));
}

/** A store path and all that it refers to, directly or not; nothing when the store does not have it. */
export function requisitesOf(nix: NixContext, path: string): Promise<string[]> {
  return query(nix, "--requisites", path);
}

/**
 * The outputs of a derivation, as far as they are known before it is built; nothing when the store does not have it.
 */
export function outputsOf(nix: NixContext, drvPath: string): Promise<string[]> {
  return query(nix, "--outputs", drvPath);
}

async function query({ shell, nixStore, env }: NixContext, what: string, path: string): Promise<string[]> {
  const result = await shell.run([nixStore, "--query", what, path], { env });
  return result.code === 0 ? outputLines(result) : [];
}
