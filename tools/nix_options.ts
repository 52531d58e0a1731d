/**
 * Makes the options of nix/settings.nix from the table of the command line: `deno task generate` writes them to
 * nix/options.json.
 *
 * @module
 */
import { type Option, RELEASE_OPTIONS } from "../src/cli/options.ts";

/** An option of nix/settings.nix. */
export interface NixOption {
  /** The same on the command line, without the dashes. */
  readonly flag: string;
  /** Its name in the settings, with a dot between a set and what is in it. */
  readonly name: string;
  /** `pairs` is an attribute set of texts. */
  readonly type: "switch" | "text" | "number" | "pairs";
  readonly default?: string;
  readonly description: string;
}

/** What is asked of one run alone: it would be wrong, or of no use, in every run of an app. */
const NO_SETTINGS = ["help", "version", "now"];

/** All settings, in the order of `--help`. */
export function nixOptions(): NixOption[] {
  return (RELEASE_OPTIONS as readonly Option[]).filter(({ flag }) => !NO_SETTINGS.includes(flag)).map((
    option,
  ) => ({
    flag: option.flag,
    name: settingName(option),
    type: settingType(option),
    ...(option.default === undefined ? {} : { default: option.default }),
    description: option.help,
  }));
}

/** Camel case; what is about git is in a set of its own, as `--git-user-name` in `git.userName`. */
function settingName({ flag, group }: Option): string {
  const camelCase = (words: string) => words.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  if (flag === "option") return "nixOptions";
  return group === "Git" ? `git.${camelCase(flag.replace(/^(git|commit)-/, ""))}` : camelCase(flag);
}

function settingType({ value, repeatable }: Option): NixOption["type"] {
  if (repeatable) return "pairs";
  if (value === undefined || value === "BOOL") return "switch";
  return value === "N" ? "number" : "text";
}
