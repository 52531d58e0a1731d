/**
 * Times of the contract: RFC 3339 in, one normal form out.
 *
 * `Temporal` and not `Date`, because `Date` takes 30 February for 2 March and cuts nanoseconds.
 *
 * @module
 */
import type { Timestamp } from "./types.ts";

const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d{1,9})?(?:[Zz]|([+-](?:[01]\d|2[0-3]):[0-5]\d))$/;

/** What {@linkcode parseTimestamp} accepts, in the words of error messages. */
export const TIMESTAMP_FORM = 'an RFC 3339 time such as "2026-06-01T12:00:00Z"';

/**
 * Reads a time and returns its normal form: UTC with `Z`, and the fewest of 0, 3, 6 or 9 digits of fraction
 * that lose nothing.
 *
 * @returns the normal form, or undefined when the text is no RFC 3339 time with an offset, or names a day that
 * does not exist, or leaves the years 0 to 9999 once converted to UTC
 *
 * @example
 * ```ts

 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTimestamp("2026-06-01 12:00:00.120-05:30"), "2026-06-01T17:30:00.120Z");
 * assertEquals(parseTimestamp("2026-02-30T00:00:00Z"), undefined);
 * ```
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction = "", offset = "Z"] = match;
  try {
    return formatInstant(Temporal.Instant.from(`${date}T${time}${fraction}${offset}`));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Writes an instant in the contract's normal form.
 *
 * @throws {RangeError} when the year is not within 0 to 9999
 */
export function formatInstant(instant: Temporal.Instant): Timestamp {
  const nanoseconds = instant.epochNanoseconds;
  const fractionalSecondDigits = nanoseconds % 1_000_000_000n === 0n
    ? 0
    : nanoseconds % 1_000_000n === 0n
    ? 3
    : nanoseconds % 1_000n === 0n
    ? 6
    : 9;
  const text = instant.toString({ fractionalSecondDigits });
  if (!/^\d{4}-/.test(text)) {
    throw new RangeError(`Cannot write the time ${text}: its year is not within 0 to 9999`);
  }
  return text;
}

/** Negative when `a` is earlier than `b`, positive when it is later, 0 when both are the same instant. */
export function compareTimestamps(a: Timestamp, b: Timestamp): number {
  return Temporal.Instant.compare(Temporal.Instant.from(a), Temporal.Instant.from(b));
}

/** The clock's time cut to whole seconds, which is what a release is stamped with unless a time is given. */
export function wholeSeconds(instant: Temporal.Instant): Timestamp {
  return formatInstant(
    Temporal.Instant.fromEpochMilliseconds(Math.floor(instant.epochMilliseconds / 1000) * 1000),
  );
}

/** Seconds in milliseconds, as far as a timer takes them: it would fire at once for more than 24 days. */
export function milliseconds(seconds: number): number {
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}
