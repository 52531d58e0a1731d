/**
 * Holds what the program prints for programs to the shapes in docs/schemas.
 *
 * @module
 */
import { Ajv2020 } from "ajv";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Finished, PROJECT } from "./command.ts";

/** Where the shapes are. */
export const SCHEMAS: string = join(PROJECT, "docs/schemas");

/** Formats are told to readers; what a time looks like is tested where it is made. */
const AJV = new Ajv2020({ allErrors: true, allowUnionTypes: true, validateFormats: false });

const VALIDATORS = new Map<string, (value: unknown) => void>();

/** What asserts that a value has the shape that a schema gives; a schema that is none is an error. */
export function shapeOf(schema: object): (value: unknown) => void {
  const validate = AJV.compile(schema);
  return (value) => {
    if (validate(value)) return;
    const problems = validate.errors!.map(({ instancePath, message, params }) =>
      `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
    );
    assertEquals(problems, [], JSON.stringify(value, null, 2));
  };
}

/** Asserts that an object has the shape that its schema names. */
export async function expectShape(value: unknown): Promise<void> {
  const { schema } = value as { schema?: string };
  const [, name] = /^fleet-release\/([a-z-]+)\/1$/.exec(schema ?? "") ?? [];
  assert(name !== undefined, `Without a schema: ${JSON.stringify(value)}`);
  if (!VALIDATORS.has(name)) {
    const text = await Deno.readTextFile(join(SCHEMAS, `${name}.schema.json`));
    VALIDATORS.set(name, shapeOf(JSON.parse(text)));
  }
  VALIDATORS.get(name)!(value);
}

/**
 * Asserts that a run printed what it was asked for: with `--json` one object on stdout, be it an error, and with
 * `--log-format json` an object in each line of stderr, of which the last is that error.
 */
export async function expectShapes(
  args: readonly string[],
  { code, stdout, stderr }: Finished,
): Promise<void> {
  const answered = ["help", "--help", "-h", "--version", "-V", "--print-permissions"];
  if (code === 0 && answered.some((word) => args.includes(word))) return;
  const asksForEvents = args.includes("--log-format=json") ||
    args.some((arg, index) => arg === "json" && args[index - 1] === "--log-format");
  const lines = asksForEvents ? stderr.split("\n").filter((line) => line !== "") : [];
  const events = lines.map((line) => JSON.parse(line));
  for (const event of events) await expectShape(event);
  if (!args.includes("--json")) return;
  const result = JSON.parse(stdout);
  await expectShape(result);
  if (result.schema !== "fleet-release/error/1") return;
  assertEquals(result.exitCode, code);
  if (!asksForEvents) return;
  const { event, kind, message, exitCode, lines: details } = events.at(-1) ?? {};
  assertEquals({ event, kind, message, exitCode, lines: details }, {
    ...{ event: "error", kind: result.kind, message: result.message },
    ...{ lines: result.lines, exitCode: result.exitCode },
  });
}
