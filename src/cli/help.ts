/**
 * The texts that are made from the commands.
 *
 * @module
 */
import { markdownTable } from "../text.ts";
import type { Command } from "./command.ts";
import type { Option } from "./option.ts";

/**
 * The text of `--help` of a command.
 *
 * @param all All commands, for the one that needs no name and whose help is that of the whole program
 */
export function helpText(
  { usage, about, options, exitCodes, example }: Command,
  all: readonly Command[] = [],
): string {
  const lines = Object.entries(options).map(([flag, option]) => ({ option, left: signature(flag, option) }));
  const width = Math.max(...lines.map(({ left }) => left.length)) + 4;
  const groups = Map.groupBy(lines, ({ option }) => option.group);
  const codes = Object.entries(exitCodes);
  const codeWidth = Math.max(...codes.map(([code]) => code.length));
  const sections = [...groups].map(([group, lines]) =>
    [`${group}:`, ...lines.map(({ option, left }) => `  ${left.padEnd(width)}${help(option)}`)].join("\n")
  );
  return [
    usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} fleet-release ${line}`).join("\n"),
    about,
    ...(all.length === 0 ? [] : [commandList(all)]),
    ...sections,
    ["Exit codes:", ...codes.map(([code, meaning]) => `  ${code.padEnd(codeWidth)}  ${meaning}`)].join("\n"),
    `Example:\n  ${example}`,
  ].join("\n\n");
}

function commandList(commands: readonly Command[]): string {
  return [
    "Commands, each with a --help of its own:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`),
    "",
    "--print-permissions before all other arguments prints what Deno permits such a run, and does no more.",
  ].join("\n");
}

/** The commands as a Markdown table, for the README. */
export function commandsTable(commands: readonly Command[]): string {
  return markdownTable([
    ["command", "what it does"],
    ...commands.map(({ name, summary }) => [`\`${name}\``, summary]),
  ]);
}

/** The options of a command as a Markdown table, for the README, padded as the formatter pads it. */
export function optionsTable({ options }: Command): string {
  const rows = Object.entries(options).map(([flag, option]) => {
    const { help, defaultText, env } = option;
    const more = [
      ...(defaultText === undefined ? [] : [`default \`${defaultText}\``]),
      ...(env === undefined ? [] : [`env \`${env}\``]),
    ];
    return [
      `\`${signature(flag, option).trim()}\``,
      `${help}${more.length === 0 ? "" : ` (${more.join(", ")})`}`,
    ];
  });
  return markdownTable([["option", "what it does"], ...rows]);
}

function signature(flag: string, { short, placeholder }: Option): string {
  const value = placeholder === undefined ? "" : ` ${placeholder}`;
  return `${short === undefined ? "    " : `-${short}, `}--${flag}${value}`;
}

function help({ help, defaultText, env }: Option): string {
  const more = [
    ...(defaultText === undefined ? [] : [`default: ${defaultText}`]),
    ...(env === undefined ? [] : [`env: ${env}`]),
  ];
  return more.length === 0 ? help : `${help} [${more.join(", ")}]`;
}
