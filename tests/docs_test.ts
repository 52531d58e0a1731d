import { assertEquals } from "@std/assert";
import { commandsTable, optionsTable } from "../src/cli/help.ts";
import { permissionsTable } from "../src/cli/permissions.ts";
import { RELEASE } from "../src/commands/release.ts";
import permissions from "../docs/permissions.md" with { type: "text" };
import threatModel from "../docs/threat-model.md" with { type: "text" };
import readme from "../README.md" with { type: "text" };
import { ALL } from "./support/asked.ts";
import { codeBlocks, shownTexts } from "./support/docs.ts";
import { pureTest } from "./support/pure.ts";

pureTest("the README's table of options is the one that optionsTable() makes", () => {
  const parts = readme.split(/<!-- \/?options -->/);
  assertEquals(parts.length, 3, "README.md wants <!-- options --> and <!-- /options -->, once each");
  assertEquals(parts[1]!.trim(), optionsTable(RELEASE));
});

pureTest("the README's table of commands is the one that commandsTable() makes", () => {
  const parts = readme.split(/<!-- \/?commands -->/);
  assertEquals(parts.length, 3, "README.md wants <!-- commands --> and <!-- /commands -->, once each");
  assertEquals(parts[1]!.trim(), commandsTable(ALL));
});

pureTest("the table in docs/permissions.md is the one that permissionsTable() makes", () => {
  const parts = permissions.split(/<!-- \/?permissions -->/);
  assertEquals(
    parts.length,
    3,
    "docs/permissions.md wants <!-- permissions --> and <!-- /permissions -->, once each",
  );
  assertEquals(parts[1]!.trim(), permissionsTable(ALL));
});

Deno.test("every row of docs/threat-model.md names the tests that show it, and they are there", async () => {
  const rows = threatModel.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assertEquals(rows.filter((cells) => cells.length !== 4 || cells.slice(1).includes("")), []);
  const named = rows.flatMap((cells) => cells[3]!.split(", "));
  const missing: string[] = [];
  for (const path of new Set(named)) {
    const isTest = /^tests\/[\w/]+_test\.ts$/.test(path);
    if (!isTest || !(await Deno.stat(new URL(`../${path}`, import.meta.url)).catch(() => null))?.isFile) {
      missing.push(path);
    }
  }
  assertEquals(missing, []);
});

Deno.test("no flake that is shown follows the project's nixpkgs: the project follows that of the hosts", async () => {
  const wrong: string[] = [];
  const right: string[] = [];
  for (const [path, text] of await shownTexts()) {
    if (/\bfollows\s*=\s*"fleet-release\b/.test(text)) wrong.push(path);
    for (const flake of path.endsWith(".md") ? codeBlocks(text, "nix") : [text]) {
      if (!/\bfleet-release\.url\s*=/.test(flake)) continue;
      const follows = flake.includes('inputs.fleet-release.inputs.nixpkgs.follows = "nixpkgs";');
      (follows ? right : wrong).push(path);
    }
  }
  assertEquals(wrong, []);
  assertEquals(new Set(right), new Set(["docs/nix.md", "templates/default/flake.nix"]));
});
