/**
 * The texts that are made from the tables of commands and options.
 *
 * @module
 */
import { markdownTable } from "../text.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "./commands.ts";
import { type Option, RELEASE_OPTIONS } from "./options.ts";

/** The text of `--help`: of a command, and of the whole program when it is the one that needs no name. */
export function helpText(name: CommandName = "release"): string {
  const { usage, about, options, exitCodes, example }: CommandSpec = COMMANDS[name];
  const width = Math.max(...options.map((option) => signature(option).length)) + 4;
  const groups = Map.groupBy(options, ({ group }) => group);
  const sections = [...groups].map(([group, options]) =>
    [`${group}:`, ...options.map((option) => `  ${signature(option).padEnd(width)}${help(option)}`)].join(
      "\n",
    )
  );
  return [
    usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} fleet-release ${line}`).join("\n"),
    about,
    ...(name === "release" ? [commandList()] : []),
    ...sections,
    ["Exit codes:", ...exitCodes.map((meaning, code) => `  ${code}  ${meaning}`)].join("\n"),
    `Example:\n  ${example}`,
  ].join("\n\n");
}

function commandList(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return [
    "Commands, each with a --help of its own:",
    ...commands,
    "",
    "--print-permissions before all other arguments prints what Deno permits such a run, and does no more.",
  ].join("\n");
}

/** The options of a release as a Markdown table, for the README, padded as the formatter pads it. */
export function optionsTable(): string {
  const rows = RELEASE_OPTIONS.map((option: Option) => {
    const more = [
      ...(option.default === undefined ? [] : [`default \`${option.default}\``]),
      ...(option.env === undefined ? [] : [`env \`${option.env}\``]),
    ];
    return [
      `\`${signature(option).trim()}\``,
      `${option.help}${more.length === 0 ? "" : ` (${more.join(", ")})`}`,
    ];
  });
  return markdownTable([["option", "what it does"], ...rows]);
}

function signature({ flag, short, value }: Option): string {
  return `${short === undefined ? "    " : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`;
}

function help(option: Option): string {
  const more = [
    ...(option.default === undefined ? [] : [`default: ${option.default}`]),
    ...(option.env === undefined ? [] : [`env: ${option.env}`]),
  ];
  return more.length === 0 ? option.help : `${option.help} [${more.join(", ")}]`;
}
