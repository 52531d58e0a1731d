/**
 * Files: those that the user names, and those of a release.
 *
 * What is read may have been put there by others. A device or a pipe can go on for ever, so each is told apart before
 * it is opened, and nothing is read beyond a size that says that it is not what is meant.
 *
 * @module
 */
import { readAtMost } from "../bytes.ts";
import { ReleaseError } from "../errors.ts";
import type { Inputs } from "../ports.ts";
import { absolutePath, Changed, fileError, WrongFile } from "./paths.ts";

/** Larger than any key, trust file or settings of a release. */
export const LARGEST_INPUT: number = 1 << 20;

/** How a shell names a pipe that it hands over, as in `<(vault read …)`, and standard input. */
const HANDED_OVER = /^(?:\/dev\/fd|\/proc\/self\/fd)\/\d+$|^\/dev\/stdin$/;

/**
 * Files, read from disk.
 *
 * @param cwd What their paths are relative to, absolute; messages show the paths as they were given
 */
export function createInputs(cwd: string): Inputs {
  return {
    read: (path) => readInput(path, cwd),

    async mode(path) {
      try {
        return (await Deno.stat(absolutePath(path, cwd))).mode;
      } catch (error) {
        throw fileError("read", path, { cwd, cause: error });
      }
    },

    async realPath(path) {
      try {
        return await Deno.realPath(absolutePath(path, cwd));
      } catch (error) {
        // `/dev/fd/3` of a pipe leads to a name that is nowhere.
        if (error instanceof Deno.errors.NotFound) return null;
        throw fileError("read", path, { cwd, cause: error });
      }
    },
  };
}

/**
 * Reads a file that the user names: a regular file, or a link to one, or a pipe that is named itself.
 *
 * @param path Absolute, or relative to `cwd`; messages show it as it is
 * @param cwd What it is relative to, absolute
 * @param most How many bytes it may have
 * @throws {ReleaseError} of kind `io` when it cannot be read, is something else, or larger
 */
export async function readInput(
  path: string,
  cwd: string,
  most: number = LARGEST_INPUT,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readNamedFile(absolutePath(path, cwd), most);
  } catch (error) {
    throw fileError("read", path, { cwd, cause: error });
  }
}

/**
 * The same as {@linkcode readInput} does, for an error of the caller's own.
 *
 * @param path Absolute
 * @throws an error of the file system, or one that says what is wrong
 */
export async function readNamedFile(
  path: string,
  most: number = LARGEST_INPUT,
): Promise<Uint8Array<ArrayBuffer>> {
  const info = await Deno.stat(path);
  // A link to a pipe is none that the user has named: whoever writes to a repository can put it there.
  const isNamed = info.isFifo && (HANDED_OVER.test(path) || (await Deno.lstat(path)).isFifo);
  if (!info.isFile && !isNamed) {
    const hint = "give the file itself, or a pipe by its own name, as the shell does for <(command)";
    throw new WrongFile(`it is ${kindOf(info)}, expected a file`, hint);
  }
  const bytes = await readAtMost((await Deno.open(path, { read: true })).readable, most);
  if (bytes === undefined) throw new Error(tooLarge(most));
  return bytes;
}

/**
 * Reads a regular file, and follows no link to it.
 *
 * @param path Absolute
 * @param most How many bytes it may have
 * @throws an error of the file system, or one that says what is there instead
 */
export function readRegularFile(path: string, most: number): Uint8Array<ArrayBuffer> {
  const info = Deno.lstatSync(path);
  if (!info.isFile) {
    const hint = "put the file itself in its place, or take it away";
    throw new WrongFile(`it is ${kindOf(info)}, expected a regular file`, hint);
  }
  using file = Deno.openSync(path, { read: true });
  const { dev, ino, size } = file.statSync();
  // Another one has taken its place since: it may be anything.
  if (dev !== info.dev || ino !== info.ino) throw new Changed("it was replaced while it was read");
  if (size > most) throw new WrongFile(tooLarge(most), "put another file in its place, or take it away");
  // One byte more would tell that it grows.
  const buffer = new Uint8Array(size + 1);
  let length = 0;
  for (let count: number | null = 0; count !== null && length <= size; length += count ?? 0) {
    count = file.readSync(buffer.subarray(length));
  }
  if (length !== size) throw new Changed("it was changed while it was read");
  return buffer.slice(0, length);
}

/** What is at a path that is not what belongs there, in words that continue `it is`. */
export function kindOf(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a link";
  if (info.isDirectory) return "a directory";
  if (info.isFile) return "a file";
  if (info.isFifo) return "a pipe";
  return info.isSocket ? "a socket" : "a device";
}

function tooLarge(most: number): string {
  return `it is larger than ${most >> 20} MiB`;
}

/**
 * Writes a secret to a new file that only its owner can read.
 *
 * @param path Absolute, or relative to `cwd`
 * @throws {ReleaseError} of kind `io` when the file is there already or cannot be written
 */
export async function createSecretFile(path: string, cwd: string, text: string): Promise<void> {
  try {
    // Never over a file that is there: it may be the only copy of a key that machines trust.
    await Deno.writeTextFile(absolutePath(path, cwd), text, { createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ReleaseError("io", `Cannot write "${path}": it is there already`, {
        hint:
          "give another name, or move it away: a key that is gone cannot sign again. Is it the one that you want, " +
          "`fleet-release pubkey` prints its public part anew",
        cause: error,
      });
    }
    throw fileError("write", path, { cwd, cause: error });
  }
}
