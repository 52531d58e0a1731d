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
  const parameters = parseQuery(query);
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

/**
 * Whether a flake reference begins as a URL does. Then it is none of a directory, even if one has that name: whoever writes
 * to a repository could put it there.
 */
export function hasScheme(reference: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(reference);
}

/** Whether a flake reference is a path by how it begins. Another one without a scheme may be the alias of a registry. */
export function isPath(reference: string): boolean {
  return /^[./]/.test(reference);
}

/**
 * Whether nix reads a path as it is, also in front of an attribute. In anything else it finds the parts of a URL, or
 * nothing that it can use, by its version.
 */
export function isPlainPath(path: string): boolean {
  return /^[\w.~\-/!$&'()*+,;="]+$/.test(path);
}

/** Where a directory lies in a git repository. */
export interface PlaceInRepository {
  /** The root of the work tree, absolute. */
  readonly root: string;
  /** The directory, relative to the root; empty for the root. */
  readonly dir: string;
  /** Whether the repository has a part of its history alone. */
  readonly isShallow: boolean;
}

/**
 * The URL that says the same as the path of a directory.
 *
 * @param directory Absolute
 * @param place Null outside of git
 */
export function directoryUrl(directory: string, place: PlaceInRepository | null): string {
  if (place === null) return `path:${urlPath(directory)}`;
  return withParameters(`git+file://${urlPath(place.root)}`, {
    ...(place.dir === "" ? {} : { dir: place.dir }),
    ...(place.isShallow ? { shallow: "1" } : {}),
  });
}

/** A URL with parameters behind those that it has. */
export function withParameters(url: string, parameters: URLSearchParams | Record<string, string>): string {
  const query = writeQuery(parameters);
  return query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`;
}

/** The parameters of a URL. To nix, as in URLs other than those of forms, a plus sign is one. */
export function parseQuery(query: string): URLSearchParams {
  return new URLSearchParams(query.replaceAll("+", "%2B"));
}

/** The same as they stand in a URL. */
export function writeQuery(parameters: URLSearchParams | Record<string, string>): string {
  return new URLSearchParams(parameters).toString().replaceAll("+", "%20");
}

/** A path within a URL. Only what has to be escaped is: older versions of nix take escapes in it as they stand. */
export function urlPath(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}
