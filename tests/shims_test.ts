// Holds the stand-ins in shims/std to the behaviour of the packages they stand in for: these tests pass with both.
// Run with --allow-read --allow-write; what needs fewer permissions is tested with fewer.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { parseArgs, type ParseOptions } from "@std/cli";
import { crypto } from "@std/crypto";
import { ensureDir, exists } from "@std/fs";
import { basename, dirname, fromFileUrl, join, relative, resolve, toFileUrl } from "@std/path";

function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}

// --- @std/assert -----------------------------------------------------------------------------------------------

class Point {
  constructor(readonly x: number, readonly y: number) {}
}

function cyclic(name: string): unknown {
  const object: Record<string, unknown> = { name };
  object.self = object;
  return object;
}

const tag = Symbol("tag");

const equalPairs: [what: string, a: unknown, b: unknown][] = [
  ["primitives", "a", "a"],
  ["NaN", NaN, NaN],
  ["objects, in any order of their keys", { a: 1, b: [2, { c: 3 }] }, { b: [2, { c: 3 }], a: 1 }],
  ["undefined properties on both sides", { a: undefined }, { a: undefined }],
  ["symbol keys", { [tag]: 1 }, { [tag]: 1 }],
  ["cycles", cyclic("a"), cyclic("a")],
  ["instances", new Point(1, 2), new Point(1, 2)],
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
  ["nothing thrown", () => assertThrows(() => 1, Error)],
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
];

test("assertThrows gives the error, whose class and message it checks", () => {
  const error = new TypeError("a red word");
  assert(assertThrows(raise(error), Error) === error);
  assert(assertThrows(raise(error), TypeError, "a red word") === error);
  for (const [what, fn] of failingThrows) assert(thrownBy(fn) instanceof AssertionError, what);
});

test("assertRejects gives the error, whose class and message it checks", async () => {
  const error = new TypeError("a red word");
  const reject = () => Promise.reject(error);
  assert(await assertRejects(reject) === error);
  assert(await assertRejects(reject, Error) === error);
  assert(await assertRejects(reject, TypeError, "a red word") === error);
  assert(await assertRejects(() => Promise.reject("text")) === "text");
  for (const [what, fn] of failingRejects) {
    const failure: unknown = await fn().catch((thrown: unknown) => thrown);
    assert(failure instanceof AssertionError, what);
  }
  const thrown: unknown = await assertRejects(raise(error), TypeError).catch(() => "failed");
  assert(thrown === "failed", "thrown, not rejected");
});

test("assertEquals and assertNotEquals compare content", () => {
  for (const [what, a, b] of equalPairs) {
    assertEquals(a, b, what);
    assert(thrownBy(() => assertNotEquals(a, b)) instanceof AssertionError, what);
  }
  for (const [what, a, b] of unequalPairs) {
    assertNotEquals(a, b, what);
    assert(thrownBy(() => assertEquals(a, b)) instanceof AssertionError, what);
  }
});

test("assertEquals shows what differs, and the reason given", () => {
  const checks = [
    () => assertEquals({ same: 1, name: "left" }, { same: 1, name: "right" }, "the reason"),
    () => assertEquals("same\nleft\n", "same\nright\n", "the reason"),
  ];
  for (const check of checks) {
    for (const part of ["left", "right", "the reason"]) assertThrows(check, AssertionError, part);
  }
});

test("assert and assertInstanceOf hold, or throw an AssertionError", () => {
  assert("x");
  assertInstanceOf(new TypeError(), Error);
  assertThrows(() => assert("", "reason"), AssertionError, "reason");
  assertThrows(() => assertInstanceOf({}, Error), AssertionError, "Error");
});

test("assertions tell the compiler what holds", async () => {
  const maybe = (value: string): string | undefined => value;
  const a = maybe("a");
  assert(a !== undefined);
  const d: unknown = new Point(1, 2);
  assertInstanceOf(d, Point);
  const [e, f]: [TypeError, RangeError] = [
    assertThrows(raise(new TypeError("e")), TypeError),
    await assertRejects(() => Promise.reject(new RangeError("f")), RangeError),
  ];
  const narrowed: (string | number)[] = [a.length, d.x, e.message, f.message];
  assertEquals(narrowed, [1, 1, "e", "f"]);
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
  [["-v"], { boolean: ["verbose"], alias: { verbose: "v" } }, { verbose: true, v: true, _: [] }],
  [["-v", "x"], { boolean: ["verbose"], alias: { verbose: "v" } }, { verbose: true, v: true, _: ["x"] }],
  [[], { boolean: ["verbose"], alias: { verbose: "v" } }, { verbose: false, v: false, _: [] }],

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

  // positionals
  [["a", "1", "0x10", "1e3", "", " ", "-"], {}, { _: ["a", 1, 16, 1000, "", " ", "-"] }],
  [["a", "--b", "c"], flag, { ...off, b: true, _: ["a", "c"] }],

  // what follows --
  [["a", "--", "--b", "1"], flag, { ...off, _: ["a", "--b", "1"] }],

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
  parseArgs(args, { string: ["out"] });
  assertEquals(args, ["--out", "x", "y", "--", "z"]);
});

