/**
 * Builds every host.
 *
 * @module
 */
import { closureHash } from "../contract/store_path.ts";
import { ReleaseError } from "../errors.ts";
import type { BuiltHost, DerivedHost } from "../model.ts";
import { plural, quoteList } from "../text.ts";
import type { FleetToRelease } from "./fleet.ts";
import { withWayRound } from "./hints.ts";
import type { Run } from "./run.ts";

/**
 * Builds the hosts, and gives each with its closure, in their order.
 *
 * @throws {ReleaseError} of kind `build` when nix gives no store path for one of them
 */
export async function buildHosts(
  run: Run,
  { storeDir }: FleetToRelease,
  hosts: readonly DerivedHost[],
): Promise<BuiltHost[]> {
  const count = plural(hosts.length, "host");
  return await run.stage(
    {
      name: "build",
      title: `Building ${count}`,
      done: () => `Built ${count}`,
      limit: { seconds: run.config.buildTimeout, option: "build-timeout", kind: "build" },
    },
    async () => {
      const build = () =>
        run.ports.nix.build(hosts, storeDir, (name, state) => run.host("build", name, state));
      const paths = await withWayRound(run, hosts, build);
      // A lost host would be withdrawn from its rollout.
      const lost = hosts.filter((_, index) => paths[index] === undefined);
      if (lost.length > 0) {
        throw new ReleaseError(
          "build",
          `Nothing was built for host ${quoteList(lost.map(({ name }) => name))}`,
        );
      }
      return hosts.map((host, index) => {
        const storePath = paths[index]!;
        return { ...host, storePath, closureHash: closureHash(storePath, storeDir) };
      });
    },
  );
}
