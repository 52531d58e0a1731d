import { lockedAt } from "../../support/fake_ports.ts";
import { assertEquals } from "@std/assert";
import { nixContext } from "../../../src/adapters/nix/context.ts";
import { evaluate, mayBeRoomy } from "../../../src/adapters/nix/evaluate.ts";
import { EvaluationWarnings } from "../../../src/adapters/nix/evaluation_warnings.ts";
import { applyTo } from "../../../src/adapters/nix/expressions.ts";
import { readInventory } from "../../../src/adapters/nix/inventory.ts";
import { pureTest, rejection } from "../../support/pure.ts";
import { TemporaryDirectory, tracedShell } from "../../support/traced.ts";
import { EVALUATOR, nixFleet, NO_FLAGS } from "../../support/nix_fleet.ts";

/** A program in nix's place. */
async function nixThat(script: string) {
  const dir = await TemporaryDirectory.create();
  for (const name of ["nix", "nix-store"]) {
    await Deno.writeTextFile(`${dir.path}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const { shell } = tracedShell(dir.path, `${dir.path}:/usr/bin:/bin`);
  return {
    nix: nixContext(shell, { PATH: "/usr/bin:/bin" }, NO_FLAGS),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

Deno.test("evaluate() applies a function to data, by one command", async () => {
  await using world = await nixFleet("{}");
  const { nix, commands } = world;
  const twice = "{ n, name }: { n = n + n; inherit name; }";
  const data = { n: 21, name: '"${x}"\\' };
  const { code, value } = await evaluate(nix, twice, data);
  assertEquals({ code, value }, { code: 0, value: { n: 42, name: '"${x}"\\' } });
  assertEquals(commands, [[...EVALUATOR, "eval", "--json", "--expr", applyTo(twice, data)]]);
});

Deno.test("evaluate() gives no value when nix fails, and the last that it said", async () => {
  await using world = await nixFleet("{}");
  const { code, value, stderr } = await evaluate(world.nix, '_: throw "not this one"', {});
  assertEquals({ code, value }, { code: 1, value: undefined });
  assertEquals(stderr.some((line) => line.includes("not this one")), true, stderr.join("\n"));
});

Deno.test("evaluate() says which signal ended nix, before what was said until then", async () => {
  for (const [signal, by] of [[9, ", as the system ends what takes more memory than there is"], [11, ""]]) {
    await using world = await nixThat(`echo 'a trace' >&2; kill -${signal} $$`);
    const { code, error, isKilled } = await evaluate(world.nix, "f", {});
    assertEquals({ code, isKilled }, { code: 128 + Number(signal), isKilled: true });
    assertEquals(error.lines, [`nix was ended by signal ${signal}${by}`, "a trace"]);
  }
  await using world = await nixThat("exit 255");
  const { isKilled, error } = await evaluate(world.nix, "f", {});
  assertEquals([isKilled, error.lines], [false, []]);
});

Deno.test("evaluate() gives a process no threads to mark its heap, and one for hosts a heap that few of them fit into", async () => {
  await using world = await nixThat(`printf '"%s %s"' "$GC_INITIAL_HEAP_SIZE" "$GC_MARKERS"`);
  assertEquals((await evaluate(world.nix, "f", {}, { isRoomy: true })).value, "1G 1");
  assertEquals((await evaluate(world.nix, "f", {})).value, " 1");
});

Deno.test("evaluate() refuses what is not JSON, with what is wrong and where, and what nix said beside it", async () => {
  const outputs: [printed: string, problem: string, path?: string][] = [
    ["nonsense", 'found "n", expected a value'],
    ['{"a":{"b.c":[1,{"d":inf}]}}', "the number inf, which JSON does not have", 'a["b.c"][1].d'],
    ["[-nan]", "the number -nan, which JSON does not have", "[0]"],
    ['{"é":"\\377"}', "bytes that are not UTF-8", '["é"]'],
    [`{"x":${"[".repeat(600)}`, "nesting deeper than 512 levels", `x${"[0]".repeat(67).slice(0, 199)}…`],
  ];
  for (const [printed, problem, path] of outputs) {
    await using world = await nixThat(`printf '${printed}'; echo why >&2`);
    assertEquals(await rejection(evaluate(world.nix, "f", {})), {
      kind: "evaluation",
      message: `Cannot read what "nix eval" printed: ${problem}`,
      ...(path === undefined ? {} : { path }),
      lines: ["| why"],
    });
  }
});

Deno.test("a nix that prints another shape than the known ones is refused, by the place that differs", async () => {
  await using world = await nixThat(`echo '{ "nixVersion": "9", "storeDir": 1 }'`);
  const flake = lockedAt("path:/fleet", null);
  assertEquals(await rejection(readInventory(world.nix, flake, new Map(), new EvaluationWarnings())), {
    kind: "evaluation",
    message: 'Cannot read what "nix eval" printed: storeDir is 1, expected string',
    hint: "this nix may be newer than this program; please report it with the output of nix --version",
  });
});

pureTest("mayBeRoomy() leaves a small heap to a process that may not take much", () => {
  assertEquals([undefined, 4096, 2048, 2047, 1].map(mayBeRoomy), [true, true, true, false, false]);
});
