import { assertEquals, assertThrows } from "@std/assert";
import { releaseNotes } from "../../tools/release_notes.ts";
import { pureTest } from "../support/pure.ts";

const CHANGELOG = `# Changelog

## Unreleased

### Added

- Something.

## 0.2.0 - 2026-06-01

### Fixed

- A mistake.
- ## is no heading here.

## [0.1.0] - 2026-05-01

- The first.

## 0.0.2 - 2026-04-01

## 0.0.1
`;

pureTest("releaseNotes() is the section of the tag's version, without its heading", () => {
  assertEquals(
    releaseNotes("v0.2.0", "0.2.0", CHANGELOG),
    "### Fixed\n\n- A mistake.\n- ## is no heading here.",
  );
  assertEquals(releaseNotes("v0.1.0", "0.1.0", CHANGELOG), "- The first.");
});

const REFUSED: [of: string, tag: string, version: string, message: string][] = [
  ["another version", "v0.2.1", "0.2.0", 'The tag is "v0.2.1", expected "v0.2.0", the version in deno.json'],
  ["a tag without v", "0.2.0", "0.2.0", 'The tag is "0.2.0", expected "v0.2.0", the version in deno.json'],
  ["no section", "v0.3.0", "0.3.0", 'CHANGELOG.md has no section "## 0.3.0 - YYYY-MM-DD"'],
  ["a longer version", "v0.2", "0.2", 'CHANGELOG.md has no section "## 0.2 - YYYY-MM-DD"'],
  ["no date", "v0.0.1", "0.0.1", 'CHANGELOG.md has "## 0.0.1", expected "## 0.0.1 - YYYY-MM-DD"'],
  ["an empty section", "v0.0.2", "0.0.2", "CHANGELOG.md says nothing of 0.0.2"],
];

for (const [of, tag, version, message] of REFUSED) {
  pureTest(`releaseNotes() refuses ${of}`, () => {
    assertEquals(assertThrows(() => releaseNotes(tag, version, CHANGELOG), Error).message, message);
  });
}
