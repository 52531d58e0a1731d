/**
 * nix's log as data: what it writes to stderr with `--log-format internal-json`, one event a line.
 *
 * @module
 */
import * as v from "valibot";

/** What has a nix command write its log as events. */
export const AS_EVENTS: readonly string[] = ["--log-format", "internal-json"];

/** nix's `Verbosity`, as far as it is told apart here. */
export const LEVEL = { error: 0, warning: 1, info: 3 } as const;

const PREFIX = "@nix ";

/** The id of an activity: nix puts its process's number into the upper half of 64 bits, more than numbers here can hold. */
const ID = /"id":(\d+)/;

/** Where in which file; newer versions write line and column behind the file's name too. */
const POSITION = {
  file: v.nullish(v.string()),
  line: v.nullish(v.number()),
  column: v.nullish(v.number()),
};

/** As much of nix's events as is read here. */
const EVENT = v.object({
  action: v.string(),
  id: v.optional(v.string()),
  type: v.optional(v.number()),
  level: v.optional(v.number()),
  /** What begins, for people. */
  text: v.optional(v.string()),
  /** What is said, as nix lays it out for people. */
  msg: v.optional(v.string()),
  /** Of an error, and of a warning of the evaluation: what it says, and nothing around it. */
  raw_msg: v.optional(v.string()),
  ...POSITION,
  /** With `show-trace`: what was being evaluated, the innermost first. */
  trace: v.optional(v.array(v.object({ raw_msg: v.string(), ...POSITION })), []),
  fields: v.optional(v.array(v.union([v.string(), v.number()])), []),
});

/** One event of nix's log. */
export type NixEvent = v.InferOutput<typeof EVENT>;

/**
 * Reads a line that nix wrote to stderr.
 *
 * @returns undefined when it is no event: builders can print anything, also a line that begins like one of nix's own
 */
export function parseEvent(line: string): NixEvent | undefined {
  if (!line.startsWith(PREFIX)) return undefined;
  try {
    const result = v.safeParse(EVENT, JSON.parse(line.slice(PREFIX.length).replace(ID, '"id":"$1"')));
    return result.success ? result.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
