/**
 * The completions of bash.
 *
 * @module
 */
import type { Command } from "../command.ts";
import type { Offer } from "../option.ts";
import { commonMarks, filled, HELP, type Marks, offerOf, shellQuoted, written } from "./filled.ts";
import script from "./fleet-release.bash" with { type: "text" };
import awk from "./hosts.awk" with { type: "text" };

/** The script; the first of the commands needs no name. */
export function bashScript(commands: readonly Command[]): string {
  return filled(script, { ...commonMarks(commands, "|"), ...marks(commands), awk: [shellQuoted(awk)] });
}

function marks(commands: readonly Command[]): Marks {
  const names = commands.map(({ name }) => name);
  return {
    all: [[...names, HELP.name].join(" ")],
    commands: [
      ...commands.flatMap((command) => [
        `${command.name})`,
        `  flags='${written(command).flatMap(({ names }) => names).join(" ")}'`,
        `  operands='${bashOffer(command.offers ?? null)}'`,
        "  ;;",
      ]),
      `${HELP.name}) flags='' operands='words ${names.join(" ")}' ;;`,
    ],
    values: commands.flatMap((command) =>
      [...Map.groupBy(
        written(command).filter(({ option }) => option.kind !== "switch"),
        ({ option }) => option.kind === "pairs" ? "pair" : bashOffer(offerOf(option) ?? null),
      )].map(([offer, options]) => {
        const patterns = options.flatMap(({ names }) => names).map((name) => `'${command.name} ${name}'`);
        return `${patterns.join(" | ")}) offer='${offer}' ;;`;
      })
    ),
  };
}

function bashOffer(offer: Offer | null): string {
  return offer === null ? "nothing" : typeof offer === "string" ? offer : `words ${offer.join(" ")}`;
}
