import { assert, assertEquals } from "@std/assert";
import { equalBytes, joinBytes, readAtMost, writeAll } from "../src/bytes.ts";
import { pureTest } from "./support/pure.ts";

pureTest("equalBytes() compares every byte and the length", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assert(equalBytes(bytes, Uint8Array.of(1, 2, 3)));
  assert(equalBytes(new Uint8Array(), new Uint8Array()));
  assert(equalBytes(bytes, Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4)));
  for (const other of [[], [1, 2], [1, 2, 3, 4], [0, 2, 3], [1, 0, 3], [1, 2, 0]]) {
    assert(!equalBytes(bytes, Uint8Array.from(other)), `${other}`);
    assert(!equalBytes(Uint8Array.from(other), bytes), `${other}`);
  }
});

pureTest("joinBytes() puts byte strings one behind the other, and copies them", () => {
  const first = Uint8Array.of(1, 2);
  const joined = joinBytes(first, new Uint8Array(), Uint8Array.of(0, 3, 4, 0).subarray(1, 3));
  assertEquals(joined, Uint8Array.of(1, 2, 3, 4));
  first[0] = 9;
  assertEquals(joined, Uint8Array.of(1, 2, 3, 4));
  assertEquals(joinBytes(), new Uint8Array());
});

pureTest("readAtMost() reads a stream to its end, in however many pieces it comes", async () => {
  const pieces = Array.from({ length: 200_000 }, (_, index) => Uint8Array.of(index));
  const whole = await readAtMost(ReadableStream.from(pieces), pieces.length);
  assertEquals([whole?.length, whole?.at(-1)], [pieces.length, 199_999 % 256]);
  assertEquals(await readAtMost(ReadableStream.from(pieces.slice(0, 3)), 2), undefined);
});

pureTest("writeAll() writes on where a call has written only the first bytes", () => {
  for (const most of [1, 3, 100]) {
    const written: number[] = [];
    let calls = 0;
    const stream = {
      writeSync(bytes: Uint8Array) {
        calls++;
        const part = bytes.subarray(0, most);
        written.push(...part);
        return part.length;
      },
    };
    writeAll(stream, Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    assertEquals([written, calls], [[1, 2, 3, 4, 5, 6, 7], Math.ceil(7 / most)]);
    writeAll(stream, new Uint8Array());
    assertEquals(calls, Math.ceil(7 / most));
  }
});
