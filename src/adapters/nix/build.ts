/**
 * Builds hosts, as their derivations come in. The store is asked first what is there already: for that, no process has to
 * begin.
 *
 * Whenever something is built, nix looks at all that it has not begun with, so that the time of one process grows with the
 * square of what it builds. So hosts are built in windows, by one process each: the first one alone, which builds what most
 * hosts need, and the others by two at once. Of two that come to the same derivation one waits for the other, and asks only
 * every few seconds whether that is done, so that more than two, or two from the beginning, would be slower.
 *
 * @module
 */
import { join } from "@std/path";
import { parseStorePath, type StorePath } from "../../contract/store_path.ts";
import { ReleaseError } from "../../errors.ts";
import type { DerivedHost, NixConfig } from "../../model.ts";
import type { BuildProgress, Clock } from "../../ports.ts";
import { quoteList } from "../../text.ts";
import type { CommandResult } from "../process.ts";
import { buildFailure } from "./build_failure.ts";
import type { NixContext } from "./context.ts";
import { HostBuilds } from "./host_builds.ts";
import { maxJobs, realise, type RealiseOptions, targetOf, together } from "./realise.ts";
import { unbuilt } from "./store.ts";
import type { StoreServer } from "./store_server.ts";

/** How hosts are built. */
export interface BuildOptions {
  readonly storeDir: string;
  /** What nix goes by of the flakes' settings. */
  readonly settings: NixConfig["used"];
  /** A directory of this run alone, for garbage collector roots. */
  readonly tempDir: string;
  /** Keep what is to be built and what is there already, and tell what that is. */
  readonly store: StoreServer;
  /** Evaluates hosts once more whose derivations are not in the store. */
  readonly again: (hosts: readonly DerivedHost[]) => Promise<void>;
  readonly clock: Clock;
  readonly progress: BuildProgress;
  /** Told that a process builds all that has come. */
  readonly onBegun?: () => void;
  /** Told what was built for each host. */
  readonly onBuilt: (host: DerivedHost, path: StorePath) => void;
  /** How many targets are in a window. */
  readonly window?: number | undefined;
}

/** How many targets are in a window: in the first; and then, where few take less than half the time of many. */
const WINDOW = { first: 100, more: 50 };
/** So few are not shared between two processes. */
const LEAST = 10;
/** Milliseconds that hosts are waited for before a window begins that is not full. */
const MOMENT = 1000;
/** Milliseconds after which the first window is alone no more: by then, it is not worth while to wait for. */
const PATIENCE = 10_000;

/**
 * Builds everything, goes on with the others when one fails, and keeps all of it from garbage collection until the
 * temporary directory goes.
 *
 * @throws {ReleaseError} of kind `build`, with every host that was not built and why
 */
export async function buildHosts(
  nix: NixContext,
  hosts: AsyncIterable<DerivedHost>,
  options: BuildOptions,
): Promise<void> {
  await Deno.mkdir(join(options.tempDir, "roots"), { recursive: true });
  const builds = new Builds(nix, options);
  await builds.all(hosts);
}

/** A process that builds. */
interface Running {
  /** Which share of the jobs is its own. */
  readonly slot: 0 | 1;
  /** The clock's milliseconds when it began. */
  readonly since: number;
}

/** The path of the derivation of a target. */
function derivationOf(target: string): string {
  return target.slice(0, target.indexOf("!"));
}

function outputNameOf(target: string): string {
  return target.slice(target.indexOf("!") + 1);
}

function isKnown(path: string | undefined): path is string {
  return path !== undefined;
}

/** Those of which something holds, and the others. */
function partition<T>(all: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}

class Builds {
  readonly #nix: NixContext;
  readonly #options: BuildOptions;
  readonly #builds: HostBuilds;
  readonly #hosts: DerivedHost[] = [];
  /** By the target. */
  readonly #hostsOf = new Map<string, DerivedHost[]>();
  /** What a target's derivation says that it is built as. */
  readonly #outputs = new Map<string, string>();
  /** What it was built as. */
  readonly #paths = new Map<string, StorePath>();
  readonly #running = new Set<Running>();
  readonly #failures: CommandResult[] = [];
  /** Targets of which the store has not been asked yet. */
  #new: string[] = [];
  #isAsking = false;
  #waiting: string[] = [];
  /** Those of them whose derivations were not in the store when they came. */
  readonly #doubtful = new Set<string>();
  /** Targets whose derivations were not in the store when they were to be built. */
  #late: string[] = [];
  /** The clock's milliseconds when the first of those came that wait. */
  #since = 0;
  #haveAllCome = false;
  /** How many windows have begun, and have ended. */
  #begun = 0;
  #ended = 0;
  /** How many derivations are built at once; undefined: nobody has asked yet. */
  #jobs: number | undefined;
  #error: { readonly thrown: unknown } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onEnd = () => {};

