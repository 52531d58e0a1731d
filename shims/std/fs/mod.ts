// Stands in for jsr:@std/fs, because JSR is unreachable from a Nix sandbox.
// Remove "links" from deno.json to get the real package.

/** Whether there is something at the path; a dangling symlink is nothing. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes the directory and its parents, unless it is there; fails where something else is in its place. */
export async function ensureDir(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}
