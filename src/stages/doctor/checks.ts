/**
 * Everything that a release needs, in the order in which `doctor` looks at it. A check is a line here, a function, and a
 * line in docs/operating.md.
 *
 * @module
 */
import type { Diagnosis, Warning } from "../../model.ts";
import { lookAtClock, lookAtDirectory, lookAtLastRelease, lookAtReport, lookAtRuns } from "./directory.ts";
import { lookAtFlake, lookAtIdentity, lookAtRemote, lookAtRepository, lookAtSigning } from "./git.ts";
import { lookAtKey, lookAtPlaceOfKey, lookAtTrust } from "./keys.ts";
import { lookAtDisk, lookAtEnvironment, lookAtHooks, lookAtMemory, lookAtTemporary } from "./machine.ts";
import { lookAtBuilders, lookAtFeatures, lookAtNix, lookAtStore } from "./nix.ts";
import { type Found, ofError, ofWarning, type Visit } from "./visit.ts";

/** What a look gives. */
type Answer = Found | readonly Found[] | null;

/** Something that a release needs. */
export interface Check {
  /** A stable word for it. */
  readonly name: string;
  /** Looks at it; null, or nothing: this configuration does not need it. What it throws is bad, too. */
  readonly look: (visit: Visit) => Answer | Promise<Answer>;
}

/** All of it. */
export const CHECKS: readonly Check[] = [
  { name: "environment", look: lookAtEnvironment },
  { name: "nix", look: lookAtNix },
  { name: "nix-features", look: lookAtFeatures },
  { name: "store", look: lookAtStore },
  { name: "builders", look: lookAtBuilders },
  { name: "flake", look: lookAtFlake },
  { name: "repository", look: lookAtRepository },
  { name: "identity", look: lookAtIdentity },
  { name: "commit-signing", look: lookAtSigning },
  { name: "remote", look: lookAtRemote },
  { name: "key", look: lookAtKey },
  { name: "key-place", look: lookAtPlaceOfKey },
  { name: "trust", look: lookAtTrust },
  { name: "hooks", look: lookAtHooks },
  { name: "temporary-files", look: lookAtTemporary },
  { name: "disk", look: lookAtDisk },
  { name: "memory", look: lookAtMemory },
  { name: "release-directory", look: lookAtDirectory },
  { name: "report", look: lookAtReport },
  { name: "runs", look: lookAtRuns },
  { name: "clock", look: lookAtClock },
  { name: "last-release", look: lookAtLastRelease },
];

/**
 * Looks at everything, one after the other, whatever is wrong with what.
 *
 * @param tell Told of each as it is found
 * @param signal Ends it, by throwing the reason
 */
export async function examine(
  visit: Visit,
  tell: (diagnosis: Diagnosis) => void,
  signal: AbortSignal,
  checks: readonly Check[] = CHECKS,
): Promise<void> {
  for (const { name, look } of checks) {
    const warned: Warning[] = [];
    const warn = (...warnings: readonly Warning[]) => void warned.push(...warnings);
    // What it throws, be it at once, is found, too.
    const found = await Promise.try(() => look({ ...visit, run: { ...visit.run, warn } })).catch(ofError);
    signal.throwIfAborted();
    const all = found === null ? [] : [found].flat();
    // Where there is something to warn of, it is not all well.
    const own = warned.length === 0 ? all : all.filter(({ state }) => state !== "good");
    for (const one of [...own, ...warned.map(ofWarning)]) tell({ check: name, ...one });
  }
}
