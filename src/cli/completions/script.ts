/**
 * The completions of a shell: a script of that shell in which the commands and their options stand, so that it knows
 * them without starting the program.
 *
 * @module
 */
import type { Command } from "../command.ts";

/** The shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of them. */
export type ShellName = (typeof SHELLS)[number];

/** Whether there are completions for it. */
export function isShellName(name: string): name is ShellName {
  return (SHELLS as readonly string[]).includes(name);
}

/**
 * The script to be read by a shell.
 *
 * @param commands All of them; the first needs no name
 */
export async function completionScript(shell: ShellName, commands: readonly Command[]): Promise<string> {
  switch (shell) {
    case "bash":
      return (await import("./bash.ts")).bashScript(commands);
    case "zsh":
      return (await import("./zsh.ts")).zshScript(commands);
    case "fish":
      return (await import("./fish.ts")).fishScript(commands);
  }
}
