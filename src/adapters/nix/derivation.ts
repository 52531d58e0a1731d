/**
 * What a derivation says of itself, in the file that nix has written of it.
 *
 * @module
 */

/** How it begins: with its outputs, each with its name, its path, and how it is hashed where that is fixed. */
const BEGINNING = /^(?:Derive\(|DrvWithVersion\("[^"\\]*",)\[/;
const OUTPUT = /\("([^"\\]+)","([^"\\]*)","[^"\\]*","[^"\\]*"\),?/y;

/**
 * Reads the paths of a derivation's outputs by their names, but for those that only a build tells, as of what is
 * content-addressed.
 *
 * @param file What nix has written; of another form of it nothing is known
 */
export function outputsIn(file: Uint8Array): Map<string, string> {
  const found = new Map<string, string>();
  // Behind the outputs there may be much, and a part of a text keeps all of it in memory.
  const text = new TextDecoder().decode(file.subarray(0, file.indexOf("]".charCodeAt(0)) + 1));
  const pattern = new RegExp(OUTPUT);
  pattern.lastIndex = BEGINNING.exec(text)?.[0].length ?? text.length;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, name, path] = match;
    if (path !== "") found.set(name!, path!);
  }
  return found;
}
