// What commands print for programs has a shape of its own, and docs/schemas and docs/json.md have all of them.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EXIT_CODES } from "../src/errors.ts";
import docs from "../docs/json.md" with { type: "text" };
import { ALL } from "./support/asked.ts";
import { PROJECT } from "./support/command.ts";
import { filesBelow } from "./support/fleet.ts";
import { SCHEMAS, shapeOf } from "./support/json_schema.ts";
import { codeBlocks, sourceTexts } from "./support/docs.ts";
import { pureTest } from "./support/pure.ts";

/** Commands with `--json` whose schema is still to be written. */
const WITHOUT_SCHEMA: readonly string[] = [];

/** What is printed by any command. */
const COMMON = ["error", "event"];

/** A schema, or a part of one. */
interface Shape {
  readonly [keyword: string]: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

const FILES = new Map<string, Shape>();
for (const { name } of Deno.readDirSync(SCHEMAS)) {
  FILES.set(name.replace(".schema.json", ""), JSON.parse(Deno.readTextFileSync(join(SCHEMAS, name))));
}

/** Every part of a schema, with the way to it. */
function partsOf(shape: Shape, path = ""): [path: string, part: Shape][] {
  const below = Object.entries(shape).flatMap(([key, value]) =>
    typeof value === "object" && value !== null && key !== "enum"
      ? partsOf(value as Shape, `${path}/${key}`)
      : []
  );
  return [[path, shape], ...below];
}

pureTest(
  "every command with --json has a schema, and every schema is of a command, an error or an event",
  () => {
    const commands = ALL.filter(({ options }) => Object.hasOwn(options, "json")).map(({ name }) => name);
    assert(commands.includes("release"), "no command has --json");
    assertEquals(
      [...FILES.keys()].sort(),
      [...commands, ...COMMON].filter((name) => !WITHOUT_SCHEMA.includes(name)).sort(),
    );
    assertEquals(WITHOUT_SCHEMA.filter((name) => !commands.includes(name)), []);
  },
);

for (const [name, schema] of FILES) {
  pureTest(`the schema of ${name} is strict, and describes each property`, () => {
    shapeOf(schema);
    assertEquals(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assertEquals(typeof schema["title"], "string");
    assertEquals(schema.properties?.["schema"]?.["const"], `fleet-release/${name}/1`);
    assertEquals(Object.keys(schema.properties!)[0], "schema");
    assertEquals(schema.required?.[0], "schema");
    const wrong = partsOf(schema).flatMap(([path, part]) => {
      const isObject = typeof part.properties === "object" && "type" in part;
      if (!isObject) return [];
      // What stands for one of several is closed where they come together.
      const isOpen = part["additionalProperties"] !== false && part["unevaluatedProperties"] !== false &&
        !/\/oneOf\/\d+$/.test(path);
      const silent = Object.entries(part.properties!).filter(([, property]) =>
        property.description === undefined && !("const" in property)
      );
      return [
        ...isOpen ? [`${path}: takes any property`] : [],
        ...silent.map(([property]) => `${path}: says nothing of ${property}`),
      ];
    });
    assertEquals(wrong, []);
  });
}

pureTest("docs/json.md has a row for each schema, and for each kind of error", () => {
  const rows = docs.split("\n").flatMap((line) => /^\| (?:\[)?`([^`]+)`/.exec(line)?.[1] ?? []);
  const missing = (words: Iterable<string>) => [...words].filter((word) => !rows.includes(word));
  assertEquals(missing([...FILES.keys()].filter((name) => !COMMON.includes(name))), []);
  assertEquals(missing(Object.keys(EXIT_CODES)), []);
  for (const name of FILES.keys()) assert(docs.includes(`(schemas/${name}.schema.json)`), name);
  for (const name of COMMON) {
    const { properties, oneOf = [] } = FILES.get(name)! as Shape & { oneOf?: readonly Shape[] };
    assertEquals(missing(Object.keys(properties!)), [], name);
    assertEquals(missing(oneOf.map(({ properties }) => String(properties!["event"]!["const"]))), []);
  }
});

pureTest("the kinds of errors in the schemas are those that there are", () => {
  const { properties } = FILES.get("error")!;
  assertEquals(properties!["kind"]!["enum"], Object.keys(EXIT_CODES));
  const { oneOf } = FILES.get("event") as unknown as { oneOf: readonly Shape[] };
  const error = oneOf.find(({ properties }) => properties!["event"]!["const"] === "error");
  assertEquals(error!.properties!["kind"]!["enum"], Object.keys(EXIT_CODES));
});

pureTest("the objects that docs/json.md shows have the shapes that they name", () => {
  const shown = codeBlocks(docs, "json").map((text) => JSON.parse(text));
  assert(shown.length > 0, "none is shown");
  for (const object of shown) shapeOf(FILES.get(object.schema.split("/")[1])!)(object);
});

Deno.test("docs/json.md has a row for each stage, and no other", async () => {
  const [, section = ""] = docs.split("## Stages\n");
  const rows = [...section.matchAll(/^\| `([a-z-]+)`/gm)].map(([, stage]) => stage!);
  const stages = new Set<string>();
  for (const bytes of (await filesBelow(join(PROJECT, "src/stages"))).values()) {
    const source = new TextDecoder().decode(bytes);
    for (const [, stage] of source.matchAll(/\bname: "([a-z-]+)",\s+title: /g)) stages.add(stage!);
  }
  assertEquals(rows.sort(), [...stages].sort());
});

Deno.test("the code words of errors in docs/json.md are those of the program", async () => {
  const [, section = ""] = docs.split("## Code words\n");
  const words = [...section.split("\n## ")[0]!.matchAll(/^\| `([a-z-]+)`/gm)].map(([, word]) => word!);
  assert(words.length > 3, "no words are found");
  const texts = new Set(await sourceTexts());
  assertEquals(words.filter((word) => !texts.has(word)), []);
});
