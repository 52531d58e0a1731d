/**
 * The program's commands, of which a release evaluates, builds and commits in memory. All else that it does is real.
 *
 * @module
 */
import { openPorts } from "../../src/adapters/ports.ts";
import type { CommandList } from "../../src/cli/command_line.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { RELEASE, VARIABLES } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";
import { release } from "../../src/pipeline.ts";
import { signKeyVariable } from "../../src/secrets.ts";
import { startRun } from "../../src/stages/run.ts";
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
          const { config, json } = request.settings as { config: ReleaseConfig; json: boolean };
          return {
            ...request,
            async run({ world, log }) {
              const { cwd, clock, cores } = world;
              const variable = signKeyVariable(config.signKey);
              const own = [...config.hookEnv, ...(variable === undefined ? [] : [variable])];
              const env = world.environment.require([...VARIABLES, ...own]);
              const hidden = ["NIXFLEET_PUSH_CMD", "NIXFLEET_SIGN_CMD"];
              await using opened = await openPorts(config, { cwd, env, hidden, log, clock, cores });
              const { nix, git } = memory.ports();
              const outcome = await release(startRun(config, { ...opened, nix, git }, world.signal));
              if (json) world.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
              return 0;
            },
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
