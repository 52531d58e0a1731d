/**
 * Flake references, as far as they are looked at without nix.
 *
 * @module
 */

/** The directory that a flake reference names on this machine, relative or absolute; undefined when it is elsewhere. */
export function localDirectory(reference: string): string | undefined {
  const [location = ""] = reference.split(/[?#]/);
  const [, scheme, path] = /^(path:|git\+file:(?:\/\/)?)?((?:\.|\/(?!\/)).*)$/.exec(location) ?? [];
  if (scheme === undefined || path === undefined) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // No URL, as nix will say.
    return undefined;
  }
}
