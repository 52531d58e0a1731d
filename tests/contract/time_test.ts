import { assertEquals, assertThrows } from "@std/assert";
import {
  compareTimestamps,
  formatInstant,
  milliseconds,
  parseTimestamp,
  wholeSeconds,
} from "../../src/contract/time.ts";
import { pureTest } from "../support/pure.ts";

const READ: Record<string, [text: string, normal: string][]> = {
  "takes T, t or one blank, and Z or z": [
    ["2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01t12:00:00z", "2026-06-01T12:00:00Z"],
    ["2026-06-01 12:00:00Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01 12:00:00.5z", "2026-06-01T12:00:00.500Z"],
  ],
  "converts an offset to UTC, over days, months and years": [
    ["2026-06-01T12:00:00+02:00", "2026-06-01T10:00:00Z"],
    ["2026-06-01T12:00:00-05:30", "2026-06-01T17:30:00Z"],
    ["2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00-00:00", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00+23:59", "2026-05-31T12:01:00Z"],
    ["2026-06-01T12:00:00-23:59", "2026-06-02T11:59:00Z"],
    ["2024-02-29T00:00:00+14:00", "2024-02-28T10:00:00Z"],
    ["2024-02-28T23:30:00-01:00", "2024-02-29T00:30:00Z"],
    ["2027-01-01T00:00:00+01:00", "2026-12-31T23:00:00Z"],
  ],
  "writes the fewest of 0, 3, 6 and 9 digits of fraction that lose nothing": [
    ["2026-06-01T12:00:00.0Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00.000000000Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00.1Z", "2026-06-01T12:00:00.100Z"],
    ["2026-06-01T12:00:00.12Z", "2026-06-01T12:00:00.120Z"],
    ["2026-06-01T12:00:00.123Z", "2026-06-01T12:00:00.123Z"],
    ["2026-06-01T12:00:00.1230Z", "2026-06-01T12:00:00.123Z"],
    ["2026-06-01T12:00:00.1234Z", "2026-06-01T12:00:00.123400Z"],
    ["2026-06-01T12:00:00.123456Z", "2026-06-01T12:00:00.123456Z"],
    ["2026-06-01T12:00:00.1234567Z", "2026-06-01T12:00:00.123456700Z"],
    ["2026-06-01T12:00:00.123456789Z", "2026-06-01T12:00:00.123456789Z"],
    ["2026-06-01T12:00:00.000000001Z", "2026-06-01T12:00:00.000000001Z"],
    ["2026-06-01T12:00:00.999999999+01:00", "2026-06-01T11:00:00.999999999Z"],
  ],
  "keeps fractions of times before 1970": [
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
    ["1969-12-31T23:59:59.000000001Z", "1969-12-31T23:59:59.000000001Z"],
    ["1900-01-01T00:00:00.5Z", "1900-01-01T00:00:00.500Z"],
  ],
  "takes the leap days that there are": [
    ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"],
    ["2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"],
    ["0000-02-29T12:00:00Z", "0000-02-29T12:00:00Z"],
  ],
  "takes the years 0 to 9999": [
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    ["9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"],
    ["0000-01-01T00:00:00-01:00", "0000-01-01T01:00:00Z"],
    ["9999-12-31T23:59:59+01:00", "9999-12-31T22:59:59Z"],
  ],
};

for (const [claim, times] of Object.entries(READ)) {
  pureTest(`parseTimestamp() ${claim}`, () => {
    assertEquals(times.map(([text]) => [text, parseTimestamp(text)]), times);
  });
}

pureTest("parseTimestamp() reads its own normal form as it is", () => {
  for (const [, normal] of Object.values(READ).flat()) assertEquals(parseTimestamp(normal), normal);
});

const REFUSED: Record<string, string[]> = {
  "a day, hour, minute or second that does not exist": [
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-32T00:00:00Z",
    "2026-06-01T24:00:00Z",
    "2026-06-01T12:60:00Z",
    "2026-06-01T12:00:61Z",
  ],
  "the leap second 60": [
    "2016-12-31T23:59:60Z",
    "2026-06-01T12:00:60Z",
    "2016-12-31T23:59:60.5Z",
  ],
  "a time without an offset": ["2026-06-01T12:00:00", "2026-06-01T12:00:00.5", "2026-06-01"],
  "an offset in another form": [
    "2026-06-01T12:00:00UTC",
    "2026-06-01T12:00:00 UTC",
    "2026-06-01T12:00:00+0200",
    "2026-06-01T12:00:00+02",
    "2026-06-01T12:00:00 Z",
    "2026-06-01T12:00:00 +02:00",
  ],
  "an offset that does not exist": [
    "2026-06-01T12:00:00+24:00",
    "2026-06-01T12:00:00+12:60",
    "2026-06-01T12:00:00+1:00",
    "2026-06-01T12:00:00+02:00:00",
    "2026-06-01T12:00:00+02:00Z",
    "2026-06-01T12:00:00\u221202:00",
    "2026-06-01T12:00:00Z[UTC]",
    "2026-06-01T12:00:00+02:00[Europe/Berlin]",
  ],
  "fields without leading zeros": [
    "2026-6-01T12:00:00Z",
    "2026-06-1T12:00:00Z",
    "2026-6-1T12:00:00Z",
    "2026-06-01T1:00:00Z",
    "2026-06-01T12:0:00Z",
    "2026-06-01T12:00:0Z",
    "226-06-01T12:00:00Z",
  ],
  "white space beyond the one blank": [
    "2026-06-01  12:00:00Z",
    "2026-06-01T 12:00:00Z",
    "2026-06-01\t12:00:00Z",
    "2026-06-01\n12:00:00Z",
    " 2026-06-01T12:00:00Z",
    "2026-06-01T12:00:00Z ",
    "2026-06-01T12:00:00Z\n",
    "2026-06-01\u00a012:00:00Z",
  ],
  "a fraction that is empty, too long or behind another sign": [
    "2026-06-01T12:00:00.Z",
    "2026-06-01T12:00:00.1234567890Z",
    "2026-06-01T12:00:00.0000000000Z",
    "2026-06-01T12:00:00,5Z",
    "2026-06-01T12:00.5Z",
  ],
  "a time without seconds, separators or a date": [
    "2026-06-01T12:00Z",
    "2026-06-01T12Z",
    "20260601T120000Z",
    "2026-06-01_12:00:00Z",
    "2026-06-0112:00:00Z",
    "12:00:00Z",
    "2026-152T12:00:00Z",
    "2026-W23-1T12:00:00Z",
    "1780000000",
    "yesterday",
    "now",
    "",
  ],
  "digits that are not ASCII": ["٢٠٢٦-06-01T12:00:00Z", "２026-06-01T12:00:00Z"],
  "a year that is not within 0 to 9999 as it stands": [
    "10000-01-01T00:00:00Z",
    "+010000-01-01T00:00:00Z",
    "+002026-06-01T12:00:00Z",
    "-000001-12-31T23:59:59Z",
    "-0001-01-01T00:00:00Z",
  ],
  "a year that is not within 0 to 9999 once it is converted": [
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:00:00-01:00",
    "0000-01-01T00:00:00+00:01",
    "0000-01-01T00:30:00+01:00",
  ],
};

for (const [claim, texts] of Object.entries(REFUSED)) {
  pureTest(`parseTimestamp() refuses ${claim}`, () => {
    assertEquals(texts.map((text) => [text, parseTimestamp(text)]), texts.map((text) => [text, undefined]));
  });
}

pureTest("formatInstant() takes the years 0 to 9999 to their last nanosecond, and no other", () => {
  const instants = [
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
  ];
  assertEquals(instants.map((text) => formatInstant(Temporal.Instant.from(text))), instants);
  for (const text of ["-000001-12-31T23:59:59.999999999Z", "+010000-01-01T00:00:00Z"]) {
    const error = assertThrows(() => formatInstant(Temporal.Instant.from(text)), RangeError);
    assertEquals(error.message, `Cannot write the time ${text}: its year is not within 0 to 9999`);
  }
});

pureTest("compareTimestamps() orders by instant, to the nanosecond, whatever the digits of fraction", () => {
  const ascending = [
    "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999999Z",
    "1970-01-01T00:00:00Z",
    "2026-06-01T12:00:00Z",
    "2026-06-01T12:00:00.000000001Z",
    "2026-06-01T12:00:00.000001Z",
    "2026-06-01T12:00:00.001Z",
    "2026-06-01T12:00:01Z",
    "9999-12-31T23:59:59Z",
  ];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      assertEquals(Math.sign(compareTimestamps(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
});

pureTest("compareTimestamps() gives 0 for one instant in two forms", () => {
  assertEquals(compareTimestamps("2026-06-01T12:00:00Z", "2026-06-01T12:00:00.000Z"), 0);
  assertEquals(compareTimestamps("2026-06-01T12:00:00Z", "2026-06-01T14:00:00+02:00"), 0);
});

pureTest("wholeSeconds() cuts the fraction and never rounds up, before 1970 too", () => {
  const cut = [
    ["2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00.000000001Z", "2026-06-01T12:00:00Z"],
    ["2026-06-01T12:00:00.999999999Z", "2026-06-01T12:00:00Z"],
    ["1970-01-01T00:00:00.5Z", "1970-01-01T00:00:00Z"],
    ["1969-12-31T23:59:58.5Z", "1969-12-31T23:59:58Z"],
  ];
  assertEquals(cut.map(([text]) => [text, wholeSeconds(Temporal.Instant.from(text!))]), cut);
});

pureTest("milliseconds() gives no more than a timer takes, which would fire at once", () => {
  assertEquals([0.5, 60, 2_592_000].map(milliseconds), [500, 60_000, 2_147_483_647]);
});
