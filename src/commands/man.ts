/**
 * `fleet-release man`: the manual page.
 *
 * @module
 */
import { type Command, defineCommand } from "../cli/command.ts";
import type { CommandList } from "../cli/command_line.ts";
import { HELP_OPTIONS } from "./shared.ts";

/**
 * Makes the command.
 *
 * @param commands What the page is about
 */
export function manOf(commands: CommandList): Command {
  return defineCommand({
    name: "man",
    usage: ["man"],
    summary: "print the manual page",
    about:
      "Prints the manual page, of all commands, in the language of man(1). The nix package has it installed: `man\n" +
      "fleet-release` shows it.",
    options: HELP_OPTIONS,
    onlyTells: true,
    exitCodes: { 0: "printed", 1: "usage" },
    example: "fleet-release man | man -l -",
    variables: [],
    grants: [],
    read: () => ({}),
    async run(_settings, { world }) {
      const [{ manPage }, { default: { version } }] = await Promise.all([
        import("../cli/man.ts"),
        import("../../deno.json", { with: { type: "json" } }),
      ]);
      const all = await Promise.all(Object.values(commands).map((load) => load()));
      world.stdout.write(manPage(all, version));
      return 0;
    },
  });
}
