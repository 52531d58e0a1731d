/**
 * Reads a file while it is written.
 *
 * @module
 */

const encoder = new TextEncoder();

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 50;

/** As many bytes of a file as are read at once, and about as many as it may come to. */
export const MOST_FOLLOWED: number = 16 << 20;

/**
 * Hands on what is written to a file until something ends, and all that was written by then. What is written later, by
 * whoever still can, is not waited for.
 *
 * What is written faster than it is read is left out but for its end, and a file that grows large is emptied once it is
 * read: who writes must not be able to fill the disk.
 *
 * @param file Open for reading, and for writing by appending alone, at its beginning
 */
export async function follow(
  file: Deno.FsFile,
  ended: Promise<unknown>,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let over = false;
  const end = ended.then(() => over = true, () => over = true);
  const buffer = new Uint8Array(1 << 16);
  for (let position = 0;;) {
    const last = over;
    const { size } = await file.stat();
    if (size - position > MOST_FOLLOWED) {
      take(encoder.encode(`\n[${size - position - MOST_FOLLOWED} bytes left out]\n`));
      position = await file.seek(size - MOST_FOLLOWED, Deno.SeekMode.Start);
    }
    while (position < size) {
      const count = await file.read(buffer);
      if (count === null) break;
      take(buffer.slice(0, count));
      position += count;
    }
    if (last) return;
    if (position > MOST_FOLLOWED) {
      await file.truncate();
      position = await file.seek(0, Deno.SeekMode.Start);
    }
    const { promise: pause, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, INTERVAL);
    await Promise.race([end, pause]);
    clearTimeout(timer);
  }
}
