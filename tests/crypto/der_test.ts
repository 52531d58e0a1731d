import { assertEquals } from "@std/assert";
import { type DerValue, looksLikeDer, readDer } from "../../src/crypto/der.ts";
import { fixedFromDer } from "../../src/crypto/signature.ts";
import { pureTest } from "../support/pure.ts";
import { hex } from "../support/signatures.ts";
import rfc6979 from "./vectors/rfc6979_p256_sha256.json" with { type: "json" };

const FIXED = rfc6979[0]!.signature;
const DER = `3046022100${FIXED.slice(0, 64)}022100${FIXED.slice(64)}`;

/** A number of DER, with its length; both texts are hexadecimal. */
const integer = (content: string): string =>
  `02${(content.length / 2).toString(16).padStart(2, "0")}${content}`;
/** A sequence of DER of up to 127 bytes. */
const sequence = (content: string): string =>
  `30${(content.length / 2).toString(16).padStart(2, "0")}${content}`;

const HIGH = "ff".repeat(32);
const LOW = "7f".repeat(32);

const CONVERTED: [claim: string, der: string, fixed: string][] = [
  ["the signature of RFC 6979, A.2.5", DER, FIXED],
  ["numbers of 32 bytes whose first bit is not set", sequence(integer(LOW) + integer(LOW)), LOW + LOW],
  [
    "numbers of 32 bytes whose first bit is set",
    sequence(integer(`00${HIGH}`) + integer(`00${HIGH}`)),
    HIGH + HIGH,
  ],
  [
    "the least numbers",
    sequence(integer("01") + integer("02")),
    `${"01".padStart(64, "0")}${"02".padStart(64, "0")}`,
  ],
  [
    "the least number with a zero before it",
    sequence(integer("0080") + integer("01")),
    `${"80".padStart(64, "0")}${"01".padStart(64, "0")}`,
  ],
  [
    "a short r and a long s",
    sequence(integer("7f") + integer(`00${HIGH}`)),
    `${"7f".padStart(64, "0")}${HIGH}`,
  ],
];

for (const [claim, der, fixed] of CONVERTED) {
  pureTest(`fixedFromDer() converts ${claim}`, () => {
    assertEquals(fixedFromDer(hex(der))?.toHex(), fixed);
  });
}

const NOT_CONVERTED: [claim: string, der: string][] = [
  ["nothing", ""],
  ["a lone tag", "30"],
  ["an empty sequence", "3000"],
  ["a signature of 64 bytes", FIXED],
  ["a set", `31${sequence(integer("01") + integer("01")).slice(2)}`],
  ["one number alone", sequence(integer("01"))],
  ["three numbers", sequence(integer("01") + integer("01") + integer("01"))],
  ["a number of another type", sequence(integer("01") + `04${integer("01").slice(2)}`)],
  ["a byte behind the sequence", `${DER}00`],
  ["a newline behind the sequence", `${DER}0a`],
  ["a byte behind s within the sequence", sequence(`${integer("01")}${integer("01")}00`)],
  ["a sequence whose length is one less", `3005${integer("01")}${integer("01")}`],
  ["a sequence whose length is one more", `3007${integer("01")}${integer("01")}`],
  ["a sequence that is cut", DER.slice(0, -2)],
  ["a number that is longer than what is left", sequence(`${integer("01")}020201`)],
  ["a number without its length", sequence(`${integer("01")}02`)],
  ["a length in a longer form", `3081${sequence(integer("01") + integer("01")).slice(2)}`],
  ["an indefinite length", `3080${integer("01")}${integer("01")}0000`],
  [
    "a sequence of 128 bytes whose length is in one",
    `3080${integer("01")}${integer("01")}${"00".repeat(122)}`,
  ],
  ["a number whose length is in a longer form", sequence(`02810101${integer("01")}`)],
  ["an r of zero", sequence(integer("00") + integer("01"))],
  ["an s of zero", sequence(integer("01") + integer("00"))],
  ["an empty r", sequence(integer("") + integer("01"))],
  ["an empty s", sequence(integer("01") + integer(""))],
  ["a negative r", sequence(integer("80") + integer("01"))],
  ["a negative s of 32 bytes", sequence(integer("01") + integer(HIGH))],
  ["an r with a zero too many", sequence(integer("0001") + integer("01"))],
  ["an s with two zeros", sequence(integer("01") + integer("000080"))],
  ["an r of 33 bytes", sequence(integer(`01${HIGH}`) + integer("01"))],
  ["an s of 33 bytes with a zero before it", sequence(integer("01") + integer(`0080${HIGH}`))],
];

for (const [claim, der] of NOT_CONVERTED) {
  pureTest(`fixedFromDer() refuses ${claim}`, () => {
    assertEquals(fixedFromDer(hex(der)), undefined);
  });
}

pureTest("fixedFromDer() refuses every beginning of a signature", () => {
  const whole = hex(DER);
  assertEquals(
    whole.keys().filter((length) => fixedFromDer(whole.subarray(0, length)) !== undefined).toArray(),
    [],
  );
});

/** A value as hexadecimal texts: its tag, its content, and what is left. */
function shown(value: DerValue | undefined): string | undefined {
  return value && `${value.tag.toString(16)} ${value.content.toHex()} ${value.rest.toHex()}`;
}

const content = (length: number): string => "aa".repeat(length);

const READ: [claim: string, der: string, value: string][] = [
  ["a value", "0402aabb", "4 aabb "],
  ["a value with another behind it", "0401aa050003", "4 aa 050003"],
  ["an empty value", "0500", "5  "],
  ["127 bytes", `047f${content(127)}`, `4 ${content(127)} `],
  ["128 bytes", `048180${content(128)}`, `4 ${content(128)} `],
  ["255 bytes", `0481ff${content(255)}`, `4 ${content(255)} `],
  ["256 bytes", `04820100${content(256)}00`, `4 ${content(256)} 00`],
];

for (const [claim, der, value] of READ) {
  pureTest(`readDer() reads ${claim}`, () => {
    assertEquals([true, false].map((strict) => shown(readDer(hex(der), { strict }))), [value, value]);
  });
}

const NOT_READ: [claim: string, der: string][] = [
  ["nothing", ""],
  ["a lone tag", "04"],
  ["a value that is cut", "0402aa"],
  ["a length that is cut", "048200"],
  ["a length that is missing", "0481"],
  ["a length that is left open", "0480aa0000"],
  ["a length of three bytes", `0483000001aa`],
];

for (const [claim, der] of NOT_READ) {
  pureTest(`readDer() refuses ${claim}`, () => {
    assertEquals([true, false].map((strict) => readDer(hex(der), { strict })), [undefined, undefined]);
  });
}

const PADDED: [claim: string, der: string, value: string][] = [
  ["127 bytes in two bytes", `04817f${content(127)}`, `4 ${content(127)} `],
  ["255 bytes in three bytes", `048200ff${content(255)}`, `4 ${content(255)} `],
  ["no bytes in three bytes", "04820000", "4  "],
];

for (const [claim, der, value] of PADDED) {
  pureTest(`readDer() reads a length of ${claim} unless it is to be strict`, () => {
    assertEquals([false, true].map((strict) => shown(readDer(hex(der), { strict }))), [value, undefined]);
  });
}

pureTest("looksLikeDer() is true of a short sequence with nothing behind it alone", () => {
  const claimed = ["3000", "3001aa", "3001aabb", "3002aa", "0401aa", "30", ""];
  assertEquals(claimed.map((der) => looksLikeDer(hex(der))), [true, true, false, false, false, false, false]);
});
