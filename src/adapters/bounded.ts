/**
 * Files that anybody may have put where they are: looked at before they are opened, and read only as far as a release
 * needs.
 *
 * @module
 */
import { MAX_FILE_BYTES, MAX_RELEASE_BYTES } from "../contract/layout.ts";
import { ReleaseError } from "../errors.ts";
import { isWithin } from "../plan/paths.ts";
import { mebibytes } from "../text.ts";
import { absolutePath, fileError } from "./paths.ts";

/** More than years of rollout manifests: a release of five channels an hour makes 88,000 in a year. */
export const MAX_RELEASE_FILES = 500_000;

const DELETE_EARLIER =
  "remove the rollout manifests of earlier releases with `fleet-release prune`: no consumer asks for them any more";

/** A file as the user names it, and where that is. */
export interface FilePlace {
  /** The path, absolute or relative to `cwd`; messages show it as it is. */
  readonly path: string;
  readonly cwd: string;
  /** The real path of the directory that links must not lead out of; undefined: they may lead anywhere. */
  readonly within?: string | undefined;
}

/** Counts what is read of one release, and refuses what is too much before it is read. */
export class ReadBudget {
  readonly #dir: string;
  #bytes = 0;
  #files = 0;

  /** @param dir What the files are in, for messages */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Counts a file.
   *
   * @param path For messages
   * @throws {ReleaseError} of kind `io` when it is too large, or all of them are
   */
  takeBytes(path: string, bytes: number): void {
    if (bytes > MAX_FILE_BYTES) throw tooLarge(path, bytes);
    this.#bytes += bytes;
    if (this.#bytes > MAX_RELEASE_BYTES) {
      const problem = `its files come to more than ${mebibytes(MAX_RELEASE_BYTES)}`;
      throw new ReleaseError("io", `Cannot verify "${this.#dir}": ${problem}`, { hint: DELETE_EARLIER });
    }
  }

  /**
   * Counts a name.
   *
   * @throws {ReleaseError} of kind `io` when there are too many
   */
  takeName(): void {
    if (++this.#files > MAX_RELEASE_FILES) throw this.tooManyFiles();
  }

  /** The error for a directory that has too many files. */
  tooManyFiles(): ReleaseError {
    const problem = `it has more than ${MAX_RELEASE_FILES} files`;
    return new ReleaseError("io", `Cannot verify "${this.#dir}": ${problem}`, { hint: DELETE_EARLIER });
  }
}

/**
 * Checks that a file is a regular one, or a link to one, without opening it: opening a pipe waits, and opening a device
 * may do anything.
 *
 * @returns its size in bytes
 * @throws {ReleaseError} of kind `io` when it is not, or cannot be looked at
 */
export function checkRegularFile({ path, cwd, within }: FilePlace): number {
  const absolute = absolutePath(path, cwd);
  try {
    const own = Deno.lstatSync(absolute);
    const { isFile, size } = own.isSymlink ? Deno.statSync(absolute) : own;
    if (!isFile) throw new ReleaseError("io", `Cannot read "${path}": it is no regular file`);
    if (own.isSymlink) checkLink({ path, cwd, within });
    return size;
  } catch (error) {
    throw error instanceof ReleaseError ? error : fileError("read", path, { cwd, cause: error });
  }
}

/**
 * Checks that a link does not lead out of the directory that it is verified in: what is there is not what is published.
 *
 * @throws {ReleaseError} of kind `io` when it does
 */
export function checkLink({ path, cwd, within }: FilePlace): void {
  if (within === undefined || isWithin(realPath(path, cwd), within)) return;
  throw new ReleaseError("io", `Cannot read "${path}": it is a link that leads out of the directory`, {
    hint: "put the file itself there",
  });
}

/**
 * The path without links, absolute.
 *
 * @param path Absolute, or relative to `cwd`; messages show it as it is
 * @throws {ReleaseError} of kind `io` when it cannot be followed
 */
export function realPath(path: string, cwd: string): string {
  try {
    return Deno.realPathSync(absolutePath(path, cwd));
  } catch (error) {
    throw fileError("read", path, { cwd, cause: error });
  }
}

/**
 * Reads a regular file of a size that a release's file can have.
 *
 * @throws {ReleaseError} of kind `io` when it is no such file, or cannot be read; its cause is that of the runtime
 */
export function readBounded(place: FilePlace): Uint8Array<ArrayBuffer> {
  const { path, cwd } = place;
  checkRegularFile(place);
  try {
    using file = Deno.openSync(absolutePath(path, cwd), { read: true });
    const { size } = file.statSync();
    if (size > MAX_FILE_BYTES) throw tooLarge(path, size);
    const bytes = new Uint8Array(size);
    let read = 0;
    for (let more: number | null = 0; more !== null && read < size; read += more ?? 0) {
      more = file.readSync(bytes.subarray(read));
    }
    return read === size ? bytes : bytes.slice(0, read);
  } catch (error) {
    throw error instanceof ReleaseError ? error : fileError("read", path, { cwd, cause: error });
  }
}

function tooLarge(path: string, bytes: number): ReleaseError {
  const most = `no file of a release has more than ${mebibytes(MAX_FILE_BYTES)}`;
  return new ReleaseError("io", `Cannot read "${path}": it has ${mebibytes(bytes)}, and ${most}`);
}
