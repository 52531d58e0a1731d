/**
 * Flake references, as far as they are looked at without nix.
 *
 * @module
 */

/** A flake reference that names a directory of this machine. */
export interface LocalReference {
  /** How nix reads the directory; `found`: by git when it is in a repository, and as a plain directory elsewhere. */
  readonly scheme: "path" | "git" | "found";
  /** The directory, relative or absolute. */
  readonly directory: string;
  /** What stands behind the question mark. */
  readonly query: URLSearchParams;
}

/** Takes a flake reference of this machine apart; undefined when it is elsewhere. */
export function localReference(reference: string): LocalReference | undefined {
  const [, location = "", query = ""] = /^([^?#]*)(?:\?([^#]*))?/.exec(reference) ?? [];
  const [, scheme, path] = /^(path:|git\+file:(?:\/\/)?)?((?:\.|\/(?!\/)).*)$/.exec(location) ?? [];
  if (path === undefined) return undefined;
  const parameters = new URLSearchParams(query);
  if (scheme === undefined) return { scheme: "found", directory: path, query: parameters };
  try {
    return {
      scheme: scheme === "path:" ? "path" : "git",
      directory: decodeURIComponent(path),
      query: parameters,
    };
  } catch {
    // No URL, as nix will say.
    return undefined;
  }
}

/** The directory that a flake reference names on this machine, relative or absolute; undefined when it is elsewhere. */
export function localDirectory(reference: string): string | undefined {
  return localReference(reference)?.directory;
}
