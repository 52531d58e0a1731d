/**
 * What this process is permitted.
 *
 * @module
 */
import { ReleaseError } from "../errors.ts";

/**
 * Makes sure, before any work begins, that there are permissions for paths.
 *
 * @param otherwise What else can be done
 * @throws {ReleaseError} of kind `io` that names what is missing
 */
export function checkPermitted(
  paths: Readonly<Record<"read" | "write", readonly string[]>>,
  otherwise: string,
): void {
  for (const name of ["read", "write"] as const) {
    for (const path of paths[name]) {
      if (Deno.permissions.querySync({ name, path }).state === "granted") continue;
      throw new ReleaseError("io", `No permission to ${name} "${path}"`, {
        hint: `give it with --allow-${name}=${path}, beside what is there; or ${otherwise}`,
      });
    }
  }
}
