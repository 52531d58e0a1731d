/**
 * A world in memory but for its release directory, which is on disk: what a run finds there, and what it leaves.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { release } from "../../src/pipeline.ts";
import type { RunOutcome } from "../../src/report/outcome.ts";
import { expectRun, which } from "./command.ts";
import { FakeWorld, pathOf } from "./fake_ports.ts";
import type { Draft } from "./fleet.ts";
import { newSigner } from "./signed_release.ts";
import { TemporaryDirectory } from "./traced.ts";

/** What a run came to, and how many signatures it asked for. */
export type Counted = RunOutcome & { readonly signed: number };

/** A world with a release directory on disk, which goes when it is disposed of. */
export class WorldOnDisk implements AsyncDisposable {
  /** All that is not on disk. */
  readonly world: FakeWorld = new FakeWorld();
  /** The text that each host's closure is built to hold; "one" by default. */
  content: Readonly<Record<string, string>> = {};
  /** The hosts whose closures were pushed. */
  readonly pushed: string[] = [];
  /** The directory that `releases` is in. */
  readonly dir: string;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
    this.dir = directory.path;
  }

  /** Makes a new one, which signs with a key of its own, so that what is on disk can be verified. */
  static async create(): Promise<WorldOnDisk> {
    const disk = new WorldOnDisk(await TemporaryDirectory.create());
    disk.world.signWith(await newSigner());
    return disk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }

  /** Makes a whole release. */
  async release(settings: Partial<ReleaseConfig> = {}): Promise<Counted> {
    const run = this.world.run(settings);
    const { nix } = run.ports;
    this.world.effects.length = 0;
    const outcome = await release({
      ...run,
      ports: {
        ...run.ports,
        releaseDir: createReleaseDir(run.config.releaseDir, this.dir),
        nix: {
          ...nix,
          build: async (derived, options) => {
            const onBuilt: typeof options.onBuilt = (host) =>
              options.onBuilt(host, pathOf(`${host.name}-${this.content[host.name] ?? "one"}`));
            await nix.build(derived, { ...options, onBuilt });
          },
        },
        hooks: {
          push: (_command, { host }) => {
            this.pushed.push(host);
            return Promise.resolve(null);
          },
          pushAll: () => Promise.reject(new Error("not here")),
        },
      },
    });
    const signed = this.world.effects.filter((effect) => effect.startsWith("sign ")).length;
    return { ...outcome, signed };
  }

  /** Runs a script of the shell in the directory that `releases` is in. */
  async shell(script: string): Promise<void> {
    await expectRun([which("sh"), "-ec", script], { cwd: this.dir, env: { PATH: Deno.env.get("PATH")! } });
  }

  /** The files of the release directory by path, sorted. */
  async files(dir = "releases"): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    for (const sub of ["", "rollouts"]) {
      for await (const { name, isFile } of Deno.readDir(join(this.dir, dir, sub))) {
        if (isFile) found.set(join(sub, name), await Deno.readFile(join(this.dir, dir, sub, name)));
      }
    }
    return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
  }

  /** Puts files into the release directory. */
  async write(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [path, bytes] of files) {
      await ensureDir(dirname(join(this.dir, "releases", path)));
      await Deno.writeFile(join(this.dir, "releases", path), bytes);
    }
  }

  /** A JSON document of the release. */
  async json(path = "fleet.resolved.json", dir = "releases"): Promise<Draft> {
    return JSON.parse(await Deno.readTextFile(join(this.dir, dir, path)));
  }

  /** What the closure of each host in a release holds; null for a host without one. In the order of the release. */
  async contents(path?: string, dir?: string): Promise<[name: string, text: string | null][]> {
    const { hosts } = await this.json(path, dir);
    return Object.entries<Draft>(hosts).map(([name, { closureHash }]) => [name, textOf(name, closureHash)]);
  }

  /** What each rollout manifest of a release says that its hosts are to run, by channel. */
  async targets({ artifacts }: RunOutcome): Promise<Record<string, [name: string, text: string | null][]>> {
    const found: Record<string, [string, string | null][]> = {};
    for (const { path } of artifacts.filter(({ rolloutId }) => rolloutId !== null)) {
      const { channel, hostSet } = await this.json(path);
      found[channel] = hostSet.map(({ hostname, targetClosure }: Draft) => [
        hostname,
        textOf(hostname, targetClosure),
      ]);
    }
    return found;
  }
}

/** What a host's closure holds, which {@linkcode WorldOnDisk} writes into its name. */
function textOf(host: string, closureHash: string | null): string | null {
  if (closureHash === null) return null;
  const [, text] = closureHash.split(`-nixos-system-${host}-`);
  assertEquals(typeof text, "string", `${closureHash} is not a closure of ${host}`);
  return text!;
}
