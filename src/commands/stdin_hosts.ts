/**
 * `--hosts -`: the hosts come from standard input.
 *
 * @module
 */
import type { Session } from "../cli/command.ts";
import type { HostsSpec } from "../config.ts";
import { ReleaseError } from "../errors.ts";
import { parseHostList } from "../plan/hosts.ts";

/** As many bytes as are read: several hundred thousand names. */
const MOST_BYTES = 16 << 20;

/**
 * The hosts that standard input names. It is read before anything else is done: who forgets that the program waits for it
 * holds up nobody.
 *
 * @throws {ReleaseError} of kind `io` when it cannot be read, and `usage` when there is no text in it, or no name
 */
export async function readHosts({ world, log }: Session): Promise<HostsSpec> {
  log.note("Reading hosts from standard input, to its end (Ctrl-D on a terminal)");
  const hosts = parseHostList(textOf(await world.stdin(MOST_BYTES)));
  if (hosts.length > 0) return { kind: "explicit", hosts };
  throw new ReleaseError("usage", "No hosts to release: standard input, which --hosts - reads, names none", {
    hint: "write names to it, with line breaks, blanks or commas between them",
  });
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ReleaseError("usage", "Cannot read the hosts from standard input: it is not UTF-8", { cause });
  }
}
