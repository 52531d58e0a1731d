/**
 * A program that writes releases as a run does, with the run's lock, and does nothing else, so that faults can be put at
 * each of its system calls. Its arguments are the release directory, a JSON file with the releases in their order, each
 * as the path and base64 of its files, and what it is configured to, as JSON. It reads them in one call, so that its
 * calls are the same ones in every run.
 *
 * @module
 */
import { lockReleaseDir } from "../../src/adapters/lock.ts";
import { createReleaseDir } from "../../src/adapters/release_dir.ts";
import { sha256Hex } from "../../src/contract/canonical.ts";
import { rolloutIdOf, signaturePath, signedPath } from "../../src/contract/layout.ts";
import { decodeBase64 } from "../../src/crypto/base64.ts";
import { ReleaseError } from "../../src/errors.ts";
import type { SignedArtifact } from "../../src/model.ts";
import { recoverRelease, writeRelease } from "../../src/stages/publish.ts";
import { FakeWorld } from "../support/fake_ports.ts";

/** The artifacts among the files of a release, the fleet first. */
function artifactsOf(listed: readonly (readonly [path: string, base64: string])[]): SignedArtifact[] {
  const files = new Map(listed.map(([path, base64]) => [path, decodeBase64(base64)!]));
  const artifacts = [...files].filter(([path]) => signedPath(path) === undefined).map(([path, bytes]) => {
    const rolloutId = rolloutIdOf(path);
    const signature = files.get(signaturePath(path))!;
    return {
      path,
      bytes,
      signature,
      sha256: sha256Hex(bytes),
      ...rolloutId === undefined ? {} : { rolloutId },
    };
  });
  const isFleet = ({ path }: SignedArtifact) => path.startsWith("fleet");
  return [...artifacts.filter(isFleet), ...artifacts.filter((artifact) => !isFleet(artifact))];
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

if (import.meta.main) {
  const [dir, source, settings] = Deno.args as [string, string, string];
  const releases: [path: string, base64: string][][] = JSON.parse(Deno.readTextFileSync(source));
  const world = new FakeWorld();
  const run = world.run({ ...JSON.parse(settings), releaseDir: dir });
  const { warn, ports: { clock } } = run;
  try {
    using _lock = await lockReleaseDir(dir, dir, { wait: undefined, clock, signal: undefined, warn });
    const begun = { ...run, ports: { ...run.ports, releaseDir: createReleaseDir(dir, "/") } };
    for (const files of releases) {
      await recoverRelease(begun);
      await writeRelease(begun, artifactsOf(files), { trusted: null, commit: null });
    }
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    print(`${error.kind}: ${error.message}\n`);
    Deno.exitCode = 1;
  } finally {
    run.notes.warnings.forEach(({ code, message }) => print(`${code}: ${message}\n`));
  }
}
