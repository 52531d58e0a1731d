/**
 * How one closure differs from another.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import type { PackageChange } from "../../model.ts";
import { withoutColours } from "../../text.ts";
import { lastLines } from "../process.ts";
import type { NixContext } from "./context.ts";
import { outputLines } from "./output.ts";

/**
 * The packages that differ between two closures, as `nix store diff-closures` tells it: no name of a package has a colon
 * in it. What is of the same versions and differs by less than 8 KiB in its size is left out there.
 *
 * @param before A path that is in the store, as the other one is
 * @throws {ReleaseError} of kind `build` when nix cannot compare them
 */
export async function diffClosures(
  { shell, nix, flags, env }: NixContext,
  before: string,
  after: string,
): Promise<PackageChange[]> {
  const result = await shell.run([nix, "store", "diff-closures", before, after, ...flags], { env });
  if (result.code !== 0) {
    throw new ReleaseError("build", `Cannot compare the closures ${before} and ${after}`, {
      lines: lastLines(result.stderr, 5),
    });
  }
  return outputLines(result).map((line) => {
    const [name = "", ...change] = withoutColours(line).split(": ");
    return { name, change: change.join(": ") };
  });
}
