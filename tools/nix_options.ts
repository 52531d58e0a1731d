/**
 * Makes the options of nix/settings.nix from those of the command line: `deno task generate` writes them to
 * nix/options.json.
 *
 * @module
 */
import type { Command } from "../src/cli/command.ts";
import { camelCase, type Option } from "../src/cli/option.ts";

/** An option of nix/settings.nix. */
export interface NixOption {
  /** The same on the command line, without the dashes. */
  readonly flag: string;
  /** Its name in the settings, with a dot between a set and what is in it. */
  readonly name: string;
  /** `pairs` is an attribute set of texts, and a number may be a text too. */
  readonly type: "switch" | "text" | "number" | "list" | "pairs" | { readonly enum: readonly string[] };
  readonly default?: string;
  readonly description: string;
}

/** What is asked of one run alone: it would be wrong, or of no use, in every run of an app. */
const NO_SETTINGS = ["help", "version", "now", "confirm"];

/** All settings of a command, in the order of `--help`. */
export function nixOptions({ options }: Command): NixOption[] {
  return Object.entries(options).filter(([flag]) => !NO_SETTINGS.includes(flag)).map(([flag, option]) => ({
    flag,
    name: settingName(flag, option),
    type: settingType(option),
    ...(option.defaultText === undefined ? {} : { default: option.defaultText }),
    description: option.help,
  }));
}

/** Camel case; what is about git is in a set of its own, as `--git-user-name` in `git.userName`. */
function settingName(flag: string, { group }: Option): string {
  if (flag === "option") return "nixOptions";
  return group === "Git" ? `git.${camelCase(flag.replace(/^(git|commit)-/, ""))}` : camelCase(flag);
}

function settingType({ kind, choices = [] }: Option): NixOption["type"] {
  switch (kind) {
    case "switch":
    case "boolean":
      return "switch";
    case "choice":
      return { enum: choices };
    case "number":
    case "list":
    case "pairs":
      return kind;
    case "text":
    case "command":
    case "path-read":
    case "path-written":
      return "text";
  }
}
