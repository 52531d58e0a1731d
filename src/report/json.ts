/**
 * What commands print on stdout for programs: one object, whose shape its schema names. docs/json.md describes them, and
 * docs/schemas/ has the shapes.
 *
 * @module
 */
import type { ErrorKind, ReleaseError } from "../errors.ts";
import { printableJson } from "../text.ts";
import { hideSecretsIn } from "./log.ts";

/** What a command prints that has come to this. */
export function jsonDocument(command: string, result: object): string {
  return `${printableJson({ schema: `fleet-release/${command}/1`, ...result }, 2)}\n`;
}

/**
 * The same document in pieces, each entry of its lists by itself: what a long history has changed in a large fleet is more
 * than one text can hold.
 *
 * @param document With its schema
 */
export function* jsonPieces(document: object): Generator<string> {
  let before = "{";
  for (const [key, value] of Object.entries(document)) {
    const entries = Array.isArray(value) && value.length > 0 ? value : null;
    const name = `${before}\n  ${printableJson(key)}: `;
    before = ",";
    if (entries === null) {
      yield `${name}${indented(value, "  ")}`;
      continue;
    }
    yield `${name}[`;
    for (const [index, entry] of entries.entries()) {
      yield `${index === 0 ? "" : ","}\n    ${indented(entry, "    ")}`;
    }
    yield "\n  ]";
  }
  yield "\n}\n";
}

/** JSON whose lines begin further to the right. Within its texts there is no line break. */
function indented(value: unknown, by: string): string {
  return printableJson(value, 2).replaceAll("\n", `\n${by}`);
}

/** What a command prints in the place of its result when it fails. */
export interface ErrorReport {
  /** What went wrong, by who has to act on it. */
  readonly kind: ErrorKind;
  /** A stable word that tells it from others of its kind; null when the kind says enough. */
  readonly code: string | null;
  readonly message: string;
  /** Path into the document that is wrong; null: it is in none. */
  readonly path: string | null;
  /** The hosts that it is about; empty when it is about all, or about none. */
  readonly hosts: readonly string[];
  /** How to mend it; null when nobody knows. */
  readonly hint: string | null;
  /** Lines that belong to it: the last of a log, or one for each host. */
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** An error as it is printed, without secrets. */
export function jsonError(
  { kind, code, message, path, hosts, hint, lines }: ReleaseError,
  exitCode: number,
): string {
  const report: ErrorReport = {
    ...{ kind, code: code ?? null, message, path: path ?? null, hosts: hosts ?? [] },
    ...{ hint: hint ?? null, lines, exitCode },
  };
  return jsonDocument("error", hideSecretsIn(report) as ErrorReport);
}
