/**
 * Signs every artifact.
 *
 * @module
 */
import type { SignedArtifact } from "../model.ts";
import { plural } from "../text.ts";
import type { Composed } from "./compose.ts";
import type { Run } from "./run.ts";

/**
 * Signs the artifacts, unless the release on disk has their signatures. They are in the order that they were given in,
 * however many are signed at once.
 */
export async function signArtifacts(
  run: Run,
  { artifacts, kept }: Composed,
): Promise<readonly SignedArtifact[]> {
  if (kept !== null) return kept;
  const { signCmd, signJobs } = run.config;
  const count = plural(artifacts.length, "artifact");
  return await run.stage(
    { name: "sign", title: `Signing ${count}`, done: () => `Signed ${count}` },
    async () => {
      const signed: SignedArtifact[] = [];
      let begun = 0;
      const work = async () => {
        while (begun < artifacts.length) {
          const index = begun++;
          const artifact = artifacts[index]!;
          const { signature, input } = await run.ports.signer.sign(artifact);
          signed[index] = { ...artifact, signature, signedInput: input };
        }
      };
      // A key of our own takes no time, and an agent is asked one thing at a time.
      await Promise.all(Array.from({ length: signCmd === undefined ? 1 : signJobs }, work));
      return signed;
    },
  );
}
