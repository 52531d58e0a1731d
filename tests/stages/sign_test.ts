import { assertEquals } from "@std/assert";
import { ReleaseError } from "../../src/errors.ts";
import { signArtifacts } from "../../src/stages/sign.ts";
import { FakeWorld } from "../support/fake_ports.ts";
import { pureTest, rejection } from "../support/pure.ts";

const ARTIFACTS = ["a", "b", "c", "d", "e"].map((path) => ({
  ...{ path, sha256: "0".repeat(64), bytes: new TextEncoder().encode(path) },
}));

const STAMP = { signedAt: "2026-06-01T12:00:00Z", ciCommit: null, signatureAlgorithm: "ed25519" } as const;

/** Signs artifacts, each of which ends when it is told to; gives those that have begun. */
function sign(signJobs: number) {
  const world = new FakeWorld();
  const begun: string[] = [];
  const asked = new Map<string, PromiseWithResolvers<void>>();
  world.sign = async ({ path, bytes }) => {
    begun.push(path);
    const end = Promise.withResolvers<void>();
    asked.set(path, end);
    await end.promise;
    return { signature: bytes, input: bytes };
  };
  const signing = signArtifacts(world.run({ signJobs }), { artifacts: ARTIFACTS, stamp: STAMP, kept: null });
  return { begun, asked, signing };
}

/** Lets all that can go on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

pureTest(
  "signArtifacts() signs no more at once than it is to, and keeps the order of the artifacts",
  async () => {
    const { begun, asked, signing } = sign(2);
    for (const [path, ...now] of [["b", "a", "b"], ["c", "a", "b", "c"], ["a", "a", "b", "c", "d"]]) {
      await settle();
      assertEquals(begun, now);
      asked.get(path!)!.resolve();
    }
    for (const path of ["d", "e"]) {
      await settle();
      asked.get(path)!.resolve();
    }
    assertEquals(
      (await signing).map(({ path, signature }) => [path, new TextDecoder().decode(signature)]),
      ARTIFACTS.map(({ path }) => [path, path]),
    );
  },
);

pureTest(
  "signArtifacts() begins with no other when one fails, and waits for those that have begun",
  async () => {
    const { begun, asked, signing } = sign(3);
    let ended = false;
    const refused = rejection(signing).finally(() => ended = true);
    await settle();
    asked.get("b")!.reject(new ReleaseError("sign-hook", "Sign hook failed for b"));
    await settle();
    assertEquals([begun, ended], [["a", "b", "c"], false]);
    asked.get("a")!.resolve();
    asked.get("c")!.reject(new ReleaseError("sign-hook", "Sign hook failed for c"));
    assertEquals((await refused).message, "Sign hook failed for b");
    assertEquals(begun, ["a", "b", "c"]);
  },
);
