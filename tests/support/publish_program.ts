/**
 * A program that publishes files and does nothing else, for what is about the process: a umask, errors of the disk. Its
 * arguments are the release directory and each file's path and text, in their order.
 *
 * @module
 */
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { ReleaseError } from "../../src/errors.ts";

if (import.meta.main) {
  const [dir, ...words] = Deno.args;
  const files = Array.from({ length: words.length / 2 }, (_, index) => ({
    path: words[2 * index]!,
    bytes: new TextEncoder().encode(words[2 * index + 1]),
  }));
  try {
    await createReleaseDir(dir!, Deno.cwd()).publish(files);
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    await Deno.stderr.write(new TextEncoder().encode(`${error.kind}: ${error.message}\n`));
    Deno.exit(1);
  }
}
