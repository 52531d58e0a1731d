/**
 * The ports of a run on the real world.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import type { ReleaseConfig } from "../config.ts";
import type { Warn } from "../model.ts";
import type { Clock, Inputs, Log, LookingPorts, Nix, PlanningPorts, Ports } from "../ports.ts";
import { type Secrets, secretsOfKey, signKeyVariable } from "../secrets.ts";
import { cacheDirIn, tempDirIn, type World } from "../world.ts";
import { readDescriptor } from "./descriptors.ts";
import { Excerpts } from "./excerpts.ts";
import { createInputs } from "./files.ts";
import { createGit } from "./git/git.ts";
import { checkGitPermitted } from "./git/git_files.ts";
import { createHooks } from "./hooks/hooks.ts";
import { gitPlacesOf } from "./lookup.ts";
import { createNix } from "./nix/nix.ts";
import { type CommandTrace, type End, Shell } from "./process.ts";
import { checkPermitted } from "./permitted.ts";
import { createReleaseDir, openReleaseDir } from "./release_dir.ts";
import { openSigner, type SignerSources } from "./signers.ts";
import { makeTemporaryDirectory, removeDeadDirectories } from "./temporary.ts";

/** What the ports are made of. */
export interface Surface {
  /** The current directory, absolute. */
  readonly cwd: string;
  /** The environment of the run. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables in it that no process which is started needs. */
  readonly hidden: readonly string[];
  /** Reads standard input, as {@linkcode World} does. */
  readonly stdin: World["stdin"];
  /** Asks whoever sits at the terminal, as {@linkcode World} does; undefined: nobody does. */
  readonly ask?: World["ask"];
  readonly log: Log & CommandTrace;
  readonly clock: Clock;
  /** How many processes can work at once. */
  readonly cores: number;
  /** What must not be printed; what is read of it later is added. */
  readonly secrets: Secrets;
  /** Whether the run evaluates and builds; by default it does. */
  readonly usesNix?: boolean;
}

/** What may end a run while its ports are opened, and stops what they run later. */
export interface Interruptible extends End {
  /** Waits for something, unless the run is to end. */
  unlessEnded<T>(body: () => Promise<T>): Promise<T>;
}

const NEVER: Interruptible = {
  ...{ signal: undefined, isAsked: false, isWhole: false },
  unlessEnded: (body) => body(),
};

/** Ports that hold a temporary directory, and maybe a connection, until they are disposed of. */
export type OpenPorts = Ports & AsyncDisposable;

/**
 * Opens what a run needs of the world. A key is read, and the agent is asked for it, before any work begins.
 *
 * @throws {ReleaseError} of kind `io`, `usage` or `signer`, when something is missing or not permitted
 */
