/**
 * Builds derivations that are in the store already, in one process.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation, NixConfig } from "../../model.ts";
import { plural } from "../../text.ts";
import { type CommandResult, text } from "../process.ts";
import type { NixContext } from "./context.ts";
import { AS_EVENTS } from "./events.ts";
import type { HostsInBuild } from "./host_builds.ts";
import { settingFlags } from "./nix_config.ts";
import { parseOutput, parseShape } from "./output.ts";

/** How to build. */
export interface RealiseOptions {
  /**
   * The path of a link to the first that is built, in a directory that is there; the others get numbers behind it. The
   * links protect what they lead to from garbage collection.
   */
  readonly root: string;
  /** Settings for nix beside the operator's own, which these go over. */
  readonly settings: NixConfig["used"];
  /** Told that a process begins to build targets; reads its log, and is told how it has ended. */
  readonly begin: (targets: readonly string[]) => HostsInBuild;
  /** How many are built at once; undefined: as nix is configured. */
  readonly maxJobs?: number | undefined;
}

/** What was built: the store path of each target; or how nix-store failed. */
export type Realised =
  | { readonly paths: ReadonlyMap<string, string> }
  | { readonly failure: CommandResult };

/** What is built of a host, as nix-store takes it. */
export function targetOf({ drvPath, outputName }: Pick<HostDerivation, "drvPath" | "outputName">): string {
  return `${drvPath}!${outputName}`;
}

/** How many are to be built: `max-jobs`, as nix tells of all that it is configured with. */
const MAX_JOBS = v.object({ "max-jobs": v.object({ value: v.number() }) });

/** How many derivations nix is to build at once; undefined: it does not say. */
export async function maxJobs(
  { shell, nix, flags, env }: NixContext,
  settings: NixConfig["used"],
): Promise<number | undefined> {
  const command = [nix, ...flags, ...settingFlags(settings), "show-config", "--json"];
  const result = await shell.run(command, { env });
  if (result.code !== 0) return undefined;
  return parseShape(MAX_JOBS, parseOutput(result, "nix show-config"), "nix show-config")["max-jobs"].value;
}

/** How several processes failed, as one. */
export function together(failures: readonly CommandResult[]): CommandResult | undefined {
  const [first] = failures.toSorted((a, b) => Number(isBuilders(a)) - Number(isBuilders(b)));
  return first && { ...first, stderr: failures.flatMap(({ stderr }) => stderr) };
}

/** nix-store's exit code when builders failed and nothing worse happened (nix-store(1), "Special exit codes"). */
const ONLY_BUILDERS_FAILED = 100;

/** Whether builders failed, and nothing else. */
export function isBuilders({ code }: CommandResult): boolean {
  return code === ONLY_BUILDERS_FAILED;
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
  { root, settings, begin, maxJobs }: RealiseOptions,
): Promise<Realised> {
  const jobs = maxJobs === undefined ? [] : ["--max-jobs", String(maxJobs)];
  const options = [...flags, ...settingFlags(settings), ...jobs, "--keep-going", ...AS_EVENTS];
  const building = begin(targets);
  const result = await shell.run(
    [nixStore, "--realise", ...targets, ...options, "--add-root", root, "--indirect"],
    { env, onStderr: (line) => building.add(line) },
  );
  building.end(result.code === 0);
  if (result.code !== 0) return { failure: result };
  // One line for each target, in their order: the root that leads to the built output.
  const links = text(result).split("\n");
  if (links.length !== targets.length) {
    const found = `nix-store gave ${plural(links.length, "path")} for ${targets.length} derivations`;
    throw new ReleaseError("build", `Cannot tell what was built: ${found}`);
  }
  return { paths: new Map(targets.map((target, index) => [target, Deno.readLinkSync(links[index]!)])) };
}
