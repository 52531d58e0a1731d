/**
 * What nix says of itself and of its stores.
 *
 * @module
 */
import * as v from "valibot";
import { ReleaseError } from "../../errors.ts";
import type { NixFacts } from "../../ports.ts";
import { type CommandResult, lastLines, text } from "../process.ts";
import type { NixContext } from "./context.ts";
import { parseOutput, parseShape } from "./output.ts";

const SETTINGS = v.object({
  store: v.object({ value: v.string() }),
  builders: v.object({ value: v.string() }),
  "build-users-group": v.object({ value: v.string() }),
  // With it newer ones take users that nobody has made.
  "auto-allocate-uids": v.optional(v.object({ value: v.boolean() })),
});
const OWN = v.object({ storeDir: v.string(), lacks: v.array(v.string()) });

/** What is evaluated of nix itself. */
const ASK_ITSELF = `{
  inherit (builtins) storeDir;
  lacks = builtins.filter (name: !(builtins ? \${name})) [ "getFlake" "fetchTree" ];
}`;

/**
 * The version that nix prints: the last word of the first line, whoever has made it.
 *
 * @throws {ReleaseError} of kind `evaluation` when it prints none
 */
export async function versionOf(nix: NixContext): Promise<string> {
  const result = await nix.shell.run([nix.nix, "--version"], { env: nix.env });
  const version = text(result).split("\n")[0]!.split(" ").at(-1)!;
  if (result.code === 0 && /^\d+\.\d/.test(version)) return version;
  throw failed(`"${nix.nix}" does not tell its version`, result);
}

/**
 * Asks nix what a release needs of it.
 *
 * @throws {ReleaseError} of kind `evaluation` when it does not answer
 */
export async function factsOf(nix: NixContext): Promise<NixFacts> {
  const ask = async (what: string, args: readonly string[], last: readonly string[] = []) => {
    const result = await nix.shell.run([nix.nix, ...args, ...nix.flags, ...last], { env: nix.env });
    if (result.code !== 0) throw failed(`nix does not ${what}: it exited with ${result.code}`, result);
    return parseOutput(result, `nix ${args[0]}`);
  };
  // Whether its store can be opened is another matter.
  const answer = await ask("evaluate", ["eval", "--json", "--expr", ASK_ITSELF], ["--store", "dummy://"]);
  const own = parseShape(OWN, answer, "nix eval");
  const settings = await ask("tell its settings", ["show-config", "--json"]);
  const { store, builders, ...found } = parseShape(SETTINGS, settings, "nix show-config");
  const buildUsers = found["auto-allocate-uids"]?.value ? "" : found["build-users-group"].value;
  return { ...own, store: store.value, builders: builders.value, buildUsers };
}

/** Seconds that a store may take to answer. */
const PATIENCE = 20;

/**
 * Connects to a store.
 *
 * @param url Its URL; undefined: nix's own
 * @returns what nix says when it cannot; null: it can
 */
export async function openStore(nix: NixContext, url: string | undefined): Promise<readonly string[] | null> {
  const { shell, env } = nix;
  // Nobody is there to answer a question.
  const options = `${env["NIX_SSHOPTS"] ?? ""} -oBatchMode=yes -oConnectTimeout=${PATIENCE / 2}`.trim();
  const result = await shell.run(
    [nix.nix, "store", "ping", ...url === undefined ? [] : ["--store", url], ...nix.flags],
    { env: { ...env, NIX_SSHOPTS: options }, limit: PATIENCE },
  );
  if (result.late) return [`it did not answer in ${PATIENCE} s`];
  return result.code === 0 ? null : lastLines(result.stderr, 5);
}

/** Nix goes by itself to a store of which it can write the state; root has it mounted anew to be written. */
const IS_CLOSED = '[ "$(id -u)" != 0 ] && [ -w "$2" ] && ! [ -w "$1" ]';

/** Whether nix would write to the directory of its own store itself, and cannot. */
export async function isStoreClosed({ shell, env }: NixContext, storeDir: string): Promise<boolean> {
  const { code } = await shell.run([shell.find("sh"), "-c", IS_CLOSED, "sh", storeDir, stateDirIn(env)], {
    env,
  });
  return code === 0;
}

function stateDirIn(env: NixContext["env"]): string {
  return env["NIX_STATE_DIR"] || "/nix/var/nix";
}

/** Root builds by itself, unless a daemon is asked. Where nothing tells of groups, nobody knows. */
const LACKS_USERS = `
[ "$(id -u)" = 0 ] && [ -w "$2" ] && [ "\${NIX_REMOTE-}" != daemon ] && command -v getent >/dev/null || exit 1
getent group "$1" | while IFS=: read -r _ _ _ users; do [ -z "$users" ] || exit 1; done`;

/** Whether nix would build by itself as users of a group, and there are none. */
export async function lacksBuildUsers({ shell, env }: NixContext, group: string): Promise<boolean> {
  const { code } = await shell.run([shell.find("sh"), "-c", LACKS_USERS, "sh", group, stateDirIn(env)], {
    env,
  });
  return code === 0;
}

function failed(message: string, { stderr }: CommandResult): ReleaseError {
  return new ReleaseError("evaluation", message, {
    lines: lastLines(stderr, 10),
    hint: "`nix eval --expr 1` shows it; its settings are in nix.conf and NIX_CONFIG",
  });
}