  constructor(nix: NixContext, options: BuildOptions) {
    this.#nix = nix;
    this.#options = options;
    this.#builds = new HostBuilds(options.progress, options.clock);
  }

  async all(hosts: AsyncIterable<DerivedHost>): Promise<void> {
    for await (const host of hosts) this.#add(host);
    this.#haveAllCome = true;
    await this.#rest();
    if (this.#late.length > 0) {
      // What is written may be gone.
      await this.#options.again(this.#late.flatMap((target) => this.#hostsOf.get(target)!));
      this.#new = this.#late.splice(0);
      await this.#rest();
    }
    const result = together(this.#failures);
    if (result !== undefined) {
      const left = this.#hosts.filter((host) => !this.#paths.has(targetOf(host)));
      // All are there where what comes after a build has failed, such as a hook of nix.
      const derivations = left.length > 0 ? left : this.#hosts;
      throw await buildFailure(this.#nix, { derivations, log: this.#builds.log, result });
    }
    const gone = this.#late.flatMap((target) => this.#hostsOf.get(target)!);
    if (gone.length === 0) return;
    const names = gone.map(({ name }) => name);
    throw new ReleaseError(
      "build",
      gone.length === 1
        ? `Cannot build host ${quoteList(names)}: its derivation is not in the store`
        : `Cannot build hosts ${quoteList(names)}: their derivations are not in the store`,
      {
        lines: gone.map(({ drvPath }) => drvPath),
        hosts: names,
      },
    );
  }

  #add(host: DerivedHost): void {
    const target = targetOf(host);
    this.#hosts.push(host);
    const path = this.#paths.get(target);
    if (path !== undefined) return this.#tellBuilt(host, path);
    const same = this.#hostsOf.get(target);
    if (same !== undefined) {
      same.push(host);
      return;
    }
    this.#hostsOf.set(target, [host]);
    this.#new.push(target);
    this.#ask();
  }

  /** Asks the store of what is new, and then of what has come meanwhile. */
  #ask(): void {
    if (this.#isAsking || this.#new.length === 0) return;
    this.#isAsking = true;
    this.#look(this.#new.splice(0))
      .then(({ unbuilt, gone }) => {
        if (this.#waiting.length === 0) this.#since = this.#now();
        // A nix may write a derivation after it has told of it.
        for (const target of gone) this.#doubtful.add(target);
        this.#waiting.push(...unbuilt, ...gone);
      })
      .catch((thrown: unknown) => this.#fail(thrown))
      .finally(() => {
        this.#isAsking = false;
        this.#ask();
        this.#fill();
      });
  }

  /**
   * Holds targets, and hands on those that are built already: by what their derivations say, where these know it. What a
   * flake says of its outputs may be anything.
   *
   * @returns the others, and those of them whose derivations are not in the store
   */
  async #look(targets: readonly string[]): Promise<{ unbuilt: string[]; gone: string[] }> {
    const { store } = this.#options;
    const there = await store.hold(targets.map(derivationOf));
    const [found, gone] = partition(targets, (target) => there.has(derivationOf(target)));
    const outputs = await store.outputsOf([...new Set(found.map(derivationOf))]);
    for (const target of found) {
      const path = outputs.get(derivationOf(target))?.get(outputNameOf(target));
      if (path !== undefined) this.#outputs.set(target, path);
    }
    const outputOf = (target: string) => this.#outputs.get(target);
    const built = await store.hold(found.map(outputOf).filter(isKnown));
    const [done, unbuilt] = partition(found, (target) => built.has(outputOf(target) ?? ""));
    for (const target of done) this.#built(target, outputOf(target)!);
    return { unbuilt, gone };
  }

  /** Waits until all are built that have come. */
  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEnd = resolve;
    this.#ask();
    this.#fill();
    await promise;
    if (this.#error !== undefined) throw this.#error.thrown;
  }

  #fail(thrown: unknown): void {
    this.#error ??= { thrown };
    this.#new = [];
    this.#waiting = [];
  }

  #fill(): void {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0 && this.#mayBegin()) this.#begin();
    if (this.#waiting.length === 0 && this.#running.size === 0 && !this.#isAsking) this.#onEnd();
  }

  /** Whether nothing comes to what waits. */
  get #isAllThere(): boolean {
    return this.#haveAllCome && !this.#isAsking;
  }

