import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { canonicalize, decodeUtf8, FractionText, parseJson, pathAt } from "../../src/contract/json.ts";
import { pureTest, refusal } from "../support/pure.ts";

const nestedLists = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const nestedObjects = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

const ACCEPTED: Record<string, string[]> = {
  "every kind of value, alone": ["{}", "[]", '""', "0", "true", "false", "null"],
  "the four kinds of white space, everywhere": [' \t\r\n{ \t"a"\r:\n[ 1 , 2 ] ,\n"b" : { } } \n'],
  "every escape": ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uABCD\\uabcd"', '{"\\u0061\\n":1}'],
  "characters beyond the first plane, escaped and not": ['"\u{1f5a5}\\ud83d\\udda5"', '{"\\uD83D\\uDDA5":1}'],
  "separators and marks that are none at the beginning": [
    '"\u2028\u2029\u007f\u0080\ufeff\uffff"',
    '"\\u0000"',
  ],
  "every form of a number": ["[0,-0,-0.0,1,-1,10,1.5,0.10,1e5,1E5,1e+5,1e-5,-1.25E-3,0e0]"],
  "integers that are doubles, however long": [
    "9007199254740992",
    "-9007199254740992",
    "9007199254740994",
    "10000000000000000000000",
    "-18446744073709551616",
  ],
  "integers that are the shortest text of a double": ["295147905179352830000", "-999999999999999700000"],
  "fractions that a double rounds, and those that come out as 0": ["0.1000000000000000055", "1e-400"],
  "the largest double": ["1.7976931348623157e308", "-1.7976931348623157e308"],
  "512 levels": [nestedLists(512), nestedObjects(512), `{"a":${nestedLists(511)}}`],
  "lists of more than 512 lists": [`[${Array(600).fill("[[]]").join(",")}]`],
  "the same key in different objects": ['{"a":{"a":1},"b":[{"a":1},{"a":1}]}'],
  "keys that differ in case or normal form": ['{"a":1,"A":1,"\u00e9":1,"e\u0301":1}'],
};

for (const [claim, texts] of Object.entries(ACCEPTED)) {
  pureTest(`parseJson() takes ${claim}`, () => {
    for (const text of texts) assertEquals(parseJson(text), JSON.parse(text), text);
  });
}

pureTest("parseJson() makes ordinary keys of those that every object has", () => {
  const text = '{"__proto__":{"x":1},"constructor":2,"toString":3,"hasOwnProperty":4,"length":5}';
  const value = parseJson(text) as object;
  assertEquals(JSON.stringify(value), text);
  assertEquals(Object.getPrototypeOf(value), Object.prototype);
  assertEquals(Object.getOwnPropertyDescriptor(value, "__proto__"), {
    value: { x: 1 },
    configurable: true,
    enumerable: true,
    writable: true,
  });
});

pureTest(
  "parseJson() keeps keys with escapes, which V8's JSON.parse takes for ones that it has read before",
  () => {
    // https://github.com/nodejs/node/issues/63785
    for (const character of ["\\", '"', "\n", "\u0000", "\\"]) {
      const text = JSON.stringify({ first: 1, [`second${character}`]: 2 });
      JSON.parse(text);
      assertEquals(Object.keys(parseJson(text) as object), ["first", `second${character}`]);
    }
  },
);

const END = "found the end of the text";

