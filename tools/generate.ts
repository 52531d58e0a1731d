/**
 * Writes what is made from the sources: the tables of options and permissions in README.md and docs/permissions.md, and
 * nix/options.json. `deno task generate`; tests compare them.
 *
 * @module
 */
import { optionsTable } from "../src/cli/help.ts";
import { permissionsTable } from "../src/cli/permissions.ts";
import { nixOptions } from "./nix_options.ts";

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
await Deno.writeTextFile(
  new URL("../nix/options.json", import.meta.url),
  `${JSON.stringify(nixOptions(), null, 2)}\n`,
);
