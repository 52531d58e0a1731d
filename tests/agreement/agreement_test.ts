// A small part of `deno task agree`, for each change of the code.

import { assert } from "@std/assert";
import { agreement } from "./agreement.ts";

Deno.test("plan says of random edits of a fleet what a release then changes, and changes nothing itself", async () => {
  const { changed, unchanged, kinds } = await agreement(20260602, 8);
  assert(changed > 3 && unchanged > 0 && kinds.size > 8);
});