const REFUSED: Record<string, [text: string, problem: string, position: string, expected?: string][]> = {
  "what is no value": [
    ["", END, "1:1", "a value"],
    [" \n ", END, "2:2", "a value"],
    ["x", 'found "x"', "1:1", "a value"],
    ["nul", 'found "n"', "1:1", "a value"],
    ["True", 'found "T"', "1:1", "a value"],
    ["undefined", 'found "u"', "1:1", "a value"],
    ["NaN", 'found "N"', "1:1", "a value"],
    ["-Infinity", 'found "-"', "1:1", "a value"],
    ["'a'", 'found "\'"', "1:1", "a value"],
    ["// a\n1", 'found "/"', "1:1", "a value"],
    ["]", 'found "]"', "1:1", "a value"],
    ["\u00a01", 'found "\u00a0"', "1:1", "a value"],
    ["\u{1f5a5}", 'found "\u{1f5a5}"', "1:1", "a value"],
  ],
  "what stands behind the value": [
    ["1 2", 'found "2"', "1:3", "the end of the text"],
    ["{}\n{}", 'found "{"', "2:1", "the end of the text"],
    ["nullx", 'found "x"', "1:5", "the end of the text"],
    ["1\u0000", 'found "\\u0000"', "1:2", "the end of the text"],
  ],
  "what is no list": [
    ["[", END, "1:2", 'a value or "]"'],
    ["[,1]", 'found ","', "1:2", 'a value or "]"'],
    ["[1", END, "1:3", '"," or "]"'],
    ["[1,", END, "1:4", "a value"],
    ["[1,]", 'found "]"', "1:4", "a value"],
    ["[1 2]", 'found "2"', "1:4", '"," or "]"'],
    ["[1}", 'found "}"', "1:3", '"," or "]"'],
  ],
  "what is no object": [
    ["{", END, "1:2", 'a key or "}"'],
    ["{,}", 'found ","', "1:2", 'a key or "}"'],
    ["{a:1}", 'found "a"', "1:2", 'a key or "}"'],
    ["{1:1}", 'found "1"', "1:2", 'a key or "}"'],
    ['{"a"}', 'found "}"', "1:5", '":"'],
    ['{"a" 1}', 'found "1"', "1:6", '":"'],
    ['{"a":}', 'found "}"', "1:6", "a value"],
    ['{"a":1,}', 'found "}"', "1:8", "a key"],
    ['{"a":1 "b":2}', 'found "\\""', "1:8", '"," or "}"'],
    ['{"a":1]', 'found "]"', "1:7", '"," or "}"'],
  ],
  "what is no number": [
    ["01", 'found "1"', "1:2", "the end of the text"],
    ["-01", 'found "1"', "1:3", "the end of the text"],
    ["1.", 'found "."', "1:2", "the end of the text"],
    ["[.5]", 'found "."', "1:2", 'a value or "]"'],
    ["+1", 'found "+"', "1:1", "a value"],
    ["- 1", 'found "-"', "1:1", "a value"],
    ["1e", 'found "e"', "1:2", "the end of the text"],
    ["1e+", 'found "e"', "1:2", "the end of the text"],
    ["1.5.5", 'found "."', "1:4", "the end of the text"],
    ["0x10", 'found "x"', "1:2", "the end of the text"],
    ["1_000", 'found "_"', "1:2", "the end of the text"],
    ["1n", 'found "n"', "1:2", "the end of the text"],
  ],
  "what is no string": [
    ['"a', END, "1:3", "the rest of a string"],
    ['"a\n"', 'found "\\n"', "1:3", "the rest of a string"],
    ['["\t"]', 'found "\\t"', "1:3", "the rest of a string"],
    ['"\u0000"', 'found "\\u0000"', "1:2", "the rest of a string"],
    ['{"a\u001f":1}', 'found "\\u001f"', "1:4", "the rest of a string"],
    ['"a\\x41"', "unknown escape", "1:3"],
    ['"\\u00g0"', "unknown escape", "1:2"],
    ['"\\U0041"', "unknown escape", "1:2"],
    ['"\\u{41}"', "unknown escape", "1:2"],
    ['"\\\n"', "unknown escape", "1:2"],
    ['"\\', "unknown escape", "1:2"],
    ['"\\"', END, "1:4", "the rest of a string"],
  ],
  "a byte order mark": [
    ["\ufeff{}", "byte order mark", "1:1"],
    [" \ufeff{}", 'found "\ufeff"', "1:2", "a value"],
  ],
  "a key given twice, at every level and however it is written": [
    ['{"a":1,"a":1}', 'duplicate key "a"', "1:8"],
    ['{\n  "a": 1,\n  "b": 2,\n    "a": 3\n}', 'duplicate key "a"', "4:5"],
    ['{"a":1,"\\u0061":2}', 'duplicate key "a"', "1:8"],
    ['{"\\ud83d\\udda5":1,"\u{1f5a5}":2}', 'duplicate key "\u{1f5a5}"', "1:19"],
    ['[{"x":{"":1,"":2}}]', 'duplicate key ""', "1:13"],
    ['{"1":1,"2":2,"1":3}', 'duplicate key "1"', "1:14"],
    ['{"__proto__":1,"__proto__":2}', 'duplicate key "__proto__"', "1:16"],
    ['{"constructor":1,"constructor":2}', 'duplicate key "constructor"', "1:18"],
    ['{"a\\n\\"":null,"a\\n\\"":null}', 'duplicate key "a\\n\\""', "1:15"],
  ],
  "a lone surrogate, escaped or not, in a string or a key": [
    ['"\\ud800"', "lone surrogate in the string", "1:1"],
    ['["\u{1f5a5}", "a\\udc00"]', "lone surrogate in the string", "1:7"],
    ['"\\udc00\\ud800"', "lone surrogate in the string", "1:1"],
    ['"\\ud800\\ud800\\udc00"', "lone surrogate in the string", "1:1"],
    ['"\\ud83dx\\udda5"', "lone surrogate in the string", "1:1"],
    ['"\ud800"', "lone surrogate in the string", "1:1"],
    ['{"a":1,"\udc00":1}', "lone surrogate in the string", "1:8"],
    ['{"\\ud800":1}', "lone surrogate in the string", "1:2"],
  ],
  "an integer that a double rounds": [
    ["9007199254740993", "integer that a double rounds to 9007199254740992", "1:1"],
    ['{"a":\n-9007199254740993}', "integer that a double rounds to -9007199254740992", "2:1"],
    ["[1,18446744073709551615]", "integer that a double rounds to 18446744073709551616", "1:4"],
    ["295147905179352830001", "integer that a double rounds to 295147905179352825856", "1:1"],
    ["100000000000000000000000", "integer that a double rounds to 99999999999999991611392", "1:1"],
  ],
  "a number beyond a double": [
    ["1e400", "number beyond the range of a double", "1:1"],
    ["[-1.5E+309]", "number beyond the range of a double", "1:2"],
    [`[\n ${"9".repeat(400)}]`, "number beyond the range of a double", "2:2"],
  ],
  "more than 512 levels": [
    [nestedLists(513), "nesting deeper than 512 levels", "1:513"],
    [nestedObjects(513), "nesting deeper than 512 levels", "1:2561"],
    ["[\n".repeat(512) + "{}", "nesting deeper than 512 levels", "513:1"],
    ["[".repeat(1_000_000), "nesting deeper than 512 levels", "1:513"],
  ],
};

