// RFC 8785 by its own examples, and by the test data of its author: https://github.com/cyberphone/json-canonicalization

import { assertEquals, assertThrows } from "@std/assert";
import { canonicalBytes, sha256Hex } from "../../src/contract/canonical.ts";
import { canonicalize } from "../../src/contract/json.ts";
import { pureTest } from "../support/pure.ts";
import fixedNumbers from "./vectors/es6_numbers.json" with { type: "json" };

/** The double that 16 hex digits are the bits of. */
function double(bits: string): number {
  return new DataView(Uint8Array.fromHex(bits).buffer).getFloat64(0);
}

/** Appendix B. */
const NUMBERS: [bits: string, text: string][] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

pureTest("canonicalize() writes every number of appendix B as it says, and keeps it so", () => {
  assertEquals(NUMBERS.map(([bits]) => [bits, canonicalize(exactText(double(bits)))]), NUMBERS);
  assertEquals(NUMBERS.map(([bits, text]) => [bits, canonicalize(text)]), NUMBERS);
});

pureTest("canonicalBytes() refuses what appendix B refuses: NaN and Infinity", () => {
  for (const bits of ["7fffffffffffffff", "7ff0000000000000"]) {
    assertThrows(() => canonicalBytes(double(bits)), Error);
  }
});

/** A text of more digits than a double has, so that it is not canonical already. */
function exactText(value: number): string {
  return Object.is(value, -0) ? "-0.0" : value.toExponential(20);
}

/** SHA-256 of the first lines `bits,text` of the sequence of numbers, as its author published them. */
const SEQUENCE: [lines: number, digest: string][] = [
  [1_000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"],
  [10_000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"],
  [100_000, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"],
];

pureTest(
  "canonicalize() writes the first 100,000 numbers of the published sequence as ECMAScript does",
  () => {
    const longest = Math.max(...SEQUENCE.map(([lines]) => lines));
    const numbers = numberSequence().take(longest).toArray();
    const texts = canonicalize(`[${numbers.map(exactText).join()}]`).slice(1, -1).split(",");
    const lines = numbers.map((value, index) => `${bitsOf(value)},${texts[index]}\n`);
    assertEquals(
      SEQUENCE.map(([count]) => [count, sha256Hex(new TextEncoder().encode(lines.slice(0, count).join("")))]),
      SEQUENCE,
    );
  },
);

/** The sequence: fixed numbers, then 2,000 in a row from the smallest that is normal, then a chain of digests. */
function* numberSequence(): Generator<number> {
  yield* fixedNumbers.map(double);
  for (let index = 0n; index < 2000n; index++) {
    yield double((0x0010000000000000n + index).toString(16).padStart(16, "0"));
  }
  for (let block = new Uint8Array(32);;) {
    block = Uint8Array.fromHex(sha256Hex(block));
    const view = new DataView(block.buffer);
    for (let offset = 0; offset < 32; offset += 8) {
      const value = view.getFloat64(offset, true);
      if (value !== 0 && Number.isFinite(value)) yield value;
    }
  }
}

/** The bits of a double in hex, without leading zeros. */
function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16);
}

const EXAMPLES: Record<string, [input: string, output: string]> = {
  "the example of sections 3.2.2 and 3.2.3, which is values.json": [
    String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`,
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
    String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  ],
  "the keys of section 3.2.3, by UTF-16 code units": [
    String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`,
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis",' +
    '"\u20ac":"Euro Sign","\u{1f600}":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
  "arrays.json": [
    '[\n  56,\n  {\n    "d": true,\n    "10": null,\n    "1": [ ]\n  }\n]',
    '[56,{"1":[],"10":null,"d":true}]',
  ],
  "french.json": [
    '{\n  "peach": "This sorting order",\n  "péché": "is wrong according to French",\n' +
    '  "pêche": "but canonicalization MUST",\n  "sin":   "ignore locale"\n}\n',
    '{"peach":"This sorting order","péché":"is wrong according to French",' +
    '"pêche":"but canonicalization MUST","sin":"ignore locale"}',
  ],
  "structures.json": [
    String.raw`{
      "1": {"f": {"f": "hi","F": 5} ,"\n": 56.0},
      "10": { },
      "": "empty",
      "a": { },
      "111": [ {"e": "yes","E": "no" } ],
      "A": { }
    }`,
    String
      .raw`{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}`,
  ],
  "unicode.json": ['{\n  "Unnormalized Unicode":"A\\u030a"\n}\n', '{"Unnormalized Unicode":"A\u030a"}'],
  "weird.json": [
    String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\u000a": "Newline",
      "1": "One",
      "\u0080": "Control\u007f",
      "\ud83d\ude02": "Smiley",
      "\u00f6": "Latin Small Letter O With Diaeresis",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "</script>": "Browser Challenge"
    }`,
    '{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge",' +
    '"\u0080":"Control\u007f","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",' +
    '"\u{1f602}":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
};

for (const [name, [input, output]] of Object.entries(EXAMPLES)) {
  pureTest(`canonicalize() gives ${name}`, () => {
    assertEquals(canonicalize(input), output);
    assertEquals(canonicalize(output), output);
  });
}
