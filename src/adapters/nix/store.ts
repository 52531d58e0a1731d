/**
 * Questions to the nix store.
 *
 * @module
 */
import type { NixContext } from "./context.ts";
import { AS_EVENTS, parseEvent } from "./events.ts";
import { outputLines } from "./output.ts";

/** So many paths are given to one command: a system takes a few megabytes of arguments. */
const MOST_ASKED = 5000;
/** So many processes are asked at once, where each has one thing to look up. */
const QUERIES_AT_ONCE = 16;

/**
 * Of these derivations, those that have an output which is not in the store. Only a dry run knows it of content-addressed
 * ones: it lists what would be built, by their paths, and builds nothing.
 *
 * @param targets Each the path of a derivation, or that with an exclamation mark and the name of an output
 */
export async function unbuilt(
  { shell, nixStore, flags, env }: NixContext,
  targets: readonly string[],
): Promise<Set<string>> {
  const asked = new Set(targets.map((target) => target.replace(/!.*$/, "")));
  const missing = new Set<string>();
  if (targets.length === 0) return missing;
  const alone = ["--option", "substitute", "false"];
  const onStderr = (line: string) => {
    const path = parseEvent(line)?.msg?.trim();
    if (path !== undefined && asked.has(path)) missing.add(path);
    return path;
  };
  for (let index = 0; index < targets.length; index += MOST_ASKED) {
    const some = targets.slice(index, index + MOST_ASKED);
    await shell.run([nixStore, "--realise", "--dry-run", ...some, ...flags, ...alone, ...AS_EVENTS], {
      env,
      onStderr,
    });
  }
  return missing;
}

/** For each derivation, itself and all derivations that need it, directly or not. */
export function neededBy(nix: NixContext, derivations: readonly string[]): Promise<Map<string, string[]>> {
  return queryEach(nix, ["--referrers-closure"], derivations);
}

/** The system that each derivation is built on, as in `x86_64-linux`; those are left out that do not say it plainly. */
export async function systemsOf(
  nix: NixContext,
  derivations: readonly string[],
): Promise<Map<string, string>> {
  const found = await queryEach(nix, ["--binding", "system"], derivations);
  return new Map([...found].flatMap(([drv, [system]]) => system === undefined ? [] : [[drv, system]]));
}

/** What nix-store answers for each path; nothing where it cannot. */
async function queryEach(
  { shell, nixStore, flags, env }: NixContext,
  query: readonly string[],
  paths: readonly string[],
): Promise<Map<string, string[]>> {
  const ask = async (path: string): Promise<[path: string, answer: string[]]> => {
    const result = await shell.run([nixStore, "--query", ...query, path, ...flags], { env });
    return [path, result.code === 0 ? outputLines(result) : []];
  };
  const found: [path: string, answer: string[]][] = [];
  for (let index = 0; index < paths.length; index += QUERIES_AT_ONCE) {
    found.push(...await Promise.all(paths.slice(index, index + QUERIES_AT_ONCE).map(ask)));
  }
  return new Map(found);
}
