/**
 * Secrets that the caller hands over by an open descriptor, so that they are in no file, no variable and no argument.
 *
 * @module
 */
import { readAtMost } from "../bytes.ts";
import { ioError, ReleaseError } from "../errors.ts";

/**
 * Reads the pipe that the caller opened, to its end. Only a pipe: what was read from it is gone, where a file, which
 * every process that this one starts inherits, too, could be read again.
 *
 * @param descriptor Its number, above 2
 * @param most How many bytes it may give
 * @throws {ReleaseError} of kind `io` when it is not open for reading, no pipe, or gives more
 */
export async function readDescriptor(descriptor: number, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const path = `/dev/fd/${descriptor}`;
  if (!isReadablePipe(path)) {
    throw new ReleaseError(
      "io",
      `Cannot read descriptor ${descriptor}: it is not open for reading, or no pipe`,
      {
        hint:
          `open it for this command, as in ${descriptor}< <(printf %s "$KEY"); a file goes by its name, or to ` +
          "standard input, which --sign-key - reads",
      },
    );
  }
  const bytes = await readPipe(path).catch((error: unknown) => {
    throw ioError(`Cannot read descriptor ${descriptor}`, error);
  });
  if (bytes !== undefined) return bytes;
  throw new ReleaseError("io", `Cannot read descriptor ${descriptor}: it gives more than ${most} bytes`);

  async function readPipe(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await readAtMost((await Deno.open(path)).readable, most);
  }
}

/** Whether a pipe without a name can be read here. To open one with a name again could wait for a writer for ever. */
function isReadablePipe(path: string): boolean {
  try {
    const link = Deno.lstatSync(path);
    // On Linux the link says what it is open for, and leads to what has no path.
    const isOurs = !link.isSymlink ||
      ((link.mode ?? 0) & 0o400) !== 0 && /^pipe:/.test(Deno.readLinkSync(path));
    return isOurs && Deno.statSync(path).isFifo === true;
  } catch (error) {
    // Deno permits pipes by their descriptor, and calls for all permissions for all else.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return false;
    throw ioError(`Cannot look at "${path}"`, error);
  }
}
