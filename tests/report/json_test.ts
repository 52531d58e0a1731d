import { assertEquals } from "@std/assert";
import { Interrupt, ReleaseError } from "../../src/errors.ts";
import { jsonDocument, jsonError, jsonPieces } from "../../src/report/json.ts";
import { errorWithoutSecrets } from "../../src/report/log.ts";
import { Secrets } from "../../src/secrets.ts";
import ERROR from "../../docs/schemas/error.schema.json" with { type: "json" };
import { printableJson } from "../../src/text.ts";
import { shapeOf } from "../support/json_schema.ts";
import { pureTest } from "../support/pure.ts";

const expectError = shapeOf(ERROR);

/** What is printed of an error. */
function printed(error: ReleaseError, exitCode: number): unknown {
  const text = jsonError(error, exitCode);
  const value = JSON.parse(text);
  expectError(value);
  assertEquals(text, `${JSON.stringify(value, null, 2)}\n`);
  return value;
}

pureTest("jsonDocument() names the shape first, and reads back exactly", () => {
  assertEquals(
    jsonDocument("prune", { kept: ["a"] }),
    `{
  "schema": "fleet-release/prune/1",
  "kept": [
    "a"
  ]
}
`,
  );
  const name = "\x1b[2K::x\u202e##[group]\u2028";
  const text = jsonDocument("prune", { name });
  assertEquals(JSON.parse(text).name, name);
  assertEquals(/[^\n -~]|##\[/.test(text), false, text);
});

pureTest("jsonPieces() are the same text, with each entry of a list in a piece of its own", () => {
  const found = {
    schema: "fleet-release/log/1",
    list: [{ a: [], b: { "c\n\u202e": [1, "x\n  y"] } }, {}, 2],
  };
  for (
    const report of [found, { ...found, none: null, empty: [], more: true, warnings: [[1], []] }, { a: 1 }]
  ) {
    assertEquals([...jsonPieces(report)].join(""), `${printableJson(report, 2)}\n`);
  }
  assertEquals([...jsonPieces(found)].length, 1 + 1 + 3 + 1 + 1);
});

pureTest("jsonError() says all that an error has, and null or nothing where it has none", () => {
  const details = { code: "c", path: "p", hosts: ["h"], hint: "i", lines: ["l"] };
  assertEquals(printed(new ReleaseError("build", "m", details), 1), {
    ...{ schema: "fleet-release/error/1", kind: "build", message: "m", exitCode: 1 },
    ...details,
  });
  assertEquals(printed(new ReleaseError("usage", "m"), 2), {
    ...{ schema: "fleet-release/error/1", kind: "usage", message: "m", exitCode: 2 },
    ...{ code: null, path: null, hosts: [], hint: null, lines: [] },
  });
  const interrupted = new ReleaseError("interrupted", "m", { cause: new Interrupt("SIGTERM") });
  assertEquals((printed(interrupted, interrupted.exitCode) as { exitCode: number }).exitCode, 143);
});

pureTest(
  "jsonError() hides what is secret by its form, and an error without secrets what a run knows of",
  () => {
    const url = "https://user:s3cret@host.example/x";
    const secrets = new Secrets();
    secrets.learn("tok-4F9aZ77q");
    const text = `${url} "tok-4F9aZ77q"`;
    const details = { code: "timeout", path: text, hosts: ["web1"], hint: text, lines: [text] };
    const error = errorWithoutSecrets(new ReleaseError("git", text, details), secrets) as ReleaseError;
    const hidden = 'https://***@host.example/x "***"';
    assertEquals(printed(error, 1), {
      ...{ schema: "fleet-release/error/1", kind: "git", code: "timeout", message: hidden, path: hidden },
      ...{ hosts: ["web1"], hint: hidden, lines: [hidden], exitCode: 1 },
    });
    // What nobody has foreseen stays what it is.
    const missing = errorWithoutSecrets(
      new Deno.errors.NotCapable("no tok-4F9aZ77q"),
      secrets,
    ) as ReleaseError;
    assertEquals([missing.code, missing.message], ["permission", "A permission is missing: no ***"]);
    const unknown = printed(
      new ReleaseError("git", url, { ...details, path: url, lines: [url], hint: url }),
      1,
    );
    assertEquals(JSON.stringify(unknown).includes("s3cret"), false);
  },
);
