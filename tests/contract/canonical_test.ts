import { assertEquals, assertThrows } from "@std/assert";
import { canonicalBytes, canonicalObject, canonicalText, sha256Hex } from "../../src/contract/canonical.ts";
import { pureTest } from "../support/pure.ts";

/** RFC 8785: a JSON text, and its canonical form. */
const CANONICAL: Record<string, [json: string, canonical: string][]> = {
  "writes no white space and no final newline": [
    [' { "a" : [ 1 , true , null ] , "b" : { } }\n', '{"a":[1,true,null],"b":{}}'],
    ["[]", "[]"],
    ['"x"', '"x"'],
    ["null", "null"],
  ],
  "sorts keys by their UTF-16 code units, at every level": [
    [
      '{"b":1,"a":{"d":1,"c":1},"A":1,"":1,"10":1,"9":1}',
      '{"":1,"10":1,"9":1,"A":1,"a":{"c":1,"d":1},"b":1}',
    ],
    // The example of RFC 8785, 3.2.3: U+1F600 stands before U+FB33, which it follows by bytes.
    [
      '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}',
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\u{1f600}":5,"\ufb33":3}',
    ],
    ['{"constructor":1,"__proto__":2}', '{"__proto__":2,"constructor":1}'],
  ],
  "leaves lists in their order": [["[3,1,2,[2,1]]", "[3,1,2,[2,1]]"]],
  "escapes what JSON must escape, in the shortest form, and nothing else": [
    // The example of RFC 8785, 3.2.2.
    ['"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
    ['"\\u0008\\u0009\\u000a\\u000c\\u000d"', '"\\b\\t\\n\\f\\r"'],
    ['"\\u0000\\u001f\\u007f\\u0080\\u2028\\u2029\\ufeff"', '"\\u0000\\u001f\u007f\u0080\u2028\u2029\ufeff"'],
    ['"\\ud83d\\udda5"', '"\u{1f5a5}"'],
  ],
  "writes numbers as ECMAScript does": [
    ["[0,-0,5.0,1e3,4294967295,0.000001]", "[0,0,5,1000,4294967295,0.000001]"],
    // The example of RFC 8785, 3.2.2.
    [
      "[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]",
      "[333333333.3333333,1e+30,4.5,0.002,1e-27]",
    ],
  ],
};

for (const [claim, cases] of Object.entries(CANONICAL)) {
  pureTest(`canonicalBytes() ${claim}`, () => {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    assertEquals(
      cases.map(([json]) => [json, decoder.decode(canonicalBytes(JSON.parse(json)))]),
      cases,
    );
  });
}

pureTest("canonicalBytes() writes UTF-8 without a mark before it", () => {
  assertEquals([...canonicalBytes("é\u{1f5a5}")], [0x22, 0xc3, 0xa9, 0xf0, 0x9f, 0x96, 0xa5, 0x22]);
});

pureTest("canonicalBytes() gives the same bytes whatever order the keys were set in", () => {
  const keys = ["web", "db", "10", "9", "\u{1f600}", "\ufb33", "__proto__"];
  const inOrder = (names: string[]) =>
    JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:1`).join(",")}}`);
  assertEquals(canonicalBytes(inOrder(keys)), canonicalBytes(inOrder(keys.toReversed())));
});

pureTest("canonicalBytes() refuses what JSON has no form for", () => {
  for (
    const value of [
      undefined,
      () => 1,
      Symbol("x"),
      1n,
      NaN,
      Infinity,
      -Infinity,
      "\ud800",
      ["a\udc00"],
      { "\udc00": 1 },
      { a: { b: NaN } },
    ]
  ) {
    assertThrows(() => canonicalBytes(value), Error);
  }
});

pureTest("sha256Hex() gives the digests of FIPS 180-4, and digests a part of a buffer alone", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const digests: [text: string, digest: string][] = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ];
  assertEquals(digests.map(([text]) => [text, sha256Hex(encode(text))]), digests);
  assertEquals(sha256Hex(encode("xxabcxx").subarray(2, 5)), sha256Hex(encode("abc")));
});

pureTest("canonicalObject() gives the canonical bytes of an object from the texts of its members", () => {
  const object = {
    "b": [1.50, "ü"],
    "\n": { d: null, c: "" },
    "\u{1f600}": 1,
    "\ufb33": 2,
    "10": true,
    "9": "",
  };
  const members = Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, canonicalText(value)]),
  );
  assertEquals(canonicalObject(members), canonicalBytes(object));
  assertEquals(canonicalObject({}), canonicalBytes({}));
});
