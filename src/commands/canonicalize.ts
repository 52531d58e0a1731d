/**
 * `fleet-release canonicalize`: JSON from standard input, its canonical form to standard output.
 *
 * @module
 */
import { canonicalize, decodeUtf8 } from "../contract/json.ts";
import { ioError } from "../errors.ts";

/**
 * Reads all of standard input. Needs no permission.
 *
 * @returns the canonical form
 * @throws {ReleaseError} of kind `contract`, with line and column, when the input has no canonical form
 */
export async function canonicalizeInput(): Promise<string> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await new Response(Deno.stdin.readable).bytes();
  } catch (error) {
    throw ioError("Cannot read standard input", error);
  }
  return canonicalize(decodeUtf8(bytes));
}
