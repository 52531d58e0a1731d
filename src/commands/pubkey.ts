/**
 * `fleet-release pubkey`: prints the public part of a key.
 *
 * @module
 */
import { resolve } from "@std/path";
import { defineCommand, type Session } from "../cli/command.ts";
import { KEY_OUTPUT_OPTIONS, keyFile, type KeyFormat, keyFormat, printedKey } from "./shared.ts";

/** What `pubkey` is told. */
interface PubkeySettings {
  readonly file: string;
  readonly format: KeyFormat;
}

const OPERANDS = "the key file";

/** The command. */
export const PUBKEY = defineCommand({
  name: "pubkey",
  usage: ["pubkey FILE [OPTION...]"],
  summary: "print the public part of a key",
  about: "Prints the public part of a private or public key file: PKCS#8, SPKI, OpenSSH or nix.",
  options: KEY_OUTPUT_OPTIONS,
  operands: OPERANDS,
  offers: "files",
  onlyTells: true,
  exitCodes: { 0: "printed", 1: "usage, or the file cannot be read or is no key" },
  example: "fleet-release pubkey ~/keys/release.pem",
  variables: [],
  grants: [{
    permission: "read",
    what: "the key file",
    why: "its public part is printed",
    of: ({ file }: PubkeySettings, { cwd }) => [resolve(cwd, file)],
  }],
  read: (given): PubkeySettings => ({
    file: keyFile("pubkey", OPERANDS, given.operands),
    format: keyFormat(given),
  }),
  run: pubkey,
});

/**
 * Prints the public part of a private or public key.
 *
 * @throws {ReleaseError} when the file cannot be read, or is no key
 */
async function pubkey({ file, format }: PubkeySettings, { world }: Session): Promise<number> {
  const { createInputs } = await import("../adapters/files.ts");
  const { named } = await import("../adapters/signers.ts");
  const { readPublicPart } = await import("../crypto/private_key.ts");
  const text = new TextDecoder().decode(await createInputs(world.cwd).read(file));
  const key = await named(file, () => readPublicPart(text));
  world.stdout.write(await printedKey(key, { command: "pubkey", file, format }));
  return 0;
}
