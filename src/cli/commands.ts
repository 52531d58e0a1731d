/**
 * The commands: what each is for, and what stands behind its name on the command line.
 *
 * @module
 */
import type { ReleaseError } from "../errors.ts";
import {
  CANONICALIZE_OPTIONS,
  KEYGEN_OPTIONS,
  type Option,
  PUBKEY_OPTIONS,
  RELEASE_OPTIONS,
  VERIFY_OPTIONS,
} from "./options.ts";

/** A command of the program. */
export interface CommandSpec {
  /** The lines of `Usage:`, without the program's name. */
  readonly usage: readonly string[];
  /** What it does, in a phrase. */
  readonly summary: string;
  /** What it does, in a paragraph. */
  readonly about: string;
  readonly options: readonly Option[];
  /** What its operands are, as in `the key file`; absent when it takes none. */
  readonly operands?: string;
  /** That its operands are paths, and what is done with them. */
  readonly path?: "read" | "write";
  /** Meaning of the exit codes, from 0. */
  readonly exitCodes: readonly string[];
  readonly example: string;
}

/** The name of a command. */
export type CommandName = "release" | "verify" | "keygen" | "pubkey" | "canonicalize";

/** All commands, in the order of `--help`. */
export const COMMANDS: Readonly<Record<CommandName, CommandSpec>> = {
  release: {
    usage: ["[release] --sign-key FILE [OPTION...]", "[release] --sign-cmd COMMAND [OPTION...]"],
    summary: "make a release; what happens without a command",
    about: "Turns one commit of a Nix fleet into a signed release.",
    options: RELEASE_OPTIONS,
    exitCodes: [
      "released, or nothing to change",
      "usage, configuration, evaluation, build, git, input or output",
      "a push hook failed, or a signature could not be made",
      "a signed artifact could not be read back as a consumer would, or its signature is not trusted",
    ],
    example: `fleet-release --sign-key release.pem --trust-file trust.json \\
    --push-cmd 'nix copy --to https://cache.example.com "$NIXFLEET_PATH"' --git-push origin:main`,
  },
  verify: {
    usage: [
      "verify [DIR] --trust-file FILE [OPTION...]",
      "verify artifact FILE --trust-file FILE [OPTION...]",
      "verify rollout-manifest FILE --rollout-id ID --trust-file FILE [OPTION...]",
    ],
    summary: "check a release, or one file of it, as the strictest consumer would",
    about:
      "Checks a release directory (by default `releases`), or one file of it, against the keys in a trust file.\n" +
      "Reports all that is wrong.",
    options: VERIFY_OPTIONS,
    operands: 'a directory, or "artifact" or "rollout-manifest" and a file',
    path: "read",
    exitCodes: ["verified", "refused", "arguments, or a file that cannot be read"],
    example: "fleet-release verify releases --trust-file trust.json",
  },
  keygen: {
    usage: ["keygen FILE [OPTION...]"],
    summary: "make a private key",
    about:
      "Makes a private key, writes it to a new file that only its owner can read, and prints the public part.",
    options: KEYGEN_OPTIONS,
    operands: "the file to write",
    path: "write",
    exitCodes: ["written", "usage, or the file is there already or cannot be written"],
    example: "fleet-release keygen release.pem --format trust-file > trust.json",
  },
  pubkey: {
    usage: ["pubkey FILE [OPTION...]"],
    summary: "print the public part of a key",
    about: "Prints the public part of a private or public key file: PKCS#8, SPKI, OpenSSH or nix.",
    options: PUBKEY_OPTIONS,
    operands: "the key file",
    path: "read",
    exitCodes: ["printed", "usage, or the file cannot be read or is no key"],
    example: "fleet-release pubkey release.pem",
  },
  canonicalize: {
    usage: ["canonicalize < FILE"],
    summary: "write JSON in its canonical form",
    about:
      "Reads JSON from standard input and writes its canonical form (RFC 8785) to standard output. Refuses what has\n" +
      "none: duplicate keys, lone surrogates, integers that lose precision, numbers beyond a double, depth over 512.",
    options: CANONICALIZE_OPTIONS,
    exitCodes: ["written", "not JSON, or without a canonical form", "arguments, input or output"],
    example: "fleet-release canonicalize < fleet.json | sha256sum",
  },
};

/** Whether a word is the name of a command. */
export function isCommandName(word: string | undefined): word is CommandName {
  return word !== undefined && Object.hasOwn(COMMANDS, word);
}

/** What the exit code of a command is when it fails, which is not to refuse. */
export function failureCode(command: CommandName, error: ReleaseError): number {
  if (command === "verify") return 2;
  if (command === "canonicalize") return error.kind === "contract" ? 1 : 2;
  return error.exitCode;
}
