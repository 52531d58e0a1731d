/**
 * `fleet-release completions`: what a shell completes command lines by.
 *
 * @module
 */
import { type Command, defineCommand } from "../cli/command.ts";
import type { CommandList } from "../cli/command_line.ts";
import { completionScript, isShellName, type ShellName, SHELLS } from "../cli/completions/script.ts";
import { ReleaseError } from "../errors.ts";
import { nearest } from "../text.ts";
import { HELP_OPTIONS } from "./shared.ts";

/** What `completions` is told. */
interface CompletionsSettings {
  readonly shell: ShellName;
}

/**
 * Makes the command.
 *
 * @param commands What is completed
 */
export function completionsOf(commands: CommandList): Command {
  return defineCommand({
    name: "completions",
    usage: ["completions bash|zsh|fish"],
    summary: "print completions for bash, zsh or fish",
    about:
      "Prints a script by which a shell completes commands, options and their values, without starting this program.\n" +
      "For --hosts it offers hosts, @tags and %channels of the release on disk, in the --release-dir of the line or\n" +
      "else in `releases`, and verifies nothing of it.",
    options: HELP_OPTIONS,
    operands: "a shell",
    offers: SHELLS,
    onlyTells: true,
    exitCodes: { 0: "printed", 1: "usage" },
    example: 'eval "$(fleet-release completions bash)"',
    variables: [],
    grants: [],
    read: ({ operands }): CompletionsSettings => ({ shell: shellOf(operands) }),
    async run({ shell }, { world }) {
      const all = await Promise.all(Object.values(commands).map((load) => load()));
      world.stdout.write(await completionScript(shell, all));
      return 0;
    },
  });
}

/** @throws {ReleaseError} of kind `usage` */
function shellOf([name, stray]: readonly string[]): ShellName {
  const shells = `${SHELLS.slice(0, -1).join(", ")} or ${SHELLS.at(-1)}`;
  if (name === undefined) {
    throw new ReleaseError("usage", "completions wants a shell", { hint: `write ${shells} behind it` });
  }
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: "usage: fleet-release completions bash|zsh|fish",
    });
  }
  if (isShellName(name)) return name;
  const meant = nearest(name, SHELLS);
  throw new ReleaseError("usage", `There are no completions for "${name}", expected ${shells}`, {
    hint: meant === undefined ? undefined : `did you mean "${meant}"?`,
  });
}
