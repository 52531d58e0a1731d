/**
 * Whether what signs is what consumers trust, and nobody else has it.
 *
 * @module
 */
import { checkTrust as checkTrustOptions } from "../../config.ts";
import { plural } from "../../text.ts";
import type { Run } from "../run.ts";
import { isKeyFile, refuseKeyInSource } from "../source.ts";
import { checkTrust, keysOfBefore, readTrustedKeys, type TrustedKeys } from "../trust.ts";
import { placeOfFlake } from "./git.ts";
import { type Found, good, NotKnown, there, unknown, type Visit, warning } from "./visit.ts";

/** That there is a key, that it can be read, and by nobody else. */
export function lookAtKey({ parts }: Visit): Found[] {
  const { publicKey, algorithm, warnings } = there(parts.signer);
  if (publicKey === null) {
    return [unknown(`A command signs, with ${algorithm}: whether it can, shows when it does`)];
  }
  if (warnings.length > 0) return warnings.map(({ message }) => warning(message));
  return [good(`${algorithm}:${publicKey.bytes.toBase64()}`)];
}

/** That nix does not copy the key to where everybody can read it. */
export async function lookAtPlaceOfKey({ config, run }: Visit): Promise<Found | null> {
  if (config.signKey === undefined || !isKeyFile(config.signKey)) return null;
  await placeOfFlake(run).catch(() => {
    throw new NotKnown("it is not known without the flake");
  });
  await refuseKeyInSource(run, config.buildFlake);
  return good("the key is no part of what nix copies to its store");
}

/** That consumers accept what it signs. */
export async function lookAtTrust({ config, run }: Visit): Promise<Found | null> {
  checkTrustOptions(config);
  if (config.trustAttr !== undefined) return unknown(NOT_EVALUATED, GIVE_FILE);
  const trusted = await checkTrust(run, null);
  // Nobody says which, of which there is a warning.
  if (trusted === null) return null;
  const { origin, keys } = trusted;
  const what = run.ports.signer.publicKey === null
    ? "a key of the algorithm that signs"
    : "the key that signs";
  return good(`${what} is in ${origin} (${plural(keys.length, "key")})`);
}

const NOT_EVALUATED = "the keys of --trust-attr are known when the flake is evaluated";
const GIVE_FILE = "give the same keys with --trust-file to have them looked at";

/**
 * The keys that what is there has to be signed with.
 *
 * @throws {NotKnown} when nobody says which they are, or what is wrong with them is told already
 */
export async function keysOfRelease(run: Run): Promise<TrustedKeys> {
  if (run.config.trustAttr !== undefined) throw new NotKnown(NOT_EVALUATED);
  const trusted = await readTrustedKeys({ ...run, warn: () => {} }, null).catch(() => {
    throw new NotKnown("it is not known without the keys that consumers trust");
  });
  // A signer that is missing is not missed where it is said which keys there are.
  const keys = trusted ?? keysOfBefore(run, null);
  if (keys !== null) return keys;
  throw new NotKnown("only a command knows what signed it: --trust-file or --public-key say it");
}
