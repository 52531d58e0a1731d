/**
 * The sign hook: makes the signature of one artifact.
 *
 * @module
 */
import { join } from "@std/path";
import type { SignatureEncoding } from "../../config.ts";
import { fixedFromDer } from "../../crypto/signature.ts";
import { shapeOf, SIGNATURE_LENGTH, type SignatureShape } from "../../crypto/signature_shape.ts";
import { ioError } from "../../errors.ts";
import type { ReleaseFile, Signed } from "../../ports.ts";
import type { SignHook } from "../signers.ts";
import { failureOf, type Hook, type HookContext, hookFailure, runHook } from "./run.ts";

/** As much of what it wrote as is looked at. */
const MOST_READ = 64 * 1024;

/**
 * Runs the sign hook for one artifact.
 *
 * @returns the 64 raw bytes of the signature, and the bytes that lay before the hook when it ended, or that it was given
 * when it took the file away
 * @throws {ReleaseError} of kind `sign-hook` when it fails or makes no signature, and `io` when nothing can be handed
 * to it
 */
export async function runSignHook(
  context: HookContext,
  { command, encoding }: SignHook,
  { path, bytes }: ReleaseFile,
): Promise<Signed> {
  const hook: Hook = { kind: "sign-hook", command };
  const { input, output } = await handOver(path, bytes, context.tempDir);
  const result = await runHook(context, hook, {
    variables: { NIXFLEET_INPUT: input, NIXFLEET_OUTPUT: output },
  });
  const failure = failureOf(result, context);
  if (failure !== undefined) throw hookFailure(hook, `Sign hook failed for "${path}": ${failure}`, result);
  const written = await readSmall(output);
  const signature = encoding === "der" && written !== undefined ? fixedFromDer(written) : written;
  if (signature?.length !== SIGNATURE_LENGTH) {
    const expected = encoding === "der" ? "a DER-encoded ECDSA signature" : `${SIGNATURE_LENGTH} raw bytes`;
    const wrote = `it wrote ${amountOf(written)}, expected ${expected}`;
    const message = `Sign hook gave no signature for "${path}": ${wrote}`;
    throw hookFailure(hook, message, result, adviceFor(written ?? new Uint8Array(), encoding));
  }
  // A hook may clear away what it was given: nothing is known then, but that it has ended well.
  return { signature, input: await inputLeft(input, bytes) };
}

/**
 * The files that a hook reads and writes, in a directory of their own: what an earlier hook left cannot be taken for
 * the work of this one.
 */
async function handOver(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  tempDir: string,
): Promise<{ input: string; output: string }> {
  const dir = await Deno.makeTempDir({ dir: tempDir, prefix: "sign-" });
  const input = join(dir, "input");
  const output = join(dir, "output");
  try {
    await Deno.writeFile(input, bytes, { mode: 0o600 });
    await Deno.writeFile(output, new Uint8Array(), { mode: 0o600 });
  } catch (error) {
    throw ioError(`Cannot hand "${path}" to the sign hook`, error);
  }
  return { input, output };
}

/** How much a hook wrote, for people. */
function amountOf(written: Uint8Array | undefined): string {
  if (written === undefined) return "no file";
  if (written.length === 0) return "nothing";
  return written.length === MOST_READ ? `${MOST_READ} bytes or more` : `${written.length} bytes`;
}

/** How to make the right thing of what a hook wrote. */
const ADVICE: Readonly<Record<SignatureShape, string>> = {
  "empty": "the command must write the signature to the file $NIXFLEET_OUTPUT, not to stdout",
  "PEM or an SSH signature": "this is PEM or an SSH signature: write the raw signature bytes",
  "hex": "this is hex: decode it, as with xxd -r -p",
  "base64": "this is base64: decode it, as with base64 -d",
  "base64 of a DER-encoded signature":
    "this is base64 of a DER-encoded signature: decode it, as with base64 -d, and " +
    "give --signature-algorithm ecdsa-p256 and --signature-encoding der",
  "a DER-encoded ECDSA signature":
    "this is a DER-encoded ECDSA signature: give --signature-algorithm ecdsa-p256 and " +
    "--signature-encoding der",
  "a signature with a newline behind it":
    "there is a newline behind the signature: write the bytes alone, as with printf or a file",
};

function adviceFor(bytes: Uint8Array, encoding: SignatureEncoding): string {
  if (encoding === "der" && bytes.length === SIGNATURE_LENGTH) {
    return "this may be the fixed form already: leave out --signature-encoding der";
  }
  const shape = shapeOf(bytes);
  return shape === undefined
    ? "write the raw signature, 64 bytes: Ed25519 as it is, ECDSA P-256 as r and s of 32 bytes each"
    : ADVICE[shape];
}

/** The bytes that a hook has left in the place of its input, or those that it was given when it has cleared them away. */
async function inputLeft(path: string, given: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const left = await readSmall(path, given.length + 1);
  if (left !== undefined) return left;
  const isGone = await Deno.lstat(path).then(() => false, (error) => error instanceof Deno.errors.NotFound);
  return isGone ? given : new Uint8Array();
}

/**
 * The bytes of a file, or of what a link in its place leads to, or as many as tell that it is too large; undefined when
 * there is no such file.
 */
async function readSmall(path: string, most = MOST_READ): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    using file = await Deno.open(path);
    const buffer = new Uint8Array(most);
    let length = 0;
    for (let count: number | null = 0; count !== null && length < most; length += count ?? 0) {
      count = await file.read(buffer.subarray(length));
    }
    return buffer.slice(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("Cannot read what the sign hook wrote", error);
  }
}
