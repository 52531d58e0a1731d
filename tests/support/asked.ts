/**
 * Command lines, read without a process around them.
 *
 * @module
 */
import type { Settings } from "../../src/cli/arguments.ts";
import type { Command } from "../../src/cli/command.ts";
import {
  type CommandList,
  type Invocation,
  type LogStyle,
  readCommandLine,
  type Sources,
  type Telling,
} from "../../src/cli/command_line.ts";
import { COMMANDS } from "../../src/commands/list.ts";
import { defaultConfig } from "../../src/commands/release.ts";
import type { ReleaseConfig } from "../../src/config.ts";

/** All commands, in the order of `--help`. */
export const ALL: readonly Command[] = await Promise.all(Object.values(COMMANDS).map((load) => load()));

/** What lies below a command line. */
export interface Layers extends Pick<Sources, "onTelling"> {
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Settings;
  /** By default those of the program. */
  readonly commands?: CommandList;
}

/** Reads a command line. */
export function read(
  args: readonly string[],
  { env = {}, settings = {}, commands = COMMANDS, ...others }: Layers = {},
): Promise<Invocation> {
  return readCommandLine(commands, args, { env, settings: () => Promise.resolve(settings), ...others });
}

/** What a command line asks for, as far as it can be compared. */
export type Asked =
  | { readonly kind: "help"; readonly of: string }
  | { readonly kind: "version" }
  | {
    readonly command: string;
    readonly settings: unknown;
    /** Of the commands that can be told how to log. */
    readonly log?: LogStyle | undefined;
  };

/** Reads a command line, and gives what it asks for. */
export async function asked(args: readonly string[], layers: Layers = {}): Promise<Asked> {
  let log: Telling["log"];
  const onTelling = (how: Telling) => {
    log = how.log;
    layers.onTelling?.(how);
  };
  const invocation = await read(args, { ...layers, onTelling });
  if (invocation.kind !== "request") return invocation;
  const { command, request } = invocation;
  return { command: command.name, settings: request.settings, ...(log === undefined ? {} : { log }) };
}

/** Reads the command line of a release, and gives its whole configuration. */
export async function askedConfig(args: readonly string[], layers: Layers = {}): Promise<ReleaseConfig> {
  const invocation = await read(args, layers);
  if (invocation.kind !== "request" || invocation.command.name !== "release") {
    throw new Error(`Expected a release, but got ${Deno.inspect(invocation)}`);
  }
  return (invocation.request.settings as { readonly config: ReleaseConfig }).config;
}

/** How a release that is told nothing else is printed and logged. */
export interface Output {
  readonly json?: boolean;
  readonly report?: string;
  readonly format?: "pretty" | "json";
  readonly verbose?: boolean;
}

/** A release that differs in this from one that is told nothing. */
export function releaseAsked(
  config: Partial<ReleaseConfig>,
  { json = false, report, format = "pretty", verbose = false }: Output = {},
): Asked {
  return {
    command: "release",
    settings: { json, report, config: { ...defaultConfig(), ...config } },
    log: { format, verbose },
  };
}
