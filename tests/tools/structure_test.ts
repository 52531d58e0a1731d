import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ensureDir } from "@std/fs";
import { circlesOf } from "../../tools/circles.ts";
import { roomOf, structureProblems } from "../../tools/structure.ts";
import { PROJECT, run } from "../support/command.ts";
import { pureTest } from "../support/pure.ts";

/** Imports, written as `a: b c` for a module that imports two. */
function graph(...lines: string[]): Map<string, string[]> {
  return new Map(lines.map((line) => {
    const [from, targets = ""] = line.split(":");
    return [from!, targets.split(" ").filter((target) => target !== "")];
  }));
}

pureTest("circlesOf() finds none where every path ends", () => {
  assertEquals(circlesOf(new Map()), []);
  assertEquals(circlesOf(graph("a: b c", "b: d", "c: d", "d:")), []);
  // What nothing is said of leads nowhere.
  assertEquals(circlesOf(graph("a: unknown")), []);
});

pureTest("circlesOf() gives a circle as a path that ends where it begins", () => {
  assertEquals(circlesOf(graph("a: a")), [["a", "a"]]);
  assertEquals(circlesOf(graph("a: b", "b: c", "c: a")), [["a", "b", "c", "a"]]);
  assertEquals(circlesOf(graph("z: y", "y: x", "x: y")), [["x", "y", "x"]]);
});

pureTest(
  "circlesOf() gives the shortest circle first, and each that shares no step with an earlier one",
  () => {
    assertEquals(circlesOf(graph("a: b", "b: c a", "c: a", "d: e", "e: d")), [["a", "b", "a"], [
      "d",
      "e",
      "d",
    ]]);
    assertEquals(circlesOf(graph("a: b c", "b: a", "c: a")), [["a", "b", "a"], ["a", "c", "a"]]);
  },
);

pureTest("roomOf() is a folder of src/ with all that is in it, or a file at its top", () => {
  const modules = ["mod.ts", "src/log.ts", "src/plan/pins.ts", "src/adapters/nix/nix.ts"];
  assertEquals(modules.map(roomOf), ["mod.ts", "src/log.ts", "src/plan", "src/adapters"]);
});

pureTest("structureProblems() names the imports that a circle of rooms is made of", () => {
  assertEquals(
    structureProblems(
      graph("src/a/one.ts: src/b/one.ts", "src/b/two.ts: src/a/two.ts src/c.ts", "src/c.ts:"),
    ),
    [
      "Rooms import each other: src/a → src/b → src/a",
      "  src/a/one.ts imports src/b/one.ts",
      "  src/b/two.ts imports src/a/two.ts",
    ],
  );
});

pureTest("structureProblems() takes ten files at the top of src/, and refuses eleven", () => {
  const files = (count: number) => graph(...Array.from({ length: count }, (_, index) => `src/${index}.ts:`));
  assertEquals(structureProblems(files(10)), []);
  assertEquals(structureProblems(files(11)), [
    "11 files at the top of src/, expected at most 10: " +
    "src/0.ts, src/1.ts, src/10.ts, src/2.ts, src/3.ts, src/4.ts, src/5.ts, src/6.ts, src/7.ts, src/8.ts, src/9.ts",
  ]);
});

/** Runs the tool on a project of these files. */
async function check(files: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "fleet-release-test-" }));
  try {
    for (const [path, text] of Object.entries({ "deno.json": "{}", ...files })) {
      await ensureDir(dirname(join(root, path)));
      await Deno.writeTextFile(join(root, path), text);
    }
    const tool = ["run", "--no-prompt", "--allow-read", "--allow-run", join(PROJECT, "tools/structure.ts")];
    const { DENO_DIR, PATH } = Deno.env.toObject();
    const env = {
      HOME: root,
      PATH: PATH ?? "",
      NO_COLOR: "1",
      ...(DENO_DIR === undefined ? {} : { DENO_DIR }),
    };
    const { code, stderr } = await run([Deno.execPath(), ...tool, root], { cwd: PROJECT, env });
    return { code, stderr: stderr.replaceAll(root, "…") };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const MAIN = { "src/main.ts": 'import "./plan/plan.ts";\nimport "./verify/verify.ts";\n' };
const NOTHING = { "src/plan/plan.ts": "", "src/verify/verify.ts": "" };

Deno.test("the check of the structure passes a project without circles", async () => {
  assertEquals(await check({ ...MAIN, ...NOTHING }), { code: 0, stderr: "" });
});

Deno.test("the check of the structure fails for a circle between modules, of types alone too", async () => {
  assertEquals(
    await check({
      ...MAIN,
      ...NOTHING,
      "src/plan/plan.ts": 'import { type B } from "./pins.ts";\nexport type A = B;\n',
      "src/plan/pins.ts": 'export type { A } from "./plan.ts";\nexport type B = 1;\n',
    }),
    {
      code: 1,
      stderr: "Modules import each other: src/plan/pins.ts → src/plan/plan.ts → src/plan/pins.ts\n",
    },
  );
});

Deno.test("the check of the structure fails for a circle between folders whose modules have none", async () => {
  assertEquals(
    await check({
      ...MAIN,
      "src/plan/plan.ts": 'import "../verify/verify.ts";\n',
      "src/plan/pins.ts": "",
      "src/verify/verify.ts": 'export const late = () => import("../plan/pins.ts");\n',
    }),
    {
      code: 1,
      stderr: `Rooms import each other: src/plan → src/verify → src/plan
  src/plan/plan.ts imports src/verify/verify.ts
  src/verify/verify.ts imports src/plan/pins.ts
`,
    },
  );
});

Deno.test("the check of the structure reads the modules that nothing imports, too", async () => {
  assertEquals(await check({ ...MAIN, ...NOTHING, "src/lost.ts": 'import "./lost.ts";\n' }), {
    code: 1,
    stderr: "Modules import each other: src/lost.ts → src/lost.ts\n",
  });
});

Deno.test("the check of the structure fails where it cannot read, rather than finding nothing", async () => {
  const { code, stderr } = await check({ ...MAIN, "src/plan/plan.ts": "" });
  assertEquals([code, /Cannot read the imports of src\/\S+: .*/.exec(stderr)?.[0]], [
    1,
    'Cannot read the imports of src/verify/verify.ts: Module not found "file://…/src/verify/verify.ts".',
  ]);
});
