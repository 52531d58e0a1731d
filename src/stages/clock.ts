/**
 * When a release is signed.
 *
 * @module
 */
import { compareTimestamps, formatInstant } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import { readFleet } from "../plan/reuse.ts";
import type { Repository } from "../ports.ts";
import { CLOCK_SKEW_SECONDS } from "../verify/acceptance.ts";
import { readOrNothing, type Run } from "./run.ts";

/**
 * Two releases within one second would have one stamp, by which nobody could tell them apart: the second one is of the
 * next second, and waits for it. What is on disk need not be signed for that: nobody loses more than the second.
 *
 * @returns the run, at a later time when it had to wait
 */
export async function afterLast(run: Run): Promise<Run> {
  const { now, timeFrom, config: { artifactName }, ports: { clock } } = run;
  if (timeFrom !== "clock") return run;
  const bytes = await readOrNothing(run, artifactName);
  const before = (bytes && readFleet(bytes)?.meta.signedAt) ?? null;
  const next = Temporal.Instant.from(now).add({ seconds: 1 });
  if (before === null || compareTimestamps(before, now) < 0) return run;
  if (Temporal.Instant.compare(Temporal.Instant.from(before), next) >= 0) return run;
  const milliseconds = next.since(clock.now()).total("milliseconds");
  await new Promise((resolve) => setTimeout(resolve, Math.ceil(milliseconds)));
  return { ...run, now: formatInstant(next) };
}

/**
 * Refuses a clock that is before the commit that is checked out: a release is signed after that. A time that is given may
 * be as early as its giver likes.
 *
 * @throws {ReleaseError} of kind `usage`
 */
export async function checkClock(
  { now, timeFrom, config: { allowOlder }, ports: { git }, warn }: Run,
  repository: Repository | null,
): Promise<void> {
  const head = repository?.head ?? null;
  if (timeFrom === "--now" || allowOlder || head === null) return;
  const committedAt = await git.committedAt(repository!, head);
  if (!isAhead(committedAt, Temporal.Instant.from(now))) return;
  const commit = head.slice(0, 8);
  if (timeFrom === "SOURCE_DATE_EPOCH") {
    warn({
      code: "early-epoch",
      message:
        `SOURCE_DATE_EPOCH says ${now}, which is before commit ${commit} was made, at ${committedAt}: shells of ` +
        "nix set it. Unset it, unless it is meant",
    });
    return;
  }
  throw new ReleaseError(
    "usage",
    `Cannot sign a release at ${now}: commit ${commit}, which is checked out, was made later, at ${committedAt}`,
    {
      hint:
        "this machine's clock is wrong, or was when it was committed: give the time with --now, or --allow-older",
    },
  );
}

/** Whether a time is later than another by more than clocks may differ. */
export function isAhead(time: Timestamp, than: Temporal.Instant): boolean {
  return Temporal.Instant.compare(Temporal.Instant.from(time), than.add({ seconds: CLOCK_SKEW_SECONDS })) > 0;
}
