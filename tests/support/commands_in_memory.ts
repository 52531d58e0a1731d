/**
 * The program's commands, of which a release evaluates, builds and commits in memory. All else that it does is real.
 *
 * @module
 */
import type { CommandList } from "../../src/cli/command_line.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { RELEASE, type ReleaseSettings, runRelease } from "../../src/commands/release.ts";
import type { Ports } from "../../src/ports.ts";
import { COMMIT, FakeWorld } from "./fake_ports.ts";
import type { FleetOptions } from "./fleet.ts";

/** The program's commands, of which a release takes nix and git from a world in memory. */
export function commandsIn(memory: FakeWorld): CommandList {
  return {
    ...COMMANDS,
    release: () =>
      Promise.resolve({
        ...RELEASE,
        ask(given) {
          const request = RELEASE.ask(given);
          const ports = (opened: Ports): Ports => {
            const { nix, git } = memory.ports();
            return { ...opened, nix, git };
          };
          return {
            ...request,
            run: (session) => runRelease(request.settings as ReleaseSettings, session, ports),
          };
        },
      }),
  };
}

/** A world in memory with the sample fleet in a directory. */
export function memoryOf(dir: string, { edit, nixos }: Pick<FleetOptions, "edit" | "nixos"> = {}): FakeWorld {
  const memory = new FakeWorld();
  memory.flake = { ...memory.flake, url: `git+file://${dir}?rev=${COMMIT}`, localDir: dir };
  memory.repositoryOf = (path) => path.startsWith(dir) ? { root: dir, head: COMMIT } : null;
  edit?.(memory.fleet);
  if (nixos !== undefined) memory.names = { nixos, darwin: [] };
  return memory;
}
