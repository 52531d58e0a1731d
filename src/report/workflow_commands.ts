/**
 * Workflow commands: lines of a log that the runners of GitHub, Gitea and Forgejo act on. Names of a fleet are in them:
 * none of them ends a command, or begins another.
 *
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 *
 * @module
 */
import type { ReleaseError } from "../errors.ts";
import { printable } from "../text.ts";

/** A text that is shown with the job, as an error or a warning. */
export function annotation(level: "error" | "warning", title: string, lines: readonly string[]): string {
  const text = lines.map((line) => escaped(printable(line))).join("%0A");
  return `::${level} title=${
    escaped(printable(title)).replaceAll(":", "%3A").replaceAll(",", "%2C")
  }::${text}`;
}

/** So many lines at the end of an error are shown with the job; the log has all of them. */
const LAST_LINES = 10;

/** What is shown of an error with the job. */
export function errorLines({ message, path, lines, hint }: ReleaseError): string[] {
  return [
    message,
    ...path === undefined ? [] : [`at: ${path}`],
    ...lines.slice(-LAST_LINES),
    ...hint === undefined ? [] : [`hint: ${hint}`],
  ];
}

/** What begins lines that are folded under a title. */
export function groupStart(title: string): string {
  return `::group::${escaped(printable(title))}`;
}

/** What ends them. */
export const GROUP_END = "::endgroup::";

function escaped(text: string): string {
  return text.replaceAll("%", "%25");
}
