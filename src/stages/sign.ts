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
      const errors: unknown[] = [];
      let begun = 0;
      const work = async () => {
        // When one fails, those that have begun are waited for, and no other begins.
        while (begun < artifacts.length && errors.length === 0) {
          const index = begun++;
          const artifact = artifacts[index]!;
          try {
            const { signature, input } = await run.ports.signer.sign(artifact);
            signed[index] = { ...artifact, signature, signedInput: input };
          } catch (error) {
            errors.push(error);
          }
        }
      };
      // A key of our own takes no time, and an agent is asked one thing at a time.
      const jobs = signCmd === undefined ? 1 : Math.min(signJobs, artifacts.length);
      await Promise.all(Array.from({ length: jobs }, work));
      if (errors.length > 0) throw errors[0];
      return signed;
    },
  );
}
