/**
 * Readers of a directory while releases are put there.
 *
 * @module
 */
import { join } from "@std/path";
import { run } from "../support/command.ts";
import { type Files, writeFiles } from "../support/interrupted.ts";
import { newSigner, signedRelease } from "../support/signed_release.ts";
import { TemporaryDirectory } from "../support/traced.ts";
import { programFor, verify, writeReleases, writeTrust } from "./bench.ts";
import type { Figures } from "./figures.ts";

/** Reads a directory over and over while so many releases are put there. */
export async function readersDuring(releases: number): Promise<Figures> {
  await using dir = await TemporaryDirectory.create();
  const signer = await newSigner();
  const start = Temporal.Instant.from("2026-06-01T12:00:00Z");
  const signed: Files[] = [];
  for (let number = 0; number <= releases; number++) {
    signed.push(await signedRelease({ signer, signedAt: start.add({ seconds: number }).toString() }));
  }
  const root = join(dir.path, "releases");
  await writeFiles(root, signed[0]!);
  await writeReleases(dir.path, signed.slice(1));
  await writeTrust(dir.path, signer);
  let running = true;
  const writer = run(programFor(root, dir.path), { cwd: dir.path, env: Deno.env.toObject() })
    .finally(() => running = false);
  const [problems, count]: [string[], { whole: number; told: number }] = [[], { whole: 0, told: 0 }];
  while (running) {
    const { code, told, stdout, stderr } = await verify({ dir: dir.path }, root);
    if (told) count.told++;
    else if (code === 0) count.whole++;
    else problems.push(`mixed: ${stdout}${stderr}`);
    // The end of the writer comes as an event.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { code, stderr } = await writer;
  if (code !== 0) problems.push(stderr);
  return {
    name: `reads during ${releases} releases`,
    tried: count.whole + count.told + problems.length,
    problems,
    note: `${count.whole} of a whole release, ${count.told} told of a publication`,
  };
}
