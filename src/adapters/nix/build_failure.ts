/**
 * Says why hosts were not built.
 *
 * @module
 */
import { parseStorePath } from "../../contract/store_path.ts";
import { ReleaseError } from "../../errors.ts";
import type { HostDerivation } from "../../model.ts";
import { quoted, quoteList } from "../../text.ts";
import { type CommandResult, lastSaid } from "../process.ts";
import type { BuildLog } from "./build_log.ts";
import type { NixContext } from "./context.ts";
import { invalidPaths, outputsOf, requisitesOf } from "./store.ts";

/** nix-store's exit code when builders failed and nothing worse happened (nix-store(1), "Special exit codes"). */
const ONLY_BUILDERS_FAILED = 100;
const QUERIES_AT_ONCE = 16;

/** A build that failed. */
export interface FailedBuild {
  /** All that was to be built. */
  readonly derivations: readonly HostDerivation[];
  readonly storeDir: string;
  readonly log: BuildLog;
  readonly result: CommandResult;
}

/** A host that was not built, and the derivations that failed it. */
interface FailedHost {
  readonly host: HostDerivation;
  readonly causes: readonly string[];
}

/** Which hosts were not built, and for each the derivations that failed it with the ends of their logs. */
export async function buildFailure(nix: NixContext, build: FailedBuild): Promise<ReleaseError> {
  const { derivations, log, result } = build;
  const failed = await failedHosts(nix, build);
  const causes = new Set(failed.flatMap(({ causes }) => causes));
  const names = (failed.length > 0 ? failed.map(({ host }) => host) : derivations).map(({ name }) => name);
  // Where builders failed, and nothing else, their logs say why. nix itself says the rest: a wrong hash, an output
  // that was not made, a system that nothing here can build for. It repeats the ends of the logs there.
  const explained = result.code === ONLY_BUILDERS_FAILED && causes.size > 0 &&
    [...causes].every((drv) => log.tail(drv).length > 0);
  const lines = linesOf(failed, log);
  return new ReleaseError(
    "build",
    `Cannot build host ${quoteList(names)}: nix-store exited with ${result.code}`,
    { lines: explained ? lines : [...lines, ...nixErrors(log, result)] },
  );
}

async function failedHosts(
  nix: NixContext,
  { derivations, storeDir, log }: FailedBuild,
): Promise<FailedHost[]> {
  const known = ({ outPath }: HostDerivation) => parseStorePath(outPath, storeDir) !== undefined;
  const invalid = await invalidPaths(nix, derivations.filter(known).map(({ outPath }) => outPath));
  const started = new Set(log.started());
  const causesOf = new Map<string, string[]>();
  // An output path that is not known before the build (a content-addressed derivation) tells nothing.
  const failed = derivations.filter((host) => invalid.has(host.outPath) || !known(host));
  for (const { drvPath } of failed) {
    const requisites = await requisitesOf(nix, drvPath);
    causesOf.set(drvPath, await withoutOutput(nix, requisites.filter((drv) => started.has(drv))));
  }
  return failed.map((host) => ({ host, causes: causesOf.get(host.drvPath)! }));
}

/** Of these derivations, those that have an output which is not in the store. */
async function withoutOutput(nix: NixContext, derivations: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  // A few at a time: a build from scratch has thousands.
  for (let index = 0; index < derivations.length; index += QUERIES_AT_ONCE) {
    const some = derivations.slice(index, index + QUERIES_AT_ONCE);
    const invalid = await Promise.all(
      some.map(async (drv) => invalidPaths(nix, await outputsOf(nix, drv))),
    );
    missing.push(...some.filter((_, position) => invalid[position]!.size > 0));
  }
  return missing;
}

/** One line for each host, and the log of each cause below the first host that it failed. */
function linesOf(failed: readonly FailedHost[], log: BuildLog): string[] {
  const told = new Set<string>();
  return failed.flatMap(({ host: { name, drvPath }, causes }) => {
    const untold = causes.filter((drv) => !told.has(drv));
    for (const drv of untold) told.add(drv);
    return [
      `host ${JSON.stringify(name)}: ${causes.join(", ") || `${drvPath} was not built`}`,
      ...untold.flatMap((drv) => log.tail(drv).map((line) => `  ${quoted(line)}`)),
    ];
  });
}

/** What nix itself said, without the ends of the builders' logs. */
function nixErrors(log: BuildLog, result: CommandResult): string[] {
  return (log.errors().length > 0 ? log.errors() : lastSaid(result.stderr, 10))
    .filter((line) => !/^\s*(>|last \d+ log lines:|For full logs, run)/.test(line)).map(quoted);
}