for (const [claim, cases] of Object.entries(REFUSED)) {
  pureTest(`parseJson() refuses ${claim}`, () => {
    for (const [text, problem, position, expected] of cases) {
      const [line, column] = position.split(":");
      assertEquals(
        [text, refusal(() => parseJson(text))],
        [text, {
          kind: "contract",
          message: `Cannot read the JSON: ${problem} at line ${line}, column ${column}` +
            (expected === undefined ? "" : `, expected ${expected}`),
        }],
      );
    }
  });
}

pureTest("parseJson() counts lines by line feeds, and columns in characters", () => {
  for (
    const [text, position] of [
      ["\n\n  x", "line 3, column 3"],
      ["\r\n x", "line 2, column 2"],
      ["[\r\r x", "line 1, column 5"],
      ['["\u{1f5a5}\u00e9\u2028", x', "line 1, column 9"],
    ] as const
  ) {
    const { message } = refusal(() => parseJson(text));
    assert(message.startsWith(`Cannot read the JSON: found "x" at ${position}, expected `), message);
  }
});

// ── Random texts, the same in every run ──────────────────────────────────────────────────────────────────────────

type Random = (below: number) => number;

/** A generator of whole numbers below a limit (a linear congruential generator of 32 bits). */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

const CHARACTERS = [
  "a",
  "b",
  "0",
  " ",
  '"',
  "\\",
  "/",
  "\n",
  "\u0000",
  "\u001f",
  "\u00e9",
  "\u2028",
  "\u{1f5a5}",
];
const NUMBERS = [0, 1, -1, 0.1, 1e21, -1e-7, 5e-324, Number.MAX_VALUE, 2 ** 53, 2 ** 60, 123456789];

