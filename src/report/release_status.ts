/**
 * What `status` says of a release, for people and as JSON.
 *
 * @module
 */
import type { Warning } from "../model.ts";
import { alignedRows, plural, printable } from "../text.ts";
import type { ReleaseVerdict } from "../verify/release.ts";
import type { ChannelStatus, ReleaseState, ReleaseStatus } from "../verify/status.ts";
import type { KeyDescription } from "../verify/trust.ts";
import { failureLine, type Report } from "./verdict.ts";

/** What `status --json` prints. docs/operating.md describes it. */
export interface StatusReport {
  readonly schema: "fleet-release/status/1";
  readonly state: ReleaseState;
  /** The time that it was judged by. */
  readonly now: string;
  /** When it was signed; null when that cannot be told. */
  readonly signedAt: string | null;
  /** The commit that it names. */
  readonly ciCommit: string | null;
  /** The full commit that the files were read from; null when they were read from disk. */
  readonly gitCommit: string | null;
  /** By name; none when nobody who is trusted has signed it. */
  readonly channels: readonly ChannelStatus[];
  /** Every reason to refuse it. */
  readonly failures: Report["failures"];
  readonly warnings: readonly Warning[];
}

/** The report of a release that was judged at a time. */
export function statusReport(
  { state, channels }: ReleaseStatus,
  { meta, failures, warnings }: ReleaseVerdict,
  { now, commit, more }: {
    readonly now: string;
    /** The commit that it was read from; null when it was read from disk. */
    readonly commit: string | null;
    /** Warnings of what is around the release. */
    readonly more: readonly Warning[];
  },
): StatusReport {
  return {
    schema: "fleet-release/status/1",
    state,
    now,
    signedAt: meta?.signedAt ?? null,
    ciCommit: meta?.ciCommit ?? null,
    gitCommit: commit,
    channels,
    failures,
    warnings: [...more, ...warnings],
  };
}

/** The report for people: one line for the release, a table of its channels, and every reason to refuse it. */
export function statusLines(report: StatusReport): string[] {
  const { state, signedAt, ciCommit, gitCommit, channels, failures } = report;
  const hosts = channels.reduce((sum, { hosts }) => sum + hosts, 0);
  const what = signedAt === null
    ? "a release that no trusted key has signed"
    : `a release of ${plural(hosts, "host")} in ${
      plural(channels.length, "channel")
    }, signed at ${signedAt}` +
      (ciCommit === null ? "" : ` from commit ${ciCommit.slice(0, 8)}`);
  const where = gitCommit === null ? "" : `, in commit ${gitCommit}`;
  return [
    `${state}: ${what}${where}`,
    ...channels.length === 0 ? [] : ["", ...alignedRows([HEADER, ...channels.map(rowOf)])],
    ...failures.length === 0 ? [] : ["", ...failures.map(failureLine)],
  ].map(printable);
}

const HEADER = ["channel", "state", "key", "fresh until", "due", "hosts", "waves", "last change"];

function rowOf(status: ChannelStatus): string[] {
  const { channel, state, key, freshUntil, dueAt, hosts, released, waves, lastChange } = status;
  return [
    channel,
    state,
    key === null ? "none" : keyText(key),
    released === 0 ? "-" : freshUntil ?? "always",
    dueAt,
    released === hosts ? `${hosts}` : `${released} of ${hosts}`,
    `${waves.length}`,
    lastChange === null
      ? "-"
      : `${lastChange.exact ? "" : "before "}${lastChange.signedAt}${
        lastChange.ciCommit === null ? "" : ` (${lastChange.ciCommit.slice(0, 8)})`
      }`,
  ];
}

/** Enough of a key to tell it from others, as in `current ed25519:11qYAYKx…`. */
export function keyText({ slot, algorithm, public: base64 }: KeyDescription): string {
  return `${slot} ${algorithm}:${base64.slice(0, 8)}…`;
}
