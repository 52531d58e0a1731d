/**
 * Names that git keeps for itself.
 *
 * @module
 */

/** What HFS+ leaves out when it compares names. */
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** What git keeps for itself, and the short names that NTFS gives them: those of git's own `is_ntfs_dot_str`. */
const GIT_FILE =
  /^(?:git~1|\.(?:git(?:|modules|attributes|ignore)|mailmap)|(?:gitmod|gitatt|gitign|mailma)~[1-4]|(?:gi7eba|gi7d29|gi250a|maba30)~\d)$/;

/**
 * Whether a part of a path is `.git` or the name of a file that git reads, or is taken for one by the file system of
 * another checkout. Git does not mind a directory of such a name, but the servers that check what they are sent refuse
 * it. What else git refuses, it is asked about. Pure.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const paths = [".git", "releases/.gitmodules/x.json", "GITMOD~1/x.json", ".gitattributes. /x.json", "git/x.json"];
 * assertEquals(paths.map(hasGitName), [true, true, true, true, false]);
 * ```
 */
export function hasGitName(path: string): boolean {
  return path.split(/[/\\]/).some((part) => {
    // NTFS goes by what is in front of a colon, and drops dots and blanks at the end.
    const name = part.replace(IGNORED_BY_HFS, "").replace(/:.*$/s, "").replace(/[ .]+$/, "");
    return GIT_FILE.test(name.toLowerCase());
  });
}
