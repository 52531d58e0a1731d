/**
 * The files that a CI system takes something from when a step has ended.
 *
 * @module
 */
import { writeAll } from "../bytes.ts";
import { ioError, ReleaseError } from "../errors.ts";

/**
 * Appends a text to such a file.
 *
 * @param most How many bytes the whole file may have
 * @param textOf The text, for so many bytes that are left; undefined: there is none so short
 * @throws {ReleaseError} of kind `io`
 */
export async function appendToStepFile(
  path: string,
  most: number,
  textOf: (room: number) => string | undefined,
): Promise<void> {
  const problem = `Cannot write to ${JSON.stringify(path)}`;
  let text: string | undefined;
  try {
    using file = await Deno.open(path, { append: true, create: true });
    // Its size, for which nothing has to be permitted but to write.
    const size = await file.seek(0, Deno.SeekMode.End);
    text = textOf(most - size);
    if (text !== undefined) writeAll(file, new TextEncoder().encode(text));
  } catch (error) {
    throw ioError(problem, error);
  }
  if (text === undefined) throw new ReleaseError("io", `${problem}: it is full`);
}
