/**
 * What mutated releases are made from and judged by, and what is found.
 *
 * @module
 */
import type { Failure } from "../../src/verify/failure.ts";
import { type ReleaseVerdict, verifyRelease } from "../../src/verify/release.ts";
import type { TrustedKey } from "../../src/verify/trust.ts";
import { type Files, type Material, mutate } from "./mutations.ts";

/** The name of the fleet. */
export const FLEET = "fleet.resolved.json";
/** The time that all of them are judged by. */
export const NOW = "2026-06-01T12:30:00Z";

/** How many of each are tried. */
export interface FuzzSizes {
  readonly releases: number;
  readonly documents: number;
  readonly trustFiles: number;
  /** Releases that are written to disk and committed, and read back from there. */
  readonly places: number;
  /** Signatures that openssl is asked about, too. */
  readonly samples: number;
}

/** What has been found. */
export interface Findings {
  readonly tried: Record<keyof FuzzSizes, number>;
  accepted: number;
  /** How often each code word was given. */
  readonly codes: Record<string, number>;
  /** Verdicts that the other way of checking contradicts, and errors that nobody foresaw. */
  readonly contradictions: string[];
}

/** What all of it is made from. */
export interface FuzzWorld extends Material {
  readonly sizes: FuzzSizes;
  readonly findings: Findings;
  /** Releases that are accepted as they are. */
  readonly good: readonly Files[];
  readonly keys: readonly TrustedKey[];
}

/** Counts a verdict. What contradicts it is kept with the number by which it is found again. */
export function note(
  { findings }: FuzzWorld,
  kind: keyof FuzzSizes,
  { verified, failures }: { readonly verified: boolean; readonly failures: readonly Failure[] },
  problems: readonly string[],
): void {
  const number = findings.tried[kind]++;
  if (verified) findings.accepted++;
  for (const code of new Set(failures.map(({ code }) => code))) {
    findings.codes[code] = (findings.codes[code] ?? 0) + 1;
  }
  const all = verified === (failures.length === 0)
    ? problems
    : ["verified and failures do not agree", ...problems];
  findings.contradictions.push(...all.map((problem) => `${kind}, number ${number}: ${problem}`));
}

/** A release that is accepted, with up to three changes. */
export async function mutated(world: FuzzWorld): Promise<{ files: Files; original: Files }> {
  const original = world.chance.pick(world.good);
  const files: Files = new Map(original);
  for (let changes = world.chance.below(4); changes > 0; changes--) await mutate(files, world);
  return { files, original };
}

/** The verdict on a release, as all of them are judged here. */
export function judge(files: Files, { keys }: FuzzWorld, requireIndex = false): Promise<ReleaseVerdict> {
  const trust = { keys, rejectBefore: null };
  const options = { artifactName: FLEET, now: NOW, freshnessWindowSeconds: undefined, requireIndex };
  return verifyRelease(files, { ...options, trust });
}
