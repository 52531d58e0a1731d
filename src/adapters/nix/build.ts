/**
 * Builds hosts.
 *
 * @module
 */
import { join } from "@std/path";
import { parseStorePath, type StorePath } from "../../contract/store_path.ts";
import { ReleaseError } from "../../errors.ts";
import type { DerivedHost, HostDerivation, NixConfig } from "../../model.ts";
import type { HostProgress } from "../../ports.ts";
import { buildFailure } from "./build_failure.ts";
import { BuildLog } from "./build_log.ts";
import type { NixContext } from "./context.ts";
import { realiseAll, targetOf } from "./realise.ts";

/** How hosts are built. */
export interface BuildOptions {
  readonly storeDir: string;
  /** A directory of this run alone, for garbage collector roots. */
  readonly tempDir: string;
  readonly progress: HostProgress;
}

/**
 * Builds everything, and keeps it from garbage collection until the temporary directory goes.
 *
 * @returns what was built for each host, in their order
 * @throws {ReleaseError} of kind `build`, with every host that was not built and why
 */
export async function buildHosts(
  nix: NixContext,
  derivations: readonly DerivedHost[],
  { storeDir, tempDir, progress }: BuildOptions,
): Promise<StorePath[]> {
  const targets = [...new Set(derivations.map(targetOf))];
  const hostsOf = Map.groupBy(derivations, ({ drvPath }) => drvPath);
  const done = new Set<string>();
  const log = new BuildLog((drv, state) => {
    for (const { name } of hostsOf.get(drv) ?? []) {
      if (state === "done") done.add(name);
      progress(name, state);
    }
  });
  const roots = join(tempDir, "roots");
  await Deno.mkdir(roots);
  const realised = await realiseAll(nix, targets, {
    root: join(roots, "host"),
    settings: settingsOf(derivations),
    onLog: (line) => log.add(line),
  });
  if ("failure" in realised) {
    throw await buildFailure(nix, { derivations, log, result: realised.failure });
  }
  return derivations.map((derivation) => {
    const storePath = builtPath(derivation, realised.paths, storeDir);
    // What was built before is in no log.
    if (!done.has(derivation.name)) progress(derivation.name, "done");
    return storePath;
  });
}

/** What nix goes by of the flakes' settings. Those of the flake that is released have the last word. */
function settingsOf(hosts: readonly DerivedHost[]): NixConfig["used"] {
  const [current, pinned] = [true, false].map((isCurrent) =>
    new Set(hosts.filter(({ pinnedTo }) => (pinnedTo === null) === isCurrent).map(({ flake }) => flake))
  );
  return [...pinned!, ...current!].flatMap(({ nixConfig }) => nixConfig.used);
}

function builtPath(
  derivation: HostDerivation,
  paths: ReadonlyMap<string, string>,
  storeDir: string,
): StorePath {
  const path = paths.get(targetOf(derivation))!;
  const storePath = parseStorePath(path, storeDir);
  if (storePath !== undefined) return storePath;
  throw new ReleaseError("build", `Cannot use what was built for host "${derivation.name}": "${path}"`, {
    hint: `expected one path in ${storeDir}`,
  });
}
