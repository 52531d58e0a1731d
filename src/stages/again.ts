/**
 * The release that is there, to be signed anew: where it goes, and what it says.
 *
 * @module
 */
import { SIDECAR_FILES } from "../contract/layout.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { EvaluatedFleet } from "../plan/compose.ts";
import { filterExpiredPins } from "../plan/pins.ts";
import { readFleet } from "../plan/reuse.ts";
import { plural, quoteList } from "../text.ts";
import { attributesFor } from "./attributes.ts";
import { findPlaceAgain, type Origin } from "./base.ts";
import { releaseIn } from "./changes.ts";
import { checkClock, lookAtHead } from "./clock.ts";
import { checkCommittable } from "./committable.ts";
import type { Earlier } from "./order.ts";
import { type Before, type Purpose, readPrevious } from "./previous.ts";
import type { Run } from "./run.ts";

/** The run, of which it is known what the release on disk has beside its fleet: what is signed anew has the same. */
export async function withSidecarsOnDisk(run: Run): Promise<Run> {
  const sidecars: string[] = [];
  for (const path of SIDECAR_FILES) if (await run.ports.releaseDir.has(path)) sidecars.push(path);
  return { ...run, sidecars };
}

/**
 * Finds out where the release on disk is kept, and checks that it can be committed and pushed when that is asked for.
 *
 * @returns that, without the commit that the release names: nobody has verified yet what says it
 */
export async function findOrigin(run: Run): Promise<Origin> {
  const { config, ports: { git, releaseDir } } = run;
  return await run.stage({
    name: "place",
    title: `Looking at ${config.releaseDir}`,
    done: ({ repository }) =>
      `Found ${config.releaseDir}${repository === null ? ", which is not in git" : ""}`,
  }, async () => {
    const repository = await git.repositoryOf((await releaseDir.realPath()).existing);
    checkClock(run, repository, await lookAtHead(run, repository));
    if (!config.gitCommit) return { repository, ciCommit: null, place: null, attributes: [] };
    const own = await checkCommittable(run, repository, config.releaseDir);
    const place = await findPlaceAgain(run, own);
    return { repository, ciCommit: null, place, attributes: await attributesFor(run, own, place) };
  });
}

/** The commit that the release on disk names, which a key that counts has signed; null when there is none such. */
export function commitOf({ onDisk }: Earlier): string | null {
  return (onDisk && readFleet(onDisk.bytes)?.meta.ciCommit) ?? null;
}

/** What a release that is there says, as a flake would say it. */
export interface ReleaseAgain {
  readonly evaluated: EvaluatedFleet;
  readonly signedAt: Timestamp;
}

const RESIGNING: Purpose = {
  problem: "Cannot sign the last release anew",
  restore: "pull it or restore it from git (`git restore --source COMMIT --worktree DIR`)",
  instead: "make a release",
  allow: "sign it all the same with --allow-older",
  whole: true,
};

/**
 * Reads the release on disk, which has to be one that consumers accept: its content is signed once more.
 *
 * @throws {ReleaseError} of kind `smoke-verify`, `contract` or `usage` when it is none such, or there is none
 */
export async function readReleaseAgain(run: Run, before: Before): Promise<ReleaseAgain> {
  const { config: { artifactName, releaseDir } } = run;
  const again = await run.stage({
    name: "previous",
    title: "Verifying the last release",
    done: ({ signedAt, evaluated }) =>
      `Verified the release of ${
        plural(Object.keys(evaluated.fleet.hosts).length, "host")
      } that was signed at ${signedAt}`,
  }, async () => {
    const previous = await readPrevious(run, before, RESIGNING);
    if (previous === null) {
      throw new ReleaseError(
        "usage",
        `${RESIGNING.problem}: there is no "${artifactName}" in "${releaseDir}"`,
        {
          hint: "make a release, or name the one that is there with --release-dir and --artifact-name",
        },
      );
    }
    // What verifies is whole, and signed at some time.
    const evaluated = releaseIn(previous.files, artifactName)!;
    return { evaluated, signedAt: evaluated.fleet.meta.signedAt! };
  });
  warnOfExpiredPins(run, again.evaluated);
  return again;
}

/** What a pin holds back is built anew when it has expired, which is for a release to do. */
function warnOfExpiredPins({ now, warn }: Run, { fleet }: EvaluatedFleet): void {
  const { expired } = filterExpiredPins(fleet, now);
  if (expired.length === 0) return;
  const one = expired.length === 1;
  warn({
    code: "expired-pin",
    message: `The ${one ? "pin" : "pins"} of ${quoteList(expired)} ${one ? "has" : "have"} expired, and ${
      one ? "its host stays" : "their hosts stay"
    } as released: the next release builds ${one ? "it" : "them"} from the current commit`,
    hosts: expired,
  });
}
