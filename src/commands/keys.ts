/**
 * `fleet-release keygen` and `fleet-release pubkey`.
 *
 * @module
 */
import { createInputs } from "../adapters/files.ts";
import type { KeyFormat, KeygenSettings, PubkeySettings } from "../cli/parse.ts";
import { generatePrivateKey, readPublicPart } from "../crypto/private_key.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { ioError, ReleaseError } from "../errors.ts";
import { named } from "../adapters/signers.ts";
import { keyRecord, trustFileOf } from "../verify/trust.ts";

/**
 * Makes a private key and writes it to a new file that only its owner can read.
 *
 * @returns the public part, printed in the format that is asked for
 * @throws {ReleaseError} of kind `io` when the file is there already or cannot be written
 */
export async function keygen({ file, algorithm, format }: KeygenSettings): Promise<string> {
  const { pem, publicKey } = await generatePrivateKey(algorithm);
  try {
    // Never over a file that is there: it may be the only copy of a key that machines trust.
    await Deno.writeTextFile(file, pem, { createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ReleaseError("io", `Cannot write "${file}": it is there already`, {
        hint: "give another name, or move it away: a key that is gone cannot sign again",
        cause: error,
      });
    }
    throw ioError(`Cannot write "${file}"`, error);
  }
  return formatKey(publicKey, format);
}

/**
 * The public part of a private or public key file.
 *
 * @throws {ReleaseError} when it cannot be read, or is no key
 */
export async function pubkey({ file, format }: PubkeySettings): Promise<string> {
  const text = new TextDecoder().decode(await createInputs(Deno.cwd()).read(file));
  return formatKey(await named(file, () => readPublicPart(text)), format);
}

function formatKey(key: PublicKey, format: KeyFormat): string {
  switch (format) {
    case "fragment":
      return JSON.stringify(keyRecord(key), null, 2);
    case "trust-file":
      return JSON.stringify(trustFileOf(key), null, 2);
    case "public-key":
      return `${key.algorithm}:${key.bytes.toBase64()}`;
  }
}
