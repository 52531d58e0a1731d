/**
 * How a release stands by the clock, channel by channel.
 *
 * @module
 */
import { canonicalText, sha256Hex } from "../contract/canonical.ts";
import { isManifestPath, manifestPath, signaturePath, signedPath } from "../contract/layout.ts";
import { lookup } from "../contract/records.ts";
import { compareTimestamps, formatInstant } from "../contract/time.ts";
import type { FleetResolved, RolloutManifest, Timestamp } from "../contract/types.ts";
import { dueAt, readFleet } from "../plan/reuse.ts";
import { projectRollouts } from "../plan/rollouts.ts";
import { CLOCK_SKEW_SECONDS, isStale, judgeSigned, verifyingKey } from "./acceptance.ts";
import type { ReleaseFiles } from "./bindings.ts";
import { readDocument } from "./document.ts";
import type { ReleaseVerdict, VerifyReleaseOptions } from "./release.ts";
import { describeKey, type KeyDescription } from "./trust.ts";

/**
 * How a release stands: `due` to be signed anew, `stale`: consumers refuse it for its age alone, `refused`: for something
 * else.
 */
export type ReleaseState = "fresh" | "due" | "stale" | "refused";

/** How a channel of a release stands. */
export interface ChannelStatus {
  readonly channel: string;
  /** By what its hosts go by: another channel may be due or stale already. */
  readonly state: ReleaseState;
  readonly signedAt: Timestamp;
  /** The key that verifies its rollout manifest, or the fleet where it has none; null: none does. */
  readonly key: KeyDescription | null;
  /** Until then, and then still, consumers accept it; null: beyond the year 9999. */
  readonly freshUntil: Timestamp | null;
  /** From then on it is due to be signed anew. */
  readonly dueAt: Timestamp;
  /** How many hosts it has. */
  readonly hosts: number;
  /** How many of them have a closure. Without any nobody waits for news, and it is never stale. */
  readonly released: number;
  /** The waves of its hosts, in their order. */
  readonly waves: readonly { readonly hosts: number; readonly soakMinutes: number }[];
  /** The oldest release in the directory with the same hosts, closures and waves; null where it has no closure. */
  readonly lastChange: LastChange | null;
}

/** When a channel got what it has. */
export interface LastChange {
  readonly signedAt: Timestamp;
  readonly ciCommit: string | null;
  /** Whether the directory has an older one that differs; else the change may be older. */
  readonly exact: boolean;
}

/** How a whole release stands. */
export interface ReleaseStatus {
  readonly state: ReleaseState;
  /** In the order of their names; none when no trusted key has signed the fleet, or it cannot be read. */
  readonly channels: readonly ChannelStatus[];
}

/**
 * Finds out how a release stands. Pure.
 *
 * @param verdict What `verifyRelease` says of the files, by the same rules
 */
export async function statusOf(
  files: ReleaseFiles,
  verdict: ReleaseVerdict,
  rules: VerifyReleaseOptions,
): Promise<ReleaseStatus> {
  const bytes = files.get(rules.artifactName);
  // What no trusted key has signed is not read.
  const fleet = verdict.meta === null || bytes === undefined ? undefined : readFleet(bytes);
  const signedAt = fleet?.meta.signedAt ?? null;
  if (fleet === undefined || signedAt === null) return { state: "refused", channels: [] };
  const judged = { fleet, signedAt, verdict, rules };
  const project = projectRollouts(fleet, sha256Hex(bytes!));
  const history = await readHistory(files, rules);
  const channels = Object.keys(fleet.channels).sort().map((channel) => {
    // One whose policy is not there has no manifest, for which the release is refused.
    const known = lookup(fleet.rolloutPolicies, fleet.channels[channel]!.rolloutPolicy) !== undefined;
    return channelStatus(judged, channel, { rollout: known ? project(channel) : null, history });
  });
  return { state: stateOf(verdict, channels), channels };
}

function stateOf({ verified, failures }: ReleaseVerdict, channels: readonly ChannelStatus[]): ReleaseState {
  if (!verified) return failures.every(({ code }) => code === "stale") ? "stale" : "refused";
  return channels.some(({ state }) => state === "due") ? "due" : "fresh";
}

/** A fleet, and what has been found about its release. */
interface Judged {
  readonly fleet: FleetResolved;
  readonly signedAt: Timestamp;
  readonly verdict: ReleaseVerdict;
  readonly rules: VerifyReleaseOptions;
}

