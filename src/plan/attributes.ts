/**
 * Attribute paths, as options give them: `fleet.resolved` or `.#fleet.resolved`.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";

/**
 * Splits an attribute path into its names. A name with a dot in it is quoted, as in nix: `fleet."a.b"`.
 *
 * @param option The option that it comes from, for the error
 * @throws {ReleaseError} of kind `usage` when it names another flake, or is no attribute path
 */
export function parseAttributePath(option: string, text: string): string[] {
  const path = text.startsWith(".#") ? text.slice(2) : text;
  const names = [...path.matchAll(/(?:^|\.)(?:"((?:[^"\\]|\\.)+)"|([^".#\s]+))/gy)];
  const length = names.reduce((total, [match]) => total + match.length, 0);
  if (names.length === 0 || length !== path.length || path.startsWith(".")) {
    throw new ReleaseError(
      "usage",
      `Cannot read ${option} "${text}": expected an attribute path of the flake`,
      {
        hint: 'as in "fleet.resolved" or ".#fleet.resolved"; the flake itself is given by --build-flake',
      },
    );
  }
  return names.map(([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, "$1"));
}
