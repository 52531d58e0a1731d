/**
 * Signs every artifact.
 *
 * @module
 */
import type { SignedArtifact } from "../model.ts";
import { plural } from "../text.ts";
import type { Composed } from "./compose.ts";
import type { Run } from "./run.ts";

/** Signs the artifacts, one after the other, unless the release on disk has their signatures. */
export async function signArtifacts(
  run: Run,
  { artifacts, kept }: Composed,
): Promise<readonly SignedArtifact[]> {
  if (kept !== null) return kept;
  const count = plural(artifacts.length, "artifact");
  return await run.stage(
    { name: "sign", title: `Signing ${count}`, done: () => `Signed ${count}` },
    async () => {
      const signed: SignedArtifact[] = [];
      for (const artifact of artifacts) {
        const { signature, input } = await run.ports.signer.sign(artifact);
        signed.push({ ...artifact, signature, signedInput: input });
      }
      return signed;
    },
  );
}
