/**
 * A release run on the real world: wires the adapters to the pipeline, and cleans up behind it.
 *
 * @module
 */
import { createGit } from "./adapters/git/git.ts";
import { createHooks } from "./adapters/hooks/hooks.ts";
import { createInputs } from "./adapters/files.ts";
import { createNix } from "./adapters/nix/nix.ts";
import { createReleaseDir } from "./adapters/release_dir.ts";
import { type CommandTrace, Shell } from "./adapters/process.ts";
import { type ReleaseConfig, validateConfig } from "./config.ts";
import { quoteList } from "./text.ts";
import { ioError, ReleaseError } from "./errors.ts";
import { SILENT_LOG } from "./report/log.ts";
import { type RunOutcome, runPipeline } from "./pipeline.ts";
import type { Clock, Log } from "./ports.ts";
import { openSigner } from "./adapters/signers.ts";
import { signKeyVariable } from "./secrets.ts";

/** The world that a run sees, where it is not the process's own. */
export interface ReleaseOptions {
  /** Told what goes on. Silent by default. */
  readonly log?: Log & CommandTrace;
  /** The environment that nix, git and the hooks are given. By default this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time. By default the machine's. */
  readonly clock?: Clock;
}

/** The machine's clock. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Temporal.Now.instant(),
  monotonic: () => performance.now(),
};

/**
 * Releases a fleet: evaluates, builds, pushes, signs, verifies, writes, and commits when it is told to.
 *
 * Requires permission to run `nix`, `nix-store`, `git` and `sh`; to read the directories they are in, the fleet's
 * repository and the release directory; to write the last two and the temporary directory; and to read the
 * environment.
 *
 * @param settings What to release and how; only one of `signKey`, `signAgent` and `signCmd` has to be there
 * @param options The world, where it is not the process's own
 * @returns what was released
 * @throws {ReleaseError} whose `exitCode` the program ends with
 *
 * @example
 * ```ts
 * import { release, ReleaseError } from "../mod.ts";
 * import { assertRejects } from "@std/assert";
 *
 * // In CI: await release({ signKey: "env:RELEASE_KEY", gitPush: { remote: "origin", branch: "main" } })
 * await assertRejects(() => release({ releaseDir: "releases" }), ReleaseError, "No way to sign");
 * ```
 */
export async function release(
  settings: Partial<ReleaseConfig>,
  { log = SILENT_LOG, env: given, clock = SYSTEM_CLOCK }: ReleaseOptions = {},
): Promise<RunOutcome> {
  const config: ReleaseConfig = validateConfig(settings);
  const env = given ?? requireEnvironment([...ENVIRONMENT, ...variablesOf(config)]);
  // The hooks' texts may hold tokens, one variable may hold the key, and no process that is started here needs them.
  const hidden = [
    "FLEET_RELEASE_SETTINGS",
    "NIXFLEET_PUSH_CMD",
    "NIXFLEET_SIGN_CMD",
    signKeyVariable(config.signKey),
  ];
  const childEnv = Object.fromEntries(Object.entries(env).filter(([name]) => !hidden.includes(name)));
  const cwd = Deno.cwd();
  const inputs = createInputs(cwd);
  const shell = new Shell({ path: env["PATH"] ?? "", cwd, trace: log });
  let tempDir: string;
  try {
    tempDir = await Deno.makeTempDir({ prefix: "fleet-release-" });
  } catch (error) {
    throw ioError(`Cannot make a temporary directory in "${env["TMPDIR"] ?? "/tmp"}"`, error);
  }
  try {
    const hooks = createHooks(shell, { env: childEnv, tempDir });
    await using signer = await openSigner(config, { env, inputs, hook: hooks.signer });
    return await runPipeline(config, {
      nix: createNix(shell, {
        env: childEnv,
        tempDir,
        options: config.nixOptions,
        builders: config.builders,
        maxJobs: config.maxJobs,
        evalWorkers: config.evalWorkers ?? navigator.hardwareConcurrency,
        clock,
      }),
      git: createGit(shell, { env: childEnv, tempDir }),
      hooks,
      signer,
      inputs,
      releaseDir: createReleaseDir(config.releaseDir, cwd),
      log,
      clock,
    });
  } finally {
    // With it go the garbage collector roots and what was handed to the sign hook. What is left of it must not hide
    // how the run ended.
    await Deno.remove(tempDir, { recursive: true }).catch((error: Error) =>
      log.warn({ code: "temporary-files", message: `Cannot remove "${tempDir}": ${error.message}` })
    );
  }
}