export async function openPorts(
  config: ReleaseConfig,
  surface: Surface,
  interruption: Interruptible = NEVER,
): Promise<OpenPorts> {
  const { cwd } = surface;
  if (config.gitCommit) checkGitPermitted(gitPlacesOf(resolve(cwd, config.releaseDir), config.releaseDir));
  await using stack = new AsyncDisposableStack();
  const ground = await openGround(config, surface, interruption);
  stack.use(ground);
  const { shell, childEnv, tempDir } = ground;
  const hooks = createHooks(shell, { env: childEnv, tempDir, limit: config.hookTimeout });
  const signer = stack.use(
    await openSigner(config, { ...keySources(config, surface, interruption), hook: hooks.signer }),
  );
  const ports: Ports = {
    ...lookingPorts(config, surface, { ground, stack }),
    hooks,
    signer,
    releaseDir: createReleaseDir(config.releaseDir, cwd),
    ask: (question) => interruption.unlessEnded(() => surface.ask?.(question) ?? Promise.resolve(null)),
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
  const held = stack.move();
  return { ...ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/**
 * Opens what looking at a flake needs of the world.
 *
 * @throws {ReleaseError} of kind `io`, when something is missing or not permitted
 */
export async function openLookingPorts(
  config: ReleaseConfig,
  surface: Surface,
  interruption: Interruptible = NEVER,
): Promise<LookingPorts & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const ground = await openGround(config, surface, interruption);
  stack.use(ground);
  const ports = lookingPorts(config, surface, { ground, stack });
  const held = stack.move();
  return { ...ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/**
 * Opens what looking at what a release would change needs of the world.
 *
 * @throws {ReleaseError} of kind `io`, when something is missing or not permitted
 */
export async function openPlanningPorts(
  config: ReleaseConfig,
  surface: Surface,
  interruption: Interruptible = NEVER,
): Promise<PlanningPorts & AsyncDisposable> {
  const { cwd } = surface;
  const releaseDir = openReleaseDir(config.releaseDir, cwd);
  const looking = await openLookingPorts(config, surface, interruption);
  return { ...looking, releaseDir, directory: (path) => openReleaseDir(path, cwd) };
}

/** What all processes of a run are started with. With it go its directory and what is in there. */
interface Ground extends AsyncDisposable {
  readonly shell: Shell;
  /** The environment of the run without what is secret in it. */
  readonly childEnv: Readonly<Record<string, string>>;
  readonly tempDir: string;
}

async function openGround(
  config: ReleaseConfig,
  { cwd, env, hidden, log, secrets }: Surface,
  interruption: Interruptible,
): Promise<Ground> {
  const childEnv = childEnvOf(config, { env, hidden });
  const dir = tempDirIn(env);
  // Beside the run's own directory, which goes with the run.
  const excerpts = new Excerpts({ dir, hide: (text) => secrets.hide(text) });
  await using stack = new AsyncDisposableStack();
  const warn: Warn = (...warnings) => warnings.forEach((warning) => log.warn(warning));
  // With it go the garbage collector roots and what was handed to the sign hook.
  const { path: tempDir } = stack.use(await makeTemporaryDirectory(dir, warn));
  await removeDeadDirectories(tempDir, warn);
  const shell = new Shell({ path: env["PATH"] ?? "", cwd, trace: log, excerpts, end: interruption, tempDir });
  stack.defer(() => shell.idle());
  const held = stack.move();
  return { shell, childEnv, tempDir, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The environment of all processes that are started. */
export function childEnvOf(
  { signKey }: ReleaseConfig,
  { env, hidden }: Pick<Surface, "env" | "hidden">,
): Record<string, string> {
  // One variable may hold the key. An empty TMPDIR means the current directory to some, and none to others.
  const secret = [...hidden, signKeyVariable(signKey), ...(env["TMPDIR"] === "" ? ["TMPDIR"] : [])];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.includes(name)));
}

function lookingPorts(
  config: ReleaseConfig,
  { cwd, env, log, clock, cores, usesNix = true }: Surface,
  { ground, stack }: { readonly ground: Ground; readonly stack: AsyncDisposableStack },
): LookingPorts {
  const { shell, childEnv, tempDir } = ground;
  const nixOf = () => {
    const memoDir = memoDirOf(config, env);
    return createNix(shell, { env: childEnv, tempDir, memoDir, clock, ...nixSettings(config, cores) });
  };
  const nix = usesNix ? stack.use(nixOf()) : NO_NIX;
  const git = createGit(shell, { env: childEnv, tempDir, ...gitSettings(config) });
  return { nix, git, inputs: createInputs(cwd), log, clock };
}

/** Of a run that is permitted no nix: whatever asks for it does not belong there. */
const NO_NIX = new Proxy({} as Nix, {
  get: (_, name) => {
    throw new TypeError(`Cannot ask nix for ${String(name)}: this run has none`);
  },
});

/** Where evaluations are kept; undefined: nowhere. */
function memoDirOf(config: ReleaseConfig, env: Readonly<Record<string, string>>): string | undefined {
  const cacheDir = config.noMemo ? undefined : cacheDirIn(env);
  if (cacheDir !== undefined) checkPermitted({ read: [cacheDir], write: [cacheDir] }, "give --no-memo");
  return cacheDir && join(cacheDir, "evaluations");
}

/** How nix is run. */
export function nixSettings(
  { nixOptions: options, builders, maxJobs, evalWorkers, evalMaxMemory, ...config }: ReleaseConfig,
  cores: number,
) {
  const acceptFlakeConfig = config.acceptFlakeConfig ? true : config.noAcceptFlakeConfig ? false : undefined;
  return { options, builders, maxJobs, acceptFlakeConfig, evalWorkers: evalWorkers ?? cores, evalMaxMemory };
}

/** How git is run. */
export function gitSettings({ gitHooks: hooks, gitSign: sign, gitTimeout: timeout }: ReleaseConfig) {
  return { hooks, sign, timeout };
}

/** Where a signing key is read from: what is read of it must not be printed. */
export function keySources(
  { signKey }: ReleaseConfig,
  { cwd, env, stdin, secrets }: Surface,
  interruption: Interruptible = NEVER,
): Omit<SignerSources, "hook"> {
  return {
    env,
    inputs: noting(createInputs(cwd), signKey, secrets),
    async descriptor(number, most) {
      const bytes = await interruption.unlessEnded(() =>
        number === 0 ? stdin(most) : readDescriptor(number, most)
      );
      secrets.learn(...secretsOfKey(new TextDecoder().decode(bytes)));
      return bytes;
    },
  };
}

/** Files of which one holds the signing key. */
function noting(inputs: Inputs, signKey: string | undefined, secrets: Secrets): Inputs {
  return {
    ...inputs,
    async read(path) {
      const bytes = await inputs.read(path);
      if (path === signKey) secrets.learn(...secretsOfKey(new TextDecoder().decode(bytes)));
      return bytes;
    },
  };
}
