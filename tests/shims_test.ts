// Holds the stand-ins in shims/std to the behaviour of the packages they stand in for: these tests pass with both.
// Run with --allow-read --allow-write; what needs fewer permissions is tested with fewer.

import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { parseArgs, type ParseOptions } from "@std/cli";
import { crypto, timingSafeEqual } from "@std/crypto";
import { copy, emptyDir, ensureDir, exists, walk, type WalkOptions } from "@std/fs";
import {
  basename,
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  toFileUrl,
} from "@std/path";

function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}

// --- @std/assert -----------------------------------------------------------------------------------------------

class Point {
  constructor(readonly x: number, readonly y: number) {}
}

class Secret {
  #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
}

const withoutPrototype = (entries: Record<string, unknown>): unknown =>
  Object.assign(Object.create(null), entries);

function cyclic(name: string): unknown {
  const object: Record<string, unknown> = { name };
  object.self = object;
  return object;
}

const tag = Symbol("tag");

const equalPairs: [what: string, a: unknown, b: unknown][] = [
  ["primitives", "a", "a"],
  ["NaN", NaN, NaN],
  ["zero and minus zero", 0, -0],
  ["objects, in any order of their keys", { a: 1, b: [2, { c: 3 }] }, { b: [2, { c: 3 }], a: 1 }],
  ["undefined properties on both sides", { a: undefined }, { a: undefined }],
  ["symbol keys", { [tag]: 1 }, { [tag]: 1 }],
  ["without a prototype and plain", withoutPrototype({ a: { b: 1 } }), { a: { b: 1 } }],
  ["deeply without a prototype", [{ a: withoutPrototype({ b: 1 }) }], [{ a: { b: 1 } }]],
  ["cycles", cyclic("a"), cyclic("a")],
  ["instances", new Point(1, 2), new Point(1, 2)],
  ["instances with getters", new Secret(1), new Secret(1)],
  ["maps, in any order", new Map([["a", [1]], ["b", [2]]]), new Map([["b", [2]], ["a", [1]]])],
  ["maps with objects as keys", new Map([[{ a: 1 }, 1]]), new Map([[{ a: 1 }, 1]])],
  ["sets, in any order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([0, 1, 2]).subarray(1)],
  ["buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["patterns", /a/g, /a/g],
  ["URLs", new URL("https://example.org/a"), new URL("https://example.org/a")],
  ["instants", Temporal.Instant.from("2026-01-02T03:04:05Z"), Temporal.Instant.from("2026-01-02T03:04:05Z")],
];

const usedUrl = new URL("https://example.org/a?b=c");
assertEquals(usedUrl.searchParams.get("b"), "c");
equalPairs.push(["URLs, one of them looked into", usedUrl, new URL("https://example.org/a?b=c")]);

const unequalPairs: [what: string, a: unknown, b: unknown][] = [
  ["number and text", 1, "1"],
  ["null and undefined", null, undefined],
  ["null and an object", null, {}],
  ["values", { a: { b: 1 } }, { a: { b: 2 } }],
  ["undefined property and none", { a: undefined }, {}],
  ["undefined property and another", { a: undefined }, { b: undefined }],
  ["symbol keys", { [tag]: 1 }, { [tag]: 2 }],
  ["an array and an object", [], {}],
  ["lengths of arrays", [1, 2], [1, 2, 3]],
  ["order of arrays", [1, 2], [2, 1]],
  ["a hole and undefined", [1, , 2], [1, undefined, 2]],
  ["cycles", cyclic("a"), cyclic("b")],
  ["an instance and a plain object", new Point(1, 2), { x: 1, y: 2 }],
  ["instances", new Point(1, 2), new Point(1, 3)],
  ["an instance with more and one", Object.assign(new Point(1, 2), { z: undefined }), new Point(1, 2)],
  ["an instance and one with more", new Point(1, 2), Object.assign(new Point(1, 2), { z: undefined })],
  ["instances with getters", new Secret(1), new Secret(2)],
  ["values of maps", new Map([["a", 1]]), new Map([["a", 2]])],
  ["keys of maps", new Map([["a", undefined]]), new Map([["b", undefined]])],
  ["a map and a set", new Map([["a", "a"]]), new Set(["a"])],
  ["sizes of sets", new Set([1]), new Set([1, 2])],
  ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["kinds of bytes", new Uint8Array([1, 2]), [1, 2]],
  ["buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 3]).buffer],
  ["dates", new Date(5), new Date(6)],
  ["patterns", /a/g, /a/i],
  ["URLs", new URL("https://example.org/a"), new URL("https://example.org/b")],
  ["parameters", new URLSearchParams("a=1"), new URLSearchParams("a=2")],
  ["instants", Temporal.Instant.from("2026-01-02T03:04:05Z"), Temporal.Instant.from("2026-01-02T03:04:06Z")],
  ["messages of errors", new Error("a"), new Error("b")],
  ["functions", () => 1, () => 1],
];

// assertThrows and assertRejects check most of what follows, so they are checked first, and without themselves.
function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

const raise = (error: unknown) => (): never => {
  throw error;
};

const failingThrows: [what: string, fn: () => unknown][] = [
  ["nothing thrown", () => assertThrows(() => 1)],
  ["nothing thrown, with a class", () => assertThrows(() => 1, Error)],
  ["another class", () => assertThrows(raise(new RangeError("x")), TypeError)],
  ["another message", () => assertThrows(raise(new TypeError("x")), TypeError, "y")],
  ["no error", () => assertThrows(raise("x"), Error)],
];

const failingRejects: [what: string, fn: () => Promise<unknown>][] = [
  ["nothing thrown", () => assertRejects(() => Promise.resolve(1))],
  ["nothing thrown, with a class", () => assertRejects(() => Promise.resolve(1), Error)],
  ["another class", () => assertRejects(() => Promise.reject(new RangeError("x")), TypeError)],
  ["another message", () => assertRejects(() => Promise.reject(new TypeError("x")), TypeError, "y")],
  ["no error", () => assertRejects(() => Promise.reject("x"), Error)],
  ["thrown, not rejected", () => assertRejects(raise(new TypeError("x")), TypeError)],
];

test("assertThrows gives the error, whose class and message it checks", () => {
  const error = new TypeError("a \x1b[31mred\x1b[39m word");
  assert(assertThrows(raise(error)) === error);
  assert(assertThrows(raise(error), "reason") === error);
  assert(assertThrows(raise(error), Error) === error);
  assert(assertThrows(raise(error), TypeError, "a red word") === error);
  assert(assertThrows(raise("text")) === "text");
  for (const [what, fn] of failingThrows) assert(thrownBy(fn) instanceof AssertionError, what);
});

test("assertRejects gives the error, whose class and message it checks", async () => {
  const error = new TypeError("a \x1b[31mred\x1b[39m word");
  const reject = () => Promise.reject(error);
  assert(await assertRejects(reject) === error);
  assert(await assertRejects(reject, "reason") === error);
  assert(await assertRejects(reject, Error) === error);
  assert(await assertRejects(reject, TypeError, "a red word") === error);
  assert(await assertRejects(() => Promise.reject("text")) === "text");
  for (const [what, fn] of failingRejects) {
    const failure: unknown = await fn().catch((thrown: unknown) => thrown);
    assert(failure instanceof AssertionError, what);
  }
});

test("assertEquals and assertNotEquals compare content", () => {
  for (const [what, a, b] of equalPairs) {
    assertEquals(a, b, what);
    assertThrows(() => assertNotEquals(a, b), AssertionError, "", what);
  }
  for (const [what, a, b] of unequalPairs) {
    assertNotEquals(a, b, what);
    assertThrows(() => assertEquals(a, b), AssertionError, "", what);
  }
});

test("assertEquals shows what differs, and the reason given", () => {
  const checks = [
    () => assertEquals({ same: 1, name: "left" }, { same: 1, name: "right" }, "the reason"),
    () => assertEquals("same\nleft\n", "same\nright\n", "the reason"),
    () => assertStrictEquals({ name: "left" }, { name: "right" }, "the reason"),
  ];
  for (const check of checks) {
    for (const part of ["left", "right", "the reason"]) assertThrows(check, AssertionError, part);
  }
});

test("assertStrictEquals compares identity", () => {
  const object = { a: 1 };
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  for (const [a, b] of [[object, { a: 1 }], [0, -0], [1, "1"], ["left", "right"]]) {
    assertThrows(() => assertStrictEquals(a, b), AssertionError);
  }
});

test("assertObjectMatch compares what is expected", () => {
  const actual = {
    a: 1,
    b: { c: [1, { d: 2, e: 3 }], f: "x" },
    m: new Map([["k", { v: 1, w: 2 }]]),
    s: new Set([1, 2]),
    t: new Date(5),
  };
  const matching: Record<string, unknown>[] = [
    {},
    { a: 1 },
    { b: { f: "x" } },
    { b: { c: [1] } },
    { b: { c: [1, { d: 2 }] } },
    { m: new Map([["k", { v: 1 }]]) },
    { s: new Set([2]) },
    { t: new Date(5) },
    actual,
  ];
  const others: Record<string, unknown>[] = [
    { a: 2 },
    { z: 1 },
    { z: undefined },
    { a: 1, z: 1 },
    { b: { f: "y" } },
    { b: { c: [1, { d: 3 }] } },
    { b: { c: [1, { d: 2 }, 3] } },
    { m: new Map([["k", { v: 2 }]]) },
    { s: new Set([3]) },
    { t: new Date(6) },
  ];
  for (const expected of matching) assertObjectMatch(actual, expected);
  for (const expected of others) assertThrows(() => assertObjectMatch(actual, expected), AssertionError);
});

test("the other assertions hold, or throw an AssertionError with the reason given", () => {
  const cases: [holds: () => void, fails: () => void][] = [
    [() => assert("x"), () => assert("", "reason")],
    [() => assertExists(0), () => assertExists(null, "reason")],
    [() => assertExists(""), () => assertExists(undefined, "reason")],
    [() => assertStringIncludes("abc", "bc"), () => assertStringIncludes("abc", "cb", "reason")],
    [() => assertMatch("abc", /^a.c$/), () => assertMatch("abc", /^b/, "reason")],
    [() => assertInstanceOf(new TypeError(), Error), () => assertInstanceOf({}, Error, "reason")],
    [() => assertGreater(2, 1), () => assertGreater(1, 1, "reason")],
    [() => assertLess(1, 2), () => assertLess(1, 1, "reason")],
    [
      () => assertArrayIncludes([1, { a: 2 }, 3], [{ a: 2 }]),
      () => assertArrayIncludes([1], [1, 2], "reason"),
    ],
    [() => assertArrayIncludes([NaN], [NaN]), () => assertArrayIncludes([{ a: 1 }], [{ a: 2 }], "reason")],
    [() => {}, () => fail("reason")],
  ];
  for (const [holds, fails] of cases) {
    holds();
    assertThrows(fails, AssertionError, "reason");
  }
});

test("assertions tell the compiler what holds", async () => {
  const maybe = (value: string): string | undefined => value;
  const [a, b, c] = [maybe("a"), maybe("b"), maybe("c")];
  assert(a !== undefined);
  assertExists(b);
  assertStrictEquals(c, "c" as const);
  const d: unknown = new Point(1, 2);
  assertInstanceOf(d, Point);
  const [e, f]: [TypeError, RangeError] = [
    assertThrows(raise(new TypeError("e")), TypeError),
    await assertRejects(() => Promise.reject(new RangeError("f")), RangeError),
  ];
  const narrowed: (string | number)[] = [a.length, b.length, c satisfies "c", d.x, e.message, f.message];
  assertEquals(narrowed, [1, 1, "c", 1, "e", "f"]);
});

test("AssertionError is an error with its own name and a cause", () => {
  const error = new AssertionError("text", { cause: 1 });
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message, error.cause], ["AssertionError", "text", 1]);
});

// --- @std/cli --------------------------------------------------------------------------------------------------

const text: ParseOptions = { string: ["out", "o"] };
const flag: ParseOptions = { boolean: ["b", "v", "h"] };
const off = { b: false, v: false, h: false };

const parsed: [args: string[], options: ParseOptions, expected: Record<string, unknown>][] = [
  // options with text
  [["--out=x"], text, { out: "x", _: [] }],
  [["--out", "x"], text, { out: "x", _: [] }],
  [["--out"], text, { out: "", _: [] }],
  [["--out", "-v"], text, { out: "", v: true, _: [] }],
  [["--out", "--o", "x"], text, { out: "", o: "x", _: [] }],
  [["--out", "-"], text, { out: "", _: ["-"] }],
  [["--out", ""], text, { out: "", _: [""] }],
  [["--out", "--", "x"], text, { out: "", _: ["x"] }],
  [["--out="], text, { out: "", _: [] }],
  [["--out=a=b"], text, { out: "a=b", _: [] }],
  [["--out=a\nb"], text, { out: "a\nb", _: [] }],
  [["--out", "a=b"], text, { out: "a=b", _: [] }],
  [["--out=-5"], text, { out: "-5", _: [] }],
  [["--out=007"], text, { out: "007", _: [] }],
  [["--out", "true"], text, { out: "true", _: [] }],
  [["--out=x", "--out=y"], text, { out: "y", _: [] }],
  [["--no-out"], text, { "no-out": true, _: [] }],
  [[], text, { _: [] }],

  // booleans
  [["--b"], flag, { ...off, b: true, _: [] }],
  [["--b=true"], flag, { ...off, b: true, _: [] }],
  [["--b=false"], flag, { ...off, b: false, _: [] }],
  [["--b=other"], flag, { ...off, b: true, _: [] }],
  [["--b="], flag, { ...off, b: true, _: [] }],
  [["--b", "true"], flag, { ...off, b: true, _: [] }],
  [["--b", "false"], flag, { ...off, b: false, _: [] }],
  [["--b", "x"], flag, { ...off, b: true, _: ["x"] }],
  [["--b", "-v"], flag, { ...off, b: true, v: true, _: [] }],
  [["--no-b"], { ...flag, negatable: ["b"] }, { ...off, b: false, _: [] }],
  [["--b", "--no-b"], { ...flag, negatable: ["b"] }, { ...off, b: false, _: [] }],
  [[], flag, { ...off, _: [] }],

  // short options
  [["-v"], flag, { ...off, v: true, _: [] }],
  [["-vh"], flag, { ...off, v: true, h: true, _: [] }],
  [["-vh", "x"], flag, { ...off, v: true, h: true, _: ["x"] }],
  [["-v", "false"], flag, { ...off, v: false, _: [] }],
  [["-o", "x"], text, { o: "x", _: [] }],
  [["-o", "-"], text, { o: "-", _: [] }],
  [["-o", "-v"], text, { o: "", v: true, _: [] }],
  [["-o=x"], text, { o: "x", _: [] }],
  [["-o=a=b"], text, { o: "a=b", _: [] }],
  [["-o="], text, { o: "", _: [] }],
  [["-o5"], text, { o: "5", _: [] }],
  [["-o./x"], text, { o: "./x", _: [] }],
  [["-o-"], text, { o: "-", _: [] }],
  [["-vo", "x"], { ...text, boolean: ["v"] }, { v: true, o: "x", _: [] }],

  // aliases
  [["-o", "x"], { string: ["out"], alias: { out: "o" } }, { out: "x", o: "x", _: [] }],
  [["--out=1"], { string: ["o"], alias: { out: "o" } }, { out: "1", o: "1", _: [] }],
  [["-v"], { boolean: ["verbose"], alias: { verbose: ["v", "w"] } }, {
    verbose: true,
    v: true,
    w: true,
    _: [],
  }],
  [["-v", "x"], { boolean: ["verbose"], alias: { verbose: "v" } }, { verbose: true, v: true, _: ["x"] }],
  [[], { boolean: ["verbose"], alias: { verbose: "v" } }, { verbose: false, v: false, _: [] }],

  // defaults
  [[], { ...text, default: { out: "x" } }, { out: "x", _: [] }],
  [["--out=y"], { ...text, default: { out: "x" } }, { out: "y", _: [] }],
  [["--out"], { ...text, default: { out: "x" } }, { out: "", _: [] }],
  [[], { boolean: ["b"], default: { b: true } }, { b: true, _: [] }],
  [[], { string: ["out"], alias: { out: "o" }, default: { out: "x" } }, { out: "x", o: "x", _: [] }],

  // repeated options
  [["--out=x", "--out", "y"], { string: ["out"], collect: ["out"] }, { out: ["x", "y"], _: [] }],
  [["--out=x"], { string: ["out"], collect: ["out"] }, { out: ["x"], _: [] }],
  [["--out", "--out"], { string: ["out"], collect: ["out"] }, { out: ["", ""], _: [] }],
  [[], { string: ["out"], collect: ["out"] }, { out: [], _: [] }],
  [
    ["-o", "x", "--out=y"],
    { string: ["out"], collect: ["out"], alias: { out: "o" } },
    { out: ["x", "y"], o: ["x", "y"], _: [] },
  ],
  [["--b", "--b=false"], { boolean: ["b"], collect: ["b"] }, { b: [true, false], _: [] }],
  [["--b", "--no-b", "--b"], { boolean: ["b"], collect: ["b"], negatable: ["b"] }, { b: [true], _: [] }],
  [["--no-b"], { boolean: ["b"], collect: ["b"], negatable: ["b"] }, { b: false, _: [] }],
  [[], { boolean: ["b"], collect: ["b"] }, { b: [], _: [] }],
  [["--n=1"], { collect: ["n"] }, { n: [1], _: [] }],
  [[], { collect: ["n"] }, { _: [] }],

  // positionals
  [["a", "1", "0x10", "1e3", "", " ", "-"], {}, { _: ["a", 1, 16, 1000, "", " ", "-"] }],
  [["a", "1", "0x10", "1e3"], { string: ["_"] }, { _: ["a", "1", "0x10", "1e3"] }],
  [["a", "--b", "c"], flag, { ...off, b: true, _: ["a", "c"] }],
  [["a", "--b", "c"], { ...flag, stopEarly: true }, { ...off, _: ["a", "--b", "c"] }],
  [["--b", "a", "1"], { ...flag, stopEarly: true }, { ...off, b: true, _: ["a", "1"] }],

  // what follows --
  [["a", "--", "--b", "1"], flag, { ...off, _: ["a", "--b", "1"] }],
  [["a", "--", "--b", "1"], { ...flag, "--": true }, { ...off, _: ["a"], "--": ["--b", "1"] }],
  [["--", "a", "--", "b"], { "--": true }, { _: [], "--": ["a", "--", "b"] }],
  [["a"], { "--": true }, { _: ["a"], "--": [] }],
  [["a", "b", "--", "c"], { stopEarly: true, "--": true }, { _: ["a", "b"], "--": ["c"] }],

  // undeclared options
  [["--x"], {}, { x: true, _: [] }],
  [["--x", "y"], {}, { x: "y", _: [] }],
  [["--x=5"], {}, { x: 5, _: [] }],
  [["--x", "true"], {}, { x: "true", _: [] }],
  [["-5"], {}, { 5: true, _: [] }],
];

test("parseArgs reads options and positionals", () => {
  for (const [args, options, expected] of parsed) {
    assertEquals(parseArgs(args, options) as unknown, expected, JSON.stringify({ args, options }));
  }
});

test("parseArgs leaves the arguments as they are", () => {
  const args = ["--out", "x", "y", "--", "z"];
  parseArgs(args, { string: ["out"], stopEarly: true });
  assertEquals(args, ["--out", "x", "y", "--", "z"]);
});

const unknowns: [args: string[], calls: unknown[][], kept: Record<string, unknown>][] = [
  [["--out=x", "--b", "-o", "y"], [], {}],
  [["--level=1", "-l"], [], { level: true, l: true }],
  [["--x"], [["--x", "x", true]], { x: true }],
  [["--x=5"], [["--x=5", "x", "5"]], { x: 5 }],
  [["--x", "5"], [["--x", "x", "5"]], { x: 5 }],
  [["--x="], [["--x=", "x", ""]], { x: "" }],
  [["--no-out"], [["--no-out", "no-out", true]], { "no-out": true }],
  [["-bxy"], [["-bxy", "x", true], ["-bxy", "y", true]], { x: true, y: true }],
  [["-x=5"], [["-x=5", "x", "5"]], { x: 5 }],
  [["a", "1"], [["a"], ["1"]], { _: ["a", 1] }],
  [["--", "--x", "a"], [], { _: ["--x", "a"] }],
];

test("parseArgs asks about what is not declared, and leaves out what is refused", () => {
  for (const [args, expectedCalls, kept] of unknowns) {
    for (const answer of [undefined, true, false]) {
      const calls: unknown[][] = [];
      const result: Record<string, unknown> = parseArgs(args, {
        string: ["out"],
        boolean: ["b"],
        alias: { out: "o", level: "l" },
        unknown: (...call) => {
          calls.push(call);
          return answer;
        },
      });
      const what = JSON.stringify({ args, answer });
      assertEquals(calls, expectedCalls, what);
      for (const [name, value] of Object.entries(kept)) {
        const refused = answer === false && calls.length > 0;
        assertEquals(result[name], refused ? (name === "_" ? [] : undefined) : value, what);
      }
    }
  }
});

// --- @std/crypto -----------------------------------------------------------------------------------------------

const bytes = (text: string) => new TextEncoder().encode(text);
const hex = (buffer: ArrayBuffer) => new Uint8Array(buffer).toHex();

test("digestSync gives the digest in a buffer of its own", () => {
  const digests = [
    ["SHA-1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["SHA-1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["SHA-256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["SHA-256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "SHA-512",
      "abc",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
  ] as const;
  for (const [algorithm, text, expected] of digests) {
    const digest = crypto.subtle.digestSync(algorithm, bytes(text));
    assertInstanceOf(digest, ArrayBuffer);
    assertEquals(hex(digest), expected);
  }
});

test("digestSync reads views, buffers and chunks", () => {
  const expected = hex(crypto.subtle.digestSync("SHA-256", bytes("abc")));
  const inputs = [
    bytes("xabcx").subarray(1, 4),
    new DataView(bytes("xabc").buffer, 1),
    bytes("abc").buffer,
    [bytes("a"), bytes(""), bytes("bc").buffer],
  ];
  for (const input of inputs) assertEquals(hex(crypto.subtle.digestSync("SHA-256", input)), expected);
});

test("timingSafeEqual compares bytes, of one length only", () => {
  assertEquals(timingSafeEqual(bytes("abc"), bytes("xabc").subarray(1)), true);
  assertEquals(timingSafeEqual(bytes("abc").buffer, bytes("abd")), false);
  assertEquals(timingSafeEqual(bytes(""), bytes("")), true);
  assertThrows(() => timingSafeEqual(bytes("abc"), bytes("ab")), TypeError);
});

// --- @std/path -------------------------------------------------------------------------------------------------

test("path functions give what they should", () => {
  const results: [actual: unknown, expected: unknown][] = [
    [join("a", "b", "c"), "a/b/c"],
    [join("a/", "/b", "", "../c"), "a/c"],
    [join("", ""), "."],
    [join("a", "b/"), "a/b/"],
    [join("/", "..", "a"), "/a"],
    [join(new URL("file:///a%20b/"), "c"), "/a b/c"],
    [normalize("/a//b/./c/.."), "/a/b"],
    [normalize("../a/../.."), "../.."],
    [normalize(""), "."],
    [normalize(new URL("file:///a/b")), "/a/b"],
    [dirname("/a/b"), "/a"],
    [dirname("/a/b/"), "/a"],
    [dirname("/a//b"), "/a"],
    [dirname("/a"), "/"],
    [dirname("/"), "/"],
    [dirname("a"), "."],
    [dirname(""), "."],
    [dirname(new URL("file:///a/b.ts")), "/a"],
    [basename("/a/b.ts"), "b.ts"],
    [basename("/a/b.ts", ".ts"), "b"],
    [basename("/a/b.ts", "b.ts"), "b.ts"],
    [basename("/a/b.ts", ".js"), "b.ts"],
    [basename("/a/b//"), "b"],
    [basename("/"), "/"],
    [basename(""), ""],
    [basename(new URL("file:///a/b.ts")), "b.ts"],
    [relative("/a/b/c", "/a/d"), "../../d"],
    [relative("/a", "/a/b"), "b"],
    [relative("/a/b", "/a/b"), ""],
    [relative("/a/b", "/"), "../.."],
    [relative("/ab", "/a"), "../a"],
    [resolve("/a", "b", "../c"), "/a/c"],
    [resolve("/a", "/b", ""), "/b"],
    [resolve("/a/b/"), "/a/b"],
    [resolve("a"), join(resolve("."), "a")],
    [isAbsolute("/a"), true],
    [isAbsolute("a/b"), false],
    [isAbsolute(""), false],
  ];
  for (const [i, [actual, expected]] of results.entries()) assertEquals(actual, expected, `case ${i}`);
});

test("file URLs and paths turn into each other", () => {
  const pairs = [
    ["/", "file:///"],
    ["/a/b.ts", "file:///a/b.ts"],
    ["/a/", "file:///a/"],
    ["/a b/é", "file:///a%20b/%C3%A9"],
    ["/100%/?#", "file:///100%25/%3F%23"],
    ["/a\\b\n", "file:///a%5Cb%0A"],
    ["/[~|^]", "file:///[~|^]"],
  ] as const;
  for (const [path, url] of pairs) {
    assertEquals(toFileUrl(path).href, url);
    assertEquals(fromFileUrl(url), path);
    assertEquals(fromFileUrl(new URL(url)), path);
  }
  assertEquals(toFileUrl("//a").href, "file:///a");
  assertThrows(() => toFileUrl("a"), TypeError);
  assertThrows(() => fromFileUrl("https://example.org/a"), TypeError);
  assertThrows(() => fromFileUrl("/a"), TypeError);
});

// --- @std/fs ---------------------------------------------------------------------------------------------------

const root = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

/** Deno makes symlinks only where it may read and write everything. */
const maySymlink = Deno.permissions.querySync({ name: "read" }).state === "granted" &&
  Deno.permissions.querySync({ name: "write" }).state === "granted";

/** Runs the test in a directory of its own, outside of which it may not read or write. */
function testInDir(name: string, fn: (dir: string) => Promise<void>): void {
  const dir = Deno.makeTempDirSync({ dir: root });
  Deno.test({ name, permissions: { read: [dir], write: [dir] }, fn: () => fn(dir) });
}

function testWithSymlinks(name: string, fn: (dir: string) => Promise<void>): void {
  const dir = Deno.makeTempDirSync({ dir: root });
  Deno.test({ name, ignore: !maySymlink, permissions: { read: true, write: true }, fn: () => fn(dir) });
}

/** Makes `a.ts`, `b.txt`, `sub/c.ts` and the empty `void/` in the directory. */
async function fill(dir: string): Promise<void> {
  for (const name of ["sub", "void"]) await Deno.mkdir(join(dir, name), { recursive: true });
  for (const name of ["a.ts", "b.txt", "sub/c.ts"]) await Deno.writeTextFile(join(dir, name), name);
}

/** The paths below the directory that `walk` lists, each with a letter for its type. */
async function list(dir: string, options?: WalkOptions): Promise<string[]> {
  const entries = await Array.fromAsync(walk(dir, options));
  return entries.map((entry) => {
    assertEquals(entry.name, basename(entry.path));
    const type = entry.isDirectory ? "d" : entry.isSymlink ? "l" : entry.isFile ? "f" : "?";
    return `${type} ${relative(dir, entry.path)}`;
  }).sort();
}

const filled = ["d ", "d sub", "d void", "f a.ts", "f b.txt", "f sub/c.ts"];

testInDir("exists tells whether there is something", async (dir) => {
  await fill(dir);
  assertEquals(await exists(dir), true);
  assertEquals(await exists(join(dir, "a.ts")), true);
  assertEquals(await exists(toFileUrl(join(dir, "a.ts"))), true);
  assertEquals(await exists(join(dir, "none")), false);
  assertEquals(await exists(join(dir, "none", "a.ts")), false);
  await assertRejects(() => exists(join(dir, "a.ts", "none")), Deno.errors.NotADirectory);
  await assertRejects(() => exists(join(root, "elsewhere")), Deno.errors.NotCapable);
});

testInDir("ensureDir makes a directory where there is none", async (dir) => {
  const deep = join(dir, "a", "b");
  await ensureDir(deep);
  await Deno.writeTextFile(join(deep, "x"), "");
  await ensureDir(deep);
  await ensureDir(toFileUrl(join(dir, "c")));
  assertEquals(await list(dir), ["d ", "d a", "d a/b", "d c", "f a/b/x"]);
  await assertRejects(() => ensureDir(join(deep, "x")), Error);
});

testInDir("emptyDir removes what is in a directory, or makes one", async (dir) => {
  await fill(dir);
  await emptyDir(dir);
  assertEquals(await list(dir), ["d "]);
  await emptyDir(join(dir, "a", "b"));
  assertEquals(await list(dir), ["d ", "d a", "d a/b"]);
  await Deno.writeTextFile(join(dir, "x"), "");
  await assertRejects(() => emptyDir(join(dir, "x")), Error);
});

testInDir("walk lists the root and what is below it", async (dir) => {
  await fill(dir);
  const cases: [options: WalkOptions, expected: string[]][] = [
    [{}, filled],
    [{ includeDirs: false }, ["f a.ts", "f b.txt", "f sub/c.ts"]],
    [{ includeFiles: false }, ["d ", "d sub", "d void"]],
    [{ exts: [".ts"] }, ["f a.ts", "f sub/c.ts"]],
    [{ exts: ["ts", "txt"], includeDirs: false }, ["f a.ts", "f b.txt", "f sub/c.ts"]],
    [{ exts: ["xt"] }, []],
    [{ exts: [] }, []],
  ];
  for (const [options, expected] of cases) assertEquals(await list(dir, options), expected);

  for (const start of [dir, toFileUrl(dir), `${dir}/./sub/..`]) {
    const [first] = await Array.fromAsync(walk(start));
    assertEquals(first, {
      path: dir,
      name: basename(dir),
      isFile: false,
      isDirectory: true,
      isSymlink: false,
    });
  }
  await assertRejects(() => Array.fromAsync(walk(join(dir, "none"))), Deno.errors.NotFound);
});

testInDir("copy copies files and directories", async (dir) => {
  const [src, dest] = [join(dir, "src"), join(dir, "dest")];
  await Deno.mkdir(src);
  await fill(src);

  await copy(join(src, "a.ts"), join(dir, "a.ts"));
  assertEquals(await Deno.readTextFile(join(dir, "a.ts")), "a.ts");

  await copy(src, join(dest, "deep"));
  assertEquals(await list(join(dest, "deep")), filled);
  assertEquals(await Deno.readTextFile(join(dest, "deep", "sub", "c.ts")), "sub/c.ts");

  await copy(toFileUrl(src), toFileUrl(join(dir, "url")));
  assertEquals(await list(join(dir, "url")), filled);
});

testInDir("copy writes over files only when told to", async (dir) => {
  const [src, dest] = [join(dir, "src"), join(dir, "dest")];
  await Deno.mkdir(src);
  await fill(src);
  await copy(src, dest);
  await Deno.writeTextFile(join(src, "a.ts"), "new");
  await Deno.writeTextFile(join(dest, "more"), "");

  await assertRejects(() => copy(src, dest), Deno.errors.AlreadyExists);
  await assertRejects(() => copy(join(src, "a.ts"), join(dest, "a.ts")), Deno.errors.AlreadyExists);
  assertEquals(await Deno.readTextFile(join(dest, "a.ts")), "a.ts");

  await copy(src, dest, { overwrite: true });
  assertEquals(await Deno.readTextFile(join(dest, "a.ts")), "new");
  assertEquals(await list(dest), [...filled, "f more"].sort());
});

testInDir("copy refuses what cannot be", async (dir) => {
  const src = join(dir, "src");
  await Deno.mkdir(src);
  await fill(src);
  await assertRejects(() => copy(src, src), Error);
  await assertRejects(() => copy(join(src, "void"), join(src, "void"), { overwrite: true }), Error);
  await assertRejects(() => copy(src, join(src, "sub", "src")), Error);
  await assertRejects(() => copy(src, join(src, "a.ts"), { overwrite: true }), Error);
  await assertRejects(() => copy(join(dir, "none"), join(dir, "x")), Deno.errors.NotFound);
  await assertRejects(() => copy(join(src, "a.ts"), join(dir, "none", "x")), Deno.errors.NotFound);
  await copy(src, `${src}2`); // begins with the same text, but is not inside
  assertEquals(await list(`${src}2`), filled);
});

testWithSymlinks("symlinks are listed and copied, not followed", async (dir) => {
  const [src, dest] = [join(dir, "src"), join(dir, "dest")];
  await ensureDir(join(src, "sub"));
  await Deno.writeTextFile(join(src, "sub", "x"), "");
  await Deno.symlink("sub", join(src, "link"));
  await Deno.symlink("nowhere", join(src, "dangling"));

  const links = ["l dangling", "l link"];
  assertEquals(await list(src), ["d ", "d sub", "f sub/x", ...links]);
  assertEquals(await list(src, { includeSymlinks: false }), ["d ", "d sub", "f sub/x"]);
  assertEquals(await list(src, { includeDirs: false, includeFiles: false }), links);
  assertEquals(await exists(join(src, "link")), true);
  assertEquals(await exists(join(src, "dangling")), false);
  await ensureDir(join(src, "link"));

  await copy(src, dest);
  assertEquals(await Deno.readLink(join(dest, "link")), "sub");
  assertEquals(await Deno.readLink(join(dest, "dangling")), "nowhere");
  await copy(join(src, "link"), join(dir, "link"));
  assertEquals(await Deno.readLink(join(dir, "link")), "sub");
  await assertRejects(() => copy(src, dest, { overwrite: true }), Deno.errors.AlreadyExists);
  await assertRejects(() => copy(join(src, "sub", "x"), join(src, "dangling")), Deno.errors.AlreadyExists);
  await assertRejects(() => copy(dest, join(src, "link"), { overwrite: true }), Error);

  await emptyDir(join(src, "link"));
  assertEquals(await list(src), ["d ", "d sub", ...links]);
  await emptyDir(src);
  assertEquals(await list(src), ["d "]);
});
