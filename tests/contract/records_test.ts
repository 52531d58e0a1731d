import { assertEquals } from "@std/assert";
import { compareBytes, documentPath, lookup, mapRecord } from "../../src/contract/records.ts";
import { deepFreeze, pureTest } from "../support/pure.ts";

const OWN_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty"];

pureTest("lookup() gives what a record has of its own, and never what its prototype has", () => {
  for (const name of OWN_NAMES) {
    assertEquals(lookup({ web: 1 }, name), undefined);
    assertEquals(lookup(JSON.parse(`{${JSON.stringify(name)}:1}`), name), 1);
  }
  assertEquals(lookup({ web: 1 }, "web"), 1);
  assertEquals(lookup({ web: null }, "web"), null);
});

pureTest("mapRecord() replaces each value and keeps every key and their order", () => {
  const record: Record<string, number> = JSON.parse('{"b":1,"__proto__":2,"constructor":3,"a":4}');
  const mapped = mapRecord(deepFreeze(record), (value, key) => `${key}=${value}`);
  assertEquals(Object.entries(mapped), [
    ["b", "b=1"],
    ["__proto__", "__proto__=2"],
    ["constructor", "constructor=3"],
    ["a", "a=4"],
  ]);
  assertEquals(Object.getPrototypeOf(mapped), Object.prototype);
});

pureTest("compareBytes() orders by UTF-8 bytes, where JavaScript's own order differs above U+FFFF", () => {
  const ascending = ["", "\0", "-", "0", "A", "_", "a", "a\0", "a-b", "aa", "b", "\x7f", "é", "\ufb33"];
  ascending.push("\ufb33a", "\uffff", "\u{10000}", "\u{10000}a", "\u{1f600}");
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      assertEquals(Math.sign(compareBytes(a, b)), Math.sign(i - j), JSON.stringify([a, b]));
    }
  }
  assertEquals(ascending.toReversed().sort(compareBytes), ascending);
});

pureTest("documentPath() quotes a name unless it is made of letters, digits, _ and - alone", () => {
  const paths: [keys: (string | number)[], path: string][] = [
    [["hosts", "web-1_a", "tags", 0], "hosts.web-1_a.tags.0"],
    [["hosts", "web.example.com"], 'hosts."web.example.com"'],
    [["hosts", 'a"b', "c d", ""], 'hosts."a\\"b"."c d".""'],
    [[0], "0"],
    [[], ""],
  ];
  assertEquals(paths.map(([keys]) => [keys, documentPath(keys)]), paths);
});
