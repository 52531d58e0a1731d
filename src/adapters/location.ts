/**
 * Where a release directory is.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { ROLLOUTS_DIR } from "../contract/layout.ts";
import { ReleaseError } from "../errors.ts";
import { lstatOf } from "./disk.ts";
import { kindOf } from "./files.ts";
import { followLinks } from "./lookup.ts";

/** A release directory. */
export interface ReleaseLocation {
  /** Its absolute path, without symbolic links, as it was when the run began. */
  readonly root: string;
  /** The path that the user gave. */
  readonly dir: string;
  /** What that is relative to, absolute. */
  readonly cwd: string;
}

/**
 * Makes sure that a release goes where it was said to go: that the path still leads there, and that `rollouts` is no
 * link.
 *
 * @throws {ReleaseError} of kind `io` when it is not so
 */
export function checkLocation({ root, dir, cwd }: ReleaseLocation): void {
  const { path } = followLinks(resolve(cwd, dir), dir);
  if (path !== root) {
    throw new ReleaseError(
      "io",
      `Cannot use "${dir}" as the release directory: it led to "${root}" when the run began, and now to "${path}"`,
      { hint: "something else changed it during the run; run again" },
    );
  }
  const rollouts = lstatOf(join(root, ROLLOUTS_DIR));
  if (rollouts === undefined || rollouts.isDirectory) return;
  throw new ReleaseError(
    "io",
    `Cannot use "${dir}" as the release directory: "${join(dir, ROLLOUTS_DIR)}" is ${kindOf(rollouts)}`,
    { hint: "a release keeps its manifests in a directory of its own: take away what is in its place" },
  );
}

/** Where a release's files are, relative to the release directory. */
export const DIRECTORIES: readonly string[] = ["", ROLLOUTS_DIR];
