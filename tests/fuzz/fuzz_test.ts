// A small part of `deno task fuzz`, for each change of the code.

import { assertEquals } from "@std/assert";
import { fuzz } from "./fuzz.ts";

Deno.test("no verdict on mutated releases, documents, trust files, directories and commits is contradicted", async () => {
  const sizes = { releases: 150, documents: 150, trustFiles: 60, places: 4, samples: 4 };
  const { contradictions, tried, accepted, codes } = await fuzz(20260601, sizes);
  assertEquals(contradictions, []);
  assertEquals(tried, { ...sizes, places: 2 * sizes.places });
  // Both kinds were tried, and most reasons to refuse.
  assertEquals([accepted > 50, Object.keys(codes).length > 10], [true, true]);
});
