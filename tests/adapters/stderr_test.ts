import { assertEquals } from "@std/assert";
import { KeptLines, LineReader, withoutKeys } from "../../src/adapters/stderr.ts";
import { pureTest } from "../support/pure.ts";

function linesOf(chunks: readonly string[]): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line));
  for (const chunk of chunks) reader.write(new TextEncoder().encode(chunk));
  reader.end();
  return lines;
}

pureTest("LineReader makes lines of chunks, wherever these end", () => {
  assertEquals(linesOf(["a", "b\nc", "\n", "\nd\r\n"]), ["ab", "c", "", "d"]);
  assertEquals(linesOf(["a\n", "b"]), ["a", "b"]);
  assertEquals(linesOf([]), []);
});

pureTest("LineReader gives a line of some megabytes whole, and of an endless one the end", () => {
  const [megabyte, event] = ["x".repeat(1 << 20), "y".repeat(10 << 20)];
  assertEquals(linesOf([event, "z\n"]), [`${event}z`]);
  const [endless, ...others] = linesOf([...Array.from({ length: 17 }, () => megabyte), "end\nnext\n"]);
  assertEquals([endless!.length < 2 << 20, endless!.slice(-4), others], [true, "xend", ["next"]]);
});

pureTest("KeptLines keeps a text whole that is not long, and cuts its long lines", () => {
  const kept = new KeptLines();
  const lines = Array.from({ length: 10_000 }, (_, index) => `line ${index}`);
  lines.forEach((line) => kept.add(line));
  assertEquals(kept.lines, lines);
  kept.add("0".repeat(5000));
  assertEquals(kept.lines.at(-1), `${"0".repeat(4000)}…`);
});

pureTest("KeptLines keeps the beginning and the end of a long text, and says how much is gone", () => {
  const kept = new KeptLines();
  const count = 100_000;
  for (let index = 0; index < count; index++) kept.add(String(index).padStart(99, "0"));
  const { lines } = kept;
  const gap = lines.findIndex((line) => line.startsWith("…"));
  const gone = Number(/^… \((\d+) lines are not kept\)$/.exec(lines[gap]!)![1]);
  assertEquals(gone + lines.length - 1, count);
  assertEquals([lines[0], lines[gap - 1]].map(Number), [0, gap - 1]);
  assertEquals([lines[gap + 1], lines.at(-1)].map(Number), [gap + gone, count - 1]);
  // One megabyte of the beginning, and one to two of the end.
  assertEquals([gap, lines.length - gap > gap, lines.length < 3 * gap + 3], [10_485, true, true]);
});

pureTest("withoutKeys() hides what is between the ends of a private key, and no more", () => {
  const key = [
    "-----BEGIN EC PRIVATE KEY-----",
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v",
    "-----END EC PRIVATE KEY-----",
  ];
  assertEquals(withoutKeys(["MC4CAQAw", ...key, "MC4CAQAw"]), [
    "MC4CAQAw",
    key[0],
    "***",
    key[2],
    "MC4CAQAw",
  ]);
});
