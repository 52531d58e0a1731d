import { assertEquals } from "@std/assert";
import { canonicalBytes } from "../../src/contract/canonical.ts";
import { type ArtifactKind, readDocument, readUnsigned } from "../../src/verify/document.ts";
import { META } from "../support/full_fleet.ts";
import { pureTest } from "../support/pure.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const revocations = (more = {}) => ({ schemaVersion: 1, revocations: [], meta: { ...META }, ...more });
const TEXT = new TextDecoder().decode(canonicalBytes(revocations()));

/** The code words for some bytes, and what the bytes are. */
function read(text: string, kind?: ArtifactKind): [kind: ArtifactKind | null, ...codes: string[]] {
  const document = readDocument(encode(text), kind);
  return [document.kind, ...document.failures.map(({ code }) => code)];
}

pureTest("readDocument() tells what a document is, and refuses another than is expected", () => {
  assertEquals(read(TEXT), ["revocations"]);
  assertEquals(read(TEXT, "revocations"), ["revocations"]);
  for (const kind of ["fleet", "bootstrap-nonces", "rollout-manifest", "release-index"] as const) {
    assertEquals(read(TEXT, kind), ["revocations", "wrong-document"]);
  }
  assertEquals(read("{}"), [null, "wrong-document"]);
  assertEquals(read("{}", "fleet"), ["fleet", "wrong-document"]);
  // Fields that the contract does not know make no other document of it.
  const both = new TextDecoder().decode(canonicalBytes(revocations({ hosts: {}, files: {} })));
  assertEquals(read(both, "revocations"), ["revocations"]);
});

pureTest(
  "readDocument() refuses a version that is written as a fraction, which the reference refuses, too",
  () => {
    for (const one of ["1.0", "1e0"]) {
      const text = TEXT.replace('"schemaVersion":1}', `"schemaVersion":${one}}`);
      const { failures } = readDocument(
        encode(text.replace('"schemaVersion":1,', `"schemaVersion":${one},`)),
        "revocations",
      );
      assertEquals(failures.map(({ code }) => code), ["not-canonical", "wrong-document"]);
      assertEquals(
        failures[1]!.message.includes(`"meta.schemaVersion" is ${one}, expected an integer`),
        true,
        failures[1]!.message,
      );
    }
  },
);

pureTest("readDocument() takes unknown fields as deep as the reference does, and no deeper", () => {
  const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  const text = (depth: number) => new TextDecoder().decode(canonicalBytes(revocations({ x: nested(depth) })));
  assertEquals(read(text(126)), ["revocations"]);
  assertEquals(read(text(127)), [null, "not-json"]);
});

pureTest(
  "readUnsigned() says what damaged bytes, tells nothing of what is in them, and parses no large ones",
  () => {
    const codes = (text: string) => {
      const { document, failures } = readUnsigned(encode(text), "fleet");
      assertEquals(document, null);
      return failures.map(({ code }) => code);
    };
    assertEquals([codes(TEXT), codes(`${TEXT}\n`), codes(TEXT.slice(1))], [[], ["not-canonical"], [
      "not-json",
    ]]);
    assertEquals(codes("[".repeat(1 << 20)), ["not-json"]);
    assertEquals(codes("[".repeat((1 << 20) + 1)), []);
  },
);
