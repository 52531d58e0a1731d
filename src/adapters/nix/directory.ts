/**
 * Flake references that are the path of a directory.
 *
 * @module
 */
import { join, relative, resolve } from "@std/path";
import { directoryUrl, hasScheme, isPath, isPlainPath } from "../../plan/flake_reference.ts";
import type { FlakeReference } from "../../ports.ts";
import { gitContext } from "../git/context.ts";
import { findRepository } from "../git/repository.ts";
import type { NixContext } from "./context.ts";
import { flakeAbove, realDirectory, realPath } from "./source.ts";

/**
 * What a flake reference refers to. One that names a directory which is there is that directory, whatever nix would take
 * the text for: the alias of a registry, or a path with an attribute behind a `#`. One with a scheme never is.
 *
 * @returns the reference as nix has to be given it: as it is where nix reads the same from it
 * @throws {ReleaseError} of kind `git` when git refuses to look at the repository that the directory is in
 */
export async function referTo(nix: NixContext, text: string): Promise<FlakeReference> {
  if (hasScheme(text)) return { text, directory: null };
  const asked = resolve(nix.shell.cwd, text);
  const directory = await directoryAt(nix, asked);
  if (directory === null) return { text, directory };
  // Nix takes no link for a flake.
  if (directory === asked && isPath(text) && isPlainPath(text)) return { text, directory };
  return { text: isPlainPath(directory) ? directory : await urlOf(nix, directory), directory };
}

/** A directory without symbolic links; null when there is none, or none that can be looked at. */
async function directoryAt(nix: NixContext, path: string): Promise<string | null> {
  try {
    const real = await Deno.realPath(path);
    return (await Deno.stat(real)).isDirectory ? real : null;
  } catch (error) {
    // Nix and git may read what this process may not.
    return error instanceof Deno.errors.NotCapable ? await realDirectory(nix, path) : null;
  }
}

/** What nix would find from this path upwards, if it could read the path. */
async function urlOf({ shell, env }: NixContext, directory: string): Promise<string> {
  const flakeDir = await flakeAbove(directory) ?? directory;
  const root = (await findRepository(gitContext(shell, env), flakeDir))?.root ?? null;
  const isShallow = root !== null && await realPath(join(root, ".git/shallow")) !== null;
  return directoryUrl(flakeDir, root === null ? null : { root, dir: relative(root, flakeDir), isShallow });
}
