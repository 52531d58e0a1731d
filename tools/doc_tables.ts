/**
 * Writes the tables of options and permissions into README.md and docs/permissions.md: `deno task doc-tables`. A test
 * compares them.
 *
 * @module
 */
import { optionsTable } from "../src/cli/help.ts";
import { permissionsTable } from "../src/permissions.ts";

/** A table that is made from the sources, and where it stands. */
const TABLES = [
  { path: "../README.md", mark: "options", table: optionsTable() },
  { path: "../docs/permissions.md", mark: "permissions", table: permissionsTable() },
];

for (const { path, mark, table } of TABLES) {
  const file = new URL(path, import.meta.url);
  const text = await Deno.readTextFile(file);
  const [before] = text.split(`<!-- ${mark} -->`);
  const [, after] = text.split(`<!-- /${mark} -->`);
  await Deno.writeTextFile(file, `${before}<!-- ${mark} -->\n\n${table}\n\n<!-- /${mark} -->${after}`);
}
