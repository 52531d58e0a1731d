/**
 * What a run is going to do that its user may not have meant. It is told before anything is built, and stops nothing.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { ReleaseError } from "../errors.ts";
import type { Finding, LockedFlake } from "../model.ts";
import { isWithin } from "../plan/paths.ts";
import { partFindings } from "../plan/warnings.ts";
import { plural } from "../text.ts";
import type { Look, Reading, Run } from "./run.ts";
import type { SeenSource, Source } from "./source.ts";

/** Warns of what looks like an oversight. */
export async function warnOfOversights(run: Run, source: Source): Promise<void> {
  warnOfClosures(run);
  await warnOfOtherPlace(run, source);
}

/** Warns of closures that nothing brings to the machines. */
export function warnOfClosures({ config: { gitPush, pushCmd, pushAllCmd }, warn }: Look): void {
  if (gitPush === undefined || pushCmd !== undefined || pushAllCmd !== undefined) return;
  warn({
    code: "closures-not-pushed",
    message:
      "The release is pushed, but the closures that it names are not: machines that find them nowhere else cannot " +
      "follow it. Give --push-cmd, or --push-cmd true when something else brings the closures to them",
  });
}

/** Where a flake lies. */
export type FlakePlace = Pick<SeenSource, "repository"> & { readonly flake: Pick<LockedFlake, "localDir"> };

/** Warns of a release directory that is probably not the one that is meant. */
export async function warnOfOtherPlace(run: Reading, source: FlakePlace): Promise<void> {
  const { warn } = run;
  const elsewhere = await releaseElsewhere(run, source);
  if (elsewhere !== null) {
    warn({
      code: "release-dir-elsewhere",
      message:
        `The release goes to "${run.ports.releaseDir.path}", where none was before, and git has one in ` +
        `"${elsewhere}": a relative --release-dir is relative to the current directory`,
    });
  }
}

/** So many warnings are repeated in the error. */
const MOST_REPEATED = 50;

/**
 * With `--deny-warnings`, refuses to go on with what has been warned of, or is going to be.
 *
 * @param findings What is found of the fleet
 * @throws {ReleaseError} of kind `contract`
 */
export function refuseWarnings({ config, notes }: Look, findings: readonly Finding[]): void {
  if (!config.denyWarnings) return;
  const denied = [...notes.warnings, ...partFindings(findings).later].map(({ message }) => message);
  if (denied.length === 0) return;
  const more = denied.length - MOST_REPEATED;
  throw new ReleaseError(
    "contract",
    `Cannot release with --deny-warnings: ${plural(denied.length, "warning")}`,
    {
      code: "warnings-denied",
      lines: [...denied.slice(0, MOST_REPEATED), ...more > 0 ? [`and ${more} more`] : []],
      hint: "`fleet-release check` tells all that is found of a fleet, and how to mend it",
    },
  );
}

/** The release directory at the top of the flake or its repository, which git knows, when the run begins another one. */
async function releaseElsewhere(
  { config: { artifactName, releaseDir: given }, ports: { git, releaseDir } }: Reading,
  { flake, repository }: FlakePlace,
): Promise<string | null> {
  if (flake.localDir === null || repository === null || given.startsWith("/")) return null;
  const usual = [flake.localDir, repository.root].map((top) => join(top, given));
  if (usual.includes(releaseDir.path) || await releaseDir.has(artifactName)) return null;
  for (const dir of usual) {
    if (!isWithin(dir, repository.root)) continue;
    if (await git.tracks(repository, relative(repository.root, join(dir, artifactName)), null)) return dir;
  }
  return null;
}
