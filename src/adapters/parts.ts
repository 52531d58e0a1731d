/**
 * The parts of a run's world, each by itself: what one lacks does not keep the others from being looked at.
 *
 * @module
 */
import { checkSigner, type ReleaseConfig } from "../config.ts";
import type { Inputs, Machine, Part, Parts } from "../ports.ts";
import { tempDirIn } from "../world.ts";
import { createInputs } from "./files.ts";
import { createGit } from "./git/git.ts";
import { createHooks } from "./hooks/hooks.ts";
import { createMachine } from "./machine.ts";
import { nixContext } from "./nix/context.ts";
import { createNix } from "./nix/nix.ts";
import {
  childEnvOf,
  gitSettings,
  type Interruptible,
  keySources,
  nixSettings,
  type Surface,
} from "./ports.ts";
import { Shell } from "./process.ts";
import { createReleaseDir } from "./release_dir.ts";
import { openSigner } from "./signers.ts";
import { makeTemporaryDirectory } from "./temporary.ts";

/** What `doctor` looks at, until it is disposed of. */
export interface OpenParts extends AsyncDisposable {
  readonly parts: Parts;
  readonly machine: Machine;
  readonly inputs: Inputs;
  /** Where temporary files go, absolute. */
  readonly tempDir: string;
}

/**
 * Opens what can be opened of what a release needs. Nothing is written but a temporary directory, which goes again, and
 * nothing that is evaluated is kept.
 */
export async function openParts(
  config: ReleaseConfig,
  surface: Surface,
  interruption: Interruptible,
): Promise<OpenParts> {
  const { cwd, env, log, clock, cores } = surface;
  const childEnv = childEnvOf(config, surface);
  const dir = tempDirIn(env);
  await using stack = new AsyncDisposableStack();
  const temporary = await part(async () => {
    const made = await makeTemporaryDirectory(dir, (...warnings) => warnings.forEach((one) => log.warn(one)));
    return stack.use(made).path;
  });
  // Without one, what wants it says so.
  const tempDir = "there" in temporary ? temporary.there : dir;
  const shell = new Shell({
    ...{ path: env["PATH"] ?? "", cwd, trace: log, end: interruption },
    ..."there" in temporary ? { tempDir } : {},
  });
  stack.defer(() => shell.idle());
  const settings = nixSettings(config, cores);
  const nix = () => nixContext(shell, childEnv, settings);
  const parts: Parts = {
    temporary,
    nix: await part(() => stack.use(createNix(shell, { env: childEnv, tempDir, clock, ...settings }))),
    git: await part(() => createGit(shell, { env: childEnv, tempDir, ...gitSettings(config) })),
    signer: await part(async () => {
      checkSigner(config);
      const hook = createHooks(shell, { env: childEnv, tempDir }).signer;
      return stack.use(await openSigner(config, { ...keySources(config, surface, interruption), hook }));
    }),
    releaseDir: await part(() => createReleaseDir(config.releaseDir, cwd, false)),
  };
  const held = stack.move();
  return {
    parts,
    machine: createMachine({ config, shell, env: childEnv, nix }),
    inputs: createInputs(cwd),
    tempDir: dir,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function part<T>(open: () => T | Promise<T>): Promise<Part<T>> {
  try {
    return { there: await open() };
  } catch (problem) {
    return { problem };
  }
}
