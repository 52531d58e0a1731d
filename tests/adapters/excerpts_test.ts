import { assert, assertEquals } from "@std/assert";
import { Excerpts, sharedLimits } from "../../src/adapters/excerpts.ts";
import { pureTest } from "../support/pure.ts";
import { TemporaryDirectory } from "../support/traced.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`);
const LIMITS = { first: 3, last: 2 };

pureTest(
  "Excerpts shows a text whole that is not longer than its excerpt would be, and writes nothing",
  () => {
    const excerpts = new Excerpts({ dir: "/gone", hide: (text) => text });
    for (const count of [0, 1, 5, 6]) {
      const lines = numbered(count);
      assertEquals(excerpts.of({ title: "it", lines }, LIMITS), lines.map((line) => `| ${line}`));
    }
  },
);

pureTest("Excerpts says how much it leaves out where it has nowhere to keep it", () => {
  assertEquals(new Excerpts().of({ title: "it", lines: numbered(7) }, LIMITS), [
    ...["| line 0", "| line 1", "| line 2"],
    "… 2 lines are left out here",
    ...["| line 5", "| line 6"],
  ]);
});

Deno.test("Excerpts keeps the whole of what it cuts in one file of its owner, without secrets", async () => {
  await using dir = await TemporaryDirectory.create();
  const excerpts = new Excerpts({ dir: dir.path, hide: (text) => text.replaceAll("secret", "***") });
  const lines = ["first", "a secret", ...numbered(5)];
  const [, , , mark, ...last] = excerpts.of({ title: "host", lines, more: ["the trace"] }, LIMITS);
  const [path, ...others] = [...Deno.readDirSync(dir.path)].map(({ name }) => `${dir.path}/${name}`);
  assertEquals(others, []);
  assert(/\/fleet-release-log-[^/]+\.txt$/.test(path!), path);
  assertEquals([mark, last], [`… 3 lines are left out here: the whole is in ${path}`, [
    "| line 3",
    "| line 4",
  ]]);
  // What is not worth showing is left out behind all that is.
  assertEquals(excerpts.of({ title: "other", lines: ["one"], more: ["trace"] }, LIMITS), [
    "| one",
    `… 1 line is left out here: the whole is in ${path}`,
  ]);
  assertEquals(
    await Deno.readTextFile(path!),
    ["host:", "first", "a ***", ...numbered(5), "the trace", "", "other:", "one", "trace", "", ""].join("\n"),
  );
  assertEquals((await Deno.stat(path!)).mode! & 0o777, 0o600);
});

Deno.test("Excerpts lets a failure be told that it cannot keep the whole of", async () => {
  await using dir = await TemporaryDirectory.create();
  const excerpts = new Excerpts({ dir: `${dir.path}/gone`, hide: (text) => text });
  const lines = excerpts.of({ title: "it", lines: numbered(9) }, LIMITS);
  assertEquals(lines.length, 6);
  assert(/^… 4 lines are left out here, and cannot be kept in "\/.*\/gone": /.test(lines[3]!), lines[3]);
});

pureTest("sharedLimits() shows thirty assertions of one host, and less of each of many", () => {
  assertEquals([1, 3, 10, 50, 1000].map((count) => sharedLimits(count)), [
    { first: 40, last: 20 },
    { first: 40, last: 20 },
    { first: 14, last: 6 },
    { first: 8, last: 4 },
    { first: 8, last: 4 },
  ]);
});
