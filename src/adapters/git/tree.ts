/**
 * The files of a release as a commit has them, without a checkout.
 *
 * @module
 */
import { basename, join, relative, resolve } from "@std/path";
import { ReleaseError } from "../../errors.ts";
import { lastLines, type Shell, text, withoutGitLocation } from "../process.ts";

/** Where to read. */
export interface TreeLocation {
  /** The directory that the repository is looked for from. */
  readonly cwd: string;
  /** A commit, tag or branch. */
  readonly revision: string;
  /** The release directory, relative to `cwd`. */
  readonly dir: string;
}

/**
 * Reads the regular files of a directory and of its `rollouts/` from a commit.
 *
 * @returns their bytes by their path relative to the directory
 * @throws {ReleaseError} of kind `git` when there is no such commit, or no such directory in it
 */
export async function readReleaseTree(
  shell: Shell,
  env: Readonly<Record<string, string>>,
  { cwd, revision, dir }: TreeLocation,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const program = shell.find("git");
  const git = (args: readonly string[], stdin?: Uint8Array<ArrayBuffer>) =>
    shell.run([program, ...args], {
      cwd,
      // A replacement is of this clone alone: what others are given is what was committed.
      env: { ...withoutGitLocation(env), GIT_NO_REPLACE_OBJECTS: "1" },
      stdin,
    });

  const commit = await git(["rev-parse", "--quiet", "--verify", "--end-of-options", `${revision}^{commit}`]);
  if (commit.code !== 0) {
    throw new ReleaseError("git", `Cannot find the commit "${revision}"`, {
      lines: lastLines(commit.stderr, 5),
      hint: "run it within the repository; a shallow checkout may lack the commit",
    });
  }
  const prefix = await git(["rev-parse", "--show-prefix"]);
  // A bare repository has no work tree to be relative to.
  const path = join(prefix.code === 0 ? text(prefix) : "", relative(cwd, resolve(cwd, dir)) || ".");
  if (path === ".." || path.startsWith("../")) {
    throw new ReleaseError("git", `Cannot verify "${dir}": it is outside the repository`, {
      hint: "run it within the repository that the directory is in",
    });
  }
  const unusable = (path: string, problem: string) =>
    new ReleaseError("git", `Cannot verify ${JSON.stringify(path)} of ${revision}: it ${problem}`);
  const listing = await git([
    "ls-tree",
    "--full-tree",
    "-z",
    "-r",
    `${text(commit)}:${path === "." ? "" : path}`,
  ]);
  if (listing.code !== 0) {
    throw new ReleaseError("git", `Cannot find the directory "${dir}" in ${revision}`, {
      lines: lastLines(listing.stderr, 5),
    });
  }
  const objects = new TextDecoder().decode(listing.stdout).split("\0").flatMap((entry) => {
    const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t(rollouts|(?:rollouts\/)?[^/]+)$/s.exec(entry) ?? [];
    if (mode === undefined || id === undefined || path === undefined || basename(path).startsWith(".")) {
      return [];
    }
    // A link or a submodule: what a checkout has there is not in this commit.
    if (!mode.startsWith("100")) throw unusable(path, "is no regular file");
    return [{ id, path }];
  });
  const twice = objects.find(({ path }, index) =>
    objects.findIndex((other) => other.path === path) !== index
  );
  if (twice !== undefined) throw unusable(twice.path, "is there twice");
  const input = new TextEncoder().encode(objects.map(({ id }) => `${id}\n`).join(""));
  const contents = await git(["cat-file", "--batch"], input);
  if (contents.code !== 0) {
    throw new ReleaseError("git", `Cannot read the files of "${dir}" in ${revision}`, {
      lines: lastLines(contents.stderr, 5),
    });
  }
  return new Map(readBatch(contents.stdout, objects));
}

/** The answers of `git cat-file --batch`: a line with id, type and size, the content, and a newline. */
function* readBatch(
  output: Uint8Array,
  objects: readonly { id: string; path: string }[],
): Generator<[string, Uint8Array<ArrayBuffer>]> {
  let offset = 0;
  for (const { id, path } of objects) {
    const end = output.indexOf(0x0a, offset);
    const header = new TextDecoder().decode(output.subarray(offset, end));
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(header)?.[1];
    if (end === -1 || size === undefined) {
      throw new ReleaseError("git", `Cannot read "${path}" from git: object ${id} is missing`, {
        hint: "the checkout may be partial: fetch the whole commit",
      });
    }
    const start = end + 1;
    offset = start + Number(size) + 1;
    yield [path, output.slice(start, start + Number(size))];
  }
}
