/**
 * Lays out an error of nix for people: the message first, then where it is, then what was being evaluated.
 *
 * What is evaluated is code of ours that reads the operator's flake. Old and new versions of nix show it in the trace,
 * before or behind the message; here it is left out, by the positions that events give.
 *
 * @module
 */
import { withoutColours } from "../../text.ts";
import { withoutKeys } from "../stderr.ts";
import type { NixEvent } from "./events.ts";

/** An error as people read it. */
export interface NixError {
  /** The message with its place, and what the flake says of the context: what is always shown. */
  readonly lines: readonly string[];
  /** The rest of the trace, from the innermost step outwards, each step once. */
  readonly trace: readonly string[];
}

/** One step of a trace. */
type Step = NixEvent["trace"][number];

/** So many steps are read beside the message; a trace through a module system has a hundred. */
const FEW_STEPS = 8;

/**
 * An error as people read it.
 *
 * @param wholeTrace Whether the whole trace is to be shown, however long it is
 * @returns undefined when the event is none that has its parts as data
 */
export function nixErrorOf(event: NixEvent, wholeTrace = false): NixError | undefined {
  const { msg, raw_msg: message } = event;
  if (msg === undefined || message === undefined) return undefined;
  const laidOut = withoutColours(msg).split("\n");
  const place = placeOf(event);
  const foreign = event.trace.filter((step) => !isOurs(step));
  // A recursion repeats its steps until it ends at a limit.
  const steps = [...new Set(foreign.map(stepLine))];
  // What the flake says of the context has no place of its own. A message without one is placed by its nearest step.
  const nearest = place === undefined ? foreign.find((step) => placeOf(step) !== undefined) : undefined;
  const told = wholeTrace || steps.length <= FEW_STEPS
    ? new Set(steps)
    : new Set(foreign.filter((step) => step === nearest || isContext(step)).map(stepLine));
  return {
    lines: withoutKeys([
      ...`error: ${withoutColours(message).trimEnd()}`.split("\n").map((line) => line.trimEnd()),
      ...(place === undefined ? [] : [`  at ${place}`, ...sourceAt(laidOut, place)]),
      ...told,
    ]),
    trace: steps.filter((step) => !told.has(step)),
  };
}

/** What was being evaluated, and where. */
function stepLine(step: Step): string {
  const place = placeOf(step);
  return `  … ${withoutColours(step.raw_msg).trim().replace(/\s*\n\s*/g, " ")}` +
    (place === undefined ? "" : ` at ${place}`);
}

/** A step in the code that is given to nix as an argument, or in none. */
function isOurs(step: Step): boolean {
  return !isContext(step) && placeOf(step) === undefined;
}

/** A step that code adds by itself (`builtins.addErrorContext`), as the module system does. */
function isContext({ file }: Step): boolean {
  return file === null || file === undefined;
}

/** As in `/nix/store/…-source/flake.nix:3:7`; undefined where it is in no file. */
function placeOf({ file, line, column }: Pick<NixEvent, "file" | "line" | "column">): string | undefined {
  // Code that is an argument is `«string»` to newer versions, and to older ones a file that is called as the code reads.
  // Sources that are not in the store stand in `«…»`, before the path in them; nix's own code does, too.
  if (typeof file !== "string" || !/^(?:\/|«(?!nix-internal»)[^»]*»\/)/.test(file)) return undefined;
  const behind = `:${line}:${column}`;
  return file.endsWith(behind) ? file : `${file}${behind}`;
}

/** The lines of code that nix shows for a place; the files themselves are not read here. */
function sourceAt(laidOut: readonly string[], place: string): string[] {
  const at = laidOut.findIndex((line) => line.trim() === `at ${place}:`);
  if (at === -1) return [];
  const code = laidOut.slice(at + 1).join("\n").replace(/^\n/, "").split("\n");
  const end = code.findIndex((line) => !/^\s*\d*\|/.test(line));
  return end === -1 ? code : code.slice(0, end);
}
