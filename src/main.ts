/**
 * The program: arguments in, exit code out.
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };
import { helpText } from "./cli/help.ts";
import { type OutputSettings, parseCommandLine } from "./cli/parse.ts";
import { ReleaseError } from "./errors.ts";
import { createLog, printData, stderrStream } from "./log.ts";
import { readEnvironment, release, SYSTEM_CLOCK } from "./release.ts";

/**
 * Runs the program once.
 *
 * @param args The command line, without the program's name
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  const open = (output: OutputSettings) =>
    createLog({
      format: output.logFormat,
      verbose: output.verbose,
      stream: stderrStream(),
      clock: SYSTEM_CLOCK,
    });
  // Until the command line is read, errors are told in the way that it most likely asks for.
  let log = open({ json: false, logFormat: asksForJsonLog(args) ? "json" : "pretty", verbose: false });
  try {
    const env = readEnvironment();
    const invocation = parseCommandLine(args, env);
    if (invocation.command === "help") {
      printData(helpText());
      return 0;
    }
    if (invocation.command === "version") {
      printData(`fleet-release ${metadata.version}`);
      return 0;
    }
    log = open(invocation.output);
    const outcome = await release(invocation.settings, { log, env });
    if (invocation.output.json) printData(JSON.stringify(outcome, null, 2));
    return 0;
  } catch (error) {
    const known = error instanceof ReleaseError ? error : unforeseen(error);
    log.error(known);
    return known.exitCode;
  } finally {
    log.close();
  }
}

function asksForJsonLog(args: readonly string[]): boolean {
  return args.includes("--log-format=json") || args[args.indexOf("--log-format") + 1] === "json";
}

/** A permission that is not granted, or a mistake of this program. */
function unforeseen(error: unknown): ReleaseError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotCapable) {
    return new ReleaseError("io", `A permission is missing: ${message}`, { cause: error });
  }
  const stack = error instanceof Error ? error.stack?.split("\n").slice(1) : undefined;
  return new ReleaseError("io", `Unforeseen: ${message}`, { cause: error, lines: stack ?? [] });
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
