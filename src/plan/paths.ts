/**
 * Paths as names: nothing is looked at.
 *
 * @module
 */

/** Whether a path is a directory, or in it. Both absolute, normalized, and without symbolic links. */
export function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir === "/" ? dir : `${dir}/`);
}

/** The file that is written beside another one to take its place, where its name has to be known before. */
export function nextFile(path: string): string {
  return `${path}.part`;
}
