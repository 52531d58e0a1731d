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
import type { Look } from "./run.ts";
import type { Stream } from "./stream.ts";

/** What comes to be built, and what is told of each that is. */
export interface ToBuild {
  readonly fleet: Pick<FleetToRelease, "hosts" | "storeDir">;
  readonly derived: Stream<DerivedHost>;
  /** Is ended. */
  readonly built: Stream<BuiltHost>;
}

/**
 * Builds the hosts as they come, and hands each on with its closure as soon as it has that.
 *
 * @returns all of them, in the order of the fleet
 * @throws {ReleaseError} of kind `build` when one is not built, or nix gives no store path for it
 */
export async function buildHosts(run: Look, { fleet, derived, built }: ToBuild): Promise<BuiltHost[]> {
  try {
    const first = await derived.next();
    // None evaluates, which evaluation tells of.
    if (first === undefined) return [];
    const count = plural(fleet.hosts.length, "host");
    return await run.stage(
      {
        name: "build",
        title: `Building ${count}`,
        hosts: fleet.hosts.length,
        done: (closures) => `Built ${plural(closures.length, "host")}`,
        limit: {
          ...{ seconds: run.config.buildTimeout, option: "build-timeout", kind: "build" },
          // Evaluation has a limit of its own.
          from: derived.ended,
        },
      },
      () => buildEach(run, first, { fleet, derived, built }),
    );
  } finally {
    built.end();
  }
}

async function buildEach(
  run: Look,
  first: DerivedHost,
  { fleet: { hosts, storeDir }, derived, built }: ToBuild,
): Promise<BuiltHost[]> {
  const came: DerivedHost[] = [];
  const closures = new Map<string, BuiltHost>();
  const inOrder = async function* () {
    came.push(first);
    yield first;
    for await (const host of derived) {
      came.push(host);
      yield host;
    }
  };
  await run.ports.nix.build(inOrder(), {
    ...{ storeDir, hosts },
    progress: {
      onHost: (...told) => run.host("build", ...told),
      onBuilds: (builds) => run.ports.log.builds(builds),
    },
    onBuilt(host, storePath) {
      const closure = { ...host, storePath, closureHash: closureHash(storePath, storeDir) };
      closures.set(host.name, closure);
      built.push(closure);
    },
  });
  // A lost host would be withdrawn from its rollout.
  const lost = came.filter(({ name }) => !closures.has(name));
  if (lost.length > 0) {
    const names = quoteList(lost.map(({ name }) => name));
    throw new ReleaseError("build", `Nothing was built for host ${names}`);
  }
  return hosts.flatMap(({ name }) => closures.get(name) ?? []);
}
