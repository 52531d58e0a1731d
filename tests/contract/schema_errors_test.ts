// What an error of decode() says when there is more than one thing wrong, or all of it.

import { assertEquals, assertNotEquals } from "@std/assert";
import { decode, type DocumentName } from "../../src/contract/schema.ts";
import { fullFleet } from "../support/full_fleet.ts";
import { deepFreeze, pureTest, refusal } from "../support/pure.ts";

const TITLES: Record<DocumentName, string> = {
  fleet: "the fleet: it is",
  revocations: 'the revocations: "revocations" is',
  bootstrapNonces: 'the bootstrap nonces: "bootstrapNonces" is',
  revocationsArtifact: "the revocations artifact: it is",
  bootstrapNoncesArtifact: "the bootstrap nonces artifact: it is",
  releaseIndex: "the release index: it is",
  trustFile: "the trusted keys: it is",
  rolloutManifest: "the rollout manifest: it is",
};

for (const [name, title] of Object.entries(TITLES)) {
  const isList = name === "revocations" || name === "bootstrapNonces";
  pureTest(`decode() says what a document "${name}" is when all of it is wrong`, () => {
    for (const [value, shown] of [[null, "null"], [5, "5"], ["x", '"x"'], [true, "true"]] as const) {
      assertEquals(
        refusal(() => decode(name as DocumentName, value)).message,
        `Cannot read ${title} ${shown}, expected ${isList ? "a list" : "an object"}`,
      );
    }
    assertEquals(
      refusal(() => decode(name as DocumentName, isList ? {} : [])).message,
      `Cannot read ${title} ${isList ? "an object, expected a list" : "a list, expected an object"}`,
    );
  });
}

pureTest("decode() gives no empty path when the whole document is wrong", () => {
  for (const name of Object.keys(TITLES)) {
    assertNotEquals(refusal(() => decode(name as DocumentName, 5)).path, "", name);
  }
});

pureTest("decode() names each missing field in one error", () => {
  assertEquals(refusal(() => decode("fleet", {})), {
    kind: "contract",
    message: 'Cannot read the fleet: "schemaVersion" is missing',
    path: "schemaVersion",
    lines: [
      'also: "hosts" is missing',
      'also: "channels" is missing',
      'also: "waves" is missing',
      'also: "meta" is missing',
    ],
  });
});

pureTest("decode() names wrong fields of several records in one error, the first in its path", () => {
  const fleet = fullFleet();
  const given = {
    ...fleet,
    hosts: { "web.example.com": { ...fleet.hosts["web"], system: 1, tags: ["a", 2] } },
    channels: { stable: { ...fleet.channels["stable"], freshnessWindow: -1 } },
    meta: { ...fleet.meta, signedAt: "soon" },
  };
  assertEquals(refusal(() => decode("fleet", given)), {
    kind: "contract",
    message: 'Cannot read the fleet: "hosts."web.example.com".system" is 1, expected a string',
    path: 'hosts."web.example.com".system',
    lines: [
      'also: "hosts."web.example.com".tags.1" is 2, expected a string',
      'also: "channels.stable.freshnessWindow" is -1, expected an integer from 0 to 4294967295',
      'also: "meta.signedAt" is "soon", expected an RFC 3339 time such as "2026-06-01T12:00:00Z"',
    ],
  });
});

pureTest("decode() names at most 21 things that are wrong", () => {
  const given = Array.from({ length: 30 }, () => 5);
  const { message, path, lines } = refusal(() => decode("revocations", given));
  assertEquals(message, 'Cannot read the revocations: "revocations.0" is 5, expected an object');
  assertEquals(path, "revocations.0");
  assertEquals(
    lines,
    Array.from({ length: 20 }, (_, index) => `also: "revocations.${index + 1}" is 5, expected an object`),
  );
});

pureTest("decode() shows no more than the beginning of a long value", () => {
  const given = { ...fullFleet(), schemaVersion: "x".repeat(1000) };
  assertEquals(
    refusal(() => decode("fleet", given)).message,
    `Cannot read the fleet: "schemaVersion" is "${"x".repeat(76)}..., ` +
      "expected an integer from 0 to 4294967295",
  );
});

pureTest("decode() leaves what it is given as it is", () => {
  const given = { ...fullFleet(), channelEdges: [{ before: "a", after: "b", more: 1 }], more: [] };
  decode("fleet", deepFreeze(given));
});
