/**
 * `fleet-release canonicalize`: JSON from standard input, its canonical form to standard output.
 *
 * @module
 */
import { defineCommand } from "../cli/command.ts";
import { HELP_OPTIONS } from "./shared.ts";

/** The command. */
export const CANONICALIZE = defineCommand({
  name: "canonicalize",
  usage: ["canonicalize < FILE"],
  summary: "write JSON in its canonical form",
  about:
    "Reads JSON from standard input and writes its canonical form (RFC 8785) to standard output. Refuses what has\n" +
    "none: duplicate keys, lone surrogates, integers that lose precision, numbers beyond a double, depth over 512.",
  options: HELP_OPTIONS,
  onlyTells: true,
  exitCodes: { 0: "written", 1: "not JSON, or without a canonical form", 2: "arguments, input or output" },
  example: "fleet-release canonicalize < fleet.json | sha256sum",
  variables: [],
  grants: [],
  read: () => ({}),
  async run(_settings, { world }) {
    const { canonicalize, decodeUtf8 } = await import("../contract/json.ts");
    world.stdout.write(canonicalize(decodeUtf8(await world.stdin())));
    return 0;
  },
  failureCode: ({ kind }) => kind === "contract" ? 1 : 2,
});
