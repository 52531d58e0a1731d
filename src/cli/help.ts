/**
 * The texts that are made from the table of options.
 *
 * @module
 */
import { ALL_OPTIONS, type Option } from "./options.ts";

const USAGE = `Usage: fleet-release --sign-cmd COMMAND [OPTION...]

Turns one commit of a Nix fleet into a signed release.`;

const EPILOGUE = `Exit codes:
  0  released, or nothing to change
  1  usage, configuration, evaluation, build, git, input or output
  2  a push or sign hook failed
  3  a signed artifact could not be read back as a consumer would

Example:
  fleet-release --sign-cmd 'openssl pkeyutl -sign -rawin -inkey ci.pem -in "$NIXFLEET_INPUT" -out "$NIXFLEET_OUTPUT"' \\
    --push-cmd 'nix copy --to https://cache.example.com "$NIXFLEET_PATH"' --git-push origin:main`;

/** The text of `--help`. */
export function helpText(): string {
  const width = Math.max(...ALL_OPTIONS.map((option) => signature(option).length)) + 4;
  const groups = Map.groupBy(ALL_OPTIONS, ({ group }) => group);
  const sections = [...groups].map(([group, options]) =>
    [`${group}:`, ...options.map((option) => `  ${signature(option).padEnd(width)}${help(option)}`)].join(
      "\n",
    )
  );
  return [USAGE, ...sections, EPILOGUE].join("\n\n");
}

/** The options as a Markdown table, for the README, padded as the formatter pads it. */
export function optionsTable(): string {
  const rows = ALL_OPTIONS.map((option) => {
    const more = [
      ...(option.default === undefined ? [] : [`default \`${option.default}\``]),
      ...(option.env === undefined ? [] : [`env \`${option.env}\``]),
    ];
    return [
      `\`${signature(option).trim()}\``,
      `${option.help}${more.length === 0 ? "" : ` (${more.join(", ")})`}`,
    ];
  });
  const cells = [["option", "what it does"], ...rows];
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(cells[0]!), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
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
