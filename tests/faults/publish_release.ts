/**
 * A program that publishes releases and does nothing else, so that faults can be put at each of its system calls. Its
 * arguments are the release directory and a JSON file with the releases in their order: the files of each in the order
 * of writing, as path and base64. It reads them in one call, so that its calls are the same ones in every run.
 *
 * @module
 */
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { decodeBase64 } from "../../src/crypto/base64.ts";
import { ReleaseError } from "../../src/errors.ts";

if (import.meta.main) {
  const [dir, source] = Deno.args;
  const releases: [path: string, base64: string][][] = JSON.parse(Deno.readTextFileSync(source!));
  const releaseDir = createReleaseDir(dir!, Deno.cwd());
  try {
    for (const files of releases) {
      await releaseDir.recover();
      await releaseDir.publish(files.map(([path, base64]) => ({ path, bytes: decodeBase64(base64)! })));
    }
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    await Deno.stderr.write(new TextEncoder().encode(`${error.kind}: ${error.message}\n`));
    Deno.exit(1);
  }
}