function randomText(random: Random): string {
  return Array.from({ length: random(4) }, () => CHARACTERS[random(CHARACTERS.length)]).join("");
}

/** A value of JSON, nested up to six deep. */
function randomValue(random: Random, randomKey: (random: Random) => string = randomText, depth = 0): unknown {
  switch (random(depth < 5 ? 7 : 5)) {
    case 0:
      return null;
    case 1:
      return random(2) === 0;
    case 2:
      return NUMBERS[random(NUMBERS.length)];
    case 3:
      return (random(2 ** 30) - 2 ** 29) / (random(1000) + 1);
    case 4:
      return randomText(random);
    case 5:
      return Array.from({ length: random(4) }, () => randomValue(random, randomKey, depth + 1));
    default:
      return Object.fromEntries(
        Array.from(
          { length: random(4) },
          () => [randomKey(random), randomValue(random, randomKey, depth + 1)],
        ),
      );
  }
}

pureTest("parseJson() gives back 20,000 random values from their texts", () => {
  const random = randomFrom(1);
  for (let round = 0; round < 20_000; round++) {
    const value = randomValue(random);
    const text = JSON.stringify(value, null, random(3));
    assertEquals(parseJson(text), value, text);
  }
});

pureTest("parseJson() reads changed texts as JSON.parse does, or refuses them", () => {
  const random = randomFrom(2);
  const pieces = [...'{}[]":,\\ \n\t0123456789-+.eEu', "null", '"a"', "\\u00", "\ufeff", "\u00a0", "1e999"];
  const verdicts = { same: 0, refused: 0, stricter: 0 };
  for (let round = 0; round < 40_000; round++) {
    // Keys without escapes, and of this test alone, since V8's JSON.parse confuses others.
    const text = JSON.stringify(randomValue(random, () => `kk${random(20)}`), null, random(2));
    const at = random(text.length + 1);
    const piece = pieces[random(pieces.length + 1)] ?? "";
    const changed = text.slice(0, at) + piece + text.slice(at + random(2));
    const [ours, theirs] = [outcome(parseJson, changed), outcome(JSON.parse, changed)];
    if ("value" in ours) {
      assertEquals(ours, theirs, changed);
      verdicts.same++;
    } else if ("value" in theirs) {
      assertEquals(/duplicate key|lone surrogate|a double/.test(ours.message), true, changed);
      verdicts.stricter++;
    } else {
      verdicts.refused++;
    }
  }
  for (const count of Object.values(verdicts)) assertNotEquals(count, 0);
});

/** The value that a parser gives, or what it says. */
function outcome(
  parse: (text: string) => unknown,
  text: string,
): { value: unknown } | { message: string } {
  try {
    return { value: parse(text) };
  } catch (error) {
    return { message: (error as Error).message };
  }
}

// ── Canonical text, and UTF-8 ────────────────────────────────────────────────────────────────────────────────────

pureTest("canonicalize() gives the same for its own result", () => {
  const random = randomFrom(3);
  for (let round = 0; round < 5_000; round++) {
    const canonical = canonicalize(JSON.stringify(randomValue(random), null, random(3)));
    assertEquals(canonicalize(canonical), canonical);
  }
});

pureTest("canonicalize() keeps the depth and the keys that parseJson() takes", () => {
  for (const text of [nestedLists(512), nestedObjects(512), '{"__proto__":{"toJSON":1},"constructor":2}']) {
    assertEquals(canonicalize(` ${text}\n`), text);
  }
});

pureTest("canonicalize() refuses what parseJson() refuses", () => {
  for (const text of ["", '{"a":1,"a":1}', '"\\ud800"', "9007199254740993", "1e400", nestedLists(513)]) {
    assertEquals(refusal(() => canonicalize(text)), refusal(() => parseJson(text)));
  }
});

