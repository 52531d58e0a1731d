/**
 * A world in memory for tests of the pipeline and its stages: what they do is a list of effects, each of which can be made to fail.
 *
 * @module
 */
import { validateConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { parseStorePath, type StorePath } from "../../src/contract/store_path.ts";
import type { Signer } from "../../src/crypto/private_key.ts";
import { ReleaseError } from "../../src/errors.ts";
import type {
  HostDerivation,
  HostNames,
  HostRef,
  LockedFlake,
  PinnedHost,
  Warning,
} from "../../src/model.ts";
import { release } from "../../src/pipeline.ts";
import type {
  ArtifactSigner,
  Builds,
  FlakeReference,
  FlakeSource,
  Git,
  Hooks,
  HostProgress,
  Inputs,
  Log,
  Nix,
  Ports,
  PushFailure,
  PushResult,
  Recovery,
  ReleaseDir,
  ReleaseFile,
  Repository,
} from "../../src/ports.ts";
import type { RunOutcome } from "../../src/report/outcome.ts";
import { Interruption } from "../../src/stages/interruption.ts";
import { type Run, startRun } from "../../src/stages/run.ts";
import { type Draft, sampleFleet } from "./fleet.ts";

/** The commit that is released. */
export const COMMIT: string = "c".repeat(40);
/** The commit that holds the release. */
export const RELEASE_COMMIT: string = "e".repeat(40);

/** The commit that holds the release on top of a remote's branch. */
export const LANDED_COMMIT: string = "f".repeat(40);

/** The warning of every run that is given no key to verify with. */
export const UNVERIFIED: Warning = {
  code: "unverified-signatures",
  message:
    "Signatures are not verified: give the keys that consumers trust with --trust-file, --trust-attr or " +
    "--public-key",
};

/** How far nix tells that it has come with the builds of a run. */
export const BUILDS: Builds = {
  derivations: { done: 2, failed: 0, expected: 3 },
  unnamed: 0,
  fetched: { done: 0, failed: 0, expected: 0 },
  running: ["linux"],
};

/** The closure hash of a host that was built. */
export function hashOf(host: string): string {
  return `${"0".repeat(32)}-nixos-system-${host}`;
}

/** The store path of a host that was built. */
export function pathOf(host: string): StorePath {
  return parseStorePath(`/nix/store/${hashOf(host)}`, "/nix/store")!;
}

/** The store path of a host's derivation. */
export function drvOf(host: string): string {
  return `${pathOf(host)}.drv`;
}

/** What an evaluation gives for a host. */
export function derivationOf({ name, kind }: HostRef): HostDerivation {
  return { name, kind, drvPath: drvOf(name), outPath: pathOf(name), outputName: "out" };
}

/** A flake that is locked to a commit, or to none. */
export function lockedAt(url: string, revision: string | null, localDir: string | null = null): LockedFlake {
  return {
    reference: url,
    ...{ url, revision, localDir, dirty: false, storePath: "/nix/store/x-source", differing: [] },
    opened: { url, info: null, system: "x86_64-linux" },
    nixConfig: { used: [], passedOver: [] },
    repositoryUrl: revision === null ? null : url.split("?")[0]!,
  };
}

/** Adds a host to a fleet, like `web1` but for what is given, whatever its name. */
export function addHost(fleet: Draft, name: string, more: Draft = {}): void {
  const { hosts } = fleet as { hosts: Draft };
  fleet["hosts"] = { ...hosts, [name]: { ...hosts["web1"], ...more } };
}

/** A world in memory, in which the sample fleet can be released. Tests change its fields before they run it. */
export class FakeWorld {
  /** What was done, in its order. */
  readonly effects: string[] = [];
  /** Which effect fails, by its number from 0; none by default. */
  failAt = Infinity;
  /** What it fails with. */
  readonly failure: ReleaseError = new ReleaseError("io", "this effect fails");
  /** Told of each effect as it happens. */
  onEffect: (effect: string) => void = () => {};

  /** What `--build-flake` is locked to. */
  flake: LockedFlake = lockedAt(`git+file:///fleet?rev=${COMMIT}`, COMMIT, "/fleet");
  /** What a flake reference refers to. */
  referTo: (text: string) => FlakeReference = (text) => ({ text, directory: null });
  /** The source of a flake reference that nix is going to copy. */
  sourceOf: (reference: string) => FlakeSource | null = () => ({
    root: "/fleet",
    inGit: true,
    revision: null,
  });
  /** The flake's directory in its source. */
  flakeDir = "";
  /** Where the files really are that options name. */
  readonly realPaths: Map<string, string> = new Map();
  /** What git tracks, by its path from the root of its repository. */
  tracked: readonly string[] = [];
  /** What is not committed of what git tracks, by its path from the root. */
  changed: readonly string[] = [];
  /** What git neither tracks nor ignores, by its path from the root. */
  untracked: readonly string[] = [];
  /** The submodules of the repository, by their path from the root. */
  submodules: readonly string[] = [];
  /** The files of commits, by their path from the root. */
  readonly committedFiles: Map<string, ReadonlyMap<string, Uint8Array<ArrayBuffer>>> = new Map();
  /** What a pin source is locked to, by default to the revision that its reference gives. */
  lockPin: (reference: string) => LockedFlake = (reference) =>
    lockedAt(reference, /[?&]rev=(\w+)$/.exec(reference)![1]!);
  /** The repository of a directory. */
  repositoryOf: (dir: string) => Repository | null = (dir) =>
    dir.startsWith("/fleet") ? { root: "/fleet", head: COMMIT } : null;
  /** When the commit was made. */
  committedAt = "2026-06-01T00:00:00Z";
  /** The branch that HEAD names. */
  branch: string | null = "main";
  /** The commit that the branch of the remote is at. */
  remoteBranch: string | null = COMMIT;
  /** Whether HEAD names the branch that is pushed to. */
  follows = true;
  /** The commits in the history of each, beside itself. */
  readonly histories: Map<string, readonly string[]> = new Map();
  /** Whether a branch of some remote has HEAD. */
  isOnRemote = false;
  /** What becomes of each push, told before it: by default the branch takes it. */
  onPush: (commit: string) => PushResult = () => "pushed";
  /** Whether the attributes of the repository have git change the files of the release. */
  changedByGit = false;
  /** The parent of what is released, when that changes nothing but the release directory. */
  parentOfRelease: string | null = null;
  /** What short commits, tags and branches name. */
  readonly commits: Map<string, string> = new Map();
  names: HostNames = { nixos: ["web2", "web1", "db"], darwin: [] };
  fleet: Draft = sampleFleet();
  /** The flake's outputs by attribute path, beside the fleet. */
  readonly outputs: Map<string, unknown> = new Map();
  /** Hosts of which nix gives no store path. */
  lost: readonly string[] = [];
  /** Hosts that are built already. */
  builtBefore: readonly string[] = [];
  /** How many milliseconds the work on a host takes, by its effect and name as in `build web1`; 0 by default. */
  readonly takes: Map<string, number> = new Map();
  /** What signs: by default a command, of which no key is known. */
  signer: Omit<ArtifactSigner, "sign"> = { algorithm: "ed25519", publicKey: null, warnings: [] };
  /** What it does with the bytes. */
  sign: ArtifactSigner["sign"] = ({ bytes }) =>
    Promise.resolve({ signature: new Uint8Array(64).fill(bytes.length % 256), input: bytes.slice() });
  /** How the push of these closures fails; null: it does not. */
  pushHook: (paths: readonly string[]) => PushFailure | null = () => null;
  /** What whoever sits at the terminal answers; null: nothing any more. */
  answer: string | null = "yes\n";
  /** What they were asked. */
  readonly questions: string[] = [];
  /** The waits before something was tried again, in milliseconds. */
  readonly pauses: number[] = [];
  /** The files that options name. */
  readonly inputs: Map<string, Uint8Array<ArrayBuffer>> = new Map();

  /** The files of the release directory. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>> = new Map();
  realPath: { path: string; existing: string } = { path: "/fleet/releases", existing: "/fleet" };
  /** What an earlier run left there comes to. */
  recovery: Recovery | null = null;
  ignored: string | null = null;
  /** What `git.commit` gives. */
  releaseCommit: string | null = RELEASE_COMMIT;

  /** The files of each publication, in the order in which they were written. */
  readonly published: ReleaseFile[][] = [];
  /** What each commit was made with. */
  readonly committed: Parameters<Git["commit"]>[1][] = [];
  /** The commit that each was made on top of. */
  readonly parents: (string | null)[] = [];
  /** The hosts that were evaluated, by the flake that each is in. */
  readonly evaluated: { url: string; hosts: PinnedHost[] }[] = [];
  readonly warnings: Warning[] = [];
  /** How far builds have come, as the log was told. */
  readonly builds: Builds[] = [];
  /** What the log was told of stages and hosts. */
  readonly logged: string[] = [];

  /** Milliseconds of the clock. */
  #milliseconds = 0;

  /** Begins a run in this world, for one stage of it. */
  run(settings: Partial<ReleaseConfig> = {}, signal?: AbortSignal): Run {
    const config = validateConfig({ signCmd: "sign", now: "2026-06-01T12:00:00Z", ...settings });
    return startRun(config, this.ports(), { interruption: new Interruption(signal) });
  }

  /** Makes a whole release in this world. */
  async release(settings: Partial<ReleaseConfig> = {}, signal?: AbortSignal): Promise<RunOutcome> {
    return await release(this.run(settings, signal));
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
    this.onEffect(effect);
    if (this.effects.length > this.failAt) throw this.failure;
  }

  /** Time goes by while a host is worked on. */
  #work(effect: string, host: string): void {
    this.#milliseconds += this.takes.get(`${effect} ${host}`) ?? 0;
  }

  /** Work on a host begins, takes its time and has ended well. */
  #workWith(progress: HostProgress, effect: string, host: string): void {
    progress(host, "started");
    this.#work(effect, host);
    progress(host, "done");
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
        monotonic: () => this.#milliseconds,
      },
      ask: (question) => {
        this.#effect("confirm");
        this.questions.push(question);
        return Promise.resolve(this.answer);
      },
      pause: (milliseconds) => {
        this.#milliseconds += milliseconds;
        this.pauses.push(milliseconds);
        return Promise.resolve();
      },
    };
  }

  #nix(): Nix {
    return {
      referTo: (text) => Promise.resolve(this.referTo(text)),
      attributes: async ({ url }, attributes) => {
        await Promise.resolve();
        const asked = [...attributes].map(([key, path]) => [key, path.join(".")] as const);
        this.#effect(`attributes of ${url}: ${asked.map(([, path]) => path).join(" ")}`);
        const found = asked.filter(([, path]) => this.outputs.has(path));
        return new Map(found.map(([key, path]) => [key, this.outputs.get(path)]));
      },
      locate: (reference) => {
        const source = this.sourceOf(reference);
        return Promise.resolve(source && { ...source, dir: this.flakeDir });
      },
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
      evaluateHosts: async (hosts, { progress, onDerived }) => {
        await Promise.resolve();
        const jobs = [...Map.groupBy(hosts, ({ flake }) => flake)];
        this.#effect(`evaluate ${jobs.map(([, hosts]) => namesOf(hosts).join(" ")).join(" | ")}`);
        for (const [{ url }, hosts] of jobs) {
          this.evaluated.push({ url, hosts: hosts.map(({ flake: _, ...host }) => host) });
          for (const host of hosts) {
            this.#workWith(progress, "evaluate", host.name);
            onDerived(host, derivationOf(host));
          }
        }
      },
      build: async (derived, { progress: { onHost, onBuilds }, onBuilt }) => {
        const hosts = await Array.fromAsync(derived);
        this.#effect(`build ${namesOf(hosts).join(" ")}`);
        // With some names there is no store path.
        for (const host of hosts.filter(({ name }) => pathOf(name) && !this.lost.includes(name))) {
          if (this.builtBefore.includes(host.name)) onHost(host.name, "done");
          else this.#workWith(onHost, "build", host.name);
          onBuilt(host, pathOf(host.name));
        }
        onBuilds(BUILDS);
      },
      outputsOf: (hosts) => Promise.resolve(new Map(hosts.map(({ name, outPath }) => [name, outPath]))),
      present: (paths) => Promise.resolve(new Set(paths)),
      diffClosures: () => Promise.resolve([]),
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
      findCommit: async (_repository, name) => {
        await Promise.resolve();
        this.#effect(`find ${name}`);
        const commit = this.commits.get(name);
        if (commit !== undefined) return commit;
        throw new ReleaseError("git", `Cannot find the commit "${name}"`, { hint: "fetch it" });
      },
      tracks: async (_repository, path, revision) => {
        await Promise.resolve();
        this.#effect(`ask whether ${path} is tracked${revision === null ? "" : ` in ${revision}`}`);
        return this.tracked.includes(path);
      },
      changedFiles: async (_repository, commit) => {
        await Promise.resolve();
        this.#effect(`ask what differs from ${commit}`);
        return [...this.changed];
      },
      untracked: async (_repository, dir) => {
        await Promise.resolve();
        this.#effect(`ask what is not tracked in ${dir}`);
        return [...this.untracked];
      },
      submodules: () => Promise.resolve([...this.submodules]),
      firstChanged: async (_repository, _commit, paths) => {
        await Promise.resolve();
        this.#effect("ask what git changes");
        return this.changedByGit ? paths[0]! : null;
      },
      firstUntrackable: async (_repository, paths) => {
        await Promise.resolve();
        this.#effect("ask what can be tracked");
        return paths.find((path) => path.split("/").includes(".git")) ?? null;
      },
      readCommitted: async (repository, commit, paths) => {
        await Promise.resolve();
        this.#effect(`read ${paths[0]} of ${commit.slice(0, 8)} in ${repository.root}`);
        const files = this.committedFiles.get(commit);
        return new Map(paths.flatMap((path) => files?.has(path) ? [[path, files.get(path)!]] : []));
      },
      namesIn: async (_repository, commit, dir) => {
        await Promise.resolve();
        this.#effect(`list ${dir} of ${commit.slice(0, 8)}`);
        const paths = [...this.committedFiles.get(commit)?.keys() ?? []];
        return paths.filter((path) => path.startsWith(`${dir}/`)).map((path) => path.slice(dir.length + 1));
      },
      committedAt: async (_repository, commit) => {
        await Promise.resolve();
        this.#effect(`ask when ${commit.slice(0, 8)} was made`);
        return this.committedAt;
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
      checkSigning: async () => {
        await Promise.resolve();
        this.#effect("check the signing");
      },
      commit: async (repository, options) => {
        await Promise.resolve();
        this.#effect(`commit in ${repository.root}`);
        this.committed.push(options);
        this.parents.push(options.on.parent);
        return this.releaseCommit && !options.on.moves ? LANDED_COMMIT : this.releaseCommit;
      },
      onlyChange: async (_repository, commit, dir) => {
        await Promise.resolve();
        this.#effect(`ask whether ${commit.slice(0, 8)} changes more than ${dir}`);
        return this.parentOfRelease;
      },
      branchOf: () => Promise.resolve(this.branch),
      headOn: () => Promise.resolve(!this.follows ? "other" : this.branch === null ? "commit" : "branch"),
      checkPush: async (_repository, commit, { remote, branch }) => {
        await Promise.resolve();
        this.#effect(`try to push ${commit?.slice(0, 8)} to ${branch} of ${remote}`);
        if (commit !== null && commit === this.remoteBranch) return "same";
        return this.remoteBranch === null || this.#isIn(commit, this.remoteBranch) ? "behind" : "apart";
      },
      tipOf: () => Promise.resolve(this.remoteBranch),
      fetchTip: async (_repository, { remote, branch }) => {
        await Promise.resolve();
        this.#effect(`fetch ${branch} of ${remote}`);
        return this.remoteBranch;
      },
      isOnRemote: () => Promise.resolve(this.isOnRemote),
      hasInHistory: (_repository, commit, ancestor) => Promise.resolve(this.#isIn(commit, ancestor)),
      orderOf: (_repository, _remote, { commit, other }) =>
        Promise.resolve(
          this.#isIn(commit, other) ? "before" : this.#isIn(other, commit) ? "after" : null,
        ),
      committedManifests: () => Promise.resolve(new Map()),
      committedRelease: (_repository, { commit, dir }) => {
        const found = [...this.committedFiles.get(commit) ?? []];
        return Promise.resolve(new Map(found.map(([path, bytes]) => [path.slice(dir.length + 1), bytes])));
      },
      sameIn: (_repository, dir, commits) => {
        const [one, other] = commits.map((commit) => {
          const files = [...this.committedFiles.get(commit) ?? []];
          return `${files.filter(([path]) => path.startsWith(`${dir}/`))}`;
        });
        return Promise.resolve(one === other);
      },
      takeBack: async (_repository, from, to) => {
        await Promise.resolve();
        this.#effect(`go back from ${from.slice(0, 8)} to ${to.slice(0, 8)}`);
      },
      push: async (_repository, commit, { remote, branch }) => {
        await Promise.resolve();
        this.#effect(`git push ${commit.slice(0, 8)} to ${branch} of ${remote}`);
        return this.onPush(commit);
      },
    };
  }

  #isIn(commit: string | null, ancestor: string): boolean {
    return commit === ancestor || (this.histories.get(commit ?? "") ?? []).includes(ancestor);
  }

  #hooks(): Hooks {
    return {
      push: async (command, { host, storePath, closureHash }) => {
        await Promise.resolve();
        if (storePath !== pathOf(host) || closureHash !== hashOf(host)) {
          throw new Error(`not that of ${host}`);
        }
        this.#effect(`${command} ${host}`);
        this.#work(command, host);
        return this.pushHook([storePath]);
      },
      pushAll: async (command, paths) => {
        await Promise.resolve();
        this.#effect(`${command} ${paths.join(" ")}`);
        return this.pushHook(paths);
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
      realPath: (path) => Promise.resolve(this.realPaths.get(path) ?? null),
    };
  }

  #releaseDir(): ReleaseDir {
    return {
      path: this.realPath.path,
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
      has: async (path) => {
        await Promise.resolve();
        this.#effect(`look for ${path}`);
        return this.files.has(path);
      },
      manifests: async () => {
        await Promise.resolve();
        this.#effect("read the manifests");
        return new Map(
          [...this.files].filter(([path]) => /^rollouts\/[0-9a-f]{64}\.json(\.sig)?$/.test(path)),
        );
      },
      signedStrangers: () => Promise.resolve(new Map()),
      strangers: () => Promise.resolve([]),
      recover: async () => {
        await Promise.resolve();
        // Where nothing was left, nothing is done.
        if (this.recovery !== null) this.#effect("recover");
        return this.recovery;
      },
      publish: async (files, outdated = []) => {
        await Promise.resolve();
        this.#effect("publish");
        this.published.push([...files]);
        const changed = files.filter(({ path, bytes }) => `${this.files.get(path)}` !== `${bytes}`);
        for (const { path, bytes } of changed) this.files.set(path, bytes);
        for (const path of outdated) this.files.delete(path);
        return { written: changed.map(({ path }) => path), removed: outdated, stuck: new Map() };
      },
    };
  }

  #log(): Log {
    return {
      start: ({ name }) => this.logged.push(`start ${name}`),
      end: ({ name }, result) => this.logged.push(`end ${name}: ${result}`),
      fail: ({ name }, message) => this.logged.push(`fail ${name}: ${message}`),
      host: (_work, name, state) => this.logged.push(`${name} ${state}`),
      builds: (builds) => this.builds.push(builds),
      warn: (warning) => this.warnings.push(warning),
    };
  }
}

function namesOf(hosts: readonly HostRef[]): string[] {
  return hosts.map(({ name }) => name);
}

/** A path with `ID` for a rollout's id, which says nothing to a reader of a test. */
export function withoutIds(path: string): string {
  return path.replace(/[0-9a-f]{64}/, "ID");
}
