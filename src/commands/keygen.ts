/**
 * `fleet-release keygen`: makes a private key.
 *
 * @module
 */
import { resolve } from "@std/path";
import { defineCommand, type Session } from "../cli/command.ts";
import { choice } from "../cli/option.ts";
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from "../contract/types.ts";
import { KEY_OUTPUT_OPTIONS, keyFile, type KeyFormat, keyFormat, printedKey } from "./shared.ts";

/** What `keygen` is told. */
interface KeygenSettings {
  readonly file: string;
  readonly format: KeyFormat;
  readonly algorithm: SignatureAlgorithm;
}

const OPERANDS = "the file to write";

const OPTIONS = {
  "algorithm": choice({
    group: "Key",
    placeholder: "NAME",
    choices: SIGNATURE_ALGORITHMS,
    default: "ed25519",
    help: SIGNATURE_ALGORITHMS.join(" or "),
  }),
  ...KEY_OUTPUT_OPTIONS,
};

/** The command. */
export const KEYGEN = defineCommand({
  name: "keygen",
  usage: ["keygen FILE [OPTION...]"],
  summary: "make a private key",
  about:
    "Makes a private key, writes it to a new file that only its owner can read, and prints the public part.",
  options: OPTIONS,
  operands: OPERANDS,
  offers: "files",
  exitCodes: { 0: "written", 1: "usage, or the file is there already or cannot be written" },
  example: "fleet-release keygen ~/keys/release.pem --format trust-file > trust.json",
  variables: [],
  grants: [{
    permission: "write",
    what: "the file that the key is written to",
    why: "it is new, or the run is refused",
    of: ({ file }: KeygenSettings, { cwd }) => [resolve(cwd, file)],
  }],
  read: (given): KeygenSettings => ({
    file: keyFile("keygen", OPERANDS, given.operands),
    algorithm: given.values.algorithm,
    format: keyFormat(given),
  }),
  run: keygen,
});

/**
 * Makes a key, and prints its public part.
 *
 * @throws {ReleaseError} of kind `io` when the file is there already or cannot be written
 */
async function keygen({ file, algorithm, format }: KeygenSettings, { world }: Session): Promise<number> {
  const { generatePrivateKey } = await import("../crypto/private_key.ts");
  const { createSecretFile } = await import("../adapters/files.ts");
  const { pem, publicKey } = await generatePrivateKey(algorithm);
  await createSecretFile(file, world.cwd, pem);
  world.stdout.write(await printedKey(publicKey, { command: "keygen", file, format }));
  return 0;
}
