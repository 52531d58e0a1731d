/**
 * Reads what nix commands print.
 *
 * @module
 */
import * as v from "valibot";
import { decodeUtf8, JsonRefusal, parseJson, pathAt } from "../../contract/json.ts";
import { ReleaseError } from "../../errors.ts";
import { type CommandResult, lastLines, text } from "../process.ts";

/**
 * The JSON that a nix command printed.
 *
 * @param command The command as messages name it, as in `nix eval`
 * @throws {ReleaseError} of kind `evaluation`, with the place in it, when it is not JSON in UTF-8, or JSON that we do not
 * read
 */
export function parseOutput({ stdout, stderr }: CommandResult, command: string): unknown {
  return parseText(stdout, command, stderr);
}

/**
 * The JSON that a nix command wrote.
 *
 * @param stderr What the command said beside it
 * @throws {ReleaseError} of kind `evaluation` when it is not JSON in UTF-8
 */
export function parseText(bytes: Uint8Array, command: string, stderr: readonly string[] = []): unknown {
  try {
    // Not by JSON.parse: the one of Deno 2.9 takes one key for another in some documents with escapes in keys.
    return parseJson(decodeUtf8(bytes), { roundIntegers: true });
  } catch (error) {
    if (!(error instanceof JsonRefusal)) throw error;
    // Of bytes that are no text the offset is one of bytes, and what stands before it is text.
    const text = new TextDecoder().decode(bytes);
    const offset = error.cause === undefined
      ? error.offset
      : new TextDecoder().decode(bytes.subarray(0, error.offset)).length;
    // Older versions of nix print these as they are, and newer ones null.
    const number = /^-?(?:inf|nan)/.exec(text.slice(offset, offset + 4))?.[0];
    const problem = number === undefined ? error.problem : `the number ${number}, which JSON does not have`;
    throw new ReleaseError("evaluation", `Cannot read what "${command}" printed: ${problem}`, {
      path: pathAt(text, offset) || undefined,
      cause: error,
      lines: lastLines(stderr, 5),
    });
  }
}

/**
 * Checks that a nix command printed what every version that we know prints.
 *
 * @param command The command as messages name it, as in `nix eval`
 * @throws {ReleaseError} of kind `evaluation` when it printed something else
 */
export function parseShape<T>(schema: v.GenericSchema<unknown, T>, value: unknown, command: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ReleaseError(
    "evaluation",
    `Cannot read what "${command}" printed: ${
      v.getDotPath(issue) ?? "it"
    } is ${issue.received}, expected ${issue.expected}`,
    { hint: "this nix may be newer than this program; please report it with the output of nix --version" },
  );
}

/** The lines that a command printed, without empty ones. */
export function outputLines(result: CommandResult): string[] {
  return text(result).split("\n").filter((line) => line !== "");
}
