/**
 * How a release is named to be compared with.
 *
 * @module
 */

/**
 * Whether a name is that of a directory, by how it is written; else it is a commit, tag or branch: names of these neither
 * begin with a dot or a slash nor end with a slash (git-check-ref-format(1)).
 */
export function isDirectoryName(name: string): boolean {
  return /^[./]|\/$/.test(name);
}
