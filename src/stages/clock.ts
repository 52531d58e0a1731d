/**
 * When a release is signed.
 *
 * @module
 */
import { compareTimestamps, formatInstant, wholeSeconds } from "../contract/time.ts";
import type { Timestamp } from "../contract/types.ts";
import { ReleaseError } from "../errors.ts";
import type { Repository } from "../ports.ts";
import { CLOCK_SKEW_SECONDS } from "../verify/acceptance.ts";
import type { Look, Run } from "./run.ts";

/**
 * A run that goes by the clock is of a time behind the release that is there. Two within one second would have one stamp,
 * by which nobody could tell them apart, and the clocks of two machines that release in turn differ: so it waits, for no
 * longer than clocks may differ.
 *
 * @param before When that was signed; null: there is none
 * @returns the run, at the time that it is then
 */
export async function afterLast(run: Run, before: Timestamp | null): Promise<Run> {
  const { now, timeFrom, ports: { clock }, stage } = run;
  if (timeFrom !== "clock" || before === null || compareTimestamps(before, now) < 0) return run;
  // That is a wrong clock, and for others to tell.
  if (isAhead(before, clock.now())) return run;
  const next = Temporal.Instant.from(wholeSeconds(Temporal.Instant.from(before))).add({ seconds: 1 });
  const milliseconds = Math.max(0, Math.ceil(next.since(clock.now()).total("milliseconds")));
  const wait = () => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
  const later = formatInstant(next);
  // What everybody's clock may do is told when it takes longer than a second.
  if (milliseconds <= 1000) await wait();
  else {
    await stage({
      name: "wait",
      title: `Waiting ${Math.ceil(milliseconds / 1000)} s: the last release is of ${before}`,
      done: () => `Waited until ${later}, behind the last release`,
    }, wait);
  }
  return { ...run, now: later };
}

/** When the commit that is checked out was made; null: there is none, or nobody has to know. */
export async function lookAtHead(
  { timeFrom, config: { allowOlder }, ports: { git } }: Look,
  repository: Repository | null,
): Promise<Timestamp | null> {
  if (timeFrom === "--now" || allowOlder || repository === null || repository.head === null) return null;
  return await git.committedAt(repository, repository.head);
}

/**
 * Refuses a time before the commit that is checked out: a release is signed after that. One that is given with `--now`
 * may be as early as its giver likes, since nobody gives that by mistake.
 *
 * @param committedAt When that was, as far as {@linkcode lookAtHead} has looked
 * @throws {ReleaseError} of kind `usage`
 */
export function checkClock(
  { now, timeFrom }: Look,
  repository: Repository | null,
  committedAt: Timestamp | null,
): void {
  if (committedAt === null) return;
  const head = repository!.head!;
  const isEpoch = timeFrom === "SOURCE_DATE_EPOCH";
  if (!isAhead(committedAt, Temporal.Instant.from(now))) return;
  throw new ReleaseError(
    "usage",
    `Cannot sign a release at ${now}${isEpoch ? ", as SOURCE_DATE_EPOCH says" : ""}: commit ${
      head.slice(0, 8)
    }, which is checked out, was made later, at ${committedAt}`,
    {
      hint: isEpoch
        ? UNSET_EPOCH
        : "this machine's clock is wrong, or was when it was committed: give the time with --now, or --allow-older",
    },
  );
}

const UNSET_EPOCH =
  "it is set for builds, say: unset it, or give the time with --now; --allow-older signs at that time";

/** Whether a time is later than another by more than clocks may differ. */
export function isAhead(time: Timestamp, than: Temporal.Instant): boolean {
  return Temporal.Instant.compare(Temporal.Instant.from(time), than.add({ seconds: CLOCK_SKEW_SECONDS })) > 0;
}
