/**
 * Damage of each kind to each file of a release directory, and updates that were cut off without a journal: whatever a
 * run finds, what it leaves behind is what `verify` accepts.
 *
 * @module
 */
import {
  damageFile,
  DAMAGES,
  layOut,
  placesIn,
  refusals,
  releasedTwice,
  SETTINGS,
  TIMES,
} from "../support/damaged.ts";
import { inOrder } from "../support/interrupted.ts";
import type { WorldOnDisk } from "../support/world_on_disk.ts";
import { type Figures, spread } from "./figures.ts";

const [, SECOND, THIRD] = TIMES as [string, string, string];

/** A way to leave a directory. */
interface Case {
  readonly of: string;
  readonly make: () => Promise<void>;
}

/** Damages up to so many files, and cuts as many updates off. */
export async function damages(most: number): Promise<Figures[]> {
  await using disk = await releasedTwice();
  const before = await disk.files() as Map<string, Uint8Array<ArrayBuffer>>;
  const places = await placesIn(disk);
  const damaged = places.flatMap((place) =>
    DAMAGES.map(([kind, damage]): Case => ({
      of: `${place} ${kind}`,
      make: () => damageFile(disk, place, damage),
    }))
  );
  disk.content = { db: "two" };
  await disk.release({ ...SETTINGS, now: THIRD });
  const after = await disk.files();
  const changed = inOrder(before).flatMap((path) =>
    after.has(path) && !path.startsWith("rollouts/") ? [path] : []
  );
  const added = inOrder(
    new Map([...after].filter(([path]) => !before.has(path)) as [string, Uint8Array<ArrayBuffer>][]),
  );
  const order = [...added, ...changed];
  const cut = order.map((_, count): Case => ({
    of: `cut after ${count} of ${order.length} files`,
    make: () => disk.write(new Map(order.slice(0, count).map((path) => [path, after.get(path)!]))),
  }));
  return [
    await judge(disk, before, "damaged files", spread(damaged, most)),
    await judge(disk, before, "updates without a journal that were cut off", spread(cut, most)),
  ];
}

/** Has a run find each case, with and without reuse, and judges what it leaves. */
async function judge(
  disk: WorldOnDisk,
  before: ReadonlyMap<string, Uint8Array>,
  name: string,
  cases: readonly Case[],
): Promise<Figures> {
  const problems: string[] = [];
  let refused = 0;
  for (const { of, make } of cases) {
    for (const reuseUnchangedSignature of [false, true]) {
      for (const content of ["one", "two"]) {
        await layOut(disk, before);
        await make();
        disk.content = { db: content };
        if ((await refusals(disk, SECOND).catch(() => ["unreadable"])).length > 0) refused++;
        const now = "2026-06-01T12:21:00Z";
        await disk.release({ ...SETTINGS, reuseUnchangedSignature, now }).then(
          async () => problems.push(...(await refusals(disk, now)).map((line) => `${of}: ${line}`)),
          (error) => problems.push(`${of}: ${error.message}`),
        );
      }
    }
  }
  return { name, tried: 4 * cases.length, problems, note: `${refused} of them refused by verify before` };
}
