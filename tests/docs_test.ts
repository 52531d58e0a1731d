import { assertEquals } from "@std/assert";
import { optionsTable } from "../src/cli/help.ts";
import readme from "../README.md" with { type: "text" };
import { pureTest } from "./support/pure.ts";

pureTest("the README's table of options is the one that optionsTable() makes", () => {
  const parts = readme.split(/<!-- \/?options -->/);
  assertEquals(parts.length, 3, "README.md wants <!-- options --> and <!-- /options -->, once each");
  assertEquals(parts[1]!.trim(), optionsTable());
});
