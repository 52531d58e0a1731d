/**
 * Which rollout manifests in a release directory are of no use any more.
 *
 * Each manifest says which fleet it belongs to and when it was signed. So the directory itself is the history of its
 * releases: also outside git, and in a clone that has none of it.
 *
 * @module
 */
import { rolloutIdOf, signaturePath, signedPath } from "../contract/layout.ts";
import { compareTimestamps } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import type { PublicKey } from "../crypto/signature.ts";
import { SIGNATURE_LENGTH } from "../crypto/signature_shape.ts";
import { readFleet } from "../plan/reuse.ts";
import { verifyingKey } from "./acceptance.ts";
import { bindRelease, projectedPaths } from "./bindings.ts";

/** Documents and their signatures, by path; null: what is there is no file of a release. */
export type FoundFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer> | null>;

/** What manifests are judged by. */
export interface RetentionRules {
  /** The fleet that they lie beside: its path and its bytes. */
  readonly fleet: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> };
  /** The keys that consumers trust; null when nobody says which. */
  readonly keys: readonly PublicKey[] | null;
  /** Of how many releases manifests are kept, that of the fleet among them. */
  readonly keep: number;
  /** What lies beside it and may be another fleet, whose manifests are not this one's to remove. */
  readonly others: FoundFiles;
  /** The paths of those that are in no commit, where releases are committed: of no release that anybody follows. */
  readonly uncommitted?: ReadonlySet<string>;
}

/** What may go, by path, sorted, and for what else it may not. */
export interface Removable {
  /** What no consumer would accept, or could take for current: damaged, not signed, signed later than the fleet. */
  readonly damaged: readonly string[];
  /** What is whole and belongs to an older release than those that are kept, or to one that was never committed. */
  readonly outdated: readonly string[];
  /** The other fleets. */
  readonly fleets: readonly string[];
}

/**
 * Finds the manifests that may go, with their signatures. None of those that the fleet names, or another one, is among
 * them. Pure.
 */
export async function findRemovable(files: FoundFiles, rules: RetentionRules): Promise<Removable> {
  const { fleet, keep, uncommitted = new Set() } = rules;
  const present = new Map<string, Uint8Array<ArrayBuffer>>([[fleet.path, fleet.bytes]]);
  for (const [path, bytes] of files) if (bytes !== null) present.set(path, bytes);
  // Whoever has signed them: other keys may be trusted tomorrow.
  const { fleet: record, earlier, failures } = bindRelease(present, fleet.path);
  // Of a fleet that cannot be read nobody knows what it names.
  if (record === null) return { damaged: [], outdated: [], fleets: [] };
  const fleets = await manifestsOfOthers(rules);
  const current = new Set([...projectedPaths(record, fleet.bytes), ...[...fleets.values()].flat()]);
  const damaged = new Set([...files.keys()].filter((path) => !present.has(path)));
  for (const { path } of failures) if (files.has(path) && !current.has(path)) damaged.add(path);
  const whole: SignedManifest[] = [];
  for (const { path, of } of earlier) {
    if (current.has(path)) continue;
    if (of !== null && await isSigned(present.get(path)!, present.get(signaturePath(path)), rules.keys)) {
      whole.push({ path, fleet: of.fleetResolvedHash, signedAt: of.meta.signedAt! });
    } else damaged.add(path);
  }
  const committed = whole.filter(({ path }) => !uncommitted.has(path));
  const lost = whole.filter(({ path }) => uncommitted.has(path));
  const outdated = [...lost, ...beyond(committed, Math.max(keep - 1, 0))].map(({ path }) => path);
  // What the fleet names is never taken away, not even with a damaged signature: that is for `verify` to say.
  const isCurrent = (path: string) => current.has(path) || current.has(signedPath(path) ?? "");
  const withSignatures = (paths: Iterable<string>) => {
    const pairs = [...paths].flatMap((path) =>
      rolloutIdOf(path) === undefined ? [path] : [path, signaturePath(path)]
    );
    return [...new Set(pairs)].filter((path) => files.has(path) && !isCurrent(path)).sort();
  };
  return { damaged: withSignatures(damaged), outdated: withSignatures(outdated), fleets: [...fleets.keys()] };
}

/** The signed fleets of other names, and the manifests that each leads to. */
async function manifestsOfOthers({ others, keys }: RetentionRules): Promise<Map<string, string[]>> {
  const fleets = new Map<string, string[]>();
  for (const [path, bytes] of others) {
    if (bytes === null || !await isSigned(bytes, others.get(signaturePath(path)), keys)) continue;
    const fleet = readFleet(bytes);
    if (fleet !== undefined) fleets.set(path, projectedPaths(fleet, bytes));
  }
  return fleets;
}

/** Whether a key that is trusted has signed something, or where none are known, somebody may have. */
async function isSigned(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer> | null | undefined,
  keys: readonly PublicKey[] | null,
): Promise<boolean> {
  if (signature?.length !== SIGNATURE_LENGTH) return false;
  return keys === null || await verifyingKey(bytes, signature, keys) !== null;
}

/** A manifest of an earlier release, that is signed. */
interface SignedManifest {
  readonly path: string;
  /** Hash of the fleet that it belongs to. */
  readonly fleet: string;
  readonly signedAt: Timestamp;
}

/** The manifests of all releases but the latest ones. */
function beyond(manifests: readonly SignedManifest[], keep: number): SignedManifest[] {
  const releases = [...Map.groupBy(manifests, ({ fleet }) => fleet).values()];
  const signedAt = ([first]: readonly SignedManifest[]) => first!.signedAt;
  return releases.sort((a, b) => compareTimestamps(signedAt(b), signedAt(a))).slice(keep).flat();
}

/**
 * Of files that are no documents of a release, those that `verify` refuses the release beside for their names alone: JSON
 * without a signature, a signature without what it signs, and what has no manifest's name where manifests are. Pure.
 */
export function refusedStrangers(paths: readonly string[]): string[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    const signed = signedPath(path);
    if (signed !== undefined) return !all.has(signed);
    return path.endsWith(".json") && (rolloutIdOf(path) !== undefined || !all.has(signaturePath(path)));
  });
}