/**
 * The variables that a run needs when the permissions name variables one by one. Those that a hook needs beside them
 * are named by `--hook-env`.
 */
export const ENVIRONMENT: readonly string[] = [
  "HOME",
  "LANG",
  "LC_ALL",
  "LOGNAME",
  "PATH",
  "SHELL",
  "TERM",
  "TMPDIR",
  "USER",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
  "GIT_ASKPASS",
  "GIT_AUTHOR_EMAIL",
  "GIT_AUTHOR_NAME",
  "GIT_COMMITTER_EMAIL",
  "GIT_COMMITTER_NAME",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_NOSYSTEM",
  "GIT_CONFIG_SYSTEM",
  "GIT_SSH",
  "GIT_SSH_COMMAND",
  "GIT_SSL_CAINFO",
  "FLEET_RELEASE_SETTINGS",
  "NIXFLEET_GIT_USER_EMAIL",
  "NIXFLEET_GIT_USER_NAME",
  "NIXFLEET_PUSH_CMD",
  "NIXFLEET_SIGNATURE_ALGORITHM",
  "NIXFLEET_SIGN_CMD",
  "NIX_CACHE_HOME",
  "NIX_CONFIG_HOME",
  "NIX_CONF_DIR",
  "NIX_DATA_HOME",
  "NIX_STATE_HOME",
  "NIX_CONFIG",
  "NIX_DAEMON_SOCKET_PATH",
  "NIX_PATH",
  "NIX_REMOTE",
  "NIX_SSHOPTS",
  "NIX_SSL_CERT_FILE",
  "NIX_STATE_DIR",
  "NIX_STORE_DIR",
  "NIX_USER_CONF_FILES",
  "SSH_AUTH_SOCK",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "ALL_PROXY",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "all_proxy",
  "http_proxy",
  "https_proxy",
  "no_proxy",
];

/** The variables that git needs to read a commit. */
export const GIT_ENVIRONMENT: readonly string[] = [
  "HOME",
  "PATH",
  "XDG_CONFIG_HOME",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_NOSYSTEM",
];

/** The variables that a run needs beside {@linkcode ENVIRONMENT}. */
export function variablesOf({ signKey, hookEnv = [] }: Partial<ReleaseConfig>): string[] {
  const variable = signKeyVariable(signKey);
  return [...hookEnv, ...(variable === undefined ? [] : [variable])];
}

/**
 * What this process may read of its environment: all, or those of these variables that it may read.
 *
 * @param names By default those of a release
 */
export function readEnvironment(names: readonly string[] = ENVIRONMENT): Record<string, string> {
  const all = Deno.permissions.querySync({ name: "env" }).state === "granted";
  const env = all ? Deno.env.toObject() : readVariables(names);
  if (!all) Object.assign(env, readVariables(gitConfigVariables(Number(env["GIT_CONFIG_COUNT"] ?? 0))));
  if (Deno.permissions.querySync({ name: "run" }).state === "granted") return env;
  // A run permission that names programs refuses every one of them a loader variable.
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(LD|DYLD)_/.test(name)));
}

/**
 * Variables of the environment, when every one of them may be read. One that is silently left out would have nix or
 * git do something else.
 *
 * @throws {ReleaseError} of kind `io`, naming the variables that may not be read
 */
export function requireEnvironment(names: readonly string[]): Record<string, string> {
  const count = mayRead("GIT_CONFIG_COUNT") ? Number(Deno.env.get("GIT_CONFIG_COUNT") ?? 0) : 0;
  const refused = [...names, ...gitConfigVariables(count)].filter((variable) => !mayRead(variable));
  if (refused.length === 0) return readEnvironment(names);
  throw new ReleaseError("io", `No permission to read the variable ${quoteList(refused)}`, {
    hint: `give it with --allow-env=${refused.join(",")}, beside what is there`,
  });
}

function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

function readVariables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((variable) => {
    const value = mayRead(variable) ? Deno.env.get(variable) : undefined;
    return value === undefined ? [] : [[variable, value]];
  }));
}

/** The variables that `GIT_CONFIG_COUNT` announces; git fails when it finds fewer. */
function gitConfigVariables(count: number): string[] {
  return Array.from({ length: count }, (_, index) => [`GIT_CONFIG_KEY_${index}`, `GIT_CONFIG_VALUE_${index}`])
    .flat();
}