/** A channel's rollout, and all manifests that a trusted key has signed. */
interface Rollouts {
  readonly rollout: { readonly manifest: RolloutManifest; readonly rolloutId: string } | null;
  readonly history: readonly RolloutManifest[];
}

function channelStatus(judged: Judged, name: string, { rollout, history }: Rollouts): ChannelStatus {
  const { fleet, signedAt, verdict, rules: { artifactName } } = judged;
  const hosts = Object.values(fleet.hosts).filter(({ channel }) => channel === name);
  const own = rollout === null ? null : manifestPath(rollout.rolloutId);
  const key = verdict.files.find(({ path }) => path === (own ?? artifactName))?.key ?? null;
  const channel = fleet.channels[name]!;
  return {
    channel: name,
    state: channelState(judged, name, own),
    signedAt,
    key: key && describeKey(key),
    freshUntil: freshUntil(signedAt, channel.freshnessWindow * 60),
    dueAt: dueAt(channel, signedAt),
    hosts: hosts.length,
    released: hosts.filter(({ closureHash }) => closureHash !== null).length,
    waves: (lookup(fleet.waves, name) ?? []).map(({ hosts, soakMinutes }) => ({
      hosts: hosts.length,
      soakMinutes,
    })),
    lastChange: rollout && lastChange(rollout.manifest, history),
  };
}

/** A host goes by the window of its own channel, and by no other channel's manifest. */
function channelState(
  { fleet, signedAt, verdict, rules }: Judged,
  name: string,
  own: string | null,
): ReleaseState {
  const { now, artifactName } = rules;
  const isOthers = (path: string) => {
    const document = signedPath(path) ?? path;
    return isManifestPath(document) && document !== own;
  };
  if (verdict.failures.some(({ path, code }) => code !== "stale" && !isOthers(path))) return "refused";
  const channel = fleet.channels[name]!;
  if (own !== null && isStale(signedAt, channel.freshnessWindow * 60, now)) return "stale";
  // Of a fleet without a rollout nothing says how old it may be.
  const isAnyones = verdict.files.every(({ kind }) => kind !== "rollout-manifest");
  if (isAnyones && verdict.failures.some(({ path }) => path === artifactName)) return "stale";
  return compareTimestamps(dueAt(channel, signedAt), now) <= 0 ? "due" : "fresh";
}

/** The last time at which consumers accept it. */
export function freshUntil(signedAt: Timestamp, seconds: number): Timestamp | null {
  const last = Temporal.Instant.from(signedAt).add({ seconds: seconds + CLOCK_SKEW_SECONDS });
  return last.toZonedDateTimeISO("UTC").year > 9999 ? null : formatInstant(last);
}

/** The rollout manifests in the directory that a trusted key has signed, of this release and of earlier ones. */
async function readHistory(
  files: ReleaseFiles,
  { trust }: VerifyReleaseOptions,
): Promise<readonly RolloutManifest[]> {
  const found: RolloutManifest[] = [];
  for (const [path, bytes] of files) {
    const signature = files.get(signaturePath(path));
    if (!isManifestPath(path) || signature === undefined || path !== manifestPath(sha256Hex(bytes))) continue;
    const key = await verifyingKey(bytes, signature, trust.keys);
    if (key === null) continue;
    const { document } = readDocument(bytes, "rollout-manifest");
    const { failures } = judgeSigned({ signature, declared: document?.meta ?? null }, key, trust);
    if (document !== null && failures.length === 0) found.push(document as RolloutManifest);
  }
  return found;
}

function lastChange(current: RolloutManifest, history: readonly RolloutManifest[]): LastChange {
  const timeOf = ({ meta }: RolloutManifest) => meta.signedAt!;
  const content = canonicalText(current.hostSet);
  const earlier = history
    .filter((manifest) =>
      manifest.channel === current.channel && compareTimestamps(timeOf(manifest), timeOf(current)) < 0
    )
    .sort((a, b) => compareTimestamps(timeOf(b), timeOf(a)));
  const differs = earlier.findIndex(({ hostSet }) => canonicalText(hostSet) !== content);
  const same = [current, ...differs === -1 ? earlier : earlier.slice(0, differs)];
  const { meta: { ciCommit, signedAt } } = same.at(-1)!;
  return { signedAt: signedAt!, ciCommit, exact: differs !== -1 };
}
