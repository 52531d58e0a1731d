/**
 * The completions of zsh.
 *
 * @module
 */
import type { Command } from "../command.ts";
import type { Offer } from "../option.ts";
import {
  commonMarks,
  filled,
  HELP,
  type Marks,
  offerOf,
  shellQuoted,
  written,
  type WrittenOption,
} from "./filled.ts";
import script from "./fleet-release.zsh" with { type: "text" };
import awk from "./hosts.awk" with { type: "text" };

/** The script; the first of the commands needs no name. */
export function zshScript(commands: readonly Command[]): string {
  return filled(script, { ...commonMarks(commands, "|"), ...marks(commands), awk: [shellQuoted(awk)] });
}

function marks(commands: readonly Command[]): Marks {
  return {
    descriptions: [...commands, HELP].map(({ name, summary }) =>
      shellQuoted(`${name}:${summary.replace(/[\\:]/g, "\\$&")}`)
    ),
    commands: [
      ...commands.flatMap((command) => [
        `${command.name})`,
        ...zshArguments([
          ...written(command).flatMap(zshOption),
          ...(command.offers === undefined
            ? []
            : [`*:${zshMessage(command.operands ?? "")}:${zshAction(command.offers)}`]),
        ]),
        "  ;;",
      ]),
      `${HELP.name}) _describe -t commands command all ;;`,
    ],
  };
}

function zshArguments(specs: readonly string[]): string[] {
  return [
    "  _arguments -s -S \\",
    ...specs.map((spec, index) => `    ${shellQuoted(spec)}${index === specs.length - 1 ? "" : " \\"}`),
  ];
}

function zshOption({ names, option }: WrittenOption): string[] {
  const { kind, help, placeholder = "" } = option;
  const others = names.length === 1 ? "" : `(${names.join(" ")})`;
  const about = `[${help.replace(/[\\[\]:]/g, "\\$&")}]`;
  if (kind === "pairs") {
    return names.map((name) =>
      `*${name}${about}${placeholder.split(" ").map((word) => `:${word}: `).join("")}`
    );
  }
  const offer = offerOf(option);
  return names.map((name) =>
    offer === undefined
      ? `${others}${name}${about}`
      : `${others}${name}${name.startsWith("--") ? "=" : ""}${about}:${zshMessage(placeholder)}:${
        zshAction(offer)
      }`
  );
}

function zshMessage(text: string): string {
  return text.replace(/[\\:]/g, "\\$&");
}

function zshAction(offer: Offer | null): string {
  if (offer === null) return " ";
  if (typeof offer !== "string") return `(${offer.join(" ")})`;
  return {
    files: "_files",
    directories: "_files -/",
    revisions: "_fleet-release-revisions",
    releases: "_fleet-release-releases",
    hosts: "_fleet-release-hosts",
  }[offer];
}
