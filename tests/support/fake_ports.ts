/**
 * A world in memory for tests of the pipeline: what it does is a list of effects, each of which can be made to fail.
 *
 * @module
 */
import { type ReleaseConfig, validateConfig } from "../../src/config.ts";
import { parseStorePath, type StorePath } from "../../src/contract/store_path.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { ReleaseError } from "../../src/errors.ts";
import { type RunOutcome, runPipeline } from "../../src/pipeline.ts";
import type { HostNames, Warning } from "../../src/model.ts";
import type {
  ArtifactSigner,
  Git,
  Hooks,
  Inputs,
  LockedFlake,
  Log,
  Nix,
  Ports,
  ReleaseDir,
  ReleaseFile,
  Repository,
} from "../../src/ports.ts";
import { type Draft, sampleFleet } from "./fleet.ts";

/** The commit that is released. */
export const COMMIT: string = "c".repeat(40);
/** The commit that holds the release. */
export const RELEASE_COMMIT: string = "e".repeat(40);

/** The warning of every run that is given no key to verify with. */
export const UNVERIFIED: Warning = {
  code: "unverified-signatures",
  message:
    "Signatures are not verified: give the keys that consumers trust with --trust-file, --trust-attr or " +
    "--public-key",
};

/** The closure hash of a host that was built. */
export function hashOf(host: string): string {
  return `${"0".repeat(32)}-nixos-system-${host}`;
}

/** The store path of a host that was built. */
export function pathOf(host: string): StorePath {
  return parseStorePath(`/nix/store/${hashOf(host)}`, "/nix/store")!;
}

/** A world in memory, in which the sample fleet can be released. Tests change its fields before they run it. */
export class FakeWorld {
  /** What was done, in its order. */
  readonly effects: string[] = [];
  /** Which effect fails, by its number from 0; none by default. */
  failAt = Infinity;
  /** What it fails with. */
  readonly failure: ReleaseError = new ReleaseError("io", "this effect fails");

  /** What `--build-flake` is locked to. */
  flake: LockedFlake = {
    url: `git+file:///fleet?rev=${COMMIT}`,
    revision: COMMIT,
    dirty: false,
    localDir: "/fleet",
  };
  /** What a pin source is locked to, by default to the revision that its reference gives. */
  lockPin: (reference: string) => LockedFlake = (reference) => ({
    url: reference,
    revision: /[?&]rev=(\w+)$/.exec(reference)![1]!,
    dirty: false,
    localDir: null,
  });
  /** The repository of a directory. */
  repositoryOf: (dir: string) => Repository | null = (dir) =>
    dir.startsWith("/fleet") ? { root: "/fleet", head: COMMIT } : null;
  /** What short commits, tags and branches name. */
  readonly commits: Map<string, string> = new Map();
  names: HostNames = { nixos: ["web2", "web1", "db"], darwin: [] };
  fleet: Draft = sampleFleet();
  /** The flake's outputs by attribute path, beside the fleet. */
  readonly outputs: Map<string, unknown> = new Map();
  /** Hosts of which nix gives no store path. */
  lost: readonly string[] = [];
  /** What signs: by default a command, of which no key is known. */
  signer: Omit<ArtifactSigner, "sign"> = { algorithm: "ed25519", publicKey: null, warnings: [] };
  /** What it does with the bytes. */
  sign: ArtifactSigner["sign"] = ({ bytes }) =>
    Promise.resolve({ signature: new Uint8Array(64).fill(bytes.length % 256), input: bytes.slice() });
  /** The files that options name. */
  readonly inputs: Map<string, Uint8Array<ArrayBuffer>> = new Map();

  /** The files of the release directory. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>> = new Map();
  realPath: { path: string; existing: string } = { path: "/fleet/releases", existing: "/fleet" };
  interrupted = false;
  ignored: string | null = null;
  /** What `git.commit` gives. */
  releaseCommit: string | null = RELEASE_COMMIT;

  /** The files of each publication, in the order in which they were written. */
  readonly published: ReleaseFile[][] = [];
  /** What each commit was made with. */
  readonly committed: Omit<Parameters<Git["commit"]>[1], "onWarning">[] = [];
  /** What each job of an evaluation was. */
  readonly evaluated: { url: string; hosts: string[]; together: boolean }[] = [];
  readonly warnings: Warning[] = [];
  /** What the log was told of stages and hosts. */
  readonly logged: string[] = [];

  /** Runs the pipeline in this world. */
  release(settings: Partial<ReleaseConfig> = {}): Promise<RunOutcome> {
    return runPipeline(
      validateConfig({ signCmd: "sign", now: "2026-06-01T12:00:00Z", ...settings }),
      this.ports(),
    );
  }

  /** Signs with a key from now on. */
  signWith({ publicKey, sign }: Signer): void {
    this.signer = { ...this.signer, algorithm: publicKey.algorithm, publicKey };
    this.sign = async ({ bytes }) => ({ signature: await sign(bytes), input: bytes.slice() });
  }

  /** The text of a file of the release directory, parsed. */
  json(path = "fleet.resolved.json"): Draft {
    return JSON.parse(new TextDecoder().decode(this.files.get(path)));
  }

