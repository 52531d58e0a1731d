/**
 * Fleets that are released by the whole program but for nix and git: the command line, keys, agents, hooks, files and
 * the log are real; what is evaluated, built and committed is that of a world in memory. For what is not about nix and
 * git, since those take nearly all of a release's time.
 *
 * @module
 */
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import type { Finished } from "./command.ts";
import { commandsIn, memoryOf } from "./commands_in_memory.ts";
import type { FakeWorld } from "./fake_ports.ts";
import { type Draft, filesBelow, type FleetOptions, KEY, type ProgramStart, PUBLIC_KEY } from "./fleet.ts";
import { runInProcess } from "./in_process.ts";
import { DENO_ENV } from "./program.ts";

/** A fleet whose nix and git are in memory, in a temporary directory that goes when it is disposed of. */
export class FleetWithoutNix implements AsyncDisposable {
  /** The flake's directory. */
  readonly dir: string;

  private constructor(
    /** The temporary directory: `fleet` is in it, and whatever a test puts beside it. */
    readonly root: string,
    /** What is evaluated and committed; the effects in it are those of the last run. */
    readonly memory: FakeWorld,
  ) {
    this.dir = join(root, "fleet");
  }

  /** Makes a fleet. */
  static async create(options: Pick<FleetOptions, "edit" | "nixos"> = {}): Promise<FleetWithoutNix> {
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "fleet-release-test-" }));
    for (const dir of ["fleet", "home", "tmp"]) await ensureDir(join(root, dir));
    return new FleetWithoutNix(root, memoryOf(join(root, "fleet"), options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }

  /** The environment that the program is run in: nothing of the user's own configuration. */
  env(): Record<string, string> {
    return {
      ...DENO_ENV,
      PATH: Deno.env.get("PATH") ?? "",
      HOME: join(this.root, "home"),
      TMPDIR: join(this.root, "tmp"),
      NO_COLOR: "1",
    };
  }

  /** Runs the program in this process. */
  run(
    args: readonly string[],
    { cwd = this.dir, env = {}, stdin }: Pick<ProgramStart, "cwd" | "env" | "stdin"> = {},
  ): Promise<Finished> {
    this.memory.effects.length = 0;
    return runInProcess(args, {
      cwd,
      ...stdin && { stdin },
      env: { ...this.env(), ...env },
      commands: commandsIn(this.memory),
    });
  }

  /** Runs the program with a key of our own, whose signatures have to verify. */
  release(
    args: readonly string[] = [],
    start: Pick<ProgramStart, "stdin"> = {},
  ): Promise<Finished> {
    return this.run(["--sign-key", KEY, "--public-key", PUBLIC_KEY, ...args], start);
  }

  /** There is no git: nothing is staged. */
  git(): Promise<string> {
    return Promise.resolve("");
  }

  /** The files of the release, by path, with their bytes. */
  files(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return filesBelow(join(this.dir, "releases"));
  }

  /** A JSON document of the release. */
  async json(path = "fleet.resolved.json"): Promise<Draft> {
    return JSON.parse(await Deno.readTextFile(join(this.dir, "releases", path)));
  }
}
