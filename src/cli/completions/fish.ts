/**
 * The completions of fish.
 *
 * @module
 */
import type { Command } from "../command.ts";
import type { Offer } from "../option.ts";
import { commonMarks, filled, HELP, type Marks, offerOf, shellQuoted } from "./filled.ts";
import script from "./fleet-release.fish" with { type: "text" };
import awk from "./hosts.awk" with { type: "text" };

/** The script; the first of the commands needs no name. */
export function fishScript(commands: readonly Command[]): string {
  return filled(script, { ...commonMarks(commands, " "), ...marks(commands), awk: [fishQuoted(awk)] });
}

function marks(commands: readonly Command[]): Marks {
  const line = (condition: string, rest: string) =>
    `complete -c fleet-release -n ${shellQuoted(condition)} ${rest}`;
  return {
    commands: [
      ...[...commands, HELP].map(({ name, summary }) =>
        line("__fleet_release_first", `-a ${name} -d ${fishQuoted(summary)}`)
      ),
      ...commands.flatMap((command) => {
        const given = `__fleet_release_is ${command.name}`;
        return [
          ...Object.entries(command.options).map(([flag, option]) => {
            const short = option.short === undefined ? "" : ` -s ${option.short}`;
            return line(
              given,
              `-l ${flag}${short}${fishOffer(offerOf(option))} -d ${fishQuoted(option.help)}`,
            );
          }),
          ...(command.offers === undefined
            ? []
            : [line(given, fishOffer(command.offers).replace(/^ -[rx] /, ""))]),
        ];
      }),
      line(`__fleet_release_is ${HELP.name}`, `-a '${commands.map(({ name }) => name).join(" ")}'`),
    ],
  };
}

function fishOffer(offer: Offer | null | undefined): string {
  if (offer === undefined) return "";
  if (offer === null) return " -x";
  if (typeof offer !== "string") return ` -x -a '${offer.join(" ")}'`;
  return {
    files: " -r -F",
    directories: " -x -a '(__fish_complete_directories)'",
    revisions: " -x -a '(__fleet_release_revisions)'",
    releases: " -x -a '(__fleet_release_releases)'",
    hosts: " -x -a '(__fleet_release_hosts)'",
  }[offer];
}

/** A word of fish, in which a backslash is one within quotes, too. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
