/**
 * Builds derivations that are in the store already.
 *
 * @module
 */
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation, NixConfig } from "../../model.ts";
import { plural } from "../../text.ts";
import { type CommandResult, text } from "../process.ts";
import type { NixContext } from "./context.ts";
import { AS_EVENTS } from "./events.ts";
import { settingFlags } from "./nix_config.ts";

/** How to build. */
export interface RealiseOptions {
  /**
   * The path of a link to the first that is built, in a directory that is there; the others get numbers behind it. The
   * links protect what they lead to from garbage collection.
   */
  readonly root: string;
  /** Settings for nix beside the operator's own, which these go over. */
  readonly settings: NixConfig["used"];
  /** Reads each line of nix's log, and gives what `-v` shows of it; undefined: nothing. */
  readonly onLog: (line: string) => string | undefined;
}

/** What was built: the store path of each target; or how nix-store failed. */
export type Realised =
  | { readonly paths: ReadonlyMap<string, string> }
  | { readonly failure: CommandResult };

/** What is built of a host, as nix-store takes it. */
export function targetOf({ drvPath, outputName }: Pick<HostDerivation, "drvPath" | "outputName">): string {
  return `${drvPath}!${outputName}`;
}

/**
 * Builds all targets in one process, and goes on with the others when one fails.
 *
 * @param targets Each once: the path of a derivation, an exclamation mark, and the name of the output
 * @throws {ReleaseError} of kind `build` when nix-store says that all went well and does not say what it built
 */
export async function realise(
  { shell, nixStore, flags, env }: NixContext,
  targets: readonly string[],
  { root, settings, onLog }: RealiseOptions,
): Promise<Realised> {
  const options = [...flags, ...settingFlags(settings), "--keep-going", ...AS_EVENTS];
  const result = await shell.run(
    [nixStore, "--realise", ...targets, ...options, "--add-root", root, "--indirect"],
    { env, onStderr: onLog },
  );
  if (result.code !== 0) return { failure: result };
  // One line for each target, in their order: the root that leads to the built output.
  const links = text(result).split("\n");
  if (links.length !== targets.length) {
    const found = `nix-store gave ${plural(links.length, "path")} for ${targets.length} derivations`;
    throw new ReleaseError("build", `Cannot tell what was built: ${found}`);
  }
  return { paths: new Map(targets.map((target, index) => [target, Deno.readLinkSync(links[index]!)])) };
}
