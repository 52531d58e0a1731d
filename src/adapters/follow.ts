/**
 * Reads a file while it is written.
 *
 * @module
 */

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 50;

/**
 * Hands on what is written to a file until something ends, and all that was written by then. What is written later, by
 * whoever still can, is not waited for.
 *
 * @param file Open for reading, at its beginning
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
    while (position < size) {
      const count = await file.read(buffer);
      if (count === null) break;
      take(buffer.slice(0, count));
      position += count;
    }
    if (last) return;
    const { promise: pause, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, INTERVAL);
    await Promise.race([end, pause]);
    clearTimeout(timer);
  }
}