  /** Something happens in the world, and may fail. */
  #effect(effect: string): void {
    this.effects.push(effect);
    if (this.effects.length > this.failAt) throw this.failure;
  }

  /** What the pipeline sees of this world. */
  ports(): Ports {
    return {
      nix: this.#nix(),
      git: this.#git(),
      hooks: this.#hooks(),
      signer: this.#signer(),
      inputs: this.#inputs(),
      releaseDir: this.#releaseDir(),
      log: this.#log(),
      clock: {
        now: () => Temporal.Instant.from("2026-06-02T00:00:00.987654321Z"),
        monotonic: () => 0,
      },
    };
  }

  #nix(): Nix {
    return {
      lock: async (reference) => {
        await Promise.resolve();
        this.#effect(`lock ${reference}`);
        return reference.includes("rev=") ? this.lockPin(reference) : this.flake;
      },
      inventory: async (_flake, attributes) => {
        await Promise.resolve();
        const asked = [...attributes].map(([key, path]) => [key, path.join(".")] as const);
        this.#effect(`inventory ${asked.map(([, path]) => path).join(" ")}`);
        const outputs = new Map(this.outputs).set("fleet.resolved", this.fleet);
        const found = asked.filter(([, path]) => outputs.has(path));
        return {
          nixVersion: "2.26.3",
          storeDir: "/nix/store",
          hosts: this.names,
          attributes: new Map(found.map(([key, path]) => [key, outputs.get(path)])),
        };
      },
      evaluateHosts: async (jobs, progress) => {
        await Promise.resolve();
        this.#effect(
          `evaluate ${jobs.map(({ hosts }) => hosts.map(({ name }) => name).join(" ")).join(" | ")}`,
        );
        this.evaluated.push(...jobs.map(({ flake, hosts, together = false }) => ({
          url: flake.url,
          hosts: hosts.map(({ name }) => name),
          together,
        })));
        return jobs.flatMap(({ hosts }) =>
          hosts.map((host) => {
            progress(host.name, "started");
            progress(host.name, "done");
            return { ...host, drvPath: `${host.name}.drv`, outPath: pathOf(host.name), outputName: "out" };
          })
        );
      },
      build: async (derivations) => {
        await Promise.resolve();
        const names = derivations.map(({ name }) => name);
        this.#effect(`build ${names.join(" ")}`);
        return new Map(
          names.filter((name) => !this.lost.includes(name)).map((name) => [name, pathOf(name)]),
        );
      },
    };
  }

  #git(): Git {
    return {
      repositoryOf: async (dir) => {
        await Promise.resolve();
        this.#effect(`repository of ${dir}`);
        return this.repositoryOf(dir);
      },
      resolveCommit: async (_repository, name) => {
        await Promise.resolve();
        this.#effect(`resolve ${name}`);
        return this.commits.get(name) ?? null;
      },
      firstIgnored: async (_repository, paths) => {
        await Promise.resolve();
        this.#effect("ask what is ignored");
        return this.ignored === null ? null : paths.find((path) => path.includes(this.ignored!)) ?? null;
      },
      checkIdentity: async () => {
        await Promise.resolve();
        this.#effect("check the identity");
      },
      commit: async (repository, { onWarning: _, ...options }) => {
        await Promise.resolve();
        this.#effect(`commit in ${repository.root}`);
        this.committed.push(options);
        return this.releaseCommit;
      },
      push: async (_repository, commit, remote, branch) => {
        await Promise.resolve();
        this.#effect(`git push ${commit.slice(0, 8)} to ${branch} of ${remote}`);
      },
    };
  }

  #hooks(): Hooks {
    return {
      push: async (command, { host, storePath, closureHash }) => {
        await Promise.resolve();
        if (storePath !== pathOf(host) || closureHash !== hashOf(host)) {
          throw new Error(`not that of ${host}`);
        }
        this.#effect(`${command} ${host}`);
      },
    };
  }

  #signer(): ArtifactSigner {
    return {
      ...this.signer,
      sign: async (artifact) => {
        await Promise.resolve();
        this.#effect(`sign ${withoutIds(artifact.path)}`);
        return await this.sign(artifact);
      },
    };
  }

  #inputs(): Inputs {
    return {
      read: async (path) => {
        await Promise.resolve();
        this.#effect(`read input ${path}`);
        const bytes = this.inputs.get(path);
        if (bytes === undefined) throw new ReleaseError("io", `Cannot read "${path}"`);
        return bytes;
      },
      mode: () => Promise.resolve(0o600),
    };
  }

  #releaseDir(): ReleaseDir {
    return {
      path: "/fleet/releases",
      realPath: async () => {
        await Promise.resolve();
        this.#effect("real path");
        return this.realPath;
      },
      read: async (path) => {
        await Promise.resolve();
        this.#effect(`read ${withoutIds(path)}`);
        return this.files.get(path) ?? null;
      },
      interrupted: async () => {
        await Promise.resolve();
        this.#effect("look for leftovers");
        return this.interrupted;
      },
      publish: async (files) => {
        await Promise.resolve();
        this.#effect("publish");
        this.published.push([...files]);
        const changed = files.filter(({ path, bytes }) => `${this.files.get(path)}` !== `${bytes}`);
        for (const { path, bytes } of changed) this.files.set(path, bytes);
        return changed.map(({ path }) => path);
      },
    };
  }

  #log(): Log {
    return {
      start: ({ name }) => this.logged.push(`start ${name}`),
      end: ({ name }, result) => this.logged.push(`end ${name}: ${result}`),
      host: (name, state) => this.logged.push(`${name} ${state}`),
      warn: (warning) => this.warnings.push(warning),
    };
  }
}

/** A path with `ID` for a rollout's id, which says nothing to a reader of a test. */
export function withoutIds(path: string): string {
  return path.replace(/[0-9a-f]{64}/, "ID");
}
