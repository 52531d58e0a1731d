/**
 * The program: arguments in, exit code out.
 *
 * @module
 */
import metadata from "../deno.json" with { type: "json" };
import { failureCode } from "./cli/commands.ts";
import { helpText } from "./cli/help.ts";
import {
  asksForJsonLog,
  commandOf,
  type Invocation,
  type OutputSettings,
  parseCommandLine,
} from "./cli/parse.ts";
import { readSettings } from "./cli/settings.ts";
import { canonicalizeInput } from "./commands/canonicalize.ts";
import { keygen, pubkey } from "./commands/keys.ts";
import { reportLines, verify } from "./commands/verify.ts";
import { ReleaseError } from "./errors.ts";
import { createLog, printData, type ProgramLog, stderrStream } from "./report/log.ts";
import { flagsFor } from "./cli/permissions.ts";
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
    if (args[0] === "--print-permissions") {
      printData(flagsFor(args.slice(1)).join("\n"));
      return 0;
    }
    const env = readEnvironment();
    const invocation = parseCommandLine(args, env, () => readSettings(env));
    if (invocation.command === "release") log = open(invocation.output);
    return await run(invocation, log);
  } catch (error) {
    const known = error instanceof ReleaseError ? error : unforeseen(error);
    log.error(known);
    return failureCode(commandOf(args), known);
  } finally {
    log.close();
  }
}

async function run(invocation: Invocation, log: ProgramLog): Promise<number> {
  switch (invocation.command) {
    case "help":
      printData(helpText(invocation.of));
      return 0;
    case "version":
      printData(`fleet-release ${metadata.version}`);
      return 0;
    case "release": {
      const outcome = await release(invocation.settings, { log });
      if (invocation.output.json) printData(JSON.stringify(outcome, null, 2));
      return 0;
    }
    case "verify": {
      const report = await verify(invocation, { log, clock: SYSTEM_CLOCK });
      report.warnings.forEach((warning) => log.warn(warning));
      if (invocation.json) printData(JSON.stringify(report, null, 2));
      else printData(reportLines(report).join("\n"));
      return report.verified ? 0 : 1;
    }
    case "keygen":
      printData(await keygen(invocation));
      return 0;
    case "pubkey":
      printData(await pubkey(invocation));
      return 0;
    case "canonicalize":
      printData(await canonicalizeInput(), "");
      return 0;
  }
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
