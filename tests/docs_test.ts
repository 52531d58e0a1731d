import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { commandsTable, optionsTable } from "../src/cli/help.ts";
import { permissionsTable } from "../src/cli/permissions.ts";
import { RELEASE } from "../src/commands/release.ts";
import { lintsTable } from "../src/plan/lints/finding.ts";
import checking from "../docs/checking.md" with { type: "text" };
import permissions from "../docs/permissions.md" with { type: "text" };
import threatModel from "../docs/threat-model.md" with { type: "text" };
import readme from "../README.md" with { type: "text" };
import { ALL } from "./support/asked.ts";
import { codeBlocks, projectText, shownTexts, sourceTexts } from "./support/docs.ts";
import { pureTest } from "./support/pure.ts";

pureTest("the README's table of options is the one that optionsTable() makes", () => {
  const parts = readme.split(/<!-- \/?options -->/);
  assertEquals(parts.length, 3, "README.md wants <!-- options --> and <!-- /options -->, once each");
  assertEquals(parts[1]!.trim(), optionsTable(RELEASE));
});

pureTest("the README's table of exit codes has each that a release ends with", () => {
  const [, section = ""] = readme.split("### Exit codes\n");
  const rows = section.split("\n`verify`")[0]!;
  assertEquals(Object.keys(RELEASE.exitCodes).filter((code) => !new RegExp(`\\b${code}\\b`).test(rows)), []);
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

pureTest("the table in docs/checking.md is the one that lintsTable() makes", () => {
  const parts = checking.split(/<!-- \/?lints -->/);
  assertEquals(parts.length, 3, "docs/checking.md wants <!-- lints --> and <!-- /lints -->, once each");
  assertEquals(parts[1]!.trim(), lintsTable());
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

Deno.test("the messages in docs/troubleshooting.md are those of the program, word for word", async () => {
  const texts = await sourceTexts();
  const unknown: string[] = [];
  let count = 0;
  for (const [index, line] of (await projectText("docs/troubleshooting.md")).split("\n").entries()) {
    const [, head] = /^### `(.*)`$/.exec(line) ?? [];
    const [, word] = /^\| `([a-z-]+)` /.exec(line) ?? [];
    if (head === undefined && word === undefined) continue;
    count++;
    // What a message ends with may be left out.
    const begins = head?.replace(/[ :…]+$/, "");
    const isKnown = (text: string) => begins === undefined ? text === word : text.startsWith(begins);
    if (!texts.some(isKnown)) unknown.push(`docs/troubleshooting.md:${index + 1}: ${head ?? word}`);
  }
  assertEquals(unknown, []);
  assert(count > 40, `only ${count} messages are found in it`);
});

Deno.test("links in the docs lead to files that are there, and to headings in them", async () => {
  const texts = await shownTexts();
  const broken: string[] = [];
  for (const [path, text] of texts) {
    if (!path.endsWith(".md")) continue;
    const prose = text.replace(/^```.*?^```$/gms, "").replace(
      /`[^`]*`/g,
      (code) => code.replace(/[[\]()]/g, " "),
    );
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [file, anchor] = link!.split("#") as [string, string?];
      const target = file === "" ? path : join(dirname(path), file);
      const there = texts.get(target) ?? await projectText(target).catch(() => undefined);
      if (there === undefined) broken.push(`${path}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(there).has(anchor)) broken.push(`${path}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

/** What links to headings of a text are made of, as GitHub and Forgejo make them. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!.toLowerCase().replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "").replace(/\s/g, "-")
    ),
  );
}
