/**
 * What openssl says of signatures, as a second opinion.
 *
 * @module
 */
import { join } from "@std/path";
import type { PublicKey, SignedBytes } from "../../src/crypto/signature.ts";
import { run, which } from "./command.ts";
import { inTempDir } from "./program.ts";
import { concat, hex } from "./signatures.ts";

/** What stands before a raw public key in DER (SubjectPublicKeyInfo). */
const PREFIXES: Readonly<Record<PublicKey["algorithm"], string>> = {
  "ed25519": "302a300506032b6570032100",
  "ecdsa-p256": "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
};

/** Whether openssl takes a raw signature for one of these bytes by this key. */
export async function opensslVerifies(
  { algorithm, publicKey, bytes, signature }: SignedBytes,
): Promise<boolean> {
  return await inTempDir(async (cwd) => {
    await Deno.writeFile(join(cwd, "key"), concat(hex(PREFIXES[algorithm]), publicKey));
    await Deno.writeFile(join(cwd, "signature"), algorithm === "ed25519" ? signature : toDer(signature));
    await Deno.writeFile(join(cwd, "message"), bytes);
    const command = "pkeyutl -verify -rawin -pubin -keyform DER -inkey key -sigfile signature -in message";
    const { code } = await run([which("openssl"), ...command.split(" ")], { cwd });
    return code === 0;
  });
}

/** An ECDSA P-256 signature as openssl reads it. */
export function toDer(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)].map((number) => {
    const digits = [...number.subarray(number.findIndex((byte) => byte !== 0))];
    const content = digits[0]! >= 0x80 ? [0, ...digits] : digits;
    return [0x02, content.length, ...content];
  });
  return Uint8Array.of(0x30, r!.length + s!.length, ...r!, ...s!);
}