const unknowns: [args: string[], calls: unknown[][], kept: Record<string, unknown>][] = [
  [["--out=x", "--b", "-o", "y"], [], {}],
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
        alias: { out: "o" },
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
  ] as const;
  for (const [algorithm, text, expected] of digests) {
    const digest = crypto.subtle.digestSync(algorithm, bytes(text));
    assertInstanceOf(digest, ArrayBuffer);
    assertEquals(hex(digest), expected);
  }
});

test("digestSync reads the part of a buffer that a view shows", () => {
  assertEquals(
    crypto.subtle.digestSync("SHA-256", bytes("xabcx").subarray(1, 4)),
    crypto.subtle.digestSync("SHA-256", bytes("abc")),
  );
});

// --- @std/path -------------------------------------------------------------------------------------------------

test("path functions give what they should", () => {
  const results: [actual: unknown, expected: unknown][] = [
    [join("a", "b", "c"), "a/b/c"],
    [join("a/", "/b", "", "../c"), "a/c"],
    [join("", ""), "."],
    [join("a", "b/"), "a/b/"],
    [join("/", "..", "a"), "/a"],
    [dirname("/a/b"), "/a"],
    [dirname("/a/b/"), "/a"],
    [dirname("/a"), "/"],
    [dirname("/"), "/"],
    [dirname("a"), "."],
    [dirname(""), "."],
    [basename("/a/b.ts"), "b.ts"],
    [basename("/a/b.ts", ".ts"), "b"],
    [basename("/a/b.ts", "b.ts"), "b.ts"],
    [basename("/a/b.ts", ".js"), "b.ts"],
    [basename("/a/b//"), "b"],
    [basename(""), ""],
    [relative("/a/b/c", "/a/d"), "../../d"],
    [relative("/a", "/a/b"), "b"],
    [relative("/a/b", "/a/b"), ""],
    [relative("/a/b", "/"), "../.."],
    [relative("/ab", "/a"), "../a"],
    [resolve("/a", "b", "../c"), "/a/c"],
    [resolve("/a", "/b", ""), "/b"],
    [resolve("/a/b/"), "/a/b"],
    [resolve("a"), join(resolve("."), "a")],
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
  ] as const;
  for (const [path, url] of pairs) {
    assertEquals(toFileUrl(path).href, url);
    assertEquals(fromFileUrl(url), path);
    assertEquals(fromFileUrl(new URL(url)), path);
  }
  assertEquals(toFileUrl("//a").href, "file:///a");
  assertThrows(() => fromFileUrl("https://example.org/a"), TypeError);
  assertThrows(() => fromFileUrl("/a"), TypeError);
});

// --- @std/fs ---------------------------------------------------------------------------------------------------

const root = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

/** Runs the test in a directory of its own, outside of which it may not read or write. */
function testInDir(name: string, fn: (dir: string) => Promise<void>): void {
  const dir = Deno.makeTempDirSync({ dir: root });
  Deno.test({ name, permissions: { read: [dir], write: [dir] }, fn: () => fn(dir) });
}

testInDir("exists tells whether there is something", async (dir) => {
  await Deno.writeTextFile(join(dir, "a.ts"), "");
  assertEquals(await exists(dir), true);
  assertEquals(await exists(join(dir, "a.ts")), true);
  assertEquals(await exists(join(dir, "none")), false);
  assertEquals(await exists(join(dir, "none", "a.ts")), false);
  await assertRejects(() => exists(join(dir, "a.ts", "none")), Deno.errors.NotADirectory);
  await assertRejects(() => exists(join(root, "elsewhere")), Deno.errors.NotCapable);
});

testInDir("ensureDir makes a directory where there is none", async (dir) => {
  const deep = join(dir, "a", "b");
  await ensureDir(deep);
  await Deno.writeTextFile(join(deep, "x"), "text");
  await ensureDir(deep);
  assertEquals(await Deno.readTextFile(join(deep, "x")), "text");
  await assertRejects(() => ensureDir(join(deep, "x")), Error);
});

// Deno makes symlinks only where it may read and write everything.
Deno.test({
  name: "exists and ensureDir follow symlinks",
  permissions: { read: true, write: true },
  fn: async () => {
    const dir = await Deno.makeTempDir({ dir: root });
    await Deno.mkdir(join(dir, "sub"));
    await Deno.symlink("sub", join(dir, "link"));
    await Deno.symlink("nowhere", join(dir, "dangling"));
    assertEquals(await exists(join(dir, "link")), true);
    assertEquals(await exists(join(dir, "dangling")), false);
    await ensureDir(join(dir, "link"));
  },
});