pureTest("decodeUtf8() gives the text, and keeps a byte order mark", () => {
  const text = "\ufeffa\u00e9\u20ac\u{1f5a5}\ufffd\u0000";
  assertEquals(decodeUtf8(new TextEncoder().encode(text)), text);
  assertEquals(decodeUtf8(new Uint8Array()), "");
});

pureTest("decodeUtf8() says where bytes are not UTF-8", () => {
  for (
    const [bytes, offset] of [
      [[0xff], 0],
      [[0x61, 0x80], 1],
      [[0xc3, 0xa9, 0xc3], 2],
      [[0xc3, 0x28], 0],
      [[0xc0, 0x80], 0],
      [[0x61, 0xe2, 0x82], 1],
      [[0x61, 0xef, 0xbf], 1],
      [[0xef, 0xbf, 0xbd, 0xef, 0xbf, 0x41], 3],
      [[0xf0, 0x9f, 0x96, 0x61], 0],
      [[0x61, 0xed, 0xa0, 0x80], 1],
      [[0xf4, 0x90, 0x80, 0x80], 0],
      [[0xef, 0xbb, 0xbf, 0x61, 0xfe], 4],
    ] as const
  ) {
    assertEquals([bytes, refusal(() => decodeUtf8(Uint8Array.from(bytes)))], [bytes, {
      kind: "contract",
      message: `Cannot read the JSON: the bytes at offset ${offset} are not UTF-8`,
    }]);
  }
});

pureTest("pathAt() gives the keys and indices that an index of the text is within", () => {
  const text = '{"a":[{},{"b c":"x\\"],{","d":[1,[2,@';
  const paths = ["", "a", "a[0]", "a[1]", 'a[1]["b c"]', "a[1].d[0]", "a[1].d[1][1]"];
  const marks = ['"a"', "[", "{},", '{"b c"', '"x', "1,", "@"];
  assertEquals(marks.map((mark) => pathAt(text, text.indexOf(mark))), paths);
  assertEquals(pathAt('{"":1', 4), "");
  assertEquals(pathAt("[[1],[2,3],@", 11), "[2]");
});

pureTest("parseJson() reads what the reference reads, too, down to the depth of its parser", () => {
  for (const nested of [nestedLists, nestedObjects]) {
    assertEquals(parseJson(nested(127), { asReference: true }), JSON.parse(nested(127)));
    const { kind, message } = refusal(() => parseJson(nested(128), { asReference: true }));
    assertEquals([kind, message.replace(/ at line.*/, "")], [
      "contract",
      "Cannot read the JSON: nesting deeper than 127 levels",
    ]);
    // What nothing else reads may lie deeper.
    assertEquals(parseJson(nested(128)), JSON.parse(nested(128)));
  }
});

pureTest(
  "parseJson() tells a whole number that is written as a fraction from an integer, as the reference does",
  () => {
    const texts = ["1.0", "1e0", "1E+2", "-0", "-0.0", "0.0", "10.00e1", "1e21"];
    const numbers = parseJson(`[${texts.join(",")}]`, { asReference: true }) as FractionText[];
    assertEquals(numbers.map((number) => number instanceof FractionText && number.text), texts);
    // It stays that number for who writes it.
    assertEquals(JSON.stringify(numbers), "[1,1,100,0,0,0,100,1e+21]");
    const integers = "[0,1,-1,4294967296,1.5,-0.25,1e-3]";
    assertEquals(parseJson(integers, { asReference: true }), JSON.parse(integers));
  },
);

pureTest(
  "parseJson() finds line and column of what is wrong, in characters, also at the end of a long text",
  () => {
    const text = `{"a":1,\n\n"\u{1f5a5}": x}`;
    assertEquals(
      refusal(() => parseJson(text)).message,
      'Cannot read the JSON: found "x" at line 3, column 6, expected a value',
    );
    const lines = `[${"\n".repeat(2_000_000)}x`;
    assertEquals(
      refusal(() => parseJson(lines)).message,
      'Cannot read the JSON: found "x" at line 2000001, column 1, expected a value or "]"',
    );
  },
);
