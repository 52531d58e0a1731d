/**
 * What the scripts of all shells are made with.
 *
 * @module
 */
import { FLEET_FILE } from "../../contract/layout.ts";
import type { Command } from "../command.ts";
import type { Offer, Option } from "../option.ts";

/** What `help` is told of, which is no command of its own. */
export const HELP = { name: "help", summary: "print the help of a command" };

/** What stands for the marks of a script: what is put in the place of `@name@`. */
export type Marks = Readonly<Record<string, readonly string[]>>;

/** What all scripts say of the commands; the first needs no name. */
export function commonMarks(commands: readonly Command[], divider: string): Marks {
  const names = commands.map(({ name }) => name);
  return {
    names: [[...names, HELP.name].join(divider)],
    default: [names[0]!],
    artifact: [FLEET_FILE],
  };
}

/** A script with something in the place of its marks; a mark that stands alone gets lines as far in as it is. */
export function filled(script: string, marks: Marks): string {
  return script.replace(
    /^( *)@(\w+)@\n|@(\w+)@/gm,
    (_, margin: string, alone: string | undefined, within: string) =>
      alone === undefined
        ? marks[within]!.join(" ")
        : marks[alone]!.map((line) => `${margin}${line}\n`).join(""),
  );
}

/** What is offered for the value of an option; undefined: nothing stands behind it, null: nothing is offered. */
export function offerOf({ kind, offers, choices }: Option): Offer | null | undefined {
  if (kind === "switch") return undefined;
  if (offers !== undefined) return offers;
  if (kind === "boolean") return ["true", "false"];
  if (kind === "path-read" || kind === "path-written") return "files";
  return choices ?? null;
}

/** An option as it is given: by its long name, and by one letter where there is one. */
export interface WrittenOption {
  readonly names: readonly string[];
  readonly option: Option;
}

/** All options of a command as they are given. */
export function written({ options }: Command): WrittenOption[] {
  return Object.entries(options).map(([flag, option]) => ({
    option,
    names: [`--${flag}`, ...(option.short === undefined ? [] : [`-${option.short}`])],
  }));
}

/** A word that a shell takes as it is. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
