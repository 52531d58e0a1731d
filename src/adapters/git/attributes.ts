/**
 * What a repository has git do to files when it checks them out, or takes them in.
 *
 * @module
 */
import { expectGit, type GitContext } from "./context.ts";
import { type GitIndex, readTree } from "./git_index.ts";

/** The attributes by which git gives a file other bytes than its commit has, unless they are unset. */
const CHANGING: readonly string[] = ["text", "crlf", "eol", "filter", "ident", "working-tree-encoding"];

/**
 * The first of these paths that a checkout of a commit may have other bytes of, by the attributes in that commit.
 *
 * @param index One of our own, which may have anything in it
 * @param paths Relative to the root
 * @returns null when git leaves all of them as they are
 * @throws {ReleaseError} of kind `git` when git fails
 */
export async function firstChanged(
  git: GitContext,
  index: GitIndex,
  commit: string,
  paths: readonly string[],
): Promise<string | null> {
  await readTree(git, index, commit);
  const answers = await expectGit(
    git,
    "ask for the attributes of the release files",
    ["check-attr", "--cached", "--stdin", "-z", ...CHANGING],
    {
      cwd: index.root,
      env: { GIT_INDEX_FILE: index.file },
      stdin: paths.map((path) => `${path}\0`).join(""),
    },
  );
  const words = answers.split("\0");
  for (let at = 0; at + 2 < words.length; at += 3) {
    const [path, attribute, value] = words.slice(at, at + 3);
    // Without `text` an end of line means nothing.
    const isBinary = attribute === "eol" &&
      words.some((word, index) =>
        index % 3 === 0 && word === path && words[index + 1] === "text" && words[index + 2] === "unset"
      );
    if (value !== "unspecified" && value !== "unset" && !isBinary) return path!;
  }
  return null;
}