  get #window(): number {
    return this.#options.window ?? (this.#begun === 0 ? WINDOW.first : WINDOW.more);
  }

  /** Whether a window may begin now. If not, this is asked again when that may have changed. */
  #mayBegin(): boolean {
    const now = this.#now();
    if (!this.#isAllThere && this.#waiting.length < this.#window && now < this.#since + MOMENT) {
      return this.#later(this.#since + MOMENT - now);
    }
    const [first, second] = this.#running;
    if (first === undefined) return true;
    if (second !== undefined || this.#jobs === undefined || this.#jobs === 1) return false;
    return this.#ended > 0 || now >= first.since + PATIENCE || this.#later(first.since + PATIENCE - now);
  }

  #later(milliseconds: number): false {
    this.#timer = setTimeout(() => this.#fill(), milliseconds);
    return false;
  }

  #begin(): void {
    const isAlone = this.#running.size === 0;
    const isLast = this.#isAllThere && isAlone && this.#waiting.length <= this.#window;
    // What is left is for both, so that neither share of the jobs lies idle for long.
    const count = this.#isAllThere && !isAlone ? Math.max(LEAST, this.#waiting.length / 2) : Infinity;
    const targets = this.#waiting.splice(0, Math.min(this.#window, count));
    const running: Running = { slot: [...this.#running][0]?.slot === 0 ? 1 : 0, since: this.#now() };
    this.#since = running.since;
    this.#running.add(running);
    this.#build(targets, isLast ? undefined : running.slot)
      .catch((thrown: unknown) => this.#fail(thrown))
      .finally(() => {
        this.#running.delete(running);
        this.#ended++;
        this.#fill();
      });
  }

  /** @param slot Whose share of the jobs it takes; undefined: all are its own */
  async #build(targets: readonly string[], slot: Running["slot"] | undefined): Promise<void> {
    const index = this.#begun++;
    const { settings, tempDir, onBegun } = this.#options;
    const ready = targets.some((target) => this.#doubtful.has(target))
      ? await this.#present(targets)
      : targets;
    if (ready.length === 0) return;
    if (slot === undefined) onBegun?.();
    const options: RealiseOptions = {
      root: join(tempDir, "roots", index === 0 ? "host" : `host.${index}`),
      settings,
      begin: (targets) => this.#builds.begin(targets.flatMap((target) => this.#hostsOf.get(target)!)),
      maxJobs: slot === undefined ? undefined : await this.#shareOf(slot),
    };
    const failure = await this.#realise(ready, options);
    if (failure === undefined) return;
    const late = this.#late.length;
    // nix says of none what it has built when another has failed.
    const left = await this.#present(ready);
    if (this.#late.length > late) {
      this.#waiting.unshift(...left);
      return;
    }
    this.#failures.push(failure);
    const unknown = left.filter((target) => !this.#outputs.has(target));
    const missing = await unbuilt(this.#nix, unknown);
    const built = unknown.filter((target) => !missing.has(derivationOf(target)));
    if (built.length > 0) await this.#realise(built, options);
  }

  /** Those that are not built yet, of which the derivations are in the store. The others are late. */
  async #present(targets: readonly string[]): Promise<readonly string[]> {
    const { unbuilt, gone } = await this.#look(targets);
    this.#late.push(...gone);
    return unbuilt;
  }

  /** Hands on what one process builds; or gives how it failed. */
  async #realise(targets: readonly string[], options: RealiseOptions): Promise<CommandResult | undefined> {
    const realised = await realise(this.#nix, targets, options);
    if ("failure" in realised) return realised.failure;
    for (const [target, path] of realised.paths) this.#built(target, path);
    return undefined;
  }

  /** The jobs of one of two processes: together no more than nix is to run. */
  async #shareOf(slot: Running["slot"]): Promise<number | undefined> {
    if (this.#jobs === undefined) {
      // What nix cannot say of itself is no reason not to build: one process after the other, as it is configured.
      this.#jobs = await maxJobs(this.#nix, this.#options.settings) ?? 1;
      this.#fill();
    }
    if (this.#jobs === 1) return undefined;
    return slot === 0 ? Math.ceil(this.#jobs / 2) : Math.floor(this.#jobs / 2);
  }

  #built(target: string, path: string): void {
    const { storeDir } = this.#options;
    const hosts = this.#hostsOf.get(target)!;
    const storePath = parseStorePath(path, storeDir);
    if (storePath === undefined) {
      const names = quoteList(hosts.map(({ name }) => name));
      throw new ReleaseError("build", `Cannot use what was built for host ${names}: "${path}"`, {
        hint: `expected one path in ${storeDir}`,
      });
    }
    this.#paths.set(target, storePath);
    for (const host of hosts) this.#tellBuilt(host, storePath);
  }

  #tellBuilt(host: DerivedHost, path: StorePath): void {
    this.#builds.done(host);
    this.#options.onBuilt(host, path);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
