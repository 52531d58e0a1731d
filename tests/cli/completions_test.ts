// What stands in the scripts. What shells make of them: tests/e2e/completions_test.ts.

import { assertEquals } from "@std/assert";
import { completionScript, SHELLS } from "../../src/cli/completions/script.ts";
import { main } from "../../src/main.ts";
import { ALL } from "../support/asked.ts";
import { memoryWorld } from "../support/memory_world.ts";
import { pureTest } from "../support/pure.ts";

/** The options of a command, by their long names, as a script has them. */
const LISTED: Record<(typeof SHELLS)[number], (script: string, command: string) => string[]> = {
  bash: (script, command) => {
    const [, flags = ""] = new RegExp(`^ *${command}\\)\n *flags='([^']*)'`, "m").exec(script) ?? [];
    return flags.split(" ").flatMap((flag) => /^--(.*)/.exec(flag)?.[1] ?? []);
  },
  zsh: (script, command) => {
    const [, section = ""] = new RegExp(`^  ${command}\\)\n(.*?)^ *;;`, "ms").exec(script) ?? [];
    return [...section.matchAll(/^ *'(?:\([^)]*\)|\*)?--([a-z-]+)/gm)].map(([, flag]) => flag!);
  },
  fish: (script, command) =>
    [...script.matchAll(new RegExp(`'__fleet_release_is ${command}' -l ([a-z-]+)`, "g"))].map(([, flag]) =>
      flag!
    ),
};

for (const shell of SHELLS) {
  pureTest(`the completions of ${shell} have every option of every command`, async () => {
    const { world, printed } = memoryWorld();
    assertEquals(await main(["completions", shell], world), 0);
    const { stdout, stderr } = printed();
    assertEquals([stdout, stderr], [await completionScript(shell, ALL), ""]);
    assertEquals(
      Object.fromEntries(ALL.map(({ name }) => [name, LISTED[shell](stdout, name)])),
      Object.fromEntries(ALL.map(({ name, options }) => [name, Object.keys(options)])),
    );
    // No mark is left.
    assertEquals(stdout.match(/@(commands|values|names|all|default|artifact|descriptions|awk)@/g), null);
  });
}
