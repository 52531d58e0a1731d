/**
 * How far the builds of hosts have come, by what the processes that build them tell.
 *
 * @module
 */
import type { HostDerivation } from "../../model.ts";
import type { BuildProgress, Clock } from "../../ports.ts";
import { BuildLog } from "./build_log.ts";

/** Hosts that one process builds. */
export interface HostsInBuild {
  /** Takes one line that it wrote to stderr, and gives the text in it that is for people, if there is any. */
  add(line: string): string | undefined;
  /** Told that it has ended, and whether everything is built. */
  end(isBuilt: boolean): void;
}

/** Tells of the hosts whose builds are under way. */
export class HostBuilds {
  /** What all processes have said. */
  readonly log: BuildLog;
  readonly #progress: BuildProgress;
  readonly #clock: Clock;
  /** Of a process that has failed some are asked for again. */
  readonly #done = new Set<HostDerivation>();

  constructor(progress: BuildProgress, clock: Clock) {
    this.#progress = progress;
    this.#clock = clock;
    this.log = new BuildLog(progress.onBuilds);
  }

  /**
   * A process begins to build hosts. Each counts as begun from now on, since what it needs is built before it, once there
   * is something to do for it; and is done when it is built, or at the latest with the process.
   */
  begin(hosts: readonly HostDerivation[]): HostsInBuild {
    const { onHost } = this.#progress;
    const since = this.#clock.monotonic();
    const byPath = [
      Map.groupBy(hosts, ({ drvPath }) => drvPath),
      Map.groupBy(hosts, ({ outPath }) => outPath),
    ];
    const waiting = new Set(hosts.filter((host) => !this.#done.has(host)));
    const begun = new Set<HostDerivation>();
    const log = this.log.open(hosts.map(({ drvPath }) => drvPath), (path, state) => {
      for (const host of byPath.flatMap((hosts) => hosts.get(path) ?? [])) {
        if (state === "started") {
          begun.add(host);
          onHost(host.name, "started", since);
        } else if (state === "done" && waiting.delete(host)) this.done(host);
      }
    });
    return {
      add: (line) => log.add(line),
      end: (isBuilt) => {
        for (const host of waiting) {
          // Of what was built before nothing is said.
          if (isBuilt) this.done(host);
          else if (begun.has(host)) onHost(host.name, "stopped");
        }
      },
    };
  }
  /** A host is built. */
  done(host: HostDerivation): void {
    if (this.#done.has(host)) return;
    this.#done.add(host);
    this.#progress.onHost(host.name, "done");
  }
}
