/**
 * Rules of `deno lint` that this project adds for src/: a function fits on a screen, and does not take so many values
 * that one has to count them.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";

/** The most lines that a function has, from its first to its last. */
const LINES = 60;

/** The most parameters that a function has without a reason; an options object is one. */
const PARAMETERS = 4;

/** What the comment begins with that gives the reason. */
const REASON = /^\/\/ Many parameters: \S/;

const SOURCES = fromFileUrl(new URL("../src/", import.meta.url));

type AnyFunction =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** A rule that gives each function of src/ to a check, which answers with what is wrong. */
function eachFunction(
  check: (node: AnyFunction, text: string) => { message: string; hint: string } | undefined,
): Deno.lint.Rule {
  return {
    create(context) {
      if (!context.filename.startsWith(SOURCES)) return {};
      const visit = (node: AnyFunction) => {
        const wrong = check(node, context.sourceCode.text);
        if (wrong !== undefined) context.report({ node, ...wrong });
      };
      return { FunctionDeclaration: visit, FunctionExpression: visit, ArrowFunctionExpression: visit };
    },
  };
}

/** Whether the comments directly above the line that a function begins in give the reason for its parameters. */
function hasReason([start]: Deno.lint.Range, text: string): boolean {
  const above = text.slice(0, start).split("\n").slice(0, -1).map((line) => line.trim());
  const end = above.findLastIndex((line) => !/^(\/\/|\/\*|\*)/.test(line));
  return above.slice(end + 1).some((line) => REASON.test(line));
}

const plugin: Deno.lint.Plugin = {
  name: "fleet-release",
  rules: {
    "short-function": eachFunction(({ range }, text) => {
      const lines = text.slice(...range).split("\n").length;
      if (lines <= LINES) return undefined;
      return {
        message: `A function of ${lines} lines: at most ${LINES} fit on a screen`,
        hint: "Give its steps names of their own",
      };
    }),
    "few-parameters": eachFunction(({ params, range }, text) => {
      if (params.length <= PARAMETERS || hasReason(range, text)) return undefined;
      return {
        message:
          `A function of ${params.length} parameters: expected at most ${PARAMETERS}, or above it the reason in a comment, ` +
          "// Many parameters: …",
        hint: "Take an options object",
      };
    }),
  },
};

export default plugin;
