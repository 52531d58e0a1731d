/**
 * Options and grants that several commands have.
 *
 * @module
 */
import { resolve } from "@std/path";
import type { Given } from "../cli/command.ts";
import type { Grant, Surroundings } from "../cli/grant.ts";
import { choice, flag, number, type Option, pathRead, text } from "../cli/option.ts";
import { FLEET_FILE } from "../contract/layout.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { ReleaseError } from "../errors.ts";
import { looksLikeKey } from "../secrets.ts";

/** What every command answers. */
export const HELP_OPTIONS = {
  "help": flag({ short: "h", group: "Output", help: "print this" }),
  "version": flag({ short: "V", group: "Output", help: "print the version" }),
};

/** How a command that takes its time tells what it does. */
export const LOG_OPTIONS = {
  "log-format": choice({
    group: "Output",
    placeholder: "FORMAT",
    choices: ["pretty", "json"],
    default: "pretty",
    // As the reference calls it.
    also: { text: "pretty" },
    help: "pretty, or json for one object a line on stderr",
  }),
  "verbose": flag({
    short: "v",
    group: "Output",
    help: "show each command, so that it can be copied, and its output",
  }),
};

/** The file that an option names, to be read. */
export function readFile(option: string, why: string): Grant<string> {
  return {
    permission: "read",
    what: `the file of \`--${option}\``,
    why,
    of: (path, { cwd }) => [resolve(cwd, path)],
  };
}

/** The keys that consumers trust. */
export function trustFile(help: string): Option<string | undefined> {
  return pathRead({
    group: "Trust",
    placeholder: "FILE",
    oneWayTo: "trust",
    help,
    permits: [readFile("trust-file", "the keys to verify with")],
  });
}

/** The one key that consumers trust. */
export function oneKey(help: string): Option<string | undefined> {
  return text({ group: "Trust", placeholder: "ALGORITHM:BASE64", oneWayTo: "trust", help });
}

/** What the fleet's file is called. */
export function fleetFile(group: string): Option<string> {
  return text({ group, placeholder: "NAME", default: FLEET_FILE, help: "file name of the fleet artifact" });
}

/** Of how many releases rollout manifests are kept: hosts that were away come back to the fleet, not to its history. */
export const KEEP_RELEASES = 10;

/** A number of seconds; undefined: no limit. */
export function seconds({ group, help }: { group: string; help: string }): Option<number | undefined> {
  return number({ group, placeholder: "SECONDS", least: 1, empty: "not given", help });
}

/** How long another run is waited for. */
export function waitLock(group: string): Option<number | undefined> {
  return seconds({
    group,
    help: "wait as long for another run on the release directory, in place of ending at once",
  });
}

/**
 * The files that keep one run at a time on a release directory.
 *
 * @param read The directory as the user gave it, and whether its repository is committed to
 */
export function lockGrants<Subject>(
  read: (subject: Subject) => { readonly dir: string; readonly commits: boolean },
): Grant<Subject>[] {
  return (["read", "write"] as const).map((permission) => ({
    permission,
    what: "the locks of the release directory: files in its repository's `.git`, or one beside it or in it",
    why: "so that one run at a time is at work there; they say which process that is",
    of: (subject, { cwd, lockFilesOf }) => {
      const { dir, commits } = read(subject);
      const files = lockFilesOf(resolve(cwd, dir), dir);
      return commits && files.commits !== undefined ? [...files.directory, files.commits] : files.directory;
    },
  }));
}

/** The exit codes of commands that want the release directory for themselves, and end well when they are interrupted. */
export const INTERRUPTED = {
  75: "another run is at work on the release directory",
  129: "interrupted by SIGHUP",
  130: "interrupted by SIGINT",
  143: "interrupted by SIGTERM",
};

/** Programs, where they are on the machine. */
export function found(programs: readonly string[], { find }: Surroundings): string[] {
  return programs.flatMap((program) => find(program) ?? []);
}

/** What runs git may read beside variables by name; Deno's own process API looks at the last. */
export const MORE_VARIABLES: readonly string[] = [
  "GIT_CONFIG_KEY_*",
  "GIT_CONFIG_VALUE_*",
  "NODE_V8_COVERAGE",
];

/** How the public part of a key is printed: as what it is for, or as an object that says what it is. */
export type KeyFormat = "fragment" | "trust-file" | "public-key" | "json";

/** How a command about a key prints its public part. */
export const KEY_OUTPUT_OPTIONS = {
  "format": choice({
    group: "Output",
    placeholder: "FORMAT",
    choices: ["fragment", "trust-file", "public-key"],
    default: "fragment",
    help: "fragment: a key of a trust file; trust-file: a whole one; public-key: for --public-key",
  }),
  "json": flag({ group: "Output", help: "print one object with a schema, be it an error" }),
  ...HELP_OPTIONS,
};

/**
 * The format that is asked for.
 *
 * @throws {ReleaseError} of kind `usage` when there are two
 */
export function keyFormat({ values, given }: Given<typeof KEY_OUTPUT_OPTIONS>): KeyFormat {
  if (!values.json) return values.format;
  if (!given.has("format")) return "json";
  throw new ReleaseError("usage", `Two formats: --json and --format ${values.format}`, {
    hint: "give one of them",
  });
}

/**
 * The one operand of a command about a key: the key's file.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export function keyFile(command: string, operands: string, [file, stray]: readonly string[]): string {
  if (!file) {
    throw new ReleaseError("usage", `${command} wants ${operands}`, {
      hint: `write \`fleet-release ${command} FILE\``,
    });
  }
  if (stray !== undefined) {
    throw new ReleaseError("usage", `Unknown argument "${stray}"`, {
      hint: `usage: fleet-release ${command} FILE [OPTION...]`,
    });
  }
  if (looksLikeKey(file)) {
    throw new ReleaseError("usage", `${command} is given a key, expected ${operands}`);
  }
  return file;
}

/** What a command about a key prints of it. */
export async function printedKey(
  key: PublicKey,
  { command, file, format }: {
    readonly command: "keygen" | "pubkey";
    /** The key's file, as it was given. */
    readonly file: string;
    readonly format: KeyFormat;
  },
): Promise<string> {
  const publicKey = `${key.algorithm}:${key.bytes.toBase64()}`;
  if (format === "public-key") return `${publicKey}\n`;
  const { keyRecord, trustFileOf } = await import("../verify/trust.ts");
  if (format !== "json") {
    return `${JSON.stringify(format === "fragment" ? keyRecord(key) : trustFileOf(key), null, 2)}\n`;
  }
  const { jsonDocument } = await import("../report/json.ts");
  return jsonDocument(command, { file, key: keyRecord(key), publicKey });
}
