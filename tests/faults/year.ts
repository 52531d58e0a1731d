/**
 * Years of releases: manifests do not pile up, and where they have, one run removes them.
 *
 * @module
 */
import { refusals, SETTINGS } from "../support/damaged.ts";

import { newSigner, signedRelease } from "../support/signed_release.ts";
import { trustBytes } from "../support/trust.ts";
import { WorldOnDisk } from "../support/world_on_disk.ts";
import type { Figures } from "./figures.ts";

/** Four a day. */
const YEAR = 1461;
const START = Temporal.Instant.from("2025-06-01T00:00:00Z");

/** Makes releases, and finds the manifests of up to a year that nobody has removed. */
export async function aYear(most: number): Promise<Figures[]> {
  await using disk = await WorldOnDisk.create();
  const signer = await newSigner();
  const { world } = disk;
  world.signWith(signer);
  world.inputs.set("trust.json", trustBytes({ current: signer.publicKey }));
  const at = (number: number) => START.add({ hours: 6 * number }).toString();
  const settings = { ...SETTINGS, revocationsAttr: undefined!, bootstrapNoncesAttr: undefined! };
  const problems: string[] = [];
  const release = async (number: number): Promise<number> => {
    const start = performance.now();
    await disk.release({ ...settings, now: at(number) });
    const milliseconds = performance.now() - start;
    problems.push(...(await refusals(disk, at(number))).map((line) => `release ${number}: ${line}`));
    const manifests = [...(await disk.files()).keys()].filter((path) => /^rollouts.*json$/.test(path)).length;
    if (manifests > 2 * 10) problems.push(`release ${number}: ${manifests} manifests`);
    return Math.round(milliseconds);
  };
  const made = Math.min(most, 100);
  for (let number = 0; number < made; number++) await release(number);
  const grown: Figures = {
    name: "releases that keep the manifests of ten",
    tried: made,
    problems: [...problems],
  };
  const count = Math.min(most, YEAR);
  for (let number = 0; number < count; number++) {
    const files = await signedRelease({ signer, signedAt: at(number) });
    await disk.write(new Map([...files].filter(([path]) => path.startsWith("rollouts/"))));
  }
  problems.length = 0;
  const times = [await release(count + 1), await release(count + 2)];
  return [grown, {
    name: `a run that finds the manifests of ${count} releases`,
    tried: 1,
    problems,
    note: `it took ${times[0]} ms, and the next one ${times[1]} ms`,
  }];
}
