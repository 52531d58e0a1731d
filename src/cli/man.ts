/**
 * The manual page, which is made from the commands as their help is.
 *
 * @module
 */
import type { Command } from "./command.ts";
import type { Option } from "./option.ts";

/**
 * The manual page in the language of man(7).
 *
 * @param commands All of them; the first needs no name
 * @param version That of the program
 */
export function manPage(commands: readonly Command[], version: string): string {
  const lines = [
    // A page is the same whenever it is made, so it has no date.
    `.TH FLEET\\-RELEASE 1 "" "fleet\\-release ${roff(version)}" "User Commands"`,
    // Not spread to the right margin: an option is found where one blank is one.
    ".ad l",
    ".SH NAME",
    `fleet\\-release \\- ${roff("signed releases of Nix fleets")}`,
    ".SH SYNOPSIS",
    ...commands.flatMap(({ usage }) => usage).flatMap((line, index) => [
      ...(index === 0 ? [] : [".br"]),
      `\\fBfleet\\-release\\fR ${roff(line)}`,
    ]),
    ".SH DESCRIPTION",
    ...paragraph(commands[0]!.about),
    ...commands.flatMap(({ name, summary }) => item(bold(name), summary)),
    ...item(bold("help"), "print the help of a command"),
    ".PP",
    ...paragraph(
      "`--print-permissions` before all other arguments prints what Deno permits such a run, and does no more.",
    ),
    ...commands.flatMap(section),
    ".SH ENVIRONMENT",
    ...variables(commands).flatMap(([variable, flags]) =>
      item(bold(variable), `holds where ${flags.map((flag) => `\`--${flag}\``).join(" or ")} is not given`)
    ),
    ".SH SEE ALSO",
    "\\fBnix\\fR(1), \\fBgit\\fR(1)",
  ];
  return `${lines.join("\n")}\n`;
}

/** All of one command. */
function section({ name, usage, about, options, exitCodes, example }: Command): string[] {
  const groups = Map.groupBy(Object.entries(options), ([, { group }]) => group);
  return [
    `.SH "${roff(`fleet-release ${name}`.toUpperCase())}"`,
    ...usage.flatMap((
      line,
      index,
    ) => [...(index === 0 ? [] : [".br"]), `\\fBfleet\\-release\\fR ${roff(line)}`]),
    ".PP",
    ...paragraph(about),
    ...[...groups].flatMap(([group, entries]) => [
      `.SS "${roff(group)}"`,
      ...entries.flatMap(([flag, option]) => item(signature(flag, option), helpOf(option))),
    ]),
    '.SS "Exit codes"',
    ...Object.entries(exitCodes).flatMap(([code, meaning]) => item(bold(code), meaning)),
    '.SS "Example"',
    ".nf",
    ...example.split("\n").map(roff),
    ".fi",
  ];
}

function signature(flag: string, { short, placeholder }: Option): string {
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${flag}`].map(bold).join(", ");
  return placeholder === undefined ? names : `${names} \\fI${roff(placeholder)}\\fR`;
}

function helpOf({ help, defaultText, env }: Option): string {
  const more = [
    ...(defaultText === undefined ? [] : [`default: ${defaultText}`]),
    ...(env === undefined ? [] : [`env: ${env}`]),
  ];
  return more.length === 0 ? help : `${help} [${more.join(", ")}]`;
}

/** The variables that options are read from, each with these options. */
function variables(commands: readonly Command[]): [string, string[]][] {
  const all = commands.flatMap(({ options }) =>
    Object.entries(options).flatMap(([flag, { env }]) => env === undefined ? [] : [{ flag, env }])
  );
  return [...Map.groupBy(all, ({ env }) => env)].map(([env, options]) => [
    env,
    [...new Set(options.map(({ flag }) => flag))],
  ]);
}

/** A tag, which is roff, and a text that stands beside it. */
function item(tag: string, text: string): string[] {
  return [".TP", tag, ...paragraph(text)];
}

/** A text of which what is in backticks is bold, in lines that are not too long for who reads the roff. */
function paragraph(text: string): string[] {
  const parts = text.replaceAll("\n", " ").split(/`([^`]*)`/).map((part, index) =>
    index % 2 === 1 ? bold(part) : roff(part)
  );
  const lines: string[] = [];
  for (const word of parts.join("").split(" ").filter((word) => word !== "")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= 80) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word.startsWith(".") ? `\\&${word}` : word);
  }
  return lines;
}

function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

/**
 * A text of which nothing is taken for roff: not at the beginning of a line, where a dot or a quote would be, and not
 * within the quotes of an argument. Dashes and quotes stay those that a shell reads, for who copies them.
 */
function roff(text: string): string {
  return text.replace(/^[.]|[\\\-'"`^~]|[^\x20-\x7e]/gu, (char) => ESCAPES[char] ?? unicode(char));
}

const ESCAPES: Readonly<Record<string, string>> = {
  ".": "\\&.",
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

function unicode(char: string): string {
  return `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;
}
