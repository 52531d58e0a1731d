/**
 * The nix commands, as the pipeline sees them.
 *
 * @module
 */
import type { HostInFlake, NixConfig } from "../../model.ts";
import type { AskedOfFlake, Clock, Nix } from "../../ports.ts";
import type { Shell } from "../process.ts";
import type { LikelyFlake } from "./ahead.ts";
import { nixContext, type NixFlags } from "./context.ts";
import { referTo } from "./directory.ts";
import { Evaluations } from "./evaluations.ts";
import { lockFlake } from "./flake.ts";
import { Memo } from "./memo.ts";
import { findSource } from "./source.ts";
import { outputsOfHosts, StoreServer } from "./store_server.ts";

/** What the nix commands are given beside their arguments. */
export interface NixSettings extends NixFlags {
  readonly env: Readonly<Record<string, string>>;
  /** A directory of this run alone, for garbage collector roots. */
  readonly tempDir: string;
  /** How many evaluating processes run at once. */
  readonly evalWorkers: number;
  /** MiB that each may take; undefined: its share of what there is. */
  readonly evalMaxMemory?: number | undefined;
  readonly clock: Clock;
  /** The directory of what has been evaluated before, absolute; undefined: nothing is kept. */
  readonly memoDir?: string | undefined;
}

/**
 * The nix commands of the operator's own nix.
 *
 * @throws {ReleaseError} of kind `io` when there is no nix
 */
export function createNix(shell: Shell, settings: NixSettings): Nix & AsyncDisposable {
  const { env, tempDir, memoDir, evalWorkers, evalMaxMemory, clock } = settings;
  const nix = nixContext(shell, env, settings);
  const held = new AsyncDisposableStack();
  const store = held.use(new StoreServer(nix));
  const memo = memoDir === undefined ? undefined : held.use(new Memo(nix, { dir: memoDir, own: tempDir }));
  const evaluations = new Evaluations(nix, {
    ...{ memo, store, clock },
    workers: evalWorkers,
    maxMemory: evalMaxMemory,
  });
  // What is not locked is refused, and copied nowhere, as long as evaluation is pure.
  const isPure = !settings.options.some(([name]) => name === "pure-eval");
  // While nix evaluates, what is asked next is started and loaded.
  const begin = (likely: LikelyFlake | undefined, asked: AskedOfFlake) => {
    if (isPure && likely !== undefined) evaluations.begin(likely, asked);
    store.begin();
    loadBuilds().catch(() => {});
  };
  return {
    referTo: (text) => referTo(nix, text),
    async locate(reference) {
      const { local, dir } = await findSource(nix, reference);
      return local && { ...local, dir };
    },
    lock: (reference, asked) =>
      lockFlake(nix, reference, {
        memo,
        onRead: asked && ((likely) => begin(likely, asked)),
      }),
    attributes: (flake, attributes, warn) => evaluations.attributes(flake, attributes, warn),
    inventory: (flake, attributes, options) => evaluations.inventory(flake, attributes, options),
    evaluateHosts: (hosts, options) => evaluations.hosts(hosts, options),
    async build(derived, { hosts, ...options }) {
      const { buildHosts } = await loadBuilds();
      return await buildHosts(nix, derived, {
        ...{ ...options, tempDir, store, clock },
        settings: settingsOf(hosts),
        again: (lost) => evaluations.hosts(lost, { progress: () => {}, warn: () => {}, onDerived: () => {} }),
        onBegun: () => memo?.begin(),
      });
    },
    outputsOf: (hosts) => outputsOfHosts(store, hosts),
    async present(paths) {
      if (paths.length === 0) return new Set();
      const there = await store.hold(paths);
      return new Set(paths.filter((path) => there.has(path)));
    },
    async diffClosures(before, after) {
      const { diffClosures } = await import("./closures.ts");
      return await diffClosures(nix, before, after);
    },
    async [Symbol.asyncDispose]() {
      evaluations.stop();
      await held.disposeAsync();
    },
  };
}

const loadBuilds = () => import("./build.ts");

/** What nix goes by of the flakes' settings. Those of the flake that is released have the last word. */
function settingsOf(hosts: readonly HostInFlake[]): NixConfig["used"] {
  const [current, pinned] = [true, false].map((isCurrent) =>
    new Set(hosts.filter(({ pinnedTo }) => (pinnedTo === null) === isCurrent).map(({ flake }) => flake))
  );
  return [...pinned!, ...current!].flatMap(({ nixConfig }) => nixConfig.used);
}
